"""The picture of the mechanics: the intact bone beside the augmented one in a section, on one scale."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pyvista
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from numpy.typing import NDArray

from experiments.load_case import CEMENTED, LoadedBone
from experiments.pictures.scene import CORONAL, Panel, new_figure, render, save, show, volume_of
from experiments.pictures.style import CEMENT_OUTLINE, STRAIN_MAP, STRESS_MAP

ColorMap = Literal["viridis", "magma"]

OUTLINE_WIDTH = 5.0
"""Pixels of the line around the cement."""


def draw_mechanics(loaded: LoadedBone, path: Path) -> Path:
    """Von Mises stress and effective strain in a coronal section, state beside state, as the cells have them.

    The section goes through the centroid of the cement, or through that of the body where there is none. Each row has
    one scale, up to the 99.5th percentile of the cells of all states. The bone is drawn as it was before the load.

    Args:
        loaded: the bone in its states.
        path: PNG to write.
    """
    mesh = loaded.mesh
    cement = loaded.saturation > CEMENTED
    depth = 0.0
    if cement.any():
        depth = float(np.average(mesh.cell_centroids[cement, 1], weights=mesh.cell_volumes[cement]))
    states = tuple(loaded.states)
    rows: tuple[tuple[str, ColorMap, list[NDArray[np.float64]]], ...] = (
        ("von Mises stress [MPa]", STRESS_MAP, [loaded.states[name].fields.von_mises for name in states]),
        ("effective strain [%]", STRAIN_MAP, [100.0 * loaded.states[name].effective_strain for name in states]),
    )
    grid = volume_of(mesh, {"saturation": loaded.saturation})
    for label, _, values in rows:
        for name, field in zip(states, values, strict=True):
            grid.cell_data[f"{label} {name}"] = field
    section = grid.slice(normal=(0, 1, 0), origin=(0.0, depth, 0.0))
    outline = _outline(grid, depth)
    figure, axes = new_figure(len(rows), len(states))
    for number, (label, colors, values) in enumerate(rows):
        top = float(np.percentile(np.concatenate(values), 99.5))
        places = axes[len(states) * number : len(states) * (number + 1)]
        for place, name in zip(places, states, strict=True):
            around = outline if name == "augmented" else pyvista.PolyData()
            show(place, _panel(section, f"{label} {name}", colors, top, around), name)
        scale = ScalarMappable(Normalize(0.0, top), colors)
        figure.colorbar(scale, ax=places, label=label, shrink=0.8, extend="max")
    side = "behind" if depth > 0.0 else "in front of"
    title = f"{loaded.load:g} N, coronal section {abs(depth):.1f} mm {side} the body's centroid"
    figure.suptitle(f"{title}; white line: cement" if outline.n_cells else title, fontsize="medium")
    return save(figure, path)


def _panel(section: pyvista.DataSet, array: str, colors: ColorMap, top: float, outline: pyvista.PolyData) -> Panel:
    def draw(plotter: pyvista.Plotter) -> None:
        plotter.add_mesh(section, scalars=array, cmap=colors, clim=(0.0, top), lighting=False, show_scalar_bar=False)
        if outline.n_cells:
            plotter.add_mesh(outline, color=CEMENT_OUTLINE, line_width=OUTLINE_WIDTH, lighting=False)

    return render(draw, CORONAL, np.asarray(section.points))


def _outline(grid: pyvista.UnstructuredGrid, depth: float) -> pyvista.PolyData:
    """Lines around the cement in the section, a little in front of it."""
    cement = grid.threshold(CEMENTED, scalars="saturation")
    if not cement.n_cells:
        return pyvista.PolyData()
    edges = cement.slice(normal=(0, 1, 0), origin=(0.0, depth, 0.0)).extract_feature_edges(
        boundary_edges=True, feature_edges=False, manifold_edges=False, non_manifold_edges=False
    )
    return edges.translate((0.0, -0.1, 0.0))
