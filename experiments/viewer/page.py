"""The page of the viewer: controls beside a picture that this machine draws, and what each control does.

Text from files reaches the browser as values of the page's state alone, never as a part of its template.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib import colormaps
from matplotlib.colors import to_hex
from trame.app import asynchronous, get_server
from trame.widgets import html, vuetify3
from trame.widgets import vtk as trame_vtk
from trame_vtk.modules.vtk.protocols import vtkWebPublishImageDelivery
from trame_vuetify.ui.vuetify3 import SinglePageWithDrawerLayout

from experiments.pictures.scene import POSTERIOR_LEFT, View
from experiments.pictures.static_bodies import OPENINGS
from experiments.pictures.style import Style
from experiments.results.finished_case import FinishedCase
from experiments.results.wording import NOTICE, number, place, words
from experiments.viewer.case_fields import CT, FIELDS, FloatArray
from experiments.viewer.case_view import PLANES
from experiments.viewer.charts import charts_of, duration_of
from experiments.viewer.side_by_side import SideBySideScene

FRAME_SECONDS = 0.3
"""Least time between two steps while the injection plays."""

VIEWS: Mapping[str, View] = {
    "oblique": POSTERIOR_LEFT,
    "behind": View((0.0, 1.0, 0.0)),
    "front": View((0.0, -1.0, 0.0)),
    "left": View((1.0, 0.0, 0.0)),
    "right": View((-1.0, 0.0, 0.0)),
    "above": View((0.0, 0.0, 1.0), (0.0, -1.0, 0.0)),
    "below": View((0.0, 0.0, -1.0), (0.0, -1.0, 0.0)),
}
"""Where a button looks from -> the camera."""

ENCODING_SECONDS = 0.01
"""Time between two looks whether a picture has been encoded."""

HINT = "Click into the picture for the values at a point."

OVERLAY = "opacity: 0.92; max-width: calc(100% - 24px)"
"""Style of the cards in front of the picture."""


def clock(seconds: float) -> str:
    """A time in minutes and tenths of a second."""
    minutes, rest = divmod(round(seconds, 1), 60.0)
    return f"{minutes:.0f}:{rest:04.1f} min"


def _names(cases: Sequence[FinishedCase]) -> list[str]:
    """What the cases are called: by their titles, or by their folders where the titles are the same."""
    titles = [case.title for case in cases]
    return titles if len(set(titles)) == len(titles) else [words(case.name) for case in cases]


class ViewerPage:
    """The page and its state.

    Args:
        scene: the scene.
    """

    def __init__(self, scene: SideBySideScene) -> None:
        """Set up state and controls."""
        self.server = get_server("vertebroplasty", client_type="vue3")
        self._scene = scene
        self._names = _names([view.fields.case for view in scene.views])
        self._playing: asyncio.Task[None] | None = None
        self._sending: asyncio.Task[None] | None = None
        state, last = self.server.state, len(scene.times) - 1
        cases = [view.fields.case for view in scene.views]
        self._duration = duration_of(cases)
        state.update(
            {
                "trame__title": "vertebroplasty view",
                "names": self._names,
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
                "charts": charts_of(cases),
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
        self._tell_time()
        self._tell_legend()
        self._view: Any
        self._lay_out()
        state.change("step")(self._on_step)
        state.change("playing")(self._on_playing)
        state.change("shown")(self._on_shown)
        state.change("field")(self._on_field)
        state.change("window")(self._on_window)
        state.change("dark")(self._on_dark)
        state.change(*(f"{name}_{end}" for name in PLANES for end in ("on", "at")))(self._on_planes)
        scene.on_click(self._on_click)

    def _on_step(self, step: Any, **_: Any) -> None:
        shown = min(max(int(step), 0), len(self._scene.times) - 1)
        self._scene.change(time=float(self._scene.times[shown]))
        self._tell_time()
        self._tell_values(self._scene.view_state.point)
        self._push()

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
        self._push()

    def _on_field(self, field: Any, **_: Any) -> None:
        if field in FIELDS:
            self._scene.change(field=field)
            if field == CT:
                self._scene.change(limits=tuple(float(end) for end in self.server.state.window))
            self._tell_legend()
            self._push()

    def _on_window(self, window: Any, **_: Any) -> None:
        if self._scene.view_state.field == CT:
            self._scene.change(limits=(float(window[0]), float(window[1])))
            self._tell_legend()
            self._push()

    def _forget_point(self) -> None:
        self._scene.change(point=None)
        self._tell_values(None)
        self._push()

    def _on_planes(self, **state: Any) -> None:
        planes = {name: float(state[f"{name}_at"]) for name in PLANES if state[f"{name}_on"]}
        self._scene.change(planes=planes)
        self._tell_legend()
        self._push()

    def _on_dark(self, dark: Any, **_: Any) -> None:
        self._scene.paint(Style.DARK if dark else Style.LIGHT)
        self._push()

    def _on_click(self, x: int, y: int) -> None:
        point = self._scene.point_at(x, y)
        with self.server.state:
            self._scene.change(point=point)
            self._tell_values(point)
        self._push()

    def _look(self, name: str) -> None:
        if name in VIEWS:
            self._scene.look(VIEWS[name])
            self._push()

    def _push(self) -> None:
        """Draw the scene and send it as soon as it is encoded; VTK itself would look half a second later."""
        self._view.update()
        if self._sending is None or self._sending.done():
            self._sending = asynchronous.create_task(self._send())

    async def _send(self) -> None:
        window, protocol = self._scene.window, self.server.protocol
        if protocol is None:
            return
        delivery = next(link for link in protocol.getLinkProtocols() if isinstance(link, vtkWebPublishImageDelivery))
        while delivery.app.GetHasImagesBeingProcessed(window):
            await asyncio.sleep(ENCODING_SECONDS)
            delivery.push_render(str(delivery.get_global_id(window)))

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
        # no state of the drawer to begin with: open beside the picture, closed where it would cover it
        with SinglePageWithDrawerLayout(
            self.server,
            show_drawer=None,
            theme=("dark ? 'dark' : 'light'",),
            vuetify_config={"theme": {"defaultTheme": "light"}},
        ) as layout:
            layout.title.set_text("vertebroplasty view")
            with layout.toolbar:
                vuetify3.VSpacer()
                vuetify3.VProgressLinear(
                    indeterminate=True, absolute=True, location="bottom", active=("trame__busy",), id="busy"
                )
                vuetify3.VSwitch(
                    v_model=("dark",), label="dark", hide_details=True, density="compact", classes="flex-grow-0 mr-4"
                )
            with layout.drawer as drawer:
                drawer.width = 320
                drawer.mobile_breakpoint = ("600",)
                drawer.permanent = drawer.disable_resize_watcher = False
                with html.Div(classes="pa-4"):
                    self._lay_out_time()
                    self._lay_out_charts()
                    self._lay_out_views()
                    self._lay_out_layers()
                    self._lay_out_planes()
            with layout.content, html.Div(style="position: relative; height: 100%; width: 100%; overflow: hidden"):
                self._view = trame_vtk.VtkRemoteView(
                    self._scene.window, interactive_ratio=1, interactive_quality=70, still_quality=90
                )
                with html.Div(style="position: absolute; inset: 4px 0 auto; pointer-events: none"):
                    html.Div(NOTICE, classes="text-caption text-center px-2", role="note")
                    with html.Div(classes="d-flex text-subtitle-1 font-weight-bold text-center"):
                        html.Span("{{ name }}", v_for="name in names", key=("name",), style="flex: 1")
                self._lay_out_values()
                self._lay_out_legend()
            layout.footer.hide()

    def _lay_out_time(self) -> None:
        with html.Div(classes="d-flex align-center"):
            html.Div("Time", classes="text-subtitle-2")
            vuetify3.VSpacer()
            html.Output("{{ clock }}", id="clock")
        with html.Div(classes="d-flex align-center", v_if=("last > 0",)):
            vuetify3.VBtn(
                icon=("playing ? 'mdi-pause' : 'mdi-play'",),
                click="playing = !playing",
                size="small",
                variant="tonal",
                id="play",
                aria_label=("playing ? 'pause' : 'play'",),
                classes="mr-2",
            )
            vuetify3.VSlider(
                v_model=("step",),
                min=0,
                max=("last",),
                step=1,
                hide_details=True,
                density="compact",
                id="time",
                aria_label="time",
            )

    def _lay_out_charts(self) -> None:
        with html.Div(v_for="chart in charts", key=("chart.names[0].name",), classes="mt-2 text-caption chart"):
            with html.Div(classes="d-flex"):
                html.Span("{{ chart.title }}, to {{ chart.top }}")
                vuetify3.VSpacer()
                html.Span("{{ one.name }}", v_for="one in chart.names", key=("one.name",), classes="ml-2",
                          style=("{borderBottom: '3px solid ' + one.color}",))  # fmt: skip
            with html.Div(style="position: relative; line-height: 0"):
                html.Img(src=("chart.picture",), alt=("chart.title",), style="width: 100%")
                html.Div(
                    style=(
                        "{position: 'absolute', top: 0, bottom: 0, width: '1px', background: 'currentColor', "
                        "left: now + '%'}",
                    ),
                    classes="cursor",
                )

    def _lay_out_views(self) -> None:
        html.Div("From", classes="text-subtitle-2 mt-4")
        for name in VIEWS:
            vuetify3.VBtn(name, click=(self._look, f"['{name}']"), size="x-small", variant="tonal", classes="mr-1 mb-1")

    def _lay_out_layers(self) -> None:
        html.Div("Layers", classes="text-subtitle-2 mt-4")
        with (
            vuetify3.VCheckbox(
                v_for="layer in layers",
                key=("layer.name",),
                v_model=("shown",),
                value=("layer.name",),
                hide_details=True,
                density="compact",
            ),
            vuetify3.Template(v_slot_label=True),
        ):
            html.Span(
                style=(
                    "{width: '12px', height: '12px', borderRadius: '3px', marginRight: '8px', border: '3px solid ' + "
                    "layer.color, background: layer.ring ? 'transparent' : layer.color, boxShadow: '0 0 0 1px ' + "
                    "'rgba(128, 128, 128, 0.9)'}",
                )
            )
            html.Span("{{ layer.name }}")

    def _lay_out_planes(self) -> None:
        html.Div("Planes", classes="text-subtitle-2 mt-4")
        vuetify3.VSelect(
            v_model=("field",), items=("fields",), hide_details=True, density="compact", aria_label="field", id="field"
        )
        with html.Div(v_if=(f"field === '{CT}'",), classes="text-caption mt-2"):
            html.Div("Window {{ window[0] }} to {{ window[1] }} HU", id="window-told")
            vuetify3.VRangeSlider(
                v_model=("window",), min=-1000, max=3000, step=10, hide_details=True, density="compact", id="window",
                aria_label="window of the CT",
            )  # fmt: skip
        for name, plane in PLANES.items():
            vuetify3.VCheckbox(
                v_model=(f"{name}_on",),
                label=(f"'{name}' + ({name}_on ? ', ' + Number({name}_at).toFixed(1) + ' mm' : '')",),
                hide_details=True,
                density="compact",
                id=f"{name}-on",
            )
            with vuetify3.VSlider(
                v_if=(f"{name}_on",),
                v_model=(f"{name}_at",),
                min=(f"{name}_low",),
                max=(f"{name}_high",),
                step=0.5,
                hide_details=True,
                density="compact",
                id=f"{name}-at",
                aria_label=f"{name} plane",
            ):
                with vuetify3.Template(v_slot_prepend=True):
                    html.Span(plane.low, classes="text-caption")
                with vuetify3.Template(v_slot_append=True):
                    html.Span(plane.high, classes="text-caption")

    def _lay_out_values(self) -> None:
        with vuetify3.VCard(style=f"position: absolute; left: 12px; bottom: 12px; {OVERLAY}", classes="pa-2"):
            with html.Div(classes="d-flex align-center"):
                html.Div("{{ place }}", classes="text-caption", id="place")
                vuetify3.VBtn(
                    icon="mdi-close", v_if=("told.length",), click=self._forget_point, size="x-small", variant="text",
                    aria_label="close the values", id="close-values", classes="ml-auto",
                )  # fmt: skip
            with html.Table(v_if=("told.length",), classes="text-caption mt-1", id="values"):
                with html.Thead(v_if=("names.length > 1",)), html.Tr():
                    html.Td()
                    html.Th(
                        "{{ name }}",
                        v_for="name in names",
                        key=("name",),
                        classes="text-right pl-4",
                        style="max-width: 9rem; white-space: normal",
                        scope="col",
                    )
                with html.Tbody(), html.Tr(v_for="row in told", key=("row.name",)):
                    html.Th("{{ row.name }}", classes="text-left font-weight-regular", scope="row")
                    html.Td(
                        "{{ value }}", v_for="(value, index) in row.values", key=("index",), classes="text-right pl-4"
                    )

    def _lay_out_legend(self) -> None:
        with vuetify3.VCard(
            v_if=("legend.visible",),
            style=f"position: absolute; right: 12px; bottom: 12px; width: 240px; {OVERLAY}",
            classes="pa-2 text-caption",
            id="legend",
        ):
            html.Div("{{ legend.label }}")
            html.Div(style=("legend.bar",), classes="rounded")
            with html.Div(classes="d-flex justify-space-between"):
                html.Span("{{ legend.low }}")
                html.Span("{{ legend.high }}")
