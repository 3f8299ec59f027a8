"""The viewer: nobody comes in without the token, and what is shown follows the controls."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from browsing import browser, share_of_color  # noqa: F401  (pytest finds the fixture here)
from typer.testing import CliRunner

from experiments.cli.main import app
from experiments.results.finished_case import FinishedCase
from experiments.results.wording import number
from experiments.viewer.body_fields import FIELDS
from experiments.viewer.case_fields import CaseFields
from experiments.viewer.charts import charts_of, duration_of
from experiments.viewer.side_by_side import SideBySideScene

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CEMENT = (0x00, 0x72, 0xB2)


class Running:
    """A viewer in a process of its own."""

    def __init__(self, *folders: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "vertebroplasty", "view", *map(str, folders), "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().removeprefix("Open ").strip()
        self.tunnel = self.process.stdout.readline()
        parts = urlsplit(self.address)
        self.host, self.port = str(parts.hostname), int(parts.port or 0)

    def ask(self, path: str, **headers: str) -> tuple[int, dict[str, str]]:
        """Status and headers of the answer."""
        connection = HTTPConnection(self.host, self.port, timeout=30)
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        connection.close()
        return answer.status, dict(answer.getheaders())

    def stop(self) -> str:
        """What it says when Ctrl-C ends it."""
        self.process.send_signal(signal.SIGINT)
        _, said = self.process.communicate(timeout=60)
        return said


WEBSOCKET = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


@pytest.fixture(scope="module")
def viewer(stored_demo: tuple[Any, Path]) -> Iterator[Running]:
    """A viewer of the stored demo, ended by Ctrl-C."""
    running = Running(stored_demo[1])
    try:
        yield running
    finally:
        said = running.stop()
    assert said == ""
    assert running.process.returncode == 0


def test_address_is_that_of_this_machine_alone(viewer: Running) -> None:
    assert viewer.host == "127.0.0.1"
    assert re.search(r"\?token=[\w-]{32}$", viewer.address)
    assert f"ssh -L {viewer.port}:127.0.0.1:{viewer.port} " in viewer.tunnel
    others = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)} - {"127.0.0.1"}
    for address in others:
        with pytest.raises(OSError, match=r"refused|unreachable"):
            socket.create_connection((address, viewer.port), timeout=5.0)


@pytest.mark.parametrize(
    "path", ["/", "/index.html", "/vue.global.js", "/ws", "/?token=", "/?token=wrong", "/paraview/"]
)
def test_nothing_is_served_without_the_token(viewer: Running, path: str) -> None:
    assert viewer.ask(path)[0] == 403


def test_no_websocket_is_opened_without_the_token(viewer: Running) -> None:
    token = viewer.address.partition("token=")[2]
    assert viewer.ask("/ws", **WEBSOCKET)[0] == 403
    assert viewer.ask("/ws?token=wrong", **WEBSOCKET)[0] == 403
    assert viewer.ask("/ws", Cookie="vertebroplasty-0000=" + token, **WEBSOCKET)[0] == 403
    assert viewer.ask(f"/ws?token={token}", Origin="http://127.0.0.1:1", **WEBSOCKET)[0] == 403
    assert viewer.ask(f"/ws?token={token}", **WEBSOCKET)[0] == 101


def test_token_leaves_the_address_and_stays_in_a_cookie_of_this_site(viewer: Running) -> None:
    status, headers = viewer.ask("/?token=" + viewer.address.partition("token=")[2])
    assert status == 302
    assert headers["Location"] == "/"
    assert "HttpOnly" in headers["Set-Cookie"]
    assert "SameSite=Strict" in headers["Set-Cookie"]
    assert viewer.ask("/index.html", Cookie=headers["Set-Cookie"].partition(";")[0])[0] == 200
    _, headers = viewer.ask("//example.org/?token=" + viewer.address.partition("token=")[2])
    assert headers["Location"] == "/example.org/"


def test_browser_shows_the_case_and_follows_the_controls(viewer: Running, browser: "Browser") -> None:  # noqa: F811
    page = browser.new_page(viewport={"width": 1300, "height": 850})
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(viewer.address)
    end = _shown(page, lambda share: share > 0.02)
    assert page.locator("#clock").inner_text() == "1:20.0 min"
    page.locator("#time [role=slider], [role=slider]").first.focus()
    page.keyboard.press("Home")
    _shown(page, lambda share: share < 0.5 * end)
    assert page.locator("#clock").inner_text() == "0:00.0 min"
    page.keyboard.press("End")
    _shown(page, lambda share: share > 0.5 * end)
    page.locator("label", has_text="cement").first.click()
    _shown(page, lambda share: share < 0.5 * end)
    page.locator("#coronal-on").check()
    page.wait_for_selector("#legend")
    assert "cement saturation" in page.locator("#legend").inner_text()
    box = page.locator("canvas").first.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 0.5 * box["width"], box["y"] + 0.5 * box["height"])
    page.wait_for_selector("#values")
    assert "bone mineral density [mg/cm³]" in page.locator("#values").inner_text()
    assert "von Mises stress, augmented [MPa]" in page.locator("#values").inner_text()
    page.locator("#close-values").click()
    page.wait_for_selector("#values", state="detached")
    assert page.locator(".chart img").count() == 3
    assert re.search(r"coronal, -?\d+\.\d mm", page.locator("label", has_text="coronal").inner_text())
    page.locator("#field").first.click(force=True)
    page.locator(".v-list-item", has_text="CT [HU]").click()
    page.wait_for_selector("#window-told")
    assert page.locator("#window-told").inner_text() == "Window -250 to 650 HU"
    page.locator("#legend", has_text="CT [HU]").wait_for()
    assert not [url for url in asked if not url.startswith((f"http://127.0.0.1:{viewer.port}/", "data:", "blob:"))]
    assert not [url for url in asked[1:] if "token=" in url]
    page.close()


def test_on_a_phone_the_controls_do_not_cover_the_picture(stored_demo: tuple[Any, Path], browser: "Browser") -> None:  # noqa: F811
    running = Running(stored_demo[1])
    try:
        page = browser.new_page(viewport={"width": 390, "height": 844})
        page.goto(running.address)
        page.wait_for_selector("canvas")
        picture = page.locator("canvas").first.bounding_box()
        assert picture is not None
        assert (picture["x"], picture["width"]) == (0, 390)
        drawer = page.locator(".v-navigation-drawer").bounding_box()
        assert drawer is None or drawer["x"] + drawer["width"] <= 0
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        page.close()
    finally:
        running.stop()


def test_planes_show_the_ct_around_the_body(finished_demo: FinishedCase) -> None:
    fields, scan = CaseFields(finished_demo), finished_demo.ct()
    voxel = scan.nearest_voxels(finished_demo.frame.to_scanner(finished_demo.mesh.centroid))
    place = finished_demo.frame.to_frame(scan.to_world(voxel)[None])[0]
    plane = fields.ct.plane(1, float(place[1]))
    assert np.asarray(plane.points)[:, 1] == pytest.approx(place[1])
    low, high = finished_demo.mesh.points.min(axis=0), finished_demo.mesh.points.max(axis=0)
    assert (np.asarray(plane.bounds[::2])[[0, 2]] < low[[0, 2]] - 10.0).all()
    assert (np.asarray(plane.bounds[1::2])[[0, 2]] > high[[0, 2]] + 10.0).all()
    told = fields.told(place, 0.0)
    assert float(told["CT [HU]"]) == pytest.approx(float(scan.values[tuple(voxel)]), abs=1.0)


def test_stress_is_that_of_the_loaded_bone(finished_demo: FinishedCase) -> None:
    fields, loaded = CaseFields(finished_demo), finished_demo.mechanics()
    assert loaded is not None
    told = fields.told(finished_demo.mesh.cell_centroids[777], 0.0)
    stress = float(loaded.cell_data["von_mises_augmented_mpa"][777])
    assert float(told["von Mises stress, augmented [MPa]"]) == pytest.approx(stress, rel=1e-3)
    assert "effective strain, intact" in told


def test_charts_end_where_the_injection_does(finished_demo: FinishedCase) -> None:
    volume, syringe, tip = charts_of([finished_demo.course, finished_demo.course])
    assert [chart["top"] for chart in (volume, syringe)] == [
        number(max(finished_demo.course.injected_ml), digits=3),
        number(max(finished_demo.course.syringe_pressure_kpa), digits=3),
    ]
    picture = b64decode(tip["picture"].partition(",")[2]).decode()
    assert picture.count("<polyline") == 2  # one for each case
    assert "260.0,0.0" in picture  # the largest pressure comes at the end
    assert duration_of([finished_demo.course]) == pytest.approx(80.0)


def test_stage_shows_two_cases_at_one_time_and_point(finished_demo: FinishedCase) -> None:
    scene = SideBySideScene([CaseFields(finished_demo), CaseFields(replace(finished_demo, name="again"))], (400, 200))
    try:
        first, second = scene.views
        assert first.renderer.GetActiveCamera() is second.renderer.GetActiveCamera()
        assert scene.times.tolist() == finished_demo.times().tolist()
        scene.change(planes={"axial": 0.0}, field="pressure_kpa")
        scene.window.Render()
        left, right = (scene.point_at(x, 100) for x in (100, 300))
        assert left is not None
        assert right is not None
        np.testing.assert_allclose(left, right, atol=0.3)
        told = [view.fields.told(left, 80.0) for view in scene.views]
        assert told[0] == told[1]
    finally:
        scene.close()


def test_values_at_a_point_are_those_of_its_cell(finished_demo: FinishedCase) -> None:
    fields, mesh = CaseFields(finished_demo), finished_demo.mesh
    cell, step = 1234, 2
    found = fields.told(mesh.cell_centroids[cell], float(fields.times[step]))
    grid = finished_demo.grid(step)
    assert float(found["pressure [kPa]"]) == pytest.approx(grid.cell_data["pressure_kpa"][cell], rel=1e-3)
    assert float(found["bone mineral density [mg/cm³]"]) == pytest.approx(
        grid.cell_data["bmd_mg_per_cm3"][cell], rel=1e-3
    )
    assert fields.told(np.array([0.0, 0.0, 500.0]), 0.0) == {"place": "outside of the body"}


def test_shares_within_round_off_of_none_and_all_are_these() -> None:
    saturation, pressure = FIELDS["saturation"], FIELDS["pressure_kpa"]
    assert [saturation.told(share) for share in (7e-15, 0.25, 1.0 - 1e-14)] == ["0", "0.2500", "1.000"]
    assert pressure.told(7e-15) != "0"


def test_plane_shows_each_cell_with_its_own_value(finished_demo: FinishedCase) -> None:
    fields = CaseFields(finished_demo)
    section = fields.section(np.array([0.0, 0.0, 1.0]), np.zeros(3))
    corners = finished_demo.mesh.points[finished_demo.mesh.cells[section.cell_data["cell"]]][..., 2]
    assert np.all((corners.min(axis=1) <= 1e-6) & (corners.max(axis=1) >= -1e-6))
    assert section.area == pytest.approx(finished_demo.mesh.volume / np.ptp(finished_demo.mesh.points[:, 2]), rel=0.5)


def test_time_between_two_stored_ones_shows_the_earlier(finished_demo: FinishedCase) -> None:
    fields = CaseFields(finished_demo)
    assert [fields.step_at(time) for time in (0.0, 19.9, 20.0, 79.9, 1e9)] == [0, 0, 1, 3, 4]


def test_more_than_two_folders_are_refused(tmp_path: Path) -> None:
    refused = CliRunner().invoke(app, ["view", *[str(tmp_path)] * 3])
    assert refused.exit_code == 2
    assert "name one or two" in refused.output


def _shown(page: "Page", fits: Any, patience: float = 60.0) -> float:
    """The share of cement in the picture as soon as it fits."""
    begin = time.monotonic()
    while True:
        share = share_of_color(page.locator("canvas").first.screenshot(), CEMENT)
        if fits(share) or time.monotonic() - begin > patience:
            assert fits(share)
            return share
        page.wait_for_timeout(100)
