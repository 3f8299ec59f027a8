"""The page of the viewer: controls beside a picture that this machine draws, and what each control does.

Text from files reaches the browser as values of the page's state alone, never as a part of its template.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

from matplotlib import colormaps
from matplotlib.colors import to_hex
from trame.app import asynchronous, get_server
from trame.widgets import html

from experiments.pictures.static_bodies import OPENINGS
from experiments.pictures.style import Style
from experiments.results.wording import number, place, words
from experiments.viewer.body_fields import CT, FIELDS, BodyFields
from experiments.viewer.camera import VIEWS
from experiments.viewer.case_view import PLANES
from experiments.viewer.charts import charts_of, duration_of
from experiments.viewer.controls import (
    lay_out_charts,
    lay_out_layers,
    lay_out_legend,
    lay_out_planes,
    lay_out_time,
    lay_out_values,
    lay_out_views,
)
from experiments.viewer.ct_planes import FloatArray
from experiments.viewer.shell import RemotePicture, page_shell
from experiments.viewer.side_by_side import SideBySideScene

FRAME_SECONDS = 0.3
"""Least time between two steps while the injection plays."""

HINT = "Click into the picture for the values at a point."


def clock(seconds: float) -> str:
    """A time in minutes and tenths of a second."""
    minutes, rest = divmod(round(seconds, 1), 60.0)
    return f"{minutes:.0f}:{rest:04.1f} min"


def _names(bodies: Sequence[BodyFields]) -> list[str]:
    """What the cases are called: by their titles, or by their folders where the titles are the same."""
    titles = [body.title for body in bodies]
    return titles if len(set(titles)) == len(titles) else [words(body.name) for body in bodies]


class ViewerPage:
    """The page and its state.

    Args:
        scene: the scene.
    """

    def __init__(self, scene: SideBySideScene) -> None:
        """Set up state and controls."""
        self.server = get_server("vertebroplasty", client_type="vue3")
        self._scene = scene
        self._bodies = [view.fields for view in scene.views]
        self._playing: asyncio.Task[None] | None = None
        self._following: asyncio.Task[None] | None = None
        state, last = self.server.state, len(scene.times) - 1
        self._duration = 0.0
        state.update(
            {
                "trame__title": "vertebroplasty view",
                "names": _names(self._bodies),
                "step": last,
                "last": last,
                "playing": False,
                "dark": False,
                "layers": [
                    {"name": name, "color": color, "ring": name.startswith(OPENINGS)}
                    for name, color in scene.colors.items()
                ],
                "shown": list(scene.colors),
                "field": scene.view_state.field,
                "fields": [{"title": FIELDS[array].label, "value": array} for array in scene.fields()],
                "clock": "",
                "charts": [],
                "status": "",
                "now": 0.0,
                "window": list(scene.limits(CT)),
                "legend": {},
                "told": [],
                "place": HINT,
            }
        )
        for name, plane in PLANES.items():
            low, high = (float(bound) for bound in scene.bounds[:, plane.axis])
            state.update({f"{name}_on": False, f"{name}_at": 0.0, f"{name}_low": low, f"{name}_high": high})
        self._tell_courses()
        self._tell_time()
        self._tell_legend()
        self._picture = RemotePicture(self.server, scene.window)
        self._lay_out()
        state.change("step")(self._on_step)
        state.change("playing")(self._on_playing)
        state.change("shown")(self._on_shown)
        state.change("field")(self._on_field)
        state.change("window")(self._on_window)
        state.change("dark")(self._on_dark)
        state.change(*(f"{name}_{end}" for name in PLANES for end in ("on", "at")))(self._on_planes)
        scene.on_click(self._on_click)

    def follow(self, news: Coroutine[Any, Any, Any]) -> None:
        """Run what hears of new times beside the page, for as long as it is served."""
        self._following = asynchronous.create_task(news)

    def grow(self, status: str) -> None:
        """Take up times that have come since, and go along with them unless an earlier one is being looked at.

        Args:
            status: how the run stands.
        """
        with self.server.state as state:
            follows, state.last = int(state.step) >= int(state.last), len(self._scene.times) - 1
            state.status = status
            self._tell_courses()
            self._tell_time()
            if follows and int(state.step) != int(state.last):
                state.step = state.last
                field = self._scene.view_state.field
                if FIELDS[field].limits is None:
                    self._on_field(field)

    def _on_step(self, step: Any, **_: Any) -> None:
        shown = min(max(int(step), 0), len(self._scene.times) - 1)
        self._scene.change(time=float(self._scene.times[shown]))
        self._tell_time()
        self._tell_values(self._scene.view_state.point)
        self._picture.push()

    def _on_playing(self, playing: Any, **_: Any) -> None:
        if self._playing is not None:
            self._playing.cancel()
        self._playing = asynchronous.create_task(self._play()) if playing else None

    async def _play(self) -> None:
        """Go on step by step, from the end to the start again."""
        while True:
            with self.server.state as state:
                state.step = (int(state.step) + 1) % len(self._scene.times)
            await asyncio.sleep(FRAME_SECONDS)

    def _on_shown(self, shown: Any, **_: Any) -> None:
        self._scene.change(hidden=frozenset(self._scene.colors) - set(shown or ()))
        self._picture.push()

    def _on_field(self, field: Any, **_: Any) -> None:
        if field in FIELDS:
            self._scene.change(field=field)
            if field == CT:
                self._scene.change(limits=tuple(float(end) for end in self.server.state.window))
            self._tell_legend()
            self._picture.push()

    def _on_window(self, window: Any, **_: Any) -> None:
        if self._scene.view_state.field == CT:
            self._scene.change(limits=(float(window[0]), float(window[1])))
            self._tell_legend()
            self._picture.push()

    def _forget_point(self) -> None:
        self._scene.change(point=None)
        self._tell_values(None)
        self._picture.push()

    def _on_planes(self, **state: Any) -> None:
        planes = {name: float(state[f"{name}_at"]) for name in PLANES if state[f"{name}_on"]}
        self._scene.change(planes=planes)
        self._tell_legend()
        self._picture.push()

    def _on_dark(self, dark: Any, **_: Any) -> None:
        self._scene.paint(Style.DARK if dark else Style.LIGHT)
        self._picture.push()

    def _on_click(self, x: int, y: int) -> None:
        point = self._scene.point_at(x, y)
        with self.server.state:
            self._scene.change(point=point)
            self._tell_values(point)
        self._picture.push()

    def _look(self, name: str) -> None:
        if name in VIEWS:
            self._scene.look(VIEWS[name])
            self._picture.push()

    def _tell_courses(self) -> None:
        courses = [body.course for body in self._bodies if body.course is not None]
        self.server.state.charts = charts_of(courses)
        self._duration = duration_of(courses)

    def _tell_time(self) -> None:
        time = self._scene.view_state.time
        self.server.state.clock = clock(time)
        self.server.state.now = 100.0 * min(time / self._duration, 1.0) if self._duration else 0.0

    def _tell_legend(self) -> None:
        view_state, kind = self._scene.view_state, FIELDS[self._scene.view_state.field]
        colors = ", ".join(to_hex(color) for color in colormaps[kind.colors](range(0, 256, 15)))
        low, high = (number(limit, digits=3) for limit in view_state.limits)
        self.server.state.legend = {
            "label": kind.label if kind.limits else f"{kind.label}, 1st to 99th percentile",
            "low": low,
            "high": high,
            "bar": {"height": "0.8rem", "background": f"linear-gradient(to right, {colors})"},
            "visible": bool(view_state.planes),
        }

    def _tell_values(self, point: FloatArray | None) -> None:
        state = self.server.state
        if point is None:
            state.place, state.told = HINT, []
            return
        found = [view.fields.told(point, self._scene.view_state.time) for view in self._scene.views]
        names = dict.fromkeys(name for values in found for name in values)
        state.place = f"{place(point.tolist())} of the centroid"
        state.told = [{"name": name, "values": [values.get(name, "–") for values in found]} for name in names]

    def _lay_out(self) -> None:
        with page_shell(self.server, "vertebroplasty view", self._picture) as (drawer, front):
            with drawer, html.Div(classes="pa-4"):
                lay_out_time()
                lay_out_charts()
                lay_out_views(self._look)
                lay_out_layers()
                lay_out_planes()
            with front:
                lay_out_values(self._forget_point)
                lay_out_legend()
