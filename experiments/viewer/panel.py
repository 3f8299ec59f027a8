"""One case in the viewer: its bodies in one renderer of the window."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyvista

from experiments.pictures.layers import BONE, CEMENT, still_bodies
from experiments.pictures.style import CEMENT_COLOR
from experiments.viewer.series import FIELDS, CaseSeries, FloatArray

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
class Moment:
    """What all cases show together.

    Attributes:
        time: in s.
        field: what the planes show, a key of :data:`experiments.viewer.series.FIELDS`.
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


class Panel:
    """The bodies of one case.

    Args:
        plotter: where they are drawn, with the panel's place active.
        number: of the panel.
        series: the case.
    """

    def __init__(self, plotter: pyvista.Plotter, number: int, series: CaseSeries) -> None:
        """Draw what does not change with time."""
        self.series = series
        self._plotter = plotter
        self._number = number
        self._actors: dict[str, list[Any]] = {}
        self._sections: dict[str, tuple[float, pyvista.PolyData]] = {}
        self.colors: dict[str, str] = {CEMENT: CEMENT_COLOR}
        for body in still_bodies(series.case, series.lattice):
            self._actors.setdefault(body.layer, []).append(self._add(body.surface, **body.style))
            self.colors.setdefault(body.layer, body.color)
        self._moving: list[Any] = []

    @property
    def renderer(self) -> Any:
        """The panel's part of the window."""
        return self._plotter.renderers[self._number]

    def draw(self, moment: Moment) -> None:
        """Bring everything to a moment."""
        self._plotter.subplot(0, self._number)
        for actor in self._moving:
            self._plotter.remove_actor(actor, reset_camera=False, render=False)
        self._moving = [self._add(body, **style) for body, style in self._moving_bodies(moment)]
        for layer, actors in self._actors.items():
            for actor in actors:
                actor.SetVisibility(layer not in moment.hidden)

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

    def _moving_bodies(self, moment: Moment) -> Iterator[tuple[pyvista.DataSet, dict[str, Any]]]:
        series, step = self.series, self.series.step_at(moment.time)
        if CEMENT not in moment.hidden and (front := series.front(step)).n_cells:
            yield front, {"color": CEMENT_COLOR, "smooth_shading": True}
        values = series.values(step).get(moment.field)
        for name, position in moment.planes.items():
            section = self._section(name, position)
            if values is not None and section.n_cells:
                section.cell_data["shown"] = values[section.cell_data["cell"]]
                colors = FIELDS[moment.field].colors
                yield section, {"scalars": "shown", "clim": moment.limits, "cmap": colors, "lighting": False}
        if moment.point is not None:
            yield pyvista.Sphere(radius=MARK_RADIUS, center=moment.point), {"color": MARK_COLOR}

    def _section(self, name: str, position: float) -> pyvista.PolyData:
        """The plane at this position, cut again only after it has moved."""
        known = self._sections.get(name)
        if known is None or known[0] != position:
            known = self._sections[name] = (position, self.series.section(*PLANES[name].at(position)))
        return known[1]
