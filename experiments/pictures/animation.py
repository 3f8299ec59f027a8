"""The fill front of a finished injection as an animation with a running clock, volumes and pressures."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import CalledProcessError
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.animation import FFMpegWriter, PillowWriter
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from experiments.pictures.curves import plot_pressures
from experiments.pictures.drawing import CaseDrawing
from experiments.pictures.front import FrontCourse
from experiments.pictures.heat import film_heat
from experiments.pictures.lattice import Lattice
from experiments.pictures.scene import POSTERIOR_LEFT, View, filled_panel, inclusion_bodies, show
from experiments.pictures.style import LINE_COLORS, Style, drawn_in, ink_color, visible
from experiments.results.finished_case import FinishedCase
from experiments.results.wording import leaked, which_veins
from meshes.errors import InputError
from meshes.tetmesh import TetMesh

FRAMES = 60
"""From the start of the injection to its end, at equal steps of time."""

PER_SECOND = 12
RESTING = 12
"""Frames that show the end again, so that an animation that starts anew rests there."""

DOTS_PER_INCH = 100
SIZE = (12.8, 7.2)
"""Width and height in inches."""

PIXELS = 680
"""Of the picture of the body."""


def animate(case: FinishedCase, path: Path, turntable: bool = False, style: Style = Style.LIGHT) -> Path:
    """Write the animation of a finished injection.

    Args:
        case: the case.
        path: file that ends in .mp4 or .gif.
        turntable: whether the body turns once around its long axis meanwhile.
        style: light or dark.

    Raises:
        InputError: the case has no injection, or MP4 is asked for and there is no ffmpeg.
    """
    if not case.injected:
        raise InputError(
            f"{case.folder}: its cement was not injected, so no front moves; animate a case with an injection"
        )
    writer, settings = _writer(path)
    with rc_context(settings), drawn_in(style):
        page = _Page(case)
        with _interrupted_as_such(), writer.saving(page.figure, path, DOTS_PER_INCH):
            for share in [*np.linspace(0.0, 1.0, FRAMES), *[None] * RESTING]:
                if share is not None:
                    page.turn_to(share * page.duration, turned=360.0 * share if turntable else 0.0)
                writer.grab_frame()
    return path


def animate_heat(case: FinishedCase, path: Path, style: Style = Style.LIGHT) -> Path:
    """Write the temperature over the CT in three planes as a film with a clock.

    Args:
        case: the case.
        path: file that ends in .mp4 or .gif.
        style: light or dark.

    Raises:
        InputError: the case has no temperatures, or MP4 is asked for and there is no ffmpeg.
    """
    if case.results.heat is None:
        raise InputError(f"{case.folder}: has no temperatures; run the case with heat.enabled = true")
    writer, settings = _writer(path)
    course, step = case.heat_course()
    with rc_context(settings), drawn_in(style):
        drawing = CaseDrawing(case)
        with _interrupted_as_such():
            return film_heat(drawing.scanned, course, step, drawing.middle, path, writer)


@contextmanager
def _interrupted_as_such() -> Iterator[None]:
    """Let Ctrl-C, which reaches ffmpeg as well, be no failure of ffmpeg."""
    try:
        yield
    except (CalledProcessError, BrokenPipeError) as error:
        if isinstance(error.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        raise


def _writer(path: Path) -> tuple[FFMpegWriter | PillowWriter, Any]:
    """What writes this file, and the settings of Matplotlib that it needs."""
    if path.suffix == ".gif":
        return PillowWriter(fps=PER_SECOND), {}
    h264 = ["-crf", "20", "-pix_fmt", "yuv420p", "-movflags", "+faststart"]
    return FFMpegWriter(fps=PER_SECOND, codec="libx264", extra_args=h264), {"animation.ffmpeg_path": ffmpeg()}


def ffmpeg() -> str:
    """The program that writes MP4: the system's, or the one that the package imageio-ffmpeg brings.

    Raises:
        InputError: there is none.
    """
    if found := shutil.which("ffmpeg"):
        return found
    try:
        import imageio_ffmpeg

        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError):
        raise InputError(
            "there is no ffmpeg, which writes MP4; install it with 'apt-get install ffmpeg' or "
            "'pip install imageio-ffmpeg', or choose a GIF with -o NAME.gif"
        ) from None


class _Page:
    """The page of the animation: the body, a clock, and the curves of the whole injection with a line at the moment.

    Args:
        case: a finished injection.
    """

    def __init__(self, case: FinishedCase) -> None:
        """Lay out what does not change."""
        self.duration = float(case.times()[-1])
        self.figure = Figure(figsize=SIZE, dpi=DOTS_PER_INCH)
        self._case, self._lattice = case, Lattice.of(case.mesh)
        self._front = FrontCourse(case, self._lattice)
        self._bodies = inclusion_bodies(self._lattice, case.inclusions(), case.veins())
        self._course = case.course
        self._body = self.figure.add_axes((0.0, 0.0, SIZE[1] / SIZE[0], 1.0))
        self._clock = self.figure.text(0.6, 0.94, "", fontsize=15, va="top", linespacing=1.5, parse_math=False)
        remark = which_veins(case.results.veins)
        self.figure.text(0.5 * SIZE[1] / SIZE[0], 0.02, remark, fontsize=11, ha="center", parse_math=False)
        self._now = self._plot_course()

    def _plot_course(self) -> list[Line2D]:
        course, needles = self._course, self._case.needle_courses()
        pressure, volume = (self.figure.add_axes((0.645, bottom, 0.33, 0.3)) for bottom in (0.46, 0.09))
        pressures = {
            "syringe": {name: needle.syringe_pressure_kpa for name, needle in needles.items()},
            "tip": {name: needle.tip_pressure_kpa for name, needle in needles.items()},
        }
        plot_pressures(pressure, course.time_s, pressures)
        for name, series in (("injected", course.injected_ml), ("leaked", course.leaked_ml)):
            volume.plot(course.time_s, series, color=visible(LINE_COLORS[name]), label=name)
        if leaked(max(course.in_veins_ml, default=0.0)):
            volume.plot(course.time_s, course.in_veins_ml, color=ink_color(), linestyle="-.", label="in veins")
        volume.set_ylabel("cement [ml]")
        volume.set_xlabel("time since the start of the injection [s]")
        volume.legend(frameon=False, loc="upper left")
        for axes in (pressure, volume):
            axes.grid()
            axes.spines[["top", "right"]].set_visible(False)
        return [axes.axvline(0.0, color=ink_color(), linewidth=1.5) for axes in (pressure, volume)]

    def turn_to(self, time: float, turned: float) -> None:
        """Show a time in s, with the body turned by an angle in degrees around its long axis."""
        course = self._course
        injected_ml, leaked_ml = (
            float(np.interp(time, course.time_s, series)) for series in (course.injected_ml, course.leaked_ml)
        )
        minutes, seconds = divmod(round(time), 60)
        self._clock.set_text(f"{minutes}:{seconds:02d} min\n{injected_ml:.2f} ml injected\n{leaked_ml:.3f} ml leaked")
        for line in self._now:
            line.set_xdata([time, time])
        panel = filled_panel(
            self._case.mesh,
            self._front.surface(time),
            self._case.needles(),
            self._bodies,
            _turned(POSTERIOR_LEFT, turned),
            _swept(self._case.mesh),
            PIXELS,
        )
        self._body.clear()
        show(self._body, panel, "")


def _turned(view: View, angle: float) -> View:
    """A view from the same height, its camera moved around the long axis by an angle in degrees."""
    cosine, sine = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    x, y, z = view.away
    return View((float(cosine * x - sine * y), float(sine * x + cosine * y), z), view.up)


def _swept(mesh: TetMesh) -> NDArray[np.float64]:
    """(n, 3) points around all places that a mesh takes while it turns, so that all frames have one scale."""
    middle = 0.5 * (mesh.points.min(axis=0) + mesh.points.max(axis=0))
    radius = float(np.hypot(*(mesh.points - middle)[:, :2].T).max())
    angles = np.linspace(0.0, 2.0 * np.pi, 72, endpoint=False)
    ring = radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    heights = (mesh.points[:, 2].min(), mesh.points[:, 2].max())
    return np.concatenate([np.column_stack([middle[:2] + ring, np.full(len(ring), height)]) for height in heights])
