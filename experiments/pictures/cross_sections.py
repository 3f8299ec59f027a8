"""Sections of a body in the three anatomical planes over its CT, drawn from plain arrays."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyvista
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize, to_rgb
from matplotlib.patches import Polygon
from matplotlib.patheffects import withStroke
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import map_coordinates

from experiments.pictures.lattice import Lattice
from experiments.pictures.scene import AXIAL, CORONAL, SAGITTAL, Panel, new_figure, save, show
from experiments.pictures.style import CEMENT_COLOR, VEIN_COLOR, ColorMap, paper_color
from experiments.pictures.veins import filled_pieces
from experiments.results.grids import cells_around
from experiments.results.vein_cement import VeinCement
from meshes.frame import AnatomicalFrame
from meshes.images.image import Image
from meshes.images.units import HOUNSFIELD, ImageUnits
from meshes.tetmesh import TetMesh
from meshes.vein_network import VeinNetwork

FloatArray = NDArray[np.float64]

PLANES = {"axial": AXIAL, "coronal": CORONAL, "sagittal": SAGITTAL}
"""Name of a section -> how radiologists look at it."""

SIDES = {
    "axial": (2, "above", "below"),
    "coronal": (1, "behind", "in front of"),
    "sagittal": (0, "left of", "right of"),
}
"""Name of a section -> its coordinate, and on which side of the body's centroid it lies if that is positive or not."""

PIXELS = 420
"""Width and height of a section."""

PANEL = 4.6
"""Inches of a section."""

WINDOW = (-250.0, 650.0)
"""HU, or what they are in the units of the CT, from black to white: marrow dark, cancellous bone grey, cortex white."""

OPACITY = 0.8
"""Of colours over the CT, which shows through."""

NEAR = 2.0
"""mm from a section within which veins are drawn on it."""

_STEPS = 200  # points along a vein at which its distance from a section is taken

LINE_HALO = [withStroke(linewidth=3.5, foreground="black")]


@dataclass(frozen=True)
class ScannedBody:
    """A body and the CT that it was segmented in.

    Attributes:
        mesh: the body in its anatomical frame.
        lattice: of the mesh.
        ct: in the scanner's LPS mm.
        frame: the anatomical frame.
        units: what the values of the CT count.
    """

    mesh: TetMesh
    lattice: Lattice
    ct: Image
    frame: AnatomicalFrame
    units: ImageUnits = HOUNSFIELD


@dataclass(frozen=True)
class Section:
    """One plane through a body.

    Attributes:
        name: a key of :data:`PLANES`.
        offset: its coordinate in mm.
        half: half the width of the square that is shown, in mm; the same in all planes.
        reach: half the width and half the height of the body in it, in mm.
        points: (pixels, pixels, 3) mm in the anatomical frame, the uppermost row first.
        cells: (pixels, pixels) index of the cell there, -1 outside of the body.
    """

    name: str
    offset: float
    half: float
    reach: tuple[float, float]
    points: FloatArray
    cells: NDArray[np.int64]

    @classmethod
    def of(cls, mesh: TetMesh, name: str, place: FloatArray, shown: FloatArray | None = None) -> Section:
        """The section of this name.

        Args:
            mesh: the body.
            name: a key of :data:`PLANES`.
            place: (3,) mm, a point of it.
            shown: (n, 3) mm, what it must be wide enough for; the body by default.
        """
        right, up, away = PLANES[name].axes
        shown = mesh.points if shown is None else shown
        low, high = shown.min(axis=0), shown.max(axis=0)
        middle = 0.5 * (low + high)
        middle = middle + ((place - middle) @ away) * away
        reach = (0.5 * float(np.abs(right) @ (high - low)), 0.5 * float(np.abs(up) @ (high - low)))
        half = 0.625 * float((high - low).max())
        steps = half * (2.0 * np.arange(PIXELS) + 1.0 - PIXELS) / PIXELS
        points = middle + steps[None, :, None] * right - steps[:, None, None] * up
        near = ((points >= mesh.points.min(axis=0)) & (points <= mesh.points.max(axis=0))).all(axis=-1)
        cells = np.full((PIXELS, PIXELS), -1, dtype=np.int64)
        cells[near] = cells_around(mesh, pyvista.PolyData(points[near]))
        return cls(name, float(place[SIDES[name][0]]), half, reach, points, cells)

    @property
    def title(self) -> str:
        """Its name and where it lies."""
        if abs(self.offset) < 0.05:
            return f"{self.name}, through the body's centroid"
        _, positive, negative = SIDES[self.name]
        side = positive if self.offset > 0.0 else negative
        return f"{self.name}, {abs(self.offset):.1f} mm {side} the body's centroid"

    def scan(self, body: ScannedBody) -> FloatArray:
        """(pixels, pixels, 3) colours of the CT, paper outside of it."""
        indices = np.moveaxis(body.ct.to_indices(body.frame.to_scanner(self.points)), -1, 0)
        values = map_coordinates(np.asarray(body.ct.values, dtype=float), indices, order=1, cval=np.nan)
        hounsfield = values / body.units.per_hounsfield
        grey = np.clip((hounsfield - WINDOW[0]) / (WINDOW[1] - WINDOW[0]), 0.0, 1.0)[..., None]
        return np.where(np.isnan(grey), to_rgb(paper_color()), grey)

    def panel(self, body: ScannedBody, values: ArrayLike | None = None, colors: ScalarMappable | None = None) -> Panel:
        """The CT, and over it the colours of (cells,) values inside of the body."""
        image = self.scan(body)
        if values is not None and colors is not None:
            inside = self.cells >= 0
            colored = colors.to_rgba(np.asarray(values)[self.cells[inside]])[:, :3]
            image[inside] = OPACITY * colored + (1.0 - OPACITY) * image[inside]
        return Panel(np.round(255.0 * image).astype(np.uint8), PLANES[self.name], self.half, self.reach)

    def draw_line(self, axes: Axes, lattice: Lattice, field: FloatArray, level: float, color: str) -> None:
        """Draw where a field on the lattice crosses ``level``, on the panel's axes."""
        values = lattice.at(field, self.points)
        if values.min() < level < values.max():
            steps = self.half * (2.0 * np.arange(PIXELS) + 1.0 - PIXELS) / PIXELS
            lines = axes.contour(steps, -steps, values, [level], colors=[color], linewidths=1.8)
            lines.set(path_effects=LINE_HALO)

    def on_panel(self, points: FloatArray) -> FloatArray:
        """(..., 2) mm of (..., 3) points in mm, as the panel's axes count them; what lies off the section as seen."""
        right, up, _ = PLANES[self.name].axes
        return (points - self.points.mean(axis=(0, 1))) @ np.array([right, up]).T

    def draw_cut(self, axes: Axes, surface: pyvista.PolyData, color: str, width: float = 1.4) -> None:
        """Draw the line in which a surface meets the section, on the panel."""
        if not surface.n_cells:
            return
        cut = surface.slice(normal=PLANES[self.name].axes[2], origin=self.points.mean(axis=(0, 1)))
        if not cut.n_lines:
            return
        pieces = self.on_panel(np.asarray(cut.points)[cut.lines.reshape(-1, 3)[:, 1:]])
        # the halo below all pieces, which would cover their neighbours
        for shade, thick in (("black", width + 2.0), (color, width)):
            axes.add_collection(LineCollection(list(pieces), colors=[shade], linewidths=thick, capstyle="round"), False)

    def draw_veins(self, axes: Axes, veins: VeinNetwork, cement: VeinCement | None = None) -> None:
        """Draw what of the veins lies within :data:`NEAR` of the section, and of cement in them, on the panel."""
        self._draw_tubes(axes, veins.nodes[veins.segments], veins.diameters, VEIN_COLOR, "white")
        if cement is not None:
            filled = filled_pieces(cement)
            self._draw_tubes(axes, filled.ends, filled.diameters, CEMENT_COLOR, "none")

    def _draw_tubes(self, axes: Axes, ends: FloatArray, diameters: FloatArray, color: str, edge: str) -> None:
        away, centre = PLANES[self.name].axes[2], self.points.mean(axis=(0, 1))
        for pair, diameter in zip(ends, diameters, strict=True):
            points = pair[0] + np.linspace(0.0, 1.0, _STEPS)[:, None] * (pair[1] - pair[0])
            near = self.on_panel(points[np.abs((points - centre) @ away) <= NEAR])
            if len(near):
                tube = tube_outline(near[0], near[-1], 0.5 * float(diameter))
                axes.add_patch(Polygon(tube, facecolor=color, edgecolor=edge, linewidth=0.5))


def tube_outline(first: FloatArray, last: FloatArray, radius: float) -> FloatArray:
    """(k, 2) outline of a tube between two points of a plane, with round ends."""
    turn = np.arctan2(*(last - first)[::-1]) + np.linspace(-0.5 * np.pi, 0.5 * np.pi, 13)
    cap = radius * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    return np.concatenate([last + cap, first - cap])


def draw_sections(
    body: ScannedBody,
    values: ArrayLike,
    label: str,
    color_map: ColorMap,
    place: FloatArray,
    path: Path,
    title: str = "",
    saturation: ArrayLike | None = None,
    veins: VeinNetwork | None = None,
    in_veins: VeinCement | None = None,
) -> Path:
    """Values of the cells over the CT in the three anatomical planes.

    The scale goes from the 1st to the 99th percentile of the cells.

    Args:
        body: the body and its CT.
        values: (cells,) to show.
        label: what they are, with their unit.
        color_map: of the values.
        place: (3,) mm, a point in all three planes.
        path: PNG to write.
        title: above all sections.
        saturation: (cells,) of cement whose edge is drawn.
        veins: in the body; drawn where they lie near a section.
        in_veins: cement in them.
    """
    low, high = (float(value) for value in np.percentile(np.asarray(values), [1.0, 99.0]))
    colors = ScalarMappable(Normalize(low, high), color_map)
    figure, axes = new_figure(1, len(PLANES), PANEL)
    for place_on_page, name in zip(axes, PLANES, strict=True):
        section = Section.of(body.mesh, name, place)
        show(place_on_page, section.panel(body, values, colors), section.title)
        if saturation is not None:
            section.draw_line(place_on_page, body.lattice, body.lattice.smoothed(saturation), 0.5, "white")
        if veins is not None:
            section.draw_veins(place_on_page, veins, in_veins)
    if veins is not None:
        filled = "" if in_veins is None else ", with the cement in them"
        title = "; ".join(part for part in (title, f"purple: veins within {NEAR:g} mm of the section{filled}") if part)
    figure.suptitle(title, fontsize="large", parse_math=False)
    scale = f"{label}\n1st to 99th percentile of the cells"
    figure.colorbar(colors, ax=axes, label=scale, shrink=0.7, extend="both", alpha=OPACITY)
    return save(figure, path)
