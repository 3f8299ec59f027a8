"""The pictures of a case, drawn off-screen from plain arrays in the anatomical frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from textwrap import fill

import numpy as np
import pyvista
from matplotlib import colormaps
from matplotlib.artist import Artist
from matplotlib.colors import to_hex
from matplotlib.patches import Patch
from numpy.typing import ArrayLike, NDArray

from experiments.pictures.cross_sections import ScannedBody, Section
from experiments.pictures.lattice import Lattice
from experiments.pictures.scene import (
    ANTERIOR_ABOVE,
    ANTERIOR_RIGHT,
    AXIAL,
    POSTERIOR_LEFT,
    Inclusions,
    add_bone,
    add_inclusions,
    explain,
    filled_panel,
    inclusion_bodies,
    inclusion_handles,
    new_figure,
    opening_parts,
    outline_of,
    render,
    save,
    show,
)
from experiments.pictures.style import (
    BONE_COLOR,
    CLASS_COLORS,
    OTHER_REGION_COLOR,
    REGION_COLORS,
    TIME_MAP,
    VEIN_COLOR,
    pale,
    visible,
)
from experiments.pictures.veins import shown_cement, vein_tubes
from experiments.results.finished_case import NeedlePose, Snapshot
from experiments.results.grids import surface_of
from experiments.results.open_sites import OpenSite
from experiments.results.vein_cement import VeinCement
from experiments.results.wording import NOTHING_LEAKED, leaked, words
from meshes.leak_sites import LEAK_SITES
from meshes.tetmesh import TetMesh
from meshes.vein_network import VeinNetwork

FloatArray = NDArray[np.float64]

BOTH_SIDES = ((POSTERIOR_LEFT, "behind, left and above"), (ANTERIOR_RIGHT, "the front, right and below"))
"""Two views that show every side of the body, and how titles call them."""

PALE_CEMENT = "#999999"
"""Colour of cement where colours tell leaks apart."""

EXIT_RADIUS = 1.0
"""mm of the ball at the end of a vein that leaves the bone."""

REMARK_WIDTH = 110
"""Characters in a line above two panels."""

FRONT_GAP = 0.1
"""mm, at most, by which a front is drawn inside of the next one: two at one place would show as speckles of both."""


def draw_mesh(mesh: TetMesh, path: Path, veins: VeinNetwork | None = None, remark: str = "") -> Path:
    """The surface with its named facet regions and the ends of veins at it, from both sides; a remark on them above."""

    def draw(plotter: pyvista.Plotter) -> None:
        for name, facets in mesh.facet_regions.items():
            color = REGION_COLORS.get(name, OTHER_REGION_COLOR)
            part = surface_of(mesh, facets)
            plotter.add_mesh(part, color=color, show_edges=True, edge_color="#444444", line_width=1.0, ambient=0.2)
        if veins is not None:
            for node in veins.exit_sites:
                plotter.add_mesh(_exit(veins, node), color=VEIN_COLOR, smooth_shading=True)

    figure, axes = new_figure(1, 2)
    for place, (view, side) in zip(axes, BOTH_SIDES, strict=True):
        show(place, render(draw, view, mesh.points), f"{len(mesh.cells)} tetrahedra, from {side}")
    patches = [
        Patch(color=REGION_COLORS.get(name, OTHER_REGION_COLOR), label=words(name)) for name in mesh.facet_regions
    ]
    if veins is not None:
        patches.append(Patch(color=VEIN_COLOR, label="end of a vein"))
    if remark:
        figure.suptitle(remark, fontsize="medium", parse_math=False)
    figure.legend(handles=patches, loc="outside lower center", ncols=5, frameon=False)
    return save(figure, path)


def draw_fill_front(
    mesh: TetMesh,
    lattice: Lattice,
    snapshots: Sequence[Snapshot],
    needles: Sequence[NeedlePose],
    path: Path,
    inclusions: Inclusions | None = None,
    veins: VeinNetwork | None = None,
    remark: str = "",
) -> Path:
    """The cement in the translucent body at one to four times, two of them in a row, with needles and inclusions.

    A remark on the veins stands above all.
    """
    columns = min(len(snapshots), 2)
    figure, axes = new_figure(math.ceil(len(snapshots) / columns), columns)
    bodies = inclusion_bodies(lattice, inclusions or {}, veins)
    for place, snapshot in zip(axes, snapshots, strict=False):
        cement = shown_cement(lattice, snapshot.saturation, snapshot.in_veins)
        show(place, filled_panel(mesh, cement, needles, bodies), snapshot.clock)
    for place in axes[len(snapshots) :]:
        place.set_axis_off()
    if remark:
        figure.suptitle(remark, fontsize="medium", parse_math=False)
    explain(figure, inclusion_handles(bodies))
    return save(figure, path)


def draw_filled(
    mesh: TetMesh,
    lattice: Lattice,
    saturation: ArrayLike,
    title: str,
    path: Path,
    inclusions: Inclusions | None = None,
    veins: VeinNetwork | None = None,
) -> Path:
    """The cement in the translucent body, with inclusions and veins."""
    figure, (axes,) = new_figure()
    bodies = inclusion_bodies(lattice, inclusions or {}, veins)
    show(axes, filled_panel(mesh, lattice.cement_surface(saturation), [], bodies), title)
    explain(figure, inclusion_handles(bodies))
    return save(figure, path)


def draw_veins(mesh: TetMesh, veins: VeinNetwork, remark: str, path: Path) -> Path:
    """The veins in the translucent body, in their own calibre, their exits coloured by clinical class.

    Args:
        mesh: the body.
        veins: in it.
        remark: what is to be said of them; stands above all.
        path: PNG to write.
    """
    classes = {LEAK_SITES[site].leak_class for site in veins.exit_sites.values()}

    def draw(plotter: pyvista.Plotter) -> None:
        add_bone(plotter, mesh)
        plotter.add_mesh(vein_tubes(veins), color=VEIN_COLOR, smooth_shading=True)
        for node, site in veins.exit_sites.items():
            color = visible(CLASS_COLORS[LEAK_SITES[site].leak_class])
            plotter.add_mesh(_exit(veins, node), color=color, smooth_shading=True)

    figure, axes = new_figure(1, 2)
    views = ((AXIAL, "below"), (ANTERIOR_ABOVE, "the front and above"))
    for place, (view, side) in zip(axes, views, strict=True):
        show(place, render(draw, view, mesh.points), f"veins in the body, from {side}")
    figure.suptitle(fill(remark, REMARK_WIDTH), fontsize="medium", parse_math=False)
    ends = [Patch(color=visible(CLASS_COLORS[name]), label=f"exit: {words(name)}") for name in sorted(classes)]
    explain(figure, [Patch(color=VEIN_COLOR, label="vein"), *ends])
    return save(figure, path)


def draw_leaks(
    mesh: TetMesh,
    lattice: Lattice,
    sites: Sequence[OpenSite],
    path: Path,
    saturation: ArrayLike | None = None,
    inclusions: Inclusions | None = None,
    veins: VeinNetwork | None = None,
    in_veins: VeinCement | None = None,
    remark: str = "",
) -> Path:
    """Where cement can leave the body and where it did, coloured by clinical class.

    Args:
        mesh: the body.
        lattice: of the mesh.
        sites: open parts of the wall: full where cement left, pale elsewhere.
        path: PNG to write.
        saturation: (cells,) of cement to show inside the body.
        inclusions: bodies to show inside.
        veins: in the body, to show inside.
        in_veins: cement in them.
        remark: what is to be said beside the leaks; stands above all.
    """
    cement = pyvista.PolyData() if saturation is None else shown_cement(lattice, saturation, in_veins)
    bodies = inclusion_bodies(lattice, inclusions or {}, veins)
    closed = np.ones(len(mesh.facets), dtype=bool)
    for site in sites:
        closed[site.facets] = False

    def draw(plotter: pyvista.Plotter) -> None:
        add_bone(plotter, mesh, np.flatnonzero(closed))
        add_inclusions(plotter, bodies)
        if cement.n_cells:
            plotter.add_mesh(cement, color=PALE_CEMENT, opacity=0.6, smooth_shading=True)
        for site in sites:
            for part, shade in opening_parts(mesh, site, visible(CLASS_COLORS[site.leak_class])):
                plotter.add_mesh(part, color=shade, lighting=False)

    total = sum(site.leaked_ml for site in sites if leaked(site.leaked_ml))
    what = f"{total:.3f} ml leaked" if total > 0.0 else NOTHING_LEAKED
    figure, axes = new_figure(1, 2)
    for place, (view, side) in zip(axes, BOTH_SIDES, strict=True):
        show(place, render(draw, view, mesh.points), f"{what}, from {side}")
    if remark:
        figure.suptitle(remark, fontsize="medium", parse_math=False)
    wet_first = sorted(sites, key=lambda site: leaked(site.leaked_ml), reverse=True)
    inside = [Patch(color=PALE_CEMENT, label="cement in the body")] if cement.n_cells else []
    explain(figure, [*(_site_handle(site) for site in wet_first), *inside, *inclusion_handles(bodies)])
    return save(figure, path)


def draw_front_times(
    body: ScannedBody,
    fronts: Sequence[tuple[str, FloatArray]],
    place: FloatArray,
    path: Path,
    veins: VeinNetwork | None = None,
    remark: str = "",
) -> Path:
    """The cement at several times, one inside the other, cut open, and as lines over the CT.

    Args:
        body: the body and its CT.
        fronts: when, and the (x, y, z) distance to the front on the body's lattice, in the order of time. Of those
            at the same place, the lines show the earliest.
        place: (3,) mm, a point of the axial plane above which bodies are cut away.
        path: PNG to write.
        veins: in the body.
        remark: what is to be said of the veins; stands above all.
    """
    colors = time_colors(len(fronts))
    surfaces = [
        body.lattice.contour(distance, later * np.clip(0.5 * distance.max() / len(fronts), 0.0, FRONT_GAP))
        for later, (_, distance) in zip(reversed(range(len(fronts))), fronts, strict=True)
    ]

    def below(surface: pyvista.PolyData) -> pyvista.PolyData:
        return surface.clip(normal="z", origin=place) if surface.n_cells else surface

    def draw(plotter: pyvista.Plotter) -> None:
        wall = below(surface_of(body.mesh))
        plotter.add_mesh(wall, color=BONE_COLOR, opacity=0.35, smooth_shading=True, culling="back")
        plotter.add_mesh(outline_of(wall), color=BONE_COLOR)
        for surface, color in zip(surfaces, colors, strict=True):
            half = below(surface)
            if half.n_cells:
                plotter.add_mesh(half, color=color, smooth_shading=True)
                plotter.add_mesh(outline_of(half), color=color, lighting=False)
        if veins is not None:
            plotter.add_mesh(below(vein_tubes(veins)), color=VEIN_COLOR, smooth_shading=True)

    figure, axes = new_figure(1, 2)
    show(axes[0], render(draw, ANTERIOR_ABOVE, body.mesh.points), "cut open, from the front and above")
    section = Section.of(body.mesh, "axial", place)
    show(axes[1], section.panel(body), section.title)
    handles = [Patch(color=color, label=label) for (label, _), color in zip(fronts, colors, strict=True)]
    if veins is not None:
        section.draw_veins(axes[1], veins)
        handles.append(Patch(color=VEIN_COLOR, label="veins"))
    for (_, distance), color in reversed(list(zip(fronts, colors, strict=True))):
        section.draw_line(axes[1], body.lattice, distance, 0.0, color)
    if remark:
        figure.suptitle(remark, fontsize="medium", parse_math=False)
    figure.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False)
    return save(figure, path)


def time_colors(count: int) -> list[str]:
    """Colours of so many times, the first dark and the last bright; a single one is the last."""
    return [to_hex(color) for color in colormaps[TIME_MAP](np.linspace(0.95, 0.1, count)[::-1])]


def _exit(veins: VeinNetwork, node: int) -> pyvista.PolyData:
    """A ball at the end of a vein."""
    return pyvista.Sphere(radius=EXIT_RADIUS, center=veins.nodes[node])


def _site_handle(site: OpenSite) -> Artist:
    color, name = visible(CLASS_COLORS[site.leak_class]), f"{words(site.site)} ({words(site.leak_class)})"
    if leaked(site.leaked_ml):
        return Patch(color=color, label=f"{name}: {site.leaked_ml:.3f} ml")
    return Patch(facecolor=pale(color), edgecolor=color, linewidth=1.5, label=f"{name}: open, {NOTHING_LEAKED}")
