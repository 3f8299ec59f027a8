"""Off-screen scenes of a vertebral body: camera, orientation letters, scale bar.

Scenes show the anatomical frame in mm: +x left, +y posterior, +z superior. The projection is parallel, so that the scale
bar holds everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyvista
from numpy.typing import ArrayLike, NDArray

from experiments.style import FONT_SIZE, PANEL_PIXELS, TEXT_COLOR
from meshes.tetmesh import TetMesh


@dataclass(frozen=True)
class View:
    """Where the camera stands and what is up.

    Attributes:
        away: direction from the body to the camera.
        up: direction that points up in the picture.
        letters: letters at the left, right, lower and upper edge; empty for an oblique view, which gets axes instead.
    """

    away: tuple[float, float, float]
    up: tuple[float, float, float]
    letters: str = ""


OBLIQUE_POSTERIOR = View((0.55, 0.75, 0.45), (0.0, 0.0, 1.0))
OBLIQUE_ANTERIOR = View((-0.55, -0.75, 0.45), (0.0, 0.0, 1.0))
AXIAL = View((0.0, 0.0, -1.0), (0.0, -1.0, 0.0), "RLPA")
SAGITTAL = View((1.0, 0.0, 0.0), (0.0, 0.0, 1.0), "APIS")
"""The axial section is seen from below and the sagittal one from the left, as radiologists do."""


def new_plotter(rows: int = 1, columns: int = 1) -> pyvista.Plotter:
    """An off-screen plotter with ``rows`` x ``columns`` white square panels."""
    plotter = pyvista.Plotter(
        off_screen=True,
        shape=(rows, columns),
        window_size=[PANEL_PIXELS * columns, PANEL_PIXELS * rows],
        border=rows * columns > 1,
        border_color="#DDDDDD",
    )
    plotter.set_background("white", all_renderers=True)
    return plotter


def finish_panel(plotter: pyvista.Plotter, view: View, bounds: ArrayLike, title: str, ruler_mm: float = 10.0) -> None:
    """Place the camera of the current panel and add title, orientation and scale bar.

    Args:
        plotter: its current panel is finished.
        view: where to look from.
        bounds: (3, 2) lowest and highest coordinates in mm that the picture shows, whatever else is in the scene.
        title: text above the picture.
        ruler_mm: length of the scale bar.
    """
    box = np.asarray(bounds, dtype=float)
    centre = box.mean(axis=1)
    away = np.array(view.away) / np.linalg.norm(view.away)
    right = np.cross(view.up, away)
    right /= np.linalg.norm(right)
    up = np.cross(away, right)
    corners = np.array(np.meshgrid(*box)).reshape(3, -1).T - centre
    half = 1.25 * max(float(np.abs(corners @ right).max()), float(np.abs(corners @ up).max()))
    plotter.camera.focal_point = centre
    plotter.camera.position = centre + 10.0 * half * away
    plotter.camera.up = up
    plotter.enable_parallel_projection()
    plotter.camera.parallel_scale = half
    plotter.add_text(title, position="upper_edge", font_size=FONT_SIZE * 0.6, color=TEXT_COLOR)
    start = centre + half * (0.9 * right - 0.9 * up) - ruler_mm * right
    # the bar stands between camera and body, so that nothing hides it
    line = pyvista.Line(start + 5.0 * half * away, start + ruler_mm * right + 5.0 * half * away)
    plotter.add_mesh(line, color=TEXT_COLOR, line_width=4, lighting=False)
    _label(plotter, start + 0.5 * ruler_mm * right + 0.05 * half * up + 5.0 * half * away, f"{ruler_mm:g} mm")
    if view.letters:
        for letter, place in zip(view.letters, (-right, right, -up, up), strict=True):
            reach = 0.86 if abs(float(place @ up)) > 0.5 else 0.93
            _label(plotter, centre + reach * half * place + 5.0 * half * away, letter)
    else:
        plotter.add_axes(xlabel="L", ylabel="P", zlabel="S", line_width=4, color=TEXT_COLOR, viewport=(0, 0, 0.2, 0.2))
    plotter.camera.clipping_range = (0.1 * half, 40.0 * half)


def save(plotter: pyvista.Plotter, path: Path) -> Path:
    """Write the picture as PNG and free its window."""
    plotter.screenshot(path)
    plotter.close()
    return path


def bounds_of(mesh: TetMesh) -> NDArray[np.float64]:
    """(3, 2) lowest and highest coordinates of a mesh in mm."""
    return np.stack([mesh.points.min(axis=0), mesh.points.max(axis=0)], axis=1)


def surface_of(mesh: TetMesh, cell_data: Mapping[str, ArrayLike] | None = None) -> pyvista.PolyData:
    """The boundary facets as a surface; ``cell_data`` holds (facets,) values."""
    faces = np.column_stack([np.full(len(mesh.facets), 3), mesh.facets])
    surface = pyvista.PolyData(mesh.points, faces.ravel())
    for name, values in (cell_data or {}).items():
        surface.cell_data[name] = np.asarray(values)
    return surface


def volume_of(mesh: TetMesh, cell_data: Mapping[str, ArrayLike] | None = None) -> pyvista.UnstructuredGrid:
    """The tetrahedra as a grid; ``cell_data`` holds (cells,) values."""
    grid = pyvista.UnstructuredGrid({pyvista.CellType.TETRA: mesh.cells}, mesh.points)
    for name, values in (cell_data or {}).items():
        grid.cell_data[name] = np.asarray(values)
    return grid


def _label(plotter: pyvista.Plotter, place: NDArray[np.float64], text: str) -> None:
    plotter.add_point_labels(
        [place],
        [text],
        font_size=FONT_SIZE + 4,
        text_color=TEXT_COLOR,
        shape=None,
        show_points=False,
        always_visible=True,
        justification_horizontal="center",
        justification_vertical="center",
    )
