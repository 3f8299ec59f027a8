"""Off-screen panels of a vertebral body, and their titles, orientation and scale bar.

PyVista renders the bodies, Matplotlib writes around them; the axes of a panel count in mm. Panels show the anatomical
frame, +x left, +y posterior, +z superior, in parallel projection, so that the scale bar holds everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyvista
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from experiments.style import PANEL_INCHES, PANEL_PIXELS, TEXT_COLOR
from meshes.tetmesh import TetMesh


@dataclass(frozen=True)
class View:
    """Where the camera stands and what is up.

    Attributes:
        away: direction from the body to the camera.
        up: direction that points up in the picture.
    """

    away: tuple[float, float, float]
    up: tuple[float, float, float] = (0.0, 0.0, 1.0)

    @property
    def axes(self) -> NDArray[np.float64]:
        """(3, 3) rows: right, up and towards the camera, as unit vectors."""
        away = np.array(self.away) / np.linalg.norm(self.away)
        right = np.cross(self.up, away)
        right /= np.linalg.norm(right)
        return np.array([right, np.cross(away, right), away])


POSTERIOR_LEFT = View((0.75, 0.6, 0.45))
ANTERIOR_RIGHT = View((-0.75, -0.6, 0.45))
AXIAL = View((0.0, 0.0, -1.0), (0.0, -1.0, 0.0))
"""From below, as radiologists look at axial sections: the patient's right is at the left."""
SAGITTAL = View((1.0, 0.0, 0.0))

LETTERS = {"L": (1, 0, 0), "R": (-1, 0, 0), "P": (0, 1, 0), "A": (0, -1, 0), "S": (0, 0, 1), "I": (0, 0, -1)}
"""Anatomical direction -> vector: left, right, posterior, anterior, superior, inferior."""


@dataclass(frozen=True)
class Panel:
    """A rendered square.

    Attributes:
        image: (n, n, 3) colours.
        view: where it is seen from.
        half: half its width in mm.
        reach: half the width and half the height of what it shows, in mm.
    """

    image: NDArray[np.uint8]
    view: View
    half: float
    reach: tuple[float, float]


def render(draw: Callable[[pyvista.Plotter], None], view: View, points: NDArray[np.float64]) -> Panel:
    """Render one panel.

    Args:
        draw: adds the bodies to a plotter.
        view: where to look from.
        points: (n, 3) in mm, what the panel must show.
    """
    right, up, away = view.axes
    low, high = points.min(axis=0), points.max(axis=0)
    flat = (points - 0.5 * (low + high)) @ np.array([right, up]).T
    middle = 0.5 * (flat.min(axis=0) + flat.max(axis=0))
    centre = 0.5 * (low + high) + middle @ np.array([right, up])
    reach = 0.5 * (flat.max(axis=0) - flat.min(axis=0))
    half = 1.3 * float(reach.max())
    # without an X server VTK warns before it renders through EGL
    with pyvista.vtk_verbosity("error"):
        plotter = pyvista.Plotter(off_screen=True, window_size=[PANEL_PIXELS, PANEL_PIXELS])
        plotter.background_color = pyvista.Color("white")
        draw(plotter)
        camera = plotter.camera
        camera.parallel_projection = True
        camera.focal_point = centre
        camera.position = centre + 10.0 * half * away
        camera.up = up
        camera.parallel_scale = half
        camera.clipping_range = (0.1 * half, 40.0 * half)
        plotter.enable_anti_aliasing("ssaa")
        image = np.asarray(plotter.screenshot(return_img=True))
        plotter.close()
    return Panel(image[..., :3].copy(), view, half, (float(reach[0]), float(reach[1])))


def new_figure(rows: int = 1, columns: int = 1) -> tuple[Figure, list[Axes]]:
    """A white figure of square panels, row by row."""
    figure = Figure(figsize=(PANEL_INCHES * columns, PANEL_INCHES * rows), layout="constrained", facecolor="white")
    return figure, list(figure.subplots(rows, columns, squeeze=False).ravel())


def show(axes: Axes, panel: Panel, title: str, ruler_mm: float = 10.0) -> None:
    """Place a panel with its title, orientation and scale bar."""
    half = panel.half
    axes.imshow(panel.image, extent=(-half, half, -half, half))
    axes.set_axis_off()
    axes.set_title(title, fontsize="medium")
    axes.plot([0.92 * half - ruler_mm, 0.92 * half], [-0.93 * half] * 2, color=TEXT_COLOR, linewidth=3)
    axes.text(0.92 * half - 0.5 * ruler_mm, -0.91 * half, f"{ruler_mm:g} mm", ha="center", va="bottom")
    directions = {letter: panel.view.axes @ np.array(vector) for letter, vector in LETTERS.items()}
    if max(abs(np.array(panel.view.away))) / np.linalg.norm(panel.view.away) > 0.999:
        for letter, (across, upwards, _) in directions.items():
            if abs(across) + abs(upwards) > 0.5:
                x, y = across * (panel.reach[0] + 0.08 * half), upwards * (panel.reach[1] + 0.08 * half)
                axes.text(x, y, letter, ha="center", va="center", fontweight="bold")
        return
    origin, length = np.array([-0.82 * half, -0.82 * half]), 0.13 * half
    for letter in "LPS":
        (x0, y0), (x, y) = origin, length * directions[letter][:2]
        arrow = {"arrowstyle": "-|>", "color": TEXT_COLOR, "shrinkA": 0, "shrinkB": 0}
        axes.annotate("", (x0 + x, y0 + y), (x0, y0), arrowprops=arrow)
        axes.text(x0 + 1.3 * x, y0 + 1.3 * y, letter, ha="center", va="center", fontweight="bold")


def save(figure: Figure, path: Path) -> Path:
    """Write a figure as PNG."""
    figure.savefig(path, dpi=PANEL_PIXELS / PANEL_INCHES)
    return path


def surface_of(mesh: TetMesh, facets: NDArray[np.int64] | None = None) -> pyvista.PolyData:
    """The boundary, or the given facets of it, as a surface."""
    chosen = mesh.facets if facets is None else mesh.facets[facets]
    return pyvista.PolyData.from_regular_faces(mesh.points, chosen.tolist())


def volume_of(mesh: TetMesh, cell_data: Mapping[str, ArrayLike]) -> pyvista.UnstructuredGrid:
    """The tetrahedra as a grid with (cells,) values."""
    grid = pyvista.UnstructuredGrid({pyvista.CellType.TETRA: mesh.cells}, mesh.points)
    for name, values in cell_data.items():
        grid.cell_data[name] = np.asarray(values)
    return grid
