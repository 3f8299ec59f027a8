"""The pictures of a case, drawn off-screen from plain arrays in the anatomical frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pyvista
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import ArrayLike, NDArray

from experiments.pictures.scene import (
    ANTERIOR_RIGHT,
    AXIAL,
    POSTERIOR_LEFT,
    SAGITTAL,
    Inclusions,
    NeedlePose,
    add_bone,
    add_inclusions,
    cement_surface,
    explain,
    filled_panel,
    inclusion_bodies,
    inclusion_handles,
    new_figure,
    outline_of,
    pale,
    render,
    save,
    show,
    surface_of,
    volume_of,
)
from experiments.pictures.style import (
    CLASS_COLORS,
    DENSITY_MAP,
    LINE_COLORS,
    OTHER_REGION_COLOR,
    REGION_COLORS,
    words,
)
from fem.walls import LEAK_CLASSES
from meshes.tetmesh import TetMesh

LEAST_SHOWN_LEAK = 0.0005
"""ml of cement above which a site has a line in the history: what rounds to the last digit that pictures show."""

Dash = Literal["-", "--", ":", "-."]

DASHES: tuple[Dash, ...] = ("-", "--", ":", "-.")
"""Line styles of the needles, or of the sites of one class, in their order."""

PRESSURE_NAMES = {"syringe": "syringe", "tip": "needle tip"}
"""Pressure, a key of :data:`experiments.pictures.style.LINE_COLORS`, -> its name in the legend."""


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

    @property
    def clock(self) -> str:
        """Time and volume as a title."""
        minutes, seconds = divmod(round(self.time_s), 60)
        return f"{minutes}:{seconds:02d} min, {self.injected_ml:.2f} ml injected"


@dataclass(frozen=True)
class LeakMark:
    """Cement that left through one site.

    Attributes:
        site: name of the site.
        leak_class: its clinical class, a key of :data:`experiments.pictures.style.CLASS_COLORS`.
        volume_ml: cement that left.
        points: (n, 3) where it left, in mm.
    """

    site: str
    leak_class: str
    volume_ml: float
    points: NDArray[np.float64]


@dataclass(frozen=True)
class SiteOpening:
    """A part of the wall through which cement can leave, whether it does or not.

    Attributes:
        site: name of the site.
        leak_class: its clinical class, a key of :data:`experiments.pictures.style.CLASS_COLORS`.
        facets: rows of ``mesh.facets`` that are open.
    """

    site: str
    leak_class: str
    facets: NDArray[np.int64]


def draw_mesh(mesh: TetMesh, path: Path) -> Path:
    """The surface with its named facet regions, from both sides."""

    def draw(plotter: pyvista.Plotter) -> None:
        for name, facets in mesh.facet_regions.items():
            color = REGION_COLORS.get(name, OTHER_REGION_COLOR)
            part = surface_of(mesh, facets)
            plotter.add_mesh(part, color=color, show_edges=True, edge_color="#444444", line_width=1.0, ambient=0.2)

    figure, axes = new_figure(1, 2)
    for place, view, side in zip(
        axes, (POSTERIOR_LEFT, ANTERIOR_RIGHT), ("behind, left and above", "the front, right and below"), strict=True
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


def draw_fill_front(
    mesh: TetMesh,
    snapshots: Sequence[Snapshot],
    needles: Sequence[NeedlePose],
    path: Path,
    inclusions: Inclusions | None = None,
) -> Path:
    """The cement in the translucent body at up to four times, in two rows, with needles and inclusions."""
    figure, axes = new_figure(2, 2)
    bodies = inclusion_bodies(mesh, inclusions or {})
    for place, snapshot in zip(axes, snapshots, strict=False):
        show(place, filled_panel(mesh, snapshot.saturation, needles, bodies), snapshot.clock)
    for place in axes[len(snapshots) :]:
        place.set_axis_off()
    explain(figure, inclusion_handles(bodies))
    return save(figure, path)


def draw_filled(
    mesh: TetMesh,
    saturation: NDArray[np.float64],
    title: str,
    needles: Sequence[NeedlePose],
    path: Path,
    inclusions: Inclusions | None = None,
) -> Path:
    """The cement in the translucent body, with needles and inclusions."""
    figure, (axes,) = new_figure()
    bodies = inclusion_bodies(mesh, inclusions or {})
    show(axes, filled_panel(mesh, saturation, needles, bodies), title)
    explain(figure, inclusion_handles(bodies))
    return save(figure, path)


def draw_leaks(
    mesh: TetMesh,
    leaks: Sequence[LeakMark],
    path: Path,
    snapshot: Snapshot | None = None,
    openings: Sequence[SiteOpening] = (),
    inclusions: Inclusions | None = None,
) -> Path:
    """Where cement can leave the body and where it did, coloured by clinical class.

    Args:
        mesh: the body.
        leaks: sites through which cement left; empty when none did.
        path: PNG to write.
        snapshot: cement to show inside the body.
        openings: open parts of the wall, one for each site: full where the site leaks, pale elsewhere. Leaks of sites
            that are not among them show as balls at their points.
        inclusions: bodies to show inside.
    """
    cement = cement_surface(mesh, snapshot.saturation) if snapshot is not None else pyvista.PolyData()
    bodies = inclusion_bodies(mesh, inclusions or {})
    leaking, walled = {leak.site for leak in leaks}, {opening.site for opening in openings}
    closed = np.ones(len(mesh.facets), dtype=bool)
    for opening in openings:
        closed[opening.facets] = False

    def draw(plotter: pyvista.Plotter) -> None:
        add_bone(plotter, mesh, np.flatnonzero(closed))
        add_inclusions(plotter, bodies)
        if cement.n_cells:
            plotter.add_mesh(cement, color="#999999", opacity=0.6, smooth_shading=True)
        for opening in openings:
            part, color = surface_of(mesh, opening.facets), CLASS_COLORS[opening.leak_class]
            plotter.add_mesh(part, color=color if opening.site in leaking else pale(color), lighting=False)
            plotter.add_mesh(outline_of(part), color=color, lighting=False)
        for leak in leaks:
            if leak.site in walled:
                continue
            marks = pyvista.PolyData(np.asarray(leak.points)).glyph(
                geom=pyvista.Sphere(radius=0.7), orient=False, scale=False
            )
            plotter.add_mesh(marks, color=CLASS_COLORS[leak.leak_class])

    total = sum(leak.volume_ml for leak in leaks)
    figure, axes = new_figure(1, 2)
    for place, view, side in zip(
        axes, (POSTERIOR_LEFT, ANTERIOR_RIGHT), ("behind, left and above", "the front, right and below"), strict=True
    ):
        what = f"{total:.3f} ml leaked" if leaks else "no cement left the body"
        show(place, render(draw, view, mesh.points), f"{what}, from {side}")
    explain(
        figure,
        [
            *(_leak_handle(leak, leak.site in walled) for leak in leaks),
            *(_dry_handle(opening) for opening in openings if opening.site not in leaking),
            *inclusion_handles(bodies),
        ],
    )
    return save(figure, path)


def plot_history(
    time_s: ArrayLike,
    tip_kpa: Mapping[str, ArrayLike],
    syringe_kpa: Mapping[str, ArrayLike],
    rate_ml_per_min: Mapping[str, ArrayLike],
    injected_ml: ArrayLike,
    stored_ml: ArrayLike,
    leaked_ml: Mapping[str, ArrayLike],
    path: Path,
) -> Path:
    """Pressure and rate of each needle, cement injected, stored and leaked, and the leak at each site, against time.

    All series are (times,). Pressures have a gap while nothing is injected and stand on a logarithmic scale where they
    differ by more than 30; the leaks have their own panel if any site leaked.

    Args:
        time_s: since the start of the injection.
        tip_kpa: needle -> pressure at its tip.
        syringe_kpa: needle -> pressure in its syringe.
        rate_ml_per_min: needle -> rate.
        injected_ml: cement that has left the needles.
        stored_ml: cement in the body.
        leaked_ml: site -> cement that has left there.
        path: PNG to write.
    """
    by_site = {site: np.asarray(leak, dtype=float) for site, leak in leaked_ml.items()}
    leaks = {site: leak for site, leak in by_site.items() if leak.max(initial=0.0) > LEAST_SHOWN_LEAK}
    heights = [3.0, 1.5, 2.5, 2.0] if leaks else [3.0, 1.5, 2.5]
    figure = Figure(figsize=(8.0, sum(heights)), layout="constrained", facecolor="white")
    panels = list(figure.subplots(len(heights), 1, sharex=True, height_ratios=heights))
    pressure, rate, volume = panels[:3]
    dashes = {needle: DASHES[number % len(DASHES)] for number, needle in enumerate(tip_kpa)}
    _plot_pressures(pressure, time_s, {"syringe": syringe_kpa, "tip": tip_kpa}, dashes)
    for needle, series in rate_ml_per_min.items():
        rate.step(time_s, series, where="post", color=LINE_COLORS["injected"], linestyle=dashes[needle], label=needle)
    rate.set_ylim(bottom=0.0)
    rate.set_ylabel("rate [ml/min]")
    total = np.sum([np.zeros(np.shape(time_s)), *by_site.values()], axis=0)
    volume.plot(time_s, injected_ml, color=LINE_COLORS["injected"], label="injected")
    volume.plot(time_s, stored_ml, color=LINE_COLORS["stored"], linestyle="--", label="in the body")
    volume.plot(time_s, total, color=LINE_COLORS["leaked"], linestyle=":", linewidth=2.5, label="leaked")
    volume.set_ylabel("cement [ml]")
    volume.legend(frameon=False)
    if leaks:
        _plot_leaks(panels[3], time_s, leaks)
    for axes in panels:
        axes.grid(color="#DDDDDD")
        axes.spines[["top", "right"]].set_visible(False)
    panels[-1].set_xlabel("time since the start of the injection [s]")
    return save(figure, path)


def _leak_handle(leak: LeakMark, walled: bool) -> Artist:
    color = CLASS_COLORS[leak.leak_class]
    label = f"{words(leak.site)} ({words(leak.leak_class)}): {leak.volume_ml:.3f} ml"
    return Patch(color=color, label=label) if walled else Line2D([], [], marker="o", ls="", color=color, label=label)


def _dry_handle(opening: SiteOpening) -> Artist:
    color = CLASS_COLORS[opening.leak_class]
    label = f"{words(opening.site)} ({words(opening.leak_class)}): open, no leak"
    return Patch(facecolor=pale(color), edgecolor=color, linewidth=1.5, label=label)


def _plot_pressures(
    axes: Axes, time_s: ArrayLike, pressures: Mapping[str, Mapping[str, ArrayLike]], dashes: Mapping[str, Dash]
) -> None:
    """Colours tell the quantities, a key of ``LINE_COLORS`` each, and line styles the needles."""
    shown = []
    for quantity, needles in pressures.items():
        for needle, series in needles.items():
            values = np.array(series, dtype=float)
            values[values == 0.0] = np.nan
            axes.plot(time_s, values, color=LINE_COLORS[quantity], linestyle=dashes[needle])
            shown.append(values[values > 0.0])
    positive = np.concatenate(shown) if shown else np.empty(0)
    if positive.size and positive.max() > 30.0 * positive.min():
        axes.set_yscale("log")
    axes.set_ylabel("pressure [kPa]")
    handles = [Line2D([], [], color=LINE_COLORS[quantity], label=PRESSURE_NAMES[quantity]) for quantity in pressures]
    if len(dashes) > 1:
        handles += [Line2D([], [], color="black", linestyle=dash, label=needle) for needle, dash in dashes.items()]
    axes.legend(handles=handles, frameon=False)


def _plot_leaks(axes: Axes, time_s: ArrayLike, leaks: Mapping[str, NDArray[np.float64]]) -> None:
    class_of = {site: name for name, sites in LEAK_CLASSES.items() for site in sites}
    drawn: list[str] = []
    for site, leak in leaks.items():
        leak_class = class_of.get(site, site)
        dash = DASHES[drawn.count(leak_class) % len(DASHES)]
        drawn.append(leak_class)
        label = f"{words(site)} ({words(leak_class)})"
        axes.plot(time_s, leak, color=CLASS_COLORS[leak_class], linestyle=dash, label=label)
    axes.set_ylabel("leaked [ml]")
    axes.legend(frameon=False)
