"""One case in the viewer: its bodies in one renderer of the window."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyvista

from experiments.pictures.static_bodies import BONE, CEMENT
from experiments.pictures.style import CEMENT_COLOR
from experiments.viewer.body_fields import CT, FIELDS, BodyFields
from experiments.viewer.ct_planes import FloatArray

MARK_RADIUS, MARK_COLOR = 0.6, "#D55E00"
"""mm, and colour, of the ball at the point whose values are shown."""


@dataclass(frozen=True)
class Plane:
    """A family of parallel planes.

    Attributes:
        name: for people.
        axis: index of the anatomical axis across it.
        low: name of the direction in which the axis falls.
        high: name of the direction in which it rises.
    """

    name: str
    axis: int
    low: str
    high: str

    def at(self, position: float) -> tuple[FloatArray, FloatArray]:
        """Unit normal, and a point of the plane at a position in mm along its axis."""
        normal = np.eye(3)[self.axis]
        return normal, position * normal


PLANES: Mapping[str, Plane] = {
    plane.name: plane
    for plane in (
        Plane("sagittal", 0, "right", "left"),
        Plane("coronal", 1, "anterior", "posterior"),
        Plane("axial", 2, "inferior", "superior"),
    )
}


@dataclass(frozen=True)
class ViewState:
    """What all cases show together.

    Attributes:
        time: in s.
        field: what the planes show, a key of :data:`experiments.viewer.body_fields.FIELDS`.
        limits: ends of its colour scale.
        planes: name of each plane that is shown -> its position in mm.
        hidden: layers that are switched off.
        point: (3,) mm, whose values are shown; None before the first click.
    """

    time: float
    field: str
    limits: tuple[float, float]
    planes: Mapping[str, float]
    hidden: frozenset[str]
    point: FloatArray | None = None


class CaseView:
    """The bodies of one case.

    Args:
        plotter: where they are drawn, with the place of the view active.
        number: of the view.
        fields: the case.
    """

    def __init__(self, plotter: pyvista.Plotter, number: int, fields: BodyFields) -> None:
        """Draw what does not change with time."""
        self.fields = fields
        self._plotter = plotter
        self._number = number
        self._actors: dict[str, list[Any]] = {}
        self._sections: dict[str, tuple[float, pyvista.PolyData]] = {}
        self.colors: dict[str, str] = {CEMENT: CEMENT_COLOR}
        for body in fields.bodies():
            self._actors.setdefault(body.layer, []).append(self._add(body.surface, **body.style))
            self.colors.setdefault(body.layer, body.color)
        self._moving: list[Any] = []

    @property
    def renderer(self) -> Any:
        """The view's part of the window."""
        return self._plotter.renderers[self._number]

    def draw(self, view_state: ViewState) -> None:
        """Bring everything to a state."""
        self._plotter.subplot(0, self._number)
        for actor in self._moving:
            self._plotter.remove_actor(actor, reset_camera=False, render=False)
        self._moving = [self._add(body, **style) for body, style in self._moving_bodies(view_state)]
        for layer, actors in self._actors.items():
            for actor in actors:
                actor.SetVisibility(layer not in view_state.hidden)

    def pick(self, x: int, y: int) -> FloatArray | None:
        """(3,) point in mm that is seen at a pixel of the window, the lowest row first; None beside the bodies.

        Cement, planes and openings go before the bone around them.
        """
        inside = [actor for layer, actors in self._actors.items() if layer != BONE for actor in actors]
        for actors in ([*self._moving, *inside], self._actors[BONE]):
            picker = pyvista._vtk.vtkCellPicker()
            picker.SetTolerance(0.0005)
            picker.PickFromListOn()
            for actor in actors:
                if actor.GetVisibility():
                    picker.AddPickList(actor)
            if picker.Pick(x, y, 0.0, self.renderer):
                return np.array(picker.GetPickPosition())
        return None

    def _add(self, body: pyvista.DataSet, **style: Any) -> Any:
        return self._plotter.add_mesh(body, reset_camera=False, render=False, show_scalar_bar=False, **style)

    def _moving_bodies(self, view_state: ViewState) -> Iterator[tuple[pyvista.DataSet, dict[str, Any]]]:
        fields, step = self.fields, self.fields.step_at(view_state.time)
        if CEMENT not in view_state.hidden and (front := fields.front(step)).n_cells:
            yield front, {"color": CEMENT_COLOR, "smooth_shading": True}
        values = fields.values(step).get(view_state.field)
        for name, position in view_state.planes.items():
            section = self._section(name, position)
            if view_state.field == CT:
                style = {"scalars": "shown", "clim": view_state.limits, "cmap": "gray", "lighting": False}
                yield fields.ct.plane(PLANES[name].axis, position), {**style, "nan_opacity": 0.0}
                continue
            if values is not None and section.n_cells:
                section.cell_data["shown"] = values[section.cell_data["cell"]]
                colors = FIELDS[view_state.field].colors
                yield section, {"scalars": "shown", "clim": view_state.limits, "cmap": colors, "lighting": False}
        if view_state.point is not None:
            yield pyvista.Sphere(radius=MARK_RADIUS, center=view_state.point), {"color": MARK_COLOR}

    def _section(self, name: str, position: float) -> pyvista.PolyData:
        """The plane at this position, cut again only after it has moved."""
        known = self._sections.get(name)
        if known is None or known[0] != position:
            known = self._sections[name] = (position, self.fields.section(*PLANES[name].at(position)))
        return known[1]
