"""Pictures of a measured CT: the cement over it in sections, and its leaks around the body."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyvista
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray
from scipy import ndimage

from experiments.pictures.cross_sections import LINE_HALO, PANEL, PIXELS, PLANES, ScannedBody, Section
from experiments.pictures.figures import BOTH_SIDES
from experiments.pictures.scene import add_bone, explain, new_figure, render, save, show
from experiments.pictures.style import CEMENT_COLOR, CLASS_COLORS, visible
from experiments.results.finished_case import FinishedCase
from experiments.results.wording import words
from meshes.leak_sites import LEAK_SITES
from meshes.voxel_surface import voxel_surface

BODY = "body"
"""Name of the cement in the body among the parts of a measured CT."""

ROWS = 3
"""Rows of sections, at most: through the cement in the body, and through the largest leaks."""

BODY_COLOR = "#F0E442"
"""Of the body's edge over the CT: Okabe & Ito's yellow."""

SIMULATED_COLOR = "#E69F00"
"""Of the edge of simulated cement over that of a CT: Okabe & Ito's orange."""

Parts = Mapping[str, NDArray[np.bool_]]


def draw_cement_in_ct(body: ScannedBody, parts: Parts, path: Path) -> Path:
    """The edges of body and cement over the CT in three planes, through the cement and through the largest leaks.

    Args:
        body: the body and its CT.
        parts: part of the cement, ``body`` or a site -> its voxels on the CT.
        path: PNG to write.
    """
    leaks = sorted((name for name in parts if name != BODY), key=lambda name: -int(parts[name].sum()))
    shown = [BODY, *leaks][:ROWS]
    figure, axes = new_figure(len(shown), len(PLANES), PANEL)
    for index, part in enumerate(shown):
        middle = _places(body, parts[part]).mean(axis=0)
        for place, name in zip(axes[index * len(PLANES) :], PLANES, strict=False):
            section = Section.of(body.mesh, name, middle)
            title = section.title if part == BODY else f"{section.title}\nthrough {words(part)}"
            show(place, section.panel(body), title)
            _edge(place, section, (section.cells >= 0).astype(float), BODY_COLOR)
            for other, voxels in parts.items():
                _edge(place, section, _on_section(body, section, voxels), _color(other))
    explain(figure, [Line2D([], [], color=BODY_COLOR, label="body"), *_legend(parts)])
    return save(figure, path)


def draw_leaks_in_ct(body: ScannedBody, parts: Parts, leaks: Mapping[str, float], path: Path) -> Path:
    """The cement in the translucent body and around it, from both sides.

    Args:
        body: the body and its CT.
        parts: part of the cement, ``body`` or a site -> its voxels on the CT.
        leaks: site -> ml outside of the body.
        path: PNG to write.
    """
    surfaces = {name: _surface(body, voxels) for name, voxels in parts.items()}
    points = np.concatenate([body.mesh.points, *(np.asarray(surface.points) for surface in surfaces.values())])

    def draw(plotter: pyvista.Plotter) -> None:
        add_bone(plotter, body.mesh)
        for name, surface in surfaces.items():
            plotter.add_mesh(surface, color=_color(name), smooth_shading=True)

    total = sum(volume for volume in leaks.values())
    what = f"{total:.3f} ml outside of the body" if total > 0.0 else "no cement outside of the body"
    figure, axes = new_figure(1, 2)
    for place, (view, side) in zip(axes, BOTH_SIDES, strict=True):
        show(place, render(draw, view, points), f"{what}, from {side}")
    explain(figure, _legend(parts, leaks))
    return save(figure, path)


def draw_agreement(body: ScannedBody, parts: Parts, simulated: Parts, titles: Sequence[str], path: Path) -> Path:
    """The edges of measured and simulated cement over the CT in three planes through the measured one.

    Args:
        body: the body and its CT.
        parts: part of the measured cement, ``body`` or a site -> its voxels on the CT.
        simulated: run -> voxels on the CT in which it has cement; a row for each.
        titles: of the rows.
        path: PNG to write.
    """
    figure, axes = new_figure(len(simulated), len(PLANES), PANEL)
    middle = _places(body, parts[BODY]).mean(axis=0)
    for index, (voxels, title) in enumerate(zip(simulated.values(), titles, strict=True)):
        for place, name in zip(axes[index * len(PLANES) :], PLANES, strict=False):
            section = Section.of(body.mesh, name, middle)
            show(place, section.panel(body), f"{title}\n{section.title}")
            _edge(place, section, (section.cells >= 0).astype(float), BODY_COLOR)
            for other, measured in parts.items():
                _edge(place, section, _on_section(body, section, measured), _color(other))
            _edge(place, section, _on_section(body, section, voxels), SIMULATED_COLOR)
    handles = [Line2D([], [], color=BODY_COLOR, label="body"), Patch(color=SIMULATED_COLOR, label="simulated cement")]
    explain(figure, [*handles, *_legend(parts)])
    return save(figure, path)


def leak_surfaces(case: FinishedCase) -> dict[str, pyvista.PolyData]:
    """Site -> surface of what lies there outside of the body, in the anatomical frame; nothing for a run."""
    if not case.measured:
        return {}
    ct, frame = case.ct(), case.frame
    found = {}
    for name, voxels in case.scanned_cement().items():
        if name != BODY:
            surface = voxel_surface(voxels, ct, frame)
            found[name] = pyvista.PolyData.from_regular_faces(surface.points, surface.triangles.tolist())
    return found


def _legend(parts: Parts, leaks: Mapping[str, float] | None = None) -> list[Patch]:
    handles = []
    for name in parts:
        told = "cement in the body" if name == BODY else f"{words(name)} ({words(LEAK_SITES[name].leak_class)})"
        if leaks is not None and name in leaks:
            told += f": {leaks[name]:.3f} ml"
        handles.append(Patch(color=_color(name), label=told))
    return handles


def _color(part: str) -> str:
    return CEMENT_COLOR if part == BODY else visible(CLASS_COLORS[LEAK_SITES[part].leak_class])


def _surface(body: ScannedBody, voxels: NDArray[np.bool_]) -> pyvista.PolyData:
    surface = voxel_surface(voxels, body.ct, body.frame)
    return pyvista.PolyData.from_regular_faces(surface.points, surface.triangles.tolist())


def _places(body: ScannedBody, voxels: NDArray[np.bool_]) -> NDArray[np.float64]:
    return body.frame.to_frame(body.ct.to_world(np.argwhere(voxels)))


def _on_section(body: ScannedBody, section: Section, voxels: NDArray[np.bool_]) -> NDArray[np.float64]:
    index = np.moveaxis(body.ct.to_indices(body.frame.to_scanner(section.points)), -1, 0)
    return ndimage.map_coordinates(voxels.astype(np.float32), index, order=1)


def _edge(axes: Axes, section: Section, values: NDArray[np.float64], color: str) -> None:
    """A line where values on the pixels of a section cross one half."""
    if values.min() < 0.5 < values.max():
        steps = section.half * (2.0 * np.arange(PIXELS) + 1.0 - PIXELS) / PIXELS
        lines = axes.contour(steps, -steps, values, [0.5], colors=[color], linewidths=1.4)
        lines.set(path_effects=LINE_HALO)
