"""The page of a plan: its needles, moved by hand or by numbers, what is doubtful about them, and their case file.

Text from files reaches the browser as values of the page's state alone, never as a part of its template.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from trame.app import get_server
from trame.widgets import html, vuetify3

from experiments.case.placed_needles import CaseText, NeedlePlace
from experiments.pictures.cross_sections import WINDOW
from experiments.pictures.plan import bone_left, needle_name
from experiments.pictures.scene import View
from experiments.pictures.static_bodies import OPENINGS
from experiments.pictures.style import Style
from experiments.results.wording import capitalised, place
from experiments.viewer.camera import VIEWS
from experiments.viewer.case_view import PLANES
from experiments.viewer.controls import lay_out_layers, lay_out_views, lay_out_window
from experiments.viewer.ct_planes import FloatArray
from experiments.viewer.moved_needles import MovedNeedles
from experiments.viewer.plan_scene import PlanScene
from experiments.viewer.shell import OVERLAY, RemotePicture, page_shell
from meshes.errors import InputError

FIELDS = {
    "left": ("left", "half widths, 1 at the left wall", 0.01),
    "depth": ("depth", "0 anterior, 1 posterior", 0.01),
    "height": ("height", "0 inferior, 1 superior", 0.01),
    "camber_deg": ("camber", "deg, to the midline", 0.5),
    "sagittal_deg": ("sagittal", "deg, downwards", 0.5),
}
"""Key of a needle in the case file -> its field: name, what it counts and its step."""

CORNER = "position: absolute; left: 12px; bottom: 12px"

NARROWEST = "narrowest"
"""The plane where the pedicle leaves the least bone around the needle."""

ALONG = "along the needle"


class PlanPage:
    """The page and its state.

    Args:
        scene: of the plan.
        needles: of the plan.
        source: the case file that the moved needles are written for.
        title: of the case.
    """

    def __init__(self, scene: PlanScene, needles: MovedNeedles, source: CaseText, title: str) -> None:
        """Set up state and controls."""
        self.server = get_server("vertebroplasty", client_type="vue3")
        self._scene, self._needles, self._source = scene, needles, source
        self._picture = RemotePicture(self.server, scene.window)
        state = self.server.state
        state.update(
            {
                "trame__title": "vertebroplasty check",
                "names": [title],
                "dark": False,
                "layers": [
                    {"name": name, "color": color, "ring": name.startswith(OPENINGS)}
                    for name, color in scene.colors.items()
                ],
                "shown": list(scene.colors),
                "needle": 0,
                "needle_names": [
                    {"title": capitalised(needle_name(path)), "value": path.number} for path in needles.laid.paths
                ],
                "planes": ["axial"],
                "window": list(WINDOW),
                "told": {},
                "file": f"{Path(source.name).stem}-moved.toml",
                "replace": False,
                "saved": "",
                "not_saved": "",
            }
        )
        self._tell_fields()
        scene.add_handles(self._on_handle)
        self._draw()
        self._lay_out()
        state.change("needle")(self._on_needle)
        state.change(*FIELDS)(self._on_fields)
        state.change("shown")(self._on_shown)
        state.change("planes", "window")(self._on_planes)
        state.change("dark")(self._on_dark)

    @property
    def _number(self) -> int:
        return min(max(int(self.server.state.needle), 0), len(self._needles.laid.poses) - 1)

    def _on_needle(self, **_: Any) -> None:
        self._tell_fields()
        self._draw()
        self._picture.push()

    def _on_fields(self, **state: Any) -> None:
        try:
            asked = NeedlePlace(**{key: float(state[key]) for key in FIELDS})
        except (TypeError, ValueError):  # while a number is being written
            return
        if asked == self._needles.place(self._number) or not np.isfinite(list(asdict(asked).values())).all():
            return
        self._needles.put(self._number, asked)
        self._draw()
        self._picture.push()

    def _on_handle(self, what: str, centre: FloatArray) -> None:
        pose = self._needles.laid.poses[self._number]
        tip = centre if what == "tip" else pose.tip
        away = pose.direction if what == "tip" else tip - centre
        if not np.linalg.norm(away):
            return
        with self.server.state:
            direction = away / np.linalg.norm(away)
            self._needles.put(self._number, self._needles.place_of(self._number, tip, direction))
            self._tell_fields()
            self._draw()
        self._picture.push()

    def _put_back(self) -> None:
        self._needles.put_back(self._number)
        self._on_needle()

    def _on_shown(self, shown: Any, **_: Any) -> None:
        self._scene.hide(frozenset(self._scene.colors) - set(shown or ()))
        self._picture.push()

    def _on_planes(self, **_: Any) -> None:
        self._show_planes()
        self._picture.push()

    def _on_dark(self, dark: Any, **_: Any) -> None:
        self._scene.paint(Style.DARK if dark else Style.LIGHT)
        self._picture.push()

    def _look(self, name: str) -> None:
        if name == ALONG:
            # a little beside it, so that the shaft is seen as well
            self._scene.look(View(tuple(-self._needles.laid.poses[self._number].direction)))
        elif name in VIEWS:
            self._scene.look(VIEWS[name])
        self._picture.push()

    def _save(self) -> None:
        state = self.server.state
        state.saved = state.not_saved = ""
        try:
            if self._needles.laid.problem:
                raise InputError(self._needles.laid.problem)
            written = self._source.write(str(state.file).strip(), self._needles.places, bool(state.replace))
        except InputError as error:
            state.not_saved = str(error)
            return
        state.replace = False
        state.saved = f"Written: {written}"

    def _draw(self) -> None:
        """Bring needles, planes and what is told to where the needles lie."""
        laid = self._needles.laid
        self._scene.draw_needles(laid.poses, refused=bool(laid.problem))
        self._scene.place_handles(laid.poses[self._number])
        self._show_planes()
        self._tell()

    def _show_planes(self) -> None:
        laid, state = self._needles.laid, self.server.state
        tip, clearance = laid.poses[self._number].tip, laid.paths[self._number].clearance
        places = {name: (name, float(tip[plane.axis])) for name, plane in PLANES.items() if name in state.planes}
        if NARROWEST in state.planes and clearance is not None:
            places[NARROWEST] = "coronal", float(clearance.place[1])
        low, high = state.window
        self._scene.show_planes(places, (float(low), float(high)))

    def _tell_fields(self) -> None:
        for key, value in asdict(self._needles.place(self._number)).items():
            self.server.state[key] = value

    def _tell(self) -> None:
        laid, number = self._needles.laid, self._number
        path, pose = laid.paths[number], laid.poses[number]
        state = self.server.state
        state.saved = state.not_saved = ""
        state.told = {
            "name": capitalised(needle_name(path)),
            "place": f"tip {place(pose.tip.tolist())} of the body's centroid",
            "clearance": "" if laid.problem else bone_left(path),
            "alarming": path.clearance is not None and path.clearance.distance < 0.0,
            "warnings": [] if laid.problem else [warning for one in laid.paths for warning in one.warnings],
            "problem": laid.problem,
        }

    def _lay_out(self) -> None:
        with page_shell(self.server, "vertebroplasty check", self._picture) as (drawer, front):
            with drawer, html.Div(classes="pa-4"):
                self._lay_out_needle()
                self._lay_out_file()
                lay_out_views(self._look, [*VIEWS, ALONG])
                lay_out_layers()
                self._lay_out_planes()
            with front:
                self._lay_out_told()

    def _lay_out_needle(self) -> None:
        html.Div("Needle", classes="text-subtitle-2")
        vuetify3.VSelect(
            v_if=("needle_names.length > 1",),
            v_model=("needle",),
            items=("needle_names",),
            hide_details=True,
            density="compact",
            aria_label="needle",
            id="needle",
        )
        html.Div(
            "Drag the yellow ball at its tip to move it, the blue one to turn it, or give numbers.",
            classes="text-caption mb-1",
        )
        for key, (name, unit, step) in FIELDS.items():
            vuetify3.VTextField(
                v_model=(key,),
                label=f"{name} ({unit})",
                type="number",
                step=step,
                hide_details=True,
                density="compact",
                classes="mb-2",
                id=key,
            )
        vuetify3.VBtn("back to the case's", click=self._put_back, size="x-small", variant="tonal", id="put-back")

    def _lay_out_file(self) -> None:
        html.Div("Case file", classes="text-subtitle-2 mt-4")
        vuetify3.VTextField(
            v_model=("file",), label="write as", hide_details=True, density="compact", id="file", classes="mt-1"
        )
        vuetify3.VCheckbox(
            v_model=("replace",),
            label="replace a file of this name",
            hide_details=True,
            density="compact",
            id="replace",
        )
        vuetify3.VBtn("Write", click=self._save, size="small", disabled=("!!told.problem",), id="save")
        html.Div("{{ saved }}", v_if=("saved",), classes="text-caption mt-1", id="saved", role="status",
                 style="overflow-wrap: anywhere")  # fmt: skip
        html.Div("{{ not_saved }}", v_if=("not_saved",), classes="text-caption text-error mt-1", id="not-saved",
                 role="alert", style="overflow-wrap: anywhere")  # fmt: skip

    def _lay_out_planes(self) -> None:
        html.Div("CT through the tip", classes="text-subtitle-2 mt-4")
        for name in PLANES:
            self._lay_out_plane(name, name)
        self._lay_out_plane(NARROWEST, "coronal, where the pedicle is narrowest")
        with html.Div(classes="text-caption mt-2"):
            lay_out_window()

    def _lay_out_plane(self, value: str, label: str) -> None:
        vuetify3.VCheckbox(
            v_model=("planes",), value=value, label=label, hide_details=True, density="compact", id=f"{value}-on"
        )

    def _lay_out_told(self) -> None:
        with vuetify3.VCard(
            style=f"{CORNER}; width: 420px; max-height: 45%; overflow: auto; {OVERLAY}",
            classes="pa-3 text-body-2",
            id="told",
            aria_live="polite",
        ):
            html.Div("{{ told.name }}: {{ told.place }}", classes="text-caption")
            html.Div(
                "In its pedicle: {{ told.clearance }}", v_if=("told.clearance",),
                classes=("told.alarming ? 'text-error' : ''",),
                style="font-weight: bold", id="clearance",
            )  # fmt: skip
            html.Div("{{ told.problem }}", v_if=("told.problem",), classes="text-error", id="problem", role="alert")
            html.Div("{{ warning }}", v_for="warning in told.warnings", key=("warning",), classes="mt-1 doubt")
