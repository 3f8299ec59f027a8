"""Off-screen panels of a vertebral body, and their titles, orientation and scale bar.

PyVista renders the bodies, Matplotlib writes around them; the axes of a panel count in mm. Panels show the anatomical
frame, +x left, +y posterior, +z superior, in parallel projection, so that the scale bar holds everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import numpy as np
import pyvista
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import gaussian_filter

from experiments.pictures.style import (
    BONE_COLOR,
    CEMENT_COLOR,
    NEEDLE_COLOR,
    PANEL_INCHES,
    PANEL_PIXELS,
    TEXT_COLOR,
    words,
)
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
ANTERIOR_RIGHT = View((-0.75, -0.6, -0.45))
"""Opposite each other, the first from above and the second from below, so that the two show every side of the body."""
ANTERIOR_ABOVE = View((0.2, -0.6, 0.75))
"""Shows masses on the left and on the right side by side, and needles from behind above the body."""
AXIAL = View((0.0, 0.0, -1.0), (0.0, -1.0, 0.0))
"""From below, as radiologists look at axial sections: the patient's right is at the left."""
SAGITTAL = View((1.0, 0.0, 0.0))
CORONAL = View((0.0, -1.0, 0.0))
"""From the front, as radiologists look at coronal sections: the patient's right is at the left."""

INCLUSION_COLORS = ("#882255", "#999933", "#E69F00", "#332288")
"""Colours of lesions, clefts and cavities in their order, told apart by colour-blind readers (Tol 2021, Okabe & Ito
2008), and none of them that of cement or of a clinical class."""

SAMPLE_SPACING = 0.6
"""mm between the points at which cells are sampled to draw a smooth surface around them."""

OUTLINE_RADIUS = 0.2
"""mm of the rod along an outline."""

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


@dataclass(frozen=True)
class NeedlePose:
    """Where a needle lies.

    Attributes:
        tip: (3,) mm.
        direction: (3,) unit vector from the hub to the tip.
        diameter: outer diameter in mm.
    """

    tip: NDArray[np.float64]
    direction: NDArray[np.float64]
    diameter: float


Inclusions = Mapping[str, NDArray[np.int64]]
"""Name of a lesion, cleft or cavity -> indices of its cells."""


@dataclass(frozen=True)
class InclusionBody:
    """A lesion, cleft or cavity as it is drawn.

    Attributes:
        name: what the legend says.
        color: of the body.
        surface: closed surface around its cells.
    """

    name: str
    color: str
    surface: pyvista.PolyData


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
    axes.set_title(title, fontsize="medium", parse_math=False)
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


def explain(figure: Figure, handles: Sequence[Artist]) -> None:
    """Put a legend below the panels if there is anything to explain."""
    if handles:
        columns = 3 if figure.get_figwidth() > PANEL_INCHES else 2
        figure.legend(handles=list(handles), loc="outside lower center", ncols=columns, frameon=False)


def pale(color: str) -> tuple[float, float, float]:
    """A colour with three parts of white."""
    red, green, blue = (0.25 * part + 0.75 for part in to_rgb(color))
    return red, green, blue


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


def outline_of(surface: pyvista.PolyData) -> pyvista.PolyData:
    """A thin rod along the edges at which a surface ends."""
    edges = surface.extract_feature_edges(
        boundary_edges=True, feature_edges=False, manifold_edges=False, non_manifold_edges=False
    )
    return edges.tube(radius=OUTLINE_RADIUS) if edges.n_cells else edges


def add_bone(plotter: pyvista.Plotter, mesh: TetMesh, facets: NDArray[np.int64] | None = None) -> None:
    """Draw the translucent body, or the given facets of it."""
    plotter.add_mesh(surface_of(mesh, facets), color=BONE_COLOR, opacity=0.35, smooth_shading=True, culling="back")


def inclusion_bodies(mesh: TetMesh, inclusions: Inclusions) -> list[InclusionBody]:
    """The bodies inside the bone; their colours repeat after :data:`INCLUSION_COLORS`."""
    return [
        InclusionBody(name, color, inclusion_surface(mesh, cells))
        for (name, cells), color in zip(inclusions.items(), cycle(INCLUSION_COLORS), strict=False)
    ]


def add_inclusions(plotter: pyvista.Plotter, bodies: Sequence[InclusionBody]) -> None:
    """Draw translucent bodies inside the bone."""
    for body in bodies:
        plotter.add_mesh(body.surface, color=body.color, opacity=0.5, smooth_shading=True)


def inclusion_handles(bodies: Sequence[InclusionBody]) -> list[Artist]:
    """The legend of bodies inside the bone."""
    return [Patch(facecolor=body.color, alpha=0.6, label=words(body.name)) for body in bodies]


def cement_surface(mesh: TetMesh, saturation: ArrayLike) -> pyvista.PolyData:
    """Closed surface around the region with a saturation above one half, smoothed for the eye."""
    image, _ = _smoothed(volume_of(mesh, {"value": saturation}))
    return image.contour([0.5], scalars="value")


def inclusion_surface(mesh: TetMesh, cells: NDArray[np.int64]) -> pyvista.PolyData:
    """Closed surface around as much volume as some cells have, smoothed for the eye; thin layers do not vanish."""
    grid = pyvista.UnstructuredGrid({pyvista.CellType.TETRA: mesh.cells[cells]}, mesh.points)
    grid.cell_data["value"] = np.ones(len(cells))
    image, values = _smoothed(grid.clean())
    count = max(round(float(mesh.cell_volumes[cells].sum()) / SAMPLE_SPACING**3), 1)
    return image.contour([float(np.sort(values)[-count])], scalars="value")


def filled_panel(
    mesh: TetMesh,
    saturation: ArrayLike,
    needles: Sequence[NeedlePose],
    bodies: Sequence[InclusionBody] = (),
    view: View = POSTERIOR_LEFT,
    shown: NDArray[np.float64] | None = None,
) -> Panel:
    """The cement in the translucent body.

    Args:
        mesh: the body.
        saturation: (cells,) of cement.
        needles: drawn as far as the body is long.
        bodies: inside the bone.
        view: where to look from.
        shown: (n, 3) in mm, what the panel must show; the body by default.
    """
    cement = cement_surface(mesh, saturation)
    length = float(np.linalg.norm(np.ptp(mesh.points, axis=0)))

    def draw(plotter: pyvista.Plotter) -> None:
        add_bone(plotter, mesh)
        add_inclusions(plotter, bodies)
        if cement.n_cells:
            plotter.add_mesh(cement, color=CEMENT_COLOR, smooth_shading=True)
        for needle in needles:
            tube = pyvista.Cylinder(
                center=needle.tip - 0.5 * length * needle.direction,
                direction=needle.direction,
                radius=0.5 * needle.diameter,
                height=length,
            )
            plotter.add_mesh(tube, color=NEEDLE_COLOR)

    return render(draw, view, mesh.points if shown is None else shown)


def _smoothed(grid: pyvista.UnstructuredGrid) -> tuple[pyvista.ImageData, NDArray[np.float64]]:
    """An image around ``grid`` with its cells' ``"value"``, 0 outside, and these values as (n,).

    A Gaussian of 1.5 grid steps keeps single cells from showing.
    """
    low, high = np.reshape(grid.bounds, (3, 2)).T + 6.0 * SAMPLE_SPACING * np.array([[-1.0], [1.0]])
    size = np.ceil((high - low) / SAMPLE_SPACING).astype(int) + 1
    image = pyvista.ImageData(dimensions=size, spacing=[SAMPLE_SPACING] * 3, origin=low).sample(grid)
    values = gaussian_filter(np.asarray(image["value"]).reshape(size, order="F"), 1.5).ravel(order="F")
    image["value"] = values
    return image, values
