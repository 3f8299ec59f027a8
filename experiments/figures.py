"""The pictures of a case, drawn off-screen from plain arrays in the anatomical frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyvista
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import gaussian_filter

from experiments.scene import (
    ANTERIOR_RIGHT,
    AXIAL,
    POSTERIOR_LEFT,
    SAGITTAL,
    Panel,
    new_figure,
    render,
    save,
    show,
    surface_of,
    volume_of,
)
from experiments.style import (
    BONE_COLOR,
    CEMENT_COLOR,
    CLASS_COLORS,
    DENSITY_MAP,
    LINE_COLORS,
    NEEDLE_COLOR,
    OTHER_REGION_COLOR,
    REGION_COLORS,
    words,
)
from meshes.tetmesh import TetMesh


@dataclass(frozen=True)
class Snapshot:
    """The cement at one time.

    Attributes:
        time_s: since the start of the injection.
        injected_ml: cement that has left the needle.
        saturation: (cells,) share of the pores that cement fills.
    """

    time_s: float
    injected_ml: float
    saturation: NDArray[np.float64]


@dataclass(frozen=True)
class NeedlePose:
    """Where the needle lies.

    Attributes:
        tip: (3,) mm.
        direction: (3,) unit vector from the hub to the tip.
        diameter: outer diameter in mm.
    """

    tip: NDArray[np.float64]
    direction: NDArray[np.float64]
    diameter: float


@dataclass(frozen=True)
class LeakMark:
    """Cement that left through one site.

    Attributes:
        site: name of the site.
        leak_class: its clinical class, a key of :data:`experiments.style.CLASS_COLORS`.
        volume_ml: cement that left.
        points: (n, 3) where it left, in mm.
    """

    site: str
    leak_class: str
    volume_ml: float
    points: NDArray[np.float64]


def draw_mesh(mesh: TetMesh, path: Path) -> Path:
    """The surface with its named facet regions, from both sides."""

    def draw(plotter: pyvista.Plotter) -> None:
        for name, facets in mesh.facet_regions.items():
            color = REGION_COLORS.get(name, OTHER_REGION_COLOR)
            part = surface_of(mesh, facets)
            plotter.add_mesh(part, color=color, show_edges=True, edge_color="#444444", line_width=1.0, ambient=0.2)

    figure, axes = new_figure(1, 2)
    for place, view, side in zip(
        axes, (POSTERIOR_LEFT, ANTERIOR_RIGHT), ("behind and left", "the front and right"), strict=True
    ):
        show(place, render(draw, view, mesh.points), f"{len(mesh.cells)} tetrahedra, from {side}")
    patches = [
        Patch(color=REGION_COLORS.get(name, OTHER_REGION_COLOR), label=words(name)) for name in mesh.facet_regions
    ]
    figure.legend(handles=patches, loc="outside lower center", ncols=5, frameon=False)
    return save(figure, path)


def draw_density(mesh: TetMesh, density: ArrayLike, path: Path) -> Path:
    """Bone mineral density in the midsagittal and the axial section through the origin.

    Args:
        mesh: the body.
        density: (cells,) in mg/cm3.
        path: PNG to write.
    """
    grid = volume_of(mesh, {"density": density})
    low, high = (float(value) for value in np.percentile(np.asarray(density), [1.0, 99.0]))
    figure, axes = new_figure(1, 2)
    for place, view, normal, name in zip(
        axes, (SAGITTAL, AXIAL), ((1, 0, 0), (0, 0, 1)), ("midsagittal", "axial"), strict=True
    ):
        section = grid.slice(normal=normal, origin=(0.0, 0.0, 0.0))

        def draw(plotter: pyvista.Plotter, section: pyvista.DataSet = section) -> None:
            plotter.add_mesh(
                section, scalars="density", cmap=DENSITY_MAP, clim=(low, high), lighting=False, show_scalar_bar=False
            )

        show(place, render(draw, view, mesh.points), f"{name} section")
    colors = ScalarMappable(Normalize(low, high), DENSITY_MAP)
    figure.colorbar(colors, ax=axes, label="bone mineral density [mg/cm³]", shrink=0.8, extend="both")
    return save(figure, path)


def draw_fill_front(mesh: TetMesh, snapshots: Sequence[Snapshot], needle: NeedlePose, path: Path) -> Path:
    """The cement in the translucent body at up to four times, in two rows."""
    figure, axes = new_figure(2, 2)
    for place, snapshot in zip(axes, snapshots, strict=False):
        show(place, _fill_panel(mesh, snapshot, needle), _clock(snapshot))
    for place in axes[len(snapshots) :]:
        place.set_axis_off()
    return save(figure, path)


def draw_filled(mesh: TetMesh, snapshot: Snapshot, needle: NeedlePose, path: Path) -> Path:
    """The cement in the translucent body at one time."""
    figure, (axes,) = new_figure()
    show(axes, _fill_panel(mesh, snapshot, needle), _clock(snapshot))
    return save(figure, path)


def draw_leaks(mesh: TetMesh, leaks: Sequence[LeakMark], path: Path, snapshot: Snapshot | None = None) -> Path:
    """Where cement left the body, coloured by clinical class.

    Args:
        mesh: the body.
        leaks: sites through which cement left; empty when none did.
        path: PNG to write.
        snapshot: cement to show inside the body.
    """
    cement = cement_surface(mesh, snapshot.saturation) if snapshot is not None else pyvista.PolyData()

    def draw(plotter: pyvista.Plotter) -> None:
        plotter.add_mesh(surface_of(mesh), color=BONE_COLOR, opacity=0.35, smooth_shading=True, culling="back")
        if cement.n_cells:
            plotter.add_mesh(cement, color="#999999", opacity=0.6, smooth_shading=True)
        for leak in leaks:
            marks = pyvista.PolyData(np.asarray(leak.points)).glyph(
                geom=pyvista.Sphere(radius=0.7), orient=False, scale=False
            )
            plotter.add_mesh(marks, color=CLASS_COLORS[leak.leak_class])

    total = sum(leak.volume_ml for leak in leaks)
    figure, axes = new_figure(1, 2)
    for place, view, side in zip(
        axes, (POSTERIOR_LEFT, ANTERIOR_RIGHT), ("behind and left", "the front and right"), strict=True
    ):
        what = f"{total:.3f} ml leaked" if leaks else "no cement left the body"
        show(place, render(draw, view, mesh.points), f"{what}, from {side}")
    marks = [
        Line2D(
            [],
            [],
            marker="o",
            linestyle="",
            color=CLASS_COLORS[leak.leak_class],
            label=f"{words(leak.site)} ({words(leak.leak_class)}): {leak.volume_ml:.3f} ml",
        )
        for leak in leaks
    ]
    if marks:
        figure.legend(handles=marks, loc="outside lower center", ncols=3, frameon=False)
    return save(figure, path)


def plot_history(
    time_s: ArrayLike,
    tip_kpa: ArrayLike,
    syringe_kpa: ArrayLike,
    injected_ml: ArrayLike,
    stored_ml: ArrayLike,
    leaked_ml: ArrayLike,
    path: Path,
) -> Path:
    """Pressure at the tip and in the syringe, and cement injected, stored and leaked, against time.

    The arguments are (times,) each; the pressures stand on a logarithmic scale where they differ by more than 30.
    """
    figure = Figure(figsize=(8.0, 6.0), layout="constrained", facecolor="white")
    pressure, volume = figure.subplots(2, 1, sharex=True)
    pressure.plot(time_s, syringe_kpa, color=LINE_COLORS["syringe"], label="syringe")
    pressure.plot(time_s, tip_kpa, color=LINE_COLORS["tip"], linestyle="--", label="needle tip")
    positive = np.concatenate([np.ravel(tip_kpa), np.ravel(syringe_kpa)])
    positive = positive[positive > 0.0]
    if positive.size and positive.max() > 30.0 * positive.min():
        pressure.set_yscale("log")
    pressure.set_ylabel("pressure [kPa]")
    volume.plot(time_s, injected_ml, color=LINE_COLORS["injected"], label="injected")
    volume.plot(time_s, stored_ml, color=LINE_COLORS["stored"], linestyle="--", label="in the body")
    volume.plot(time_s, leaked_ml, color=LINE_COLORS["leaked"], linestyle=":", linewidth=2.5, label="leaked")
    volume.set_ylabel("cement [ml]")
    volume.set_xlabel("time since the start of the injection [s]")
    for axes in (pressure, volume):
        axes.grid(color="#DDDDDD")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
    return save(figure, path)


def cement_surface(mesh: TetMesh, saturation: ArrayLike, spacing: float = 0.6) -> pyvista.PolyData:
    """Closed surface around the region with a saturation above one half.

    Cell values are sampled on a grid of ``spacing`` mm and smoothed by a Gaussian of 1.5 grid steps, so that single
    cells do not show: made for the eye.
    """
    grid = volume_of(mesh, {"saturation": saturation})
    low = mesh.points.min(axis=0) - 6.0 * spacing
    size = np.ceil((mesh.points.max(axis=0) + 6.0 * spacing - low) / spacing).astype(int) + 1
    image = pyvista.ImageData(dimensions=size, spacing=[spacing] * 3, origin=low).sample(grid)
    sampled = image["saturation"].reshape(size, order="F")
    image["saturation"] = gaussian_filter(sampled, 1.5).ravel(order="F")
    return image.contour([0.5], scalars="saturation")


def _fill_panel(mesh: TetMesh, snapshot: Snapshot, needle: NeedlePose) -> Panel:
    cement = cement_surface(mesh, snapshot.saturation)
    length = float(np.linalg.norm(np.ptp(mesh.points, axis=0)))

    def draw(plotter: pyvista.Plotter) -> None:
        plotter.add_mesh(surface_of(mesh), color=BONE_COLOR, opacity=0.35, smooth_shading=True, culling="back")
        if cement.n_cells:
            plotter.add_mesh(cement, color=CEMENT_COLOR, smooth_shading=True)
        tube = pyvista.Cylinder(
            center=needle.tip - 0.5 * length * needle.direction,
            direction=needle.direction,
            radius=0.5 * needle.diameter,
            height=length,
        )
        plotter.add_mesh(tube, color=NEEDLE_COLOR)

    return render(draw, POSTERIOR_LEFT, mesh.points)


def _clock(snapshot: Snapshot) -> str:
    minutes, seconds = divmod(round(snapshot.time_s), 60)
    return f"{minutes}:{seconds:02d} min, {snapshot.injected_ml:.2f} ml injected"
