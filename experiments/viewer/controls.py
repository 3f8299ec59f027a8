"""The controls of the viewer's pages, laid out over the state that a page keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from trame.widgets import html, vuetify3

from experiments.viewer.body_fields import CT
from experiments.viewer.camera import VIEWS
from experiments.viewer.case_view import PLANES
from experiments.viewer.shell import OVERLAY


def lay_out_time() -> None:
    """Clock, play and slider over the stored times."""
    with html.Div(classes="d-flex align-center"):
        html.Div("Time", classes="text-subtitle-2")
        vuetify3.VSpacer()
        html.Output("{{ clock }}", id="clock")
    html.Div("{{ status }}", v_if=("status",), classes="text-caption", id="status", role="status")
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


def lay_out_charts() -> None:
    """The courses of volumes and pressures, with a line at the time that is shown."""
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


def lay_out_views(look: Callable[[str], None], names: Iterable[str] = VIEWS) -> None:
    """A button for each direction to look from.

    Args:
        look: called with the name of the view.
        names: of the views.
    """
    html.Div("From", classes="text-subtitle-2 mt-4")
    for name in names:
        vuetify3.VBtn(name, click=(look, f"['{name}']"), size="x-small", variant="tonal", classes="mr-1 mb-1")


def lay_out_layers() -> None:
    """What can be switched off, with its colour."""
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


def lay_out_planes() -> None:
    """What planes show, and where they lie."""
    html.Div("Planes", classes="text-subtitle-2 mt-4")
    vuetify3.VSelect(
        v_model=("field",), items=("fields",), hide_details=True, density="compact", aria_label="field", id="field"
    )
    with html.Div(v_if=(f"field === '{CT}'",), classes="text-caption mt-2"):
        lay_out_window()
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


def lay_out_window() -> None:
    """The window of the CT."""
    html.Div("Window {{ window[0] }} to {{ window[1] }} HU", id="window-told")
    vuetify3.VRangeSlider(
        v_model=("window",), min=-1000, max=3000, step=10, hide_details=True, density="compact", id="window",
        aria_label="window of the CT",
    )  # fmt: skip


def lay_out_values(forget: Callable[[], None]) -> None:
    """The values at the point that was clicked.

    Args:
        forget: called to close them.
    """
    with vuetify3.VCard(style=f"position: absolute; left: 12px; bottom: 12px; {OVERLAY}", classes="pa-2"):
        with html.Div(classes="d-flex align-center"):
            html.Div("{{ place }}", classes="text-caption", id="place")
            vuetify3.VBtn(
                icon="mdi-close", v_if=("told.length",), click=forget, size="x-small", variant="text",
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
                html.Td("{{ value }}", v_for="(value, index) in row.values", key=("index",), classes="text-right pl-4")


def lay_out_legend() -> None:
    """The colour scale of the planes."""
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
