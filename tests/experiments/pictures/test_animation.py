"""The front moves as the run says, and the animation shows it, with numbers of its own time."""

from contextlib import suppress
from pathlib import Path
from subprocess import CalledProcessError
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.animation import FFMpegWriter
from matplotlib.figure import Figure
from phantoms import ball
from PIL import Image
from typer.testing import CliRunner

from experiments.cli.main import app
from experiments.pictures import animation
from experiments.pictures.front import FrontCourse
from experiments.pictures.lattice import Lattice
from experiments.results.finished_case import FinishedCase

RADII = (0.0, 4.0, 8.0)
TIMES = np.array([0.0, 10.0, 20.0])


@pytest.fixture(autouse=True)
def coarse_panels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Less than half of the usual resolution, which is drawn faster."""
    monkeypatch.setattr(animation, "PIXELS", 300)


class GrowingBall:
    """A case whose cement is a ball that grows by 4 mm in 10 s."""

    def __init__(self) -> None:
        self.mesh = ball(12.0, 1.5)

    def times(self) -> np.ndarray:
        return TIMES

    def saturation(self, step: int) -> np.ndarray:
        return (np.linalg.norm(self.mesh.cell_centroids, axis=1) < RADII[step]).astype(float)

    def vein_cement(self, step: int) -> None:
        """No network."""


@pytest.fixture(scope="module")
def course() -> FrontCourse:
    case = GrowingBall()
    return FrontCourse(case, Lattice.of(case.mesh))  # type: ignore[arg-type]


def radius(course: FrontCourse, time: float) -> float:
    """Of the ball of the same volume."""
    surface = course.surface(time)
    return float(np.cbrt(0.75 * surface.volume / np.pi)) if surface.n_cells else 0.0


def test_the_front_is_that_of_the_run_at_stored_times(course: FrontCourse) -> None:
    assert radius(course, 0.0) == 0.0
    assert radius(course, 10.0) == pytest.approx(4.0, abs=0.4)
    assert radius(course, 20.0) == pytest.approx(8.0, abs=0.4)
    assert radius(course, 25.0) == radius(course, 20.0)


def test_the_front_moves_evenly_between_stored_times(course: FrontCourse) -> None:
    start, end = radius(course, 10.0), radius(course, 20.0)
    for share in (0.25, 0.5, 0.75):
        assert radius(course, 10.0 + 10.0 * share) == pytest.approx(start + share * (end - start), abs=0.15)
    early = [radius(course, time) for time in (2.5, 5.0, 7.5, 10.0)]
    assert early == sorted(early)
    assert early[0] < 0.5 * early[-1]


def test_the_animation_runs_from_the_start_to_the_end(
    finished_demo: FinishedCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(animation, "FRAMES", 3)
    monkeypatch.setattr(animation, "RESTING", 1)
    path = tmp_path / "fill.gif"
    done = CliRunner().invoke(app, ["animate", str(finished_demo.folder), "-o", str(path)])
    assert done.exit_code == 0, done.output
    with Image.open(path) as movie:
        assert (movie.n_frames, movie.size) == (3, (1280, 720))  # GIF keeps equal frames as one, shown for longer
        cement, lines = [], []
        for number in range(3):
            movie.seek(number)
            frame = np.asarray(movie.convert("RGB")).astype(int)
            body, curves = frame[:, :700], frame[:380, 830:1240]
            cement.append(int((body[..., 2] > body[..., 0] + 30).sum()))
            dark = (curves.max(axis=-1) < 80)[200:330].all(axis=0)
            lines.append(float(np.flatnonzero(dark).mean()))
    assert cement[0] < 200 < cement[1] < cement[2]
    assert lines[2] - lines[1] == pytest.approx(lines[1] - lines[0], abs=2.0)
    assert lines[1] > lines[0] + 100.0


def test_a_turning_body_keeps_its_scale(finished_demo: FinishedCase) -> None:
    page = animation._Page(finished_demo)
    heights = []
    for angle in (0.0, 90.0):
        page.turn_to(80.0, angle)
        image = page._body.images[0].get_array()
        heights.append(np.ptp(np.flatnonzero((np.asarray(image).min(axis=-1) < 240).any(axis=1))))
    assert heights[0] == pytest.approx(heights[1], rel=0.15)
    texts = {text.get_text() for text in page._body.texts}
    assert {"L", "P", "S", "10 mm"} <= texts
    assert page._clock.get_text().splitlines()[:2] == ["1:20 min", "4.00 ml injected"]


def test_a_missing_ffmpeg_is_named_with_what_installs_it(
    finished_demo: FinishedCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(__import__("sys").modules, "imageio_ffmpeg", None)
    done = CliRunner().invoke(app, ["animate", str(finished_demo.folder), "-o", str(tmp_path / "fill.mp4")])
    assert done.exit_code == 2
    assert "apt-get install ffmpeg" in done.stderr
    assert list(tmp_path.iterdir()) == []
    wrong = CliRunner().invoke(app, ["animate", str(finished_demo.folder), "-o", str(tmp_path / "fill.avi")])
    assert "ends in .mp4 or .gif" in wrong.stderr


def test_mp4_is_written_by_ffmpeg(finished_demo: FinishedCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(animation, "FRAMES", 2)
    monkeypatch.setattr(animation, "RESTING", 0)
    path = animation.animate(finished_demo, tmp_path / "fill.mp4", turntable=True)
    assert path.read_bytes()[4:8] == b"ftyp"


def test_an_interruption_is_no_failure_of_ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in a terminal reaches ffmpeg as well, which then fails while the file is closed."""

    class Interrupted:
        figure, duration = Figure(figsize=(2.0, 2.0)), 80.0

        def __init__(self, case: object) -> None:
            pass

        def turn_to(self, time: float, turned: float) -> None:
            raise KeyboardInterrupt

    finish = FFMpegWriter.finish

    def failing(writer: FFMpegWriter) -> None:
        with suppress(CalledProcessError):
            finish(writer)
        raise CalledProcessError(255, "ffmpeg")

    monkeypatch.setattr(animation, "_Page", Interrupted)
    monkeypatch.setattr(FFMpegWriter, "finish", failing)
    with pytest.raises(KeyboardInterrupt):
        animation.animate(SimpleNamespace(injected=True), tmp_path / "animation.mp4")  # type: ignore[arg-type]
