"""The plan in the browser: needles moved by hand and by numbers, what is told at once, and the file that is written."""

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from browsing import browser  # noqa: F401  (pytest finds the fixture here)
from matplotlib.image import imread
from typer.testing import CliRunner

from experiments.case.laws import Laws
from experiments.case.placed_needles import NeedlePlace
from experiments.case.schema import build_case, read_case
from experiments.cli.main import app
from experiments.model.needle_paths import angles_of, direction_of, plan_paths
from experiments.viewer.moved_needles import MovedNeedles
from meshes.vertebra import Vertebra

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# the mesh is the one that other tests make of the demo; no pictures that nobody looks at
CASE = """# as discussed
[patient]
demo = true

[mesh]
needle_size_mm = 1.0

[[needles]]
gauge = 13   # thin

[veins]
network = "none"
"""
VIEW = ("--view", "--port", "0")
SMALL_PICTURES = (
    "import experiments.pictures.style as style; style.PANEL_PIXELS = 100\n"
    "from experiments.cli.main import main; main()"
)


@pytest.fixture(scope="module")
def case_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("plan") / "plan.toml"
    path.write_text(CASE)
    return path


@pytest.fixture(scope="module")
def address(case_file: Path) -> Iterator[str]:
    """Where ``check --view`` shows the plan; ended by Ctrl-C."""
    process = subprocess.Popen(
        [sys.executable, "-c", SMALL_PICTURES, "check", str(case_file), "-o", str(case_file.parent / "out"), *VIEW],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert process.stdout is not None
    lines = iter(process.stdout.readline, "")
    found = next((line for line in lines if line.startswith("Open ")), "")
    try:
        yield found.removeprefix("Open ").strip()
    finally:
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert "Traceback" not in said


def test_needle_follows_the_hand_and_is_written(address: str, case_file: Path, browser: "Browser") -> None:  # noqa: F811
    page = browser.new_page(viewport={"width": 1280, "height": 850})
    page.goto(address)
    page.wait_for_selector("canvas")
    assert "mm of bone on the" in page.locator("#clearance").inner_text()
    before = _numbers(page)
    _drag(page, (0xC8, 0xBD, 0x37), 24, -10)
    moved = _until_other(page, before)
    assert moved[3:] == before[3:]  # the tip moves, the direction stays
    page.locator("#put-back").click()
    assert _until_other(page, moved) == before
    _drag(page, (0x00, 0x5F, 0x94), 18, 4)
    turned = _until_other(page, before)
    assert turned[:3] == before[:3]
    page.locator("#put-back").click()
    assert _until_other(page, turned) == before
    page.locator("#camber_deg").fill(str(float(before[3]) - 8.0))
    page.locator("#clearance", has_text="out of the bone on the medial side").wait_for()
    assert "towards the canal" in page.locator(".doubt").first.inner_text()
    page.locator("#left").fill("1.5")
    page.locator("#problem", has_text="needles[1].left = 1.5 is not allowed").wait_for()
    assert page.locator("#save").is_disabled()
    for key, value in {"left": "0.2", "camber_deg": "20", "sagittal_deg": "5"}.items():
        page.locator(f"#{key}").fill(value)
    page.locator("#problem").wait_for(state="detached")
    page.locator("#save").click()
    page.locator("#saved", has_text="plan-moved.toml").wait_for()
    written = case_file.parent / "plan-moved.toml"
    assert "gauge = 13   # thin" in written.read_text()
    needle = read_case(written).needles[0]
    assert (needle.left, needle.camber_deg, needle.sagittal_deg) == (0.2, 20.0, 5.0)
    page.locator("#save").click()
    page.locator("#not-saved", has_text="is there already").wait_for()
    page.close()


def test_on_a_phone_the_plan_is_seen_whole(address: str, browser: "Browser") -> None:  # noqa: F811
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto(address)
    page.wait_for_selector("canvas")
    page.locator("#told").wait_for()
    told = page.locator("#told").bounding_box()
    assert told is not None
    assert (told["x"] >= 0, told["x"] + told["width"] <= 390) == (True, True)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.close()


def test_a_place_is_what_its_needle_has(demo_vertebra: Vertebra) -> None:
    case = build_case({"patient": {"demo": True}, "needles": [{"side": "right", "left": -0.3}]})
    laws = Laws.of_case(case)
    needles = MovedNeedles(case, laws, demo_vertebra, plan_paths(case.needles, laws.cannulas, demo_vertebra), "case")
    derived = needles.place(0)
    assert (derived.left, derived.depth, derived.height) == pytest.approx((-0.3, 0.25, 0.5), abs=1e-3)
    needles.put(0, derived)
    # the same way, but for the digits of the file
    (before,), (after,) = plan_paths(case.needles, laws.cannulas, demo_vertebra), needles.laid.paths
    np.testing.assert_allclose(after.tip, before.tip, atol=0.05)
    assert np.degrees(np.arccos(min(float(after.direction @ before.direction), 1.0))) < 0.1
    needles.put(0, NeedlePlace(-0.94, 0.03, 0.5, 70.0, 0.0))
    assert "lies outside the bone of L3" in needles.laid.problem
    assert needles.laid.poses[0].direction[0] == pytest.approx(np.sin(np.radians(70.0)))
    needles.put_back(0)
    assert needles.laid.problem == ""
    assert needles.place(0) == derived


def test_two_tips_in_one_place_are_refused_while_they_are_moved(demo_vertebra: Vertebra) -> None:
    case = build_case({"patient": {"demo": True}, "needles": [{"side": "left"}, {"side": "right"}]})
    laws = Laws.of_case(case)
    needles = MovedNeedles(case, laws, demo_vertebra, plan_paths(case.needles, laws.cannulas, demo_vertebra), "case")
    needles.put(1, replace(needles.place(0), camber_deg=-needles.place(0).camber_deg))
    assert "needles[2]" in needles.laid.problem
    assert len(needles.laid.poses) == len(needles.laid.paths) == 2


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("angles", [(0.0, 0.0), (0.4, -0.2), (-0.3, 0.5)])
def test_angles_and_directions_are_one_another(side: str, angles: tuple[float, float]) -> None:
    direction = direction_of(*angles, side)
    assert np.linalg.norm(direction) == pytest.approx(1.0)
    assert angles_of(direction, side) == pytest.approx(angles)
    assert angles_of(direction_of(0.4, 0.1, "left") * [-1.0, 1.0, 1.0], "right") == pytest.approx((0.4, 0.1))


def test_port_without_view_is_one_sentence(tmp_path: Path) -> None:
    refused = CliRunner().invoke(app, ["check", str(tmp_path / "plan.toml"), "--port", "0"])
    assert refused.exit_code == 2
    assert refused.output.strip() == "error: --port belongs to --view; leave it out"


def _numbers(page: "Page") -> list[str]:
    return [page.locator(f"#{key}").input_value() for key in asdict(NeedlePlace(0.0, 0.0, 0.0, 0.0, 0.0))]


def _until_other(page: "Page", before: list[str], patience: float = 30.0) -> list[str]:
    """The numbers as soon as they are others, and rest."""
    begin = time.monotonic()
    while (now := _numbers(page)) == before and time.monotonic() - begin < patience:
        page.wait_for_timeout(100)
    while True:
        page.wait_for_timeout(500)
        if (later := _numbers(page)) == now:
            return now
        now = later


def _drag(page: "Page", color: tuple[int, int, int], right: int, down: int, patience: float = 30.0) -> None:
    """Drag the ball of a colour, as soon as it is seen."""
    begin, box = time.monotonic(), page.locator("canvas").first.bounding_box()
    assert box is not None
    while True:
        pixels = 255.0 * imread(io.BytesIO(page.locator("canvas").first.screenshot()))[..., :3]
        rows, columns = np.nonzero(np.abs(pixels - color).max(axis=2) < 40.0)
        if len(rows) > 40 or time.monotonic() - begin > patience:
            break
        page.wait_for_timeout(100)
    x, y = box["x"] + float(np.median(columns)), box["y"] + float(np.median(rows))
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + right, y + down, steps=4)
    page.mouse.up()
