"""Temperatures of a finished case: the highest over the CT, their course at named places, and what they have killed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyvista
from matplotlib.animation import FFMpegWriter, PillowWriter
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.patches import Patch
from numpy.typing import NDArray

from experiments.pictures.cross_sections import LINE_HALO, PANEL, PIXELS, PLANES, ScannedBody, Section
from experiments.pictures.lattice import Lattice
from experiments.pictures.scene import POSTERIOR_LEFT, Panel, add_bone, explain, new_figure, render, save, show
from experiments.pictures.style import CEMENT_COLOR, ColorMap, visible
from experiments.results.heat_map import HeatMap
from experiments.results.parts.heat import HeatResults
from experiments.results.wording import words
from meshes.frame import AnatomicalFrame
from meshes.tetmesh import TetMesh

FloatArray = NDArray[np.float64]

HEAT_MAP: ColorMap = "plasma"
ISOTHERMS = (45.0, 50.0, 60.0)
"""Degrees Celsius of the lines."""

NECROSIS_COLOR = "#CC3311"
"""Of tissue that heat has killed: apart from cement, bone and the classes of leaks."""

LEAST_SHOWN = 39.0
"""Degrees Celsius from which a temperature hides the CT below it."""

_MARGIN = 9.0  # mm beyond the body that sections show, and more behind it
_BEHIND = 18.0


def heat_sections(mesh: TetMesh, place: FloatArray) -> tuple[Section, ...]:
    """The three sections, wide enough for what lies around the body."""
    low, high = mesh.points.min(axis=0) - _MARGIN, mesh.points.max(axis=0) + np.array([_MARGIN, _BEHIND, _MARGIN])
    shown = np.stack(np.meshgrid(*np.stack([low, high], axis=1), indexing="ij"), axis=-1).reshape(-1, 3)
    return tuple(Section.of(mesh, name, place, shown) for name in PLANES)


def draw_heat(
    body: ScannedBody, heat: HeatMap, place: FloatArray, saturation: FloatArray, title: str, path: Path
) -> Path:
    """Highest temperatures over the CT in three planes, with isotherms and the edge of the cement.

    Args:
        body: the body and its CT.
        heat: highest temperatures.
        place: (3,) mm, a point in all three planes.
        saturation: (cells,) of the cement.
        title: above all.
        path: PNG to write.
    """
    sections = heat_sections(body.mesh, place)
    fields = [heat.at(section.points, body.frame) for section in sections]
    colors = _colors(max(float(field.max()) for field in fields))
    figure, axes = new_figure(1, len(PLANES), PANEL)
    cement = body.lattice.smoothed(saturation)
    for place_on_page, section, field in zip(axes, sections, fields, strict=True):
        show(place_on_page, _panel(body, section, field, colors), section.title)
        _draw_isotherms(place_on_page, section, field)
        section.draw_line(place_on_page, body.lattice, cement, 0.5, CEMENT_COLOR)
    figure.suptitle(title, fontsize="large", parse_math=False)
    figure.colorbar(colors, ax=axes, label="highest temperature [°C]", shrink=0.7)
    return save(figure, path)


def draw_necrosis(
    mesh: TetMesh,
    lattice: Lattice,
    damage: HeatMap,
    saturation: FloatArray,
    frame: AnatomicalFrame,
    heat: HeatResults,
    path: Path,
) -> Path:
    """The tissue whose Arrhenius damage has reached 1, translucent around the cement in the translucent body.

    Args:
        mesh: the body.
        lattice: of it.
        damage: Arrhenius damage.
        saturation: (cells,) of the cement.
        frame: of the body.
        heat: of the results.
        path: PNG to write.
    """
    logarithm = np.log10(np.maximum(damage.image.values, 1e-3))
    dead = HeatMap(replace(damage.image, values=logarithm)).contour(0.0, frame)

    def draw(plotter: pyvista.Plotter) -> None:
        add_bone(plotter, mesh)
        cement = lattice.cement_surface(saturation)
        if cement.n_cells:
            plotter.add_mesh(cement, color=CEMENT_COLOR, opacity=0.3, smooth_shading=True)
        if dead.n_cells:
            plotter.add_mesh(dead, color=visible(NECROSIS_COLOR), opacity=0.6, smooth_shading=True)

    figure, (axes,) = new_figure()
    parts = [f"{told_volume} of {words(name)}" for name, told_volume in _dead_tissues(heat)]
    show(axes, render(draw, POSTERIOR_LEFT, mesh.points), "tissue killed by heat: " + (", ".join(parts) or "none"))
    explain(
        figure,
        [
            Patch(color=CEMENT_COLOR, alpha=0.3, label="cement"),
            Patch(color=visible(NECROSIS_COLOR), alpha=0.6, label="Arrhenius damage of 1 or more"),
        ],
    )
    return save(figure, path)


def film_heat(
    body: ScannedBody,
    course: list[HeatMap],
    step: float,
    place: FloatArray,
    path: Path,
    writer: FFMpegWriter | PillowWriter,
) -> Path:
    """The temperature over the CT in three planes as a film with a clock.

    Args:
        body: the body and its CT.
        course: temperatures at even times.
        step: s between them.
        place: (3,) mm, a point in all three planes.
        path: of the film.
        writer: of its format.
    """
    sections = heat_sections(body.mesh, place)
    hottest = max(float(heat.image.values.max()) for heat in course)
    colors = _colors(hottest)
    figure, axes = new_figure(1, len(PLANES), PANEL)
    figure.colorbar(colors, ax=axes, label="temperature [°C]", shrink=0.7)
    with writer.saving(figure, str(path), 100):
        for number, heat in enumerate(course):
            for place_on_page, section in zip(axes, sections, strict=True):
                place_on_page.clear()
                field = heat.at(section.points, body.frame)
                show(place_on_page, _panel(body, section, field, colors), section.title)
                _draw_isotherms(place_on_page, section, field)
            minutes, seconds = divmod(round(number * step), 60)
            figure.suptitle(f"{minutes}:{seconds:02d} min after the start of the injection", fontsize="large")
            writer.grab_frame()
    return path


def _dead_tissues(heat: HeatResults) -> Iterator[tuple[str, str]]:
    for name, volume in heat.necrosis_ml.items():
        if volume > 0.0005:
            yield name, f"{volume:.2g} ml"


def _colors(hottest: float) -> ScalarMappable:
    return ScalarMappable(Normalize(37.0, max(hottest, 45.0)), HEAT_MAP)


def _panel(body: ScannedBody, section: Section, field: FloatArray, colors: ScalarMappable) -> Panel:
    """The CT with the temperatures over it, the more opaque the warmer."""
    image = section.scan(body)
    share = np.clip((field - 37.0) / (LEAST_SHOWN - 37.0), 0.0, 1.0)[..., None] * 0.75
    image = share * colors.to_rgba(field)[..., :3] + (1.0 - share) * image
    return Panel(np.round(255.0 * image).astype(np.uint8), PLANES[section.name], section.half, section.reach)


def _draw_isotherms(axes: Axes, section: Section, field: FloatArray) -> None:
    levels = [level for level in ISOTHERMS if field.min() < level < field.max()]
    if not levels:
        return
    steps = section.half * (2.0 * np.arange(PIXELS) + 1.0 - PIXELS) / PIXELS
    lines = axes.contour(steps, -steps, field, levels, colors="white", linewidths=1.2)
    lines.set(path_effects=LINE_HALO)
    axes.clabel(lines, fmt=lambda level: f"{level:.0f} °C", fontsize=7)
