"""The picture of the mechanics: the bone in its states in a section under the same load, on one scale."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyvista
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from numpy.typing import NDArray

from experiments.pictures.scene import CORONAL, Panel, new_figure, render, save, show
from experiments.pictures.style import CEMENT_OUTLINE, STRAIN_MAP, STRESS_MAP, ColorMap, ink_color
from fem.measures.fill import FRONT_SATURATION
from fem.mechanics.load_curve import OFFSET

OUTLINE_WIDTH = 5.0
"""Pixels of the line around the cement."""

ENLARGED = 0.1
"""Largest displacement that is drawn, over the height of the section."""

PERCENT = 100.0


def draw_mechanics(
    bone: pyvista.UnstructuredGrid, load: str, path: Path, before: pyvista.UnstructuredGrid | None = None
) -> Path:
    """Von Mises stress and effective strain in a coronal section, state beside state, as the cells have them.

    The section goes through the centroid of the cement, or through that of the body where there is none. Each row has
    one scale, up to the 99.5th percentile of the cells of all states. The section is drawn as it is displaced under the
    load, enlarged by one factor for all states, with its unloaded edge.

    Args:
        bone: fields of all states as :meth:`experiments.run.load_case.LoadedBone.grid` gives them.
        load: in words.
        path: PNG to write.
        before: the same of the body before its fracture, in the same frame; None where it was not broken.
    """
    grids = [bone] if before is None else [before, bone]
    bones = {state: grid for grid in grids for state in _states(grid)}
    states, depth = list(bones), _depth(bone)
    sections = {state: _section(grid, depth) for state, grid in bones.items()}
    outline = _edges(_section(bone.threshold(FRONT_SATURATION, scalars="saturation"), depth))
    shown = np.concatenate([np.asarray(section.points) for section in sections.values()])
    factor = enlargement(
        [np.asarray(section[f"displacement_{state}_mm"]) for state, section in sections.items()],
        float(np.ptp(shown[:, 2])),
    )
    rows: tuple[tuple[str, ColorMap, str, float], ...] = (
        ("von Mises stress [MPa]", STRESS_MAP, "von_mises_{}_mpa", 1.0),
        ("effective strain [%]", STRAIN_MAP, "effective_strain_{}", PERCENT),
    )
    figure, axes = new_figure(len(rows), len(states))
    for number, (label, colors, array, unit) in enumerate(rows):
        top = float(np.percentile(np.concatenate([bones[state][array.format(state)] for state in states]), 99.5))
        places = axes[len(states) * number : len(states) * (number + 1)]
        for place, state in zip(places, states, strict=True):
            around = outline if state == "augmented" else pyvista.PolyData()
            section = sections[state]
            panel = _panel(section, _edges(section), around, state, array.format(state), colors, top, factor, shown)
            show(place, panel, state)
        scale = ScalarMappable(Normalize(0.0, unit * top), colors)
        figure.colorbar(scale, ax=places, label=label, shrink=0.8, extend="max")
    side = "behind" if depth > 0.0 else "in front of"
    title = f"{load}, coronal section {abs(depth):.1f} mm {side} the body's centroid, displacements x {factor:g}"
    lines = "line: without load" + ("; white line: cement" if outline.n_cells else "")
    figure.suptitle(f"{title}\n{lines}", fontsize="medium")
    return save(figure, path)


def draw_failed(bone: pyvista.UnstructuredGrid, path: Path, before: pyvista.UnstructuredGrid | None = None) -> Path:
    """Equivalent plastic strain at the end of the load curves in a coronal section, state beside state on one scale.

    Args:
        bone: as in :func:`draw_mechanics`, with load curves.
        path: PNG to write.
        before: the same of the body before its fracture; None where it was not broken.
    """
    grids = [bone] if before is None else [before, bone]
    bones = {state: grid for grid in grids for state in _states(grid)}
    depth = _depth(bone)
    sections = {state: _section(grid, depth) for state, grid in bones.items()}
    outline = _edges(_section(bone.threshold(FRONT_SATURATION, scalars="saturation"), depth))
    shown = np.concatenate([np.asarray(section.points) for section in sections.values()])
    strains = np.concatenate([grid[f"plastic_strain_{state}"] for state, grid in bones.items()])
    top = max(float(np.percentile(strains, 99.5)), 2.0 * OFFSET)
    figure, axes = new_figure(1, len(bones))
    for place, (state, section) in zip(axes, sections.items(), strict=True):
        around = outline if state == "augmented" else pyvista.PolyData()
        array = f"plastic_strain_{state}"
        panel = _panel(section, _edges(section), around, state, array, STRAIN_MAP, top, 0.0, shown)
        show(place, panel, state)
    scale = ScalarMappable(Normalize(0.0, PERCENT * top), STRAIN_MAP)
    bar = figure.colorbar(scale, ax=axes, label="equivalent plastic strain [%]", shrink=0.8, extend="max")
    bar.ax.axhline(PERCENT * OFFSET, color="white")  # the lower half of the map is dark
    side = "behind" if depth > 0.0 else "in front of"
    title = f"at the end of the load curves, coronal section {abs(depth):.1f} mm {side} the body's centroid"
    lines = "line in the scale: failed" + ("; white line: cement" if outline.n_cells else "")
    figure.suptitle(f"{title}\n{lines}", fontsize="medium")
    return save(figure, path)


def strain_panels(bones: Sequence[pyvista.UnstructuredGrid]) -> tuple[list[Panel], ScalarMappable, float]:
    """Effective strain of augmented bones of several cases, each in a coronal section through its cement.

    Args:
        bones: as in :func:`draw_mechanics`.

    Returns:
        A panel for each, all by one camera and on one scale; the scale in %; by how much displacements are enlarged.
    """
    vectors, array = "displacement_augmented_mm", "effective_strain_augmented"
    sections = [_section(bone, _depth(bone)) for bone in bones]
    outlines = [
        _edges(_section(bone.threshold(FRONT_SATURATION, scalars="saturation"), _depth(bone))) for bone in bones
    ]
    shown = np.concatenate([np.asarray(section.points) for section in sections])
    factor = enlargement([np.asarray(section[vectors]) for section in sections], float(np.ptp(shown[:, 2])))
    top = float(np.percentile(np.concatenate([bone[array] for bone in bones]), 99.5))
    panels = [
        _panel(section, _edges(section), outline, "augmented", array, STRAIN_MAP, top, factor, shown)
        for section, outline in zip(sections, outlines, strict=True)
    ]
    return panels, ScalarMappable(Normalize(0.0, PERCENT * top), STRAIN_MAP), factor


def _states(bone: pyvista.UnstructuredGrid) -> list[str]:
    """The states whose fields a grid holds, in their order."""
    return [name.removeprefix("von_mises_").removesuffix("_mpa") for name in bone.cell_data if "von_mises" in name]


def enlargement(displacements: list[NDArray[np.float64]], height: float) -> float:
    """The factor 1, 2 or 5 times a power of ten that shows displacements (n, 3) in mm in a picture of this height."""
    largest = max(float(np.linalg.norm(field, axis=1).max()) for field in displacements)
    if largest == 0.0:
        return 1.0
    wanted = ENLARGED * height / largest
    power = 10.0 ** np.floor(np.log10(wanted))
    return float(max(step for step in (1.0, 2.0, 5.0) if step * power <= wanted) * power)


def _panel(
    section: pyvista.PolyData,
    edge: pyvista.PolyData,
    outline: pyvista.PolyData,
    state: str,
    array: str,
    colors: ColorMap,
    top: float,
    factor: float,
    shown: NDArray[np.float64] | None = None,
) -> Panel:
    vectors = f"displacement_{state}_mm"

    def draw(plotter: pyvista.Plotter) -> None:
        moved = section.warp_by_vector(vectors, factor=factor)
        plotter.add_mesh(moved, scalars=array, cmap=colors, clim=(0.0, top), lighting=False, show_scalar_bar=False)
        plotter.add_mesh(edge.translate((0.0, -2.0, 0.0)), color=ink_color(), line_width=2.0, lighting=False)
        if outline.n_cells:
            around = outline.warp_by_vector(vectors, factor=factor).translate((0.0, -2.0, 0.0))
            plotter.add_mesh(around, color=CEMENT_OUTLINE, line_width=OUTLINE_WIDTH, lighting=False)

    return render(draw, CORONAL, np.asarray(section.points) if shown is None else shown)


def _depth(bone: pyvista.UnstructuredGrid) -> float:
    """Y in mm of the cement's centroid; 0 where there is none."""
    cement = np.asarray(bone["saturation"]) > FRONT_SATURATION
    if not cement.any():
        return 0.0
    volumes = np.asarray(bone.compute_cell_sizes(length=False, area=False)["Volume"])
    return float(np.average(bone.cell_centers().points[cement, 1], weights=volumes[cement]))


def _section(grid: pyvista.UnstructuredGrid, depth: float) -> pyvista.PolyData:
    return grid.slice(normal=(0, 1, 0), origin=(0.0, depth, 0.0)) if grid.n_cells else pyvista.PolyData()


def _edges(section: pyvista.PolyData) -> pyvista.PolyData:
    """Lines around a section."""
    return section.extract_feature_edges(
        boundary_edges=True, feature_edges=False, manifold_edges=False, non_manifold_edges=False
    )
