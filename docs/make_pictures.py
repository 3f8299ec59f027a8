"""Makes every picture of the README, docs/index.md, docs/pictures.md, docs/report.md and two how-to pages again.

``uv run python docs/make_pictures.py`` runs the commands below the pictures in a folder of its own, some 20 minutes on
two idle cores, and puts small copies of what they write into ``docs/images``. Report and viewer are photographed in
Debian's ``chromium``.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from experiments.case.schema import CASES
from experiments.pictures.animation import ffmpeg

if TYPE_CHECKING:
    from playwright.sync_api import Browser

IMAGES = Path(__file__).with_name("images")
WIDTH = 1000
"""Largest width of a copy in pixels; all its colours stay, since they mean numbers."""

COMMANDS = (
    "vertebroplasty demo",
    "vertebroplasty demo --defect",
    f"vertebroplasty check {CASES / 'metastatic_leakage.toml'} -o results/check",
    "vertebroplasty compare --ready unilateral-bilateral",
    "vertebroplasty draw results/demo-defect --style dark -o results/dark",
    "vertebroplasty animate results/demo-defect",
    "vertebroplasty animate results/demo --turntable -o results/turntable.mp4",
    "vertebroplasty sweep --ready wall-defect",
    "vertebroplasty analyse results/wall-defect --output injection.leaked_ml --output stiffness.augmented_n_per_mm",
    "vertebroplasty verify",
)

PICTURES = {
    "demo_mesh.png": "demo/pictures/mesh.png",
    "demo_density.png": "demo/pictures/density.png",
    "demo_fill_front.png": "demo/pictures/fill_front.png",
    "demo_front_times.png": "demo/pictures/front_times.png",
    "demo_pressure.png": "demo/pictures/pressure.png",
    "demo_history.png": "demo/pictures/history.png",
    "demo_heat.png": "demo/pictures/heat.png",
    "demo_heat_course.png": "demo/pictures/heat_course.png",
    "demo_necrosis.png": "demo/pictures/necrosis.png",
    "demo_mechanics.png": "demo/pictures/mechanics.png",
    "demo_stiffness.png": "demo/pictures/stiffness.png",
    "demo_defect_leaks.png": "demo-defect/pictures/leaks.png",
    "demo_defect_leak_sites.png": "demo-defect/pictures/leak_sites.png",
    "check_plan.png": "check/pictures/plan_needle_1.png",
    "dark_front_times.png": "dark/front_times.png",
    "compare_unilateral_bilateral.png": "compare-unilateral-bilateral/comparison.png",
    "sweep_wall_defect.png": "wall-defect/analysis/plots/pairs.png",
}
"""Picture in the docs -> what it is a copy of, below ``results``."""

MOVIES = {"demo_defect_animation.gif": "demo-defect/animation.mp4", "demo_turntable.gif": "turntable.mp4"}
"""The same of animations."""

VERIFICATION = "verification/two_phase_sphere_front_radius.svg"
"""Picture of a check, in the docs and in the folder ``images`` of ``results/verification``."""

REPORT, VIEWER, PLAN = "report_demo_defect.png", "viewer_two_cases.png", "check_view.png"
"""What the browser shows of ``results/demo-defect/report.html``, of the viewer with both demos, and of a plan."""

WEBGL = ("--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist")
"""Options of Chromium that draw without a graphics card."""

SMALL_GIF = "fps=8,scale=600:-1:flags=lanczos,split[a][b];[a]palettegen=max_colors=64[p];[b][p]paletteuse=dither=none"
"""Filter of ffmpeg for an animation that a page can hold."""


def main() -> None:
    """Run the commands, copy their pictures and photograph the pages."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for command in COMMANDS:
            print(command, flush=True)
            subprocess.run(shlex.split(command), cwd=folder, check=True, env=environment())
        copy_pictures(folder / "results")
        with chromium() as browser:
            photograph_report(browser, folder / "results" / "demo-defect" / "report.html")
            photograph_viewer(browser, folder)
            photograph_plan(browser, folder)


def environment() -> dict[str, str]:
    """In which ``vertebroplasty`` is that of this Python."""
    return {**os.environ, "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}


def copy_pictures(results: Path) -> None:
    """Copy the pictures of finished commands.

    Args:
        results: the folder that they wrote to.
    """
    for name, source in PICTURES.items():
        with Image.open(results / source) as picture:
            small = picture.convert("RGB")
            small.thumbnail((WIDTH, 2 * WIDTH), Image.Resampling.LANCZOS)
            small.save(IMAGES / name, optimize=True)
    shutil.copyfile(results / "verification" / "images" / VERIFICATION, IMAGES / VERIFICATION)
    for name, source in MOVIES.items():
        command = [ffmpeg(), "-v", "error", "-y", "-i", str(results / source), "-vf", SMALL_GIF, str(IMAGES / name)]
        subprocess.run(command, check=True)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a screen."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(WEBGL))
        yield browser
        browser.close()


def photograph_report(browser: Browser, path: Path) -> None:
    """The beginning of a report with its scene."""
    page = browser.new_page(viewport={"width": 1150, "height": 1500})
    page.goto(path.as_uri())
    page.locator(".stage").scroll_into_view_if_needed()
    page.frames[-1].wait_for_selector("html[data-ready=yes]", state="attached", timeout=60000)
    page.evaluate("window.scrollTo(0, 0)")
    page.wait_for_timeout(1000)
    page.screenshot(path=IMAGES / REPORT)
    page.close()


def photograph_viewer(browser: Browser, folder: Path) -> None:
    """Both demos shortly before the second one's end: an axial plane of the saturation, and the values at a point."""
    with served("vertebroplasty view results/demo results/demo-defect --port 0", folder) as address:
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.goto(address)
        page.locator("[role=slider]").first.focus()
        page.keyboard.press("End")
        page.wait_for_timeout(2000)
        while page.locator("#clock").inner_text() > "1:10.0 min":
            page.keyboard.press("ArrowLeft")
            page.wait_for_timeout(500)
        page.locator("label", has_text="cement").first.click()
        page.locator("#axial-on").check()
        page.wait_for_timeout(3000)
        box = page.locator("canvas").first.bounding_box()
        assert box is not None
        page.mouse.click(box["x"] + 0.75 * box["width"], box["y"] + 0.5 * box["height"])
        page.wait_for_selector("#values")
        page.mouse.move(5, 890)
        page.wait_for_timeout(2000)
        page.screenshot(path=IMAGES / VIEWER)
        page.close()


def photograph_plan(browser: Browser, folder: Path) -> None:
    """The demo's plan, with a needle that has been turned out of its pedicle."""
    (folder / "plan.toml").write_text("[patient]\ndemo = true\n\n[[needles]]\ngauge = 13\n")
    with served("vertebroplasty check plan.toml --view --port 0", folder) as address:
        page = browser.new_page(viewport={"width": 1280, "height": 850})
        page.goto(address)
        page.wait_for_selector("canvas")
        page.wait_for_timeout(2000)
        page.locator("#camber_deg").fill("18")
        page.locator("#clearance", has_text="out of the bone").wait_for()
        page.wait_for_timeout(2000)
        page.screenshot(path=IMAGES / PLAN)
        page.close()


@contextmanager
def served(command: str, folder: Path) -> Iterator[str]:
    """The address at which a command shows something, until the block ends."""
    print(command, flush=True)
    viewer = subprocess.Popen(shlex.split(command), cwd=folder, env=environment(), stdout=subprocess.PIPE, text=True)
    try:
        assert viewer.stdout is not None
        told = next(line for line in viewer.stdout if line.startswith("Open "))
        yield told.removeprefix("Open ").strip()
    finally:
        viewer.send_signal(signal.SIGINT)
        viewer.wait(60)


if __name__ == "__main__":
    main()
