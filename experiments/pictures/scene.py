"""Off-screen panels of a vertebral body, and their titles, orientation and scale bar.

PyVista renders the bodies, Matplotlib writes around them; the axes of a panel count in mm. Panels show the anatomical
frame, +x left, +y posterior, +z superior, in parallel projection, so that the scale bar holds everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import numpy as np
import pyvista
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from experiments.pictures.lattice import Lattice
from experiments.pictures.style import (
    BONE_COLOR,
    CEMENT_COLOR,
    INCLUSION_COLORS,
    NEEDLE_COLOR,
    PANEL_INCHES,
    PANEL_PIXELS,
    VEIN_COLOR,
    ink_color,
    pale,
    paper_color,
)
from experiments.pictures.veins import vein_tubes
from experiments.results.finished_case import NeedlePose
from experiments.results.grids import surface_of
from experiments.results.open_sites import OpenSite
from experiments.results.wording import words
from meshes.tetmesh import TetMesh
from meshes.vein_network import VeinNetwork


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

LIFT = 0.5
"""Distance in mm from the wall at which openings are drawn: as far as smooth bodies inside reach beyond it."""

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


Inclusions = Mapping[str, NDArray[np.int64]]
"""Name of a lesion, cleft or cavity -> indices of its cells."""


@dataclass(frozen=True)
class InclusionBody:
    """A lesion, cleft or cavity, or the veins, as they are drawn.

    Attributes:
        name: what the legend says.
        color: of the body.
        surface: closed surface around its cells, or its tubes.
        opacity: 1 for what nothing shines through.
    """

    name: str
    color: str
    surface: pyvista.PolyData
    opacity: float = 0.5


def render(
    draw: Callable[[pyvista.Plotter], None], view: View, points: NDArray[np.float64], pixels: int | None = None
) -> Panel:
    """Render one panel.

    Args:
        draw: adds the bodies to a plotter.
        view: where to look from.
        points: (n, 3) in mm, what the panel must show.
        pixels: its width and height; :data:`experiments.pictures.style.PANEL_PIXELS` by default.
    """
    right, up, away = view.axes
    low, high = points.min(axis=0), points.max(axis=0)
    flat = (points - 0.5 * (low + high)) @ np.array([right, up]).T
    middle = 0.5 * (flat.min(axis=0) + flat.max(axis=0))
    centre = 0.5 * (low + high) + middle @ np.array([right, up])
    reach = 0.5 * (flat.max(axis=0) - flat.min(axis=0))
    half, pixels = 1.3 * float(reach.max()), pixels or PANEL_PIXELS
    # without an X server VTK warns before it renders through EGL
    with pyvista.vtk_verbosity("error"):
        plotter = pyvista.Plotter(off_screen=True, window_size=[pixels, pixels])
        plotter.background_color = pyvista.Color(paper_color())
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


def new_figure(rows: int = 1, columns: int = 1, inches: float = PANEL_INCHES) -> tuple[Figure, list[Axes]]:
    """A figure of square panels, row by row, each so many inches wide."""
    figure = Figure(figsize=(inches * columns, inches * rows), layout="constrained")
    return figure, list(figure.subplots(rows, columns, squeeze=False).ravel())


def show(axes: Axes, panel: Panel, title: str, ruler_mm: float = 10.0) -> None:
    """Place a panel with its title, orientation and scale bar."""
    half = panel.half
    axes.imshow(panel.image, extent=(-half, half, -half, half))
    axes.set_axis_off()
    axes.set_title(title, fontsize="medium", parse_math=False)
    axes.plot([0.92 * half - ruler_mm, 0.92 * half], [-0.93 * half] * 2, color=ink_color(), linewidth=3)
    halo = [withStroke(linewidth=3.0, foreground=paper_color())]
    axes.lines[-1].set_path_effects([withStroke(linewidth=6.0, foreground=paper_color())])
    ruler = (0.92 * half - 0.5 * ruler_mm, -0.91 * half)
    axes.text(*ruler, f"{ruler_mm:g} mm", ha="center", va="bottom", path_effects=halo)
    directions = {letter: panel.view.axes @ np.array(vector) for letter, vector in LETTERS.items()}
    if max(abs(np.array(panel.view.away))) / np.linalg.norm(panel.view.away) > 0.999:
        for letter, (across, upwards, _) in directions.items():
            if abs(across) + abs(upwards) > 0.5:
                x, y = across * (panel.reach[0] + 0.08 * half), upwards * (panel.reach[1] + 0.08 * half)
                axes.text(x, y, letter, ha="center", va="center", fontweight="bold", path_effects=halo)
        return
    origin, length = np.array([-0.82 * half, -0.82 * half]), 0.13 * half
    for letter in "LPS":
        (x0, y0), (x, y) = origin, length * directions[letter][:2]
        arrow = {"arrowstyle": "-|>", "color": ink_color(), "shrinkA": 0, "shrinkB": 0}
        axes.annotate("", (x0 + x, y0 + y), (x0, y0), arrowprops=arrow)
        axes.text(x0 + 1.3 * x, y0 + 1.3 * y, letter, ha="center", va="center", fontweight="bold")


def explain(figure: Figure, handles: Sequence[Artist]) -> None:
    """Put a legend below the panels if there is anything to explain."""
    if not handles:
        return
    most = 3 if figure.get_figwidth() > PANEL_INCHES else 2
    for columns in range(most, 0, -1):
        legend = figure.legend(handles=list(handles), loc="outside lower center", ncols=columns, frameon=False)
        if columns == 1 or legend.get_window_extent().width <= figure.bbox.width:
            return
        legend.remove()


def save(figure: Figure, path: Path) -> Path:
    """Write a figure; the ending of ``path`` tells the format."""
    figure.savefig(path, dpi=PANEL_PIXELS / PANEL_INCHES)
    return path


def outline_of(surface: pyvista.PolyData) -> pyvista.PolyData:
    """A thin rod along the edges at which a surface ends."""
    edges = surface.extract_feature_edges(
        boundary_edges=True, feature_edges=False, manifold_edges=False, non_manifold_edges=False
    )
    return edges.tube(radius=OUTLINE_RADIUS) if edges.n_cells else edges


def opening_surface(mesh: TetMesh, facets: NDArray[np.int64]) -> pyvista.PolyData:
    """An open part of the wall, :data:`LIFT` outside of it, so that bodies which touch the wall stay behind."""
    chosen = mesh.facets[facets]
    outward = np.zeros_like(mesh.points)
    for corner in range(3):
        np.add.at(outward, chosen[:, corner], mesh.facet_normals[facets])
    used, points = np.unique(chosen), mesh.points.copy()
    points[used] += LIFT * outward[used] / np.linalg.norm(outward[used], axis=1, keepdims=True)
    surface = surface_of(mesh, facets)
    surface.points = points
    return surface


def opening_parts(mesh: TetMesh, site: OpenSite, color: str) -> Iterator[tuple[pyvista.PolyData, str]]:
    """An open part of the wall with its colours: full where cement left, pale elsewhere, and its outline."""
    for facets, shade in ((np.setdiff1d(site.facets, site.wet), to_hex(pale(color))), (site.wet, color)):
        if len(facets):
            yield opening_surface(mesh, facets), shade
    outline = outline_of(opening_surface(mesh, site.facets))
    if outline.n_cells:
        yield outline, color


def add_bone(plotter: pyvista.Plotter, mesh: TetMesh, facets: NDArray[np.int64] | None = None) -> None:
    """Draw the translucent body, or the given facets of it."""
    plotter.add_mesh(surface_of(mesh, facets), color=BONE_COLOR, opacity=0.35, smooth_shading=True, culling="back")


def inclusion_bodies(lattice: Lattice, inclusions: Inclusions, veins: VeinNetwork | None = None) -> list[InclusionBody]:
    """The bodies inside the bone; their colours repeat after :data:`experiments.pictures.style.INCLUSION_COLORS`."""
    found = [
        InclusionBody(name, color, lattice.surface_around(cells))
        for (name, cells), color in zip(inclusions.items(), cycle(INCLUSION_COLORS), strict=False)
    ]
    return found if veins is None else [*found, InclusionBody("veins", VEIN_COLOR, vein_tubes(veins), 1.0)]


def needle_body(mesh: TetMesh, needle: NeedlePose, length: float | None = None) -> pyvista.PolyData:
    """A needle from its tip outwards, as long in mm as is said, or as the body."""
    length = length or float(np.linalg.norm(np.ptp(mesh.points, axis=0)))
    return pyvista.Cylinder(
        center=needle.tip - 0.5 * length * needle.direction,
        direction=needle.direction,
        radius=0.5 * needle.diameter,
        height=length,
    )


def add_needles(plotter: pyvista.Plotter, mesh: TetMesh, needles: Sequence[NeedlePose]) -> None:
    """Draw needles as far as the body is long."""
    for needle in needles:
        plotter.add_mesh(needle_body(mesh, needle), color=NEEDLE_COLOR)


def add_inclusions(plotter: pyvista.Plotter, bodies: Sequence[InclusionBody]) -> None:
    """Draw bodies inside the bone."""
    for body in bodies:
        plotter.add_mesh(body.surface, color=body.color, opacity=body.opacity, smooth_shading=True)


def inclusion_handles(bodies: Sequence[InclusionBody]) -> list[Artist]:
    """The legend of bodies inside the bone."""
    return [Patch(facecolor=body.color, alpha=min(body.opacity + 0.1, 1.0), label=words(body.name)) for body in bodies]


def add_filled(
    plotter: pyvista.Plotter,
    mesh: TetMesh,
    cement: pyvista.PolyData,
    needles: Sequence[NeedlePose],
    bodies: Sequence[InclusionBody] = (),
) -> None:
    """Draw the cement, if there is any, in the translucent body with what else is inside, and the needles."""
    add_bone(plotter, mesh)
    add_inclusions(plotter, bodies)
    if cement.n_cells:
        plotter.add_mesh(cement, color=CEMENT_COLOR, smooth_shading=True)
    add_needles(plotter, mesh, needles)


def filled_panel(
    mesh: TetMesh,
    cement: pyvista.PolyData,
    needles: Sequence[NeedlePose],
    bodies: Sequence[InclusionBody] = (),
    view: View = POSTERIOR_LEFT,
    shown: NDArray[np.float64] | None = None,
    pixels: int | None = None,
) -> Panel:
    """A panel of :func:`add_filled`.

    Args:
        mesh: the body.
        cement: its surface, or none.
        needles: drawn as far as the body is long.
        bodies: inside the bone.
        view: where to look from.
        shown: (n, 3) in mm, what the panel must show; the body by default.
        pixels: its width and height; :data:`experiments.pictures.style.PANEL_PIXELS` by default.
    """

    def draw(plotter: pyvista.Plotter) -> None:
        add_filled(plotter, mesh, cement, needles, bodies)

    return render(draw, view, mesh.points if shown is None else shown, pixels)
