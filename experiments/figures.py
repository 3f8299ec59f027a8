"""The pictures of a case, drawn off-screen from plain arrays in the anatomical frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyvista
from numpy.typing import ArrayLike, NDArray

from experiments.scene import (
    AXIAL,
    OBLIQUE_ANTERIOR,
    OBLIQUE_POSTERIOR,
    SAGITTAL,
    bounds_of,
    finish_panel,
    new_plotter,
    save,
    surface_of,
    volume_of,
)
from experiments.style import (
    BONE_COLOR,
    CEMENT_COLOR,
    CLASS_COLORS,
    DENSITY_MAP,
    FONT_SIZE,
    LINE_COLORS,
    NEEDLE_COLOR,
    OTHER_REGION_COLOR,
    REGION_COLORS,
    TEXT_COLOR,
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
    """The surface with its named facet regions, from behind and from the front, above."""
    plotter = new_plotter(1, 2)
    for column, view in enumerate((OBLIQUE_POSTERIOR, OBLIQUE_ANTERIOR)):
        plotter.subplot(0, column)
        legend = []
        for name, facets in mesh.facet_regions.items():
            color = REGION_COLORS.get(name, OTHER_REGION_COLOR)
            part = surface_of(mesh).extract_cells(facets)
            plotter.add_mesh(part, color=color, show_edges=True, edge_color="#444444", line_width=0.5, ambient=0.2)
            legend.append([words(name), color])
        side = "behind" if column == 0 else "the front"
        if column == 1:
            plotter.add_legend(
                legend, bcolor="white", border=False, face="rectangle", size=(0.34, 0.26), loc="lower left"
            )
        finish_panel(plotter, view, bounds_of(mesh), f"{len(mesh.cells)} tetrahedra, from {side} and above")
    return save(plotter, path)


def draw_density(mesh: TetMesh, density: ArrayLike, path: Path) -> Path:
    """Bone mineral density in the midsagittal and the axial section through the origin.

    Args:
        mesh: the body.
        density: (cells,) in mg/cm3.
        path: PNG to write.
    """
    grid = volume_of(mesh, {"density": density})
    low, high = np.percentile(np.asarray(density), [1.0, 99.0])
    plotter = new_plotter(1, 2)
    for column, (view, normal, name) in enumerate(((SAGITTAL, "x", "midsagittal"), (AXIAL, "z", "axial"))):
        plotter.subplot(0, column)
        section = grid.slice(normal=normal, origin=(0.0, 0.0, 0.0))
        plotter.add_mesh(
            section,
            scalars="density",
            cmap=DENSITY_MAP,
            clim=(low, high),
            lighting=False,
            show_scalar_bar=column == 0,
            scalar_bar_args=_bar("bone mineral density [mg/cm³]"),
        )
        finish_panel(plotter, view, bounds_of(mesh), f"{name} section")
    return save(plotter, path)


def draw_fill_front(mesh: TetMesh, snapshots: Sequence[Snapshot], needle: NeedlePose, path: Path) -> Path:
    """The cement in the translucent body at up to four times, in two rows."""
    plotter = new_plotter(2, 2)
    for index, snapshot in enumerate(snapshots[:4]):
        plotter.subplot(index // 2, index % 2)
        _add_fill(plotter, mesh, snapshot, needle)
    return save(plotter, path)


def draw_filled(mesh: TetMesh, snapshot: Snapshot, needle: NeedlePose, path: Path) -> Path:
    """The cement in the translucent body at one time."""
    plotter = new_plotter()
    _add_fill(plotter, mesh, snapshot, needle)
    return save(plotter, path)


def draw_leaks(mesh: TetMesh, leaks: Sequence[LeakMark], path: Path, snapshot: Snapshot | None = None) -> Path:
    """Where cement left the body, coloured by clinical class.

    Args:
        mesh: the body.
        leaks: sites through which cement left; empty when none did.
        path: PNG to write.
        snapshot: cement to show inside the body.
    """
    plotter = new_plotter(1, 2)
    for column, view in enumerate((OBLIQUE_POSTERIOR, OBLIQUE_ANTERIOR)):
        plotter.subplot(0, column)
        plotter.add_mesh(surface_of(mesh), color=BONE_COLOR, opacity=0.3, smooth_shading=True)
        if snapshot is not None and (cement := cement_surface(mesh, snapshot.saturation)).n_cells:
            plotter.add_mesh(cement, color="#999999", opacity=0.5, smooth_shading=True)
        legend = []
        for leak in leaks:
            color = CLASS_COLORS[leak.leak_class]
            marks = pyvista.PolyData(np.asarray(leak.points)).glyph(
                geom=pyvista.Sphere(radius=0.7), orient=False, scale=False
            )
            plotter.add_mesh(marks, color=color)
            legend.append([f"{words(leak.site)}: {leak.volume_ml:.3f} ml ({words(leak.leak_class)})", color])
        if legend and column == 0:
            size = (0.62, 0.045 * len(legend) + 0.02)
            plotter.add_legend(legend, bcolor="white", border=False, face="circle", size=size, loc="upper center")
        total = sum(leak.volume_ml for leak in leaks)
        side = "behind" if column == 0 else "the front"
        title = f"{total:.3f} ml leaked, from {side}" if leaks else f"no cement left the body, from {side}"
        finish_panel(plotter, view, bounds_of(mesh), title)
    return save(plotter, path)


def plot_history(
    time_s: ArrayLike,
    tip_kpa: ArrayLike,
    syringe_kpa: ArrayLike,
    injected_ml: ArrayLike,
    stored_ml: ArrayLike,
    leaked_ml: ArrayLike,
    path: Path,
) -> Path:
    """Pressure at the tip and in the syringe, and cement injected, stored and leaked, against time."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.0, 6.0), layout="constrained")
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
    figure.savefig(path, dpi=150, facecolor="white")
    return path


def cement_surface(mesh: TetMesh, saturation: ArrayLike) -> pyvista.PolyData:
    """Surface of the region with a saturation above one half.

    Cell values are averaged to the points by VTK; the surface is smoothed by Taubin's filter for the eye, and is no
    measure of volume.
    """
    grid = volume_of(mesh, {"saturation": saturation}).cell_data_to_point_data()
    surface = grid.clip_scalar("saturation", value=0.5, invert=False).extract_surface(algorithm="dataset_surface")
    return surface.triangulate().clean().smooth_taubin(n_iter=20) if surface.n_cells else surface


def _add_fill(plotter: pyvista.Plotter, mesh: TetMesh, snapshot: Snapshot, needle: NeedlePose) -> None:
    plotter.add_mesh(surface_of(mesh), color=BONE_COLOR, opacity=0.3, smooth_shading=True)
    cement = cement_surface(mesh, snapshot.saturation)
    if cement.n_cells:
        plotter.add_mesh(cement, color=CEMENT_COLOR, smooth_shading=True)
    bounds = bounds_of(mesh)
    length = 0.9 * float(np.linalg.norm(bounds[:, 1] - bounds[:, 0]))
    tube = pyvista.Cylinder(
        center=needle.tip - 0.5 * length * needle.direction,
        direction=needle.direction,
        radius=0.5 * needle.diameter,
        height=length,
    )
    plotter.add_mesh(tube, color=NEEDLE_COLOR, smooth_shading=False)
    minutes, seconds = divmod(round(snapshot.time_s), 60)
    title = f"{minutes}:{seconds:02d} min, {snapshot.injected_ml:.2f} ml injected"
    finish_panel(plotter, OBLIQUE_POSTERIOR, bounds, title)


def _bar(title: str) -> dict[str, object]:
    return {
        "title": title,
        "color": TEXT_COLOR,
        "title_font_size": FONT_SIZE + 2,
        "label_font_size": FONT_SIZE,
        "fmt": "%.0f",
        "width": 0.6,
        "position_x": 0.05,
        "position_y": 0.03,
        "n_labels": 5,
    }
