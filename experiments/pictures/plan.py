"""Pictures of a plan before anything is injected: needles, what lies in the body, and the openings, over the CT."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyvista
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Polygon
from numpy.typing import NDArray

from experiments.model.needle_paths import NeedlePath
from experiments.pictures.cross_sections import LINE_HALO, NEAR, PANEL, PLANES, ScannedBody, Section, tube_outline
from experiments.pictures.lattice import Lattice
from experiments.pictures.measured import BODY_COLOR
from experiments.pictures.scene import (
    ANTERIOR_ABOVE,
    POSTERIOR_LEFT,
    InclusionBody,
    Inclusions,
    explain,
    inclusion_bodies,
    inclusion_handles,
    new_figure,
    render,
    save,
    show,
)
from experiments.pictures.static_bodies import ARCH, BONE, Body, arch_body, bone_bodies, needle_bodies
from experiments.pictures.style import BONE_COLOR, CLASS_COLORS, NEEDLE_COLOR, VEIN_COLOR, visible
from experiments.results.finished_case import NeedlePose
from experiments.results.grids import surface_of
from experiments.results.open_sites import OpenSite
from experiments.results.wording import words
from meshes.tetmesh import TetMesh
from meshes.vein_network import VeinNetwork
from meshes.vertebra import Vertebra
from meshes.voxel_surface import voxel_surface

FloatArray = NDArray[np.float64]

SHAFT = 30.0
"""mm behind the entry into the body that sections show of a needle: the pedicle and the processes behind it."""

TRACK = "needle_track"
"""The opening that a needle makes itself; the needle stands for it."""


@dataclass(frozen=True)
class Plan:
    """What is planned in a body.

    Attributes:
        body: the body and its CT.
        arch: surface of the rest of the vertebra in mm of the anatomical frame; empty where the mask shows none.
        needles: the way of each needle.
        inclusions: lesions, clefts, cavities and cement that is there already.
        sites: where cement can leave.
        veins: in the body; None without a network.
    """

    body: ScannedBody
    arch: pyvista.PolyData
    needles: tuple[NeedlePath, ...] = ()
    inclusions: Inclusions = field(default_factory=dict)
    sites: tuple[OpenSite, ...] = ()
    veins: VeinNetwork | None = None

    @classmethod
    def of(cls, vertebra: Vertebra, mesh: TetMesh, **planned: Any) -> Plan:
        """A meshed vertebra with what is planned in it, by the names of the attributes."""
        arch = pyvista.PolyData()
        if vertebra.arch.any():
            surface = voxel_surface(vertebra.arch, vertebra.ct, vertebra.frame)
            arch = pyvista.PolyData.from_regular_faces(surface.points, surface.triangles.tolist())
        body = ScannedBody(mesh, Lattice.of(mesh), vertebra.ct, vertebra.frame, vertebra.units)
        return cls(body, arch, **planned)

    @property
    def poses(self) -> list[NeedlePose]:
        """Where the needles lie."""
        return [NeedlePose(path.tip, path.direction, path.outer_diameter) for path in self.needles]

    @cached_property
    def inside(self) -> list[InclusionBody]:
        """The bodies inside of the bone, without veins."""
        return inclusion_bodies(self.body.lattice, self.inclusions)

    @property
    def shown(self) -> FloatArray:
        """(n, 3) mm that sections must show: the body, and the needles as far as the processes."""
        shafts = [path.entry - SHAFT * path.direction for path in self.needles]
        return np.concatenate([self.body.mesh.points, *(shaft[None] for shaft in shafts)])

    @property
    def extent(self) -> FloatArray:
        """(n, 3) mm that scenes must show: the whole vertebra, and the needles."""
        return np.concatenate([self.shown, np.asarray(self.arch.points).reshape(-1, 3)])

    def bodies(self) -> list[Body]:
        """All bodies of a scene."""
        mesh = self.body.mesh
        inside = inclusion_bodies(self.body.lattice, self.inclusions, self.veins)
        openings = [site for site in self.sites if site.site != TRACK]
        lengths = [shaft_length(path) for path in self.needles]
        bone = [*arch_body(self.arch), *bone_bodies(mesh, openings, inside)]
        return [*bone, *needle_bodies(mesh, self.poses, lengths)]


def shaft_length(path: NeedlePath) -> float:
    """Mm of a needle that pictures show from its tip on."""
    return float(np.linalg.norm(path.tip - path.entry)) + SHAFT


def needle_name(path: NeedlePath) -> str:
    """What people call a needle."""
    return f"needle {path.number + 1}, {path.side}"


def draw_plan_sections(plan: Plan, path: Path, needle: NeedlePath | None = None) -> Path:
    """The plan over the CT in three planes through a needle's tip, and in a fourth where its pedicle is narrowest.

    Without a needle the three planes go through the middle of what lies in the body.
    """
    place = _middle(plan) if needle is None else needle.tip
    clearance = None if needle is None else needle.clearance
    figure, axes = new_figure(1, 3, PANEL) if clearance is None else new_figure(2, 2, PANEL)
    for panel, name in zip(axes, PLANES, strict=False):
        section = Section.of(plan.body.mesh, name, place, plan.shown)
        _draw_section(panel, section, plan, section.title)
    if needle is not None and clearance is not None:
        section = Section.of(plan.body.mesh, "coronal", clearance.place, plan.shown)
        _draw_section(axes[-1], section, plan, f"coronal, {bone_left(needle)} of the pedicle")
    if needle is not None:
        narrow = "" if clearance is None else ", and where its pedicle is narrowest"
        figure.suptitle(f"{needle_name(needle)}: through its tip{narrow}")
    explain(figure, _section_legend(plan))
    return save(figure, path)


def draw_plan_bodies(plan: Plan, path: Path) -> Path:
    """The plan in the translucent vertebra, from behind and from the front."""
    bodies = plan.bodies()

    def draw(plotter: pyvista.Plotter) -> None:
        for body in bodies:
            # of translucent bones the near side alone: software rendering mixes the two sides triangle by triangle
            style = body.style | ({"culling": "back"} if body.layer in (BONE, ARCH) else {})
            plotter.add_mesh(body.surface, **style)

    figure, axes = new_figure(1, 2)
    views = ((POSTERIOR_LEFT, "behind, left and above"), (ANTERIOR_ABOVE, "the front and above"))
    for place, (view, side) in zip(axes, views, strict=True):
        show(place, render(draw, view, plan.extent), f"the plan, from {side}")
    handles: list[Artist] = [Patch(facecolor=BONE_COLOR, alpha=0.6, label="bone")]
    handles += [Patch(color=NEEDLE_COLOR, label="needle")] if plan.needles else []
    handles += inclusion_handles(plan.inside)
    handles += [Patch(color=VEIN_COLOR, label="veins")] if plan.veins is not None else []
    explain(figure, [*handles, *_opening_handles(plan.sites)])
    return save(figure, path)


def _draw_section(axes: Axes, section: Section, plan: Plan, title: str) -> None:
    show(axes, section.panel(plan.body), title)
    limits = axes.get_xlim(), axes.get_ylim()
    section.draw_cut(axes, plan.arch, BODY_COLOR, 0.7)
    section.draw_cut(axes, surface_of(plan.body.mesh), BODY_COLOR)
    for body in plan.inside:
        section.draw_cut(axes, body.surface, body.color, 2.0)
    if plan.veins is not None:
        section.draw_veins(axes, plan.veins)
    for site in plan.sites:
        if site.site != TRACK:
            section.draw_cut(axes, surface_of(plan.body.mesh, site.facets), visible(CLASS_COLORS[site.leak_class]), 3.0)
    for needle in plan.needles:
        _draw_needle(axes, section, needle)
    axes.set_xlim(*limits[0])
    axes.set_ylim(*limits[1])


def _draw_needle(axes: Axes, section: Section, needle: NeedlePath) -> None:
    """The whole needle as seen, dashed, and full where its axis lies within its radius of the section."""
    away, centre, radius = PLANES[section.name].axes[2], section.points.mean(axis=(0, 1)), 0.5 * needle.outer_diameter
    shaft = needle.tip - np.linspace(0.0, shaft_length(needle), 400)[:, None] * needle.direction
    seen = section.on_panel(shaft)
    outline = tube_outline(seen[-1], seen[0], radius)
    dashed = Polygon(outline, fill=False, edgecolor="white", linestyle=(0, (4, 2)), linewidth=1.0)
    dashed.set(path_effects=LINE_HALO)
    axes.add_patch(dashed)
    within = seen[np.abs((shaft - centre) @ away) <= radius]
    if len(within):
        part = tube_outline(within[-1], within[0], radius)
        axes.add_patch(Polygon(part, facecolor="white", edgecolor="black", linewidth=0.8, alpha=0.85))


def bone_left(needle: NeedlePath) -> str:
    """How much bone a needle leaves around it in its pedicle, in words."""
    clearance = needle.clearance
    if clearance is None:
        return "not through a pedicle that the mask shows"
    if clearance.distance < 0.0:
        return f"{-clearance.distance:.1f} mm out of the bone on the {clearance.side} side"
    return f"{clearance.distance:.1f} mm of bone on the {clearance.side} side"


def _middle(plan: Plan) -> FloatArray:
    """(3,) centroid in mm of what lies in the body, of the body itself where nothing does."""
    mesh = plan.body.mesh
    if not plan.inclusions:
        return np.zeros(3)
    cells = np.unique(np.concatenate(list(plan.inclusions.values())))
    return np.average(mesh.cell_centroids[cells], axis=0, weights=mesh.cell_volumes[cells])


def _section_legend(plan: Plan) -> list[Artist]:
    handles: list[Artist] = [Line2D([], [], color=BODY_COLOR, label="body")]
    if plan.arch.n_cells:
        handles.append(Line2D([], [], color=BODY_COLOR, linewidth=0.7, label="arch, as the mask has it"))
    if plan.needles:
        handles.append(Patch(facecolor="white", edgecolor="black", label="needle in the section"))
        handles.append(Patch(fill=False, edgecolor="black", linestyle="--", label="before or behind it"))
    handles += [Line2D([], [], color=body.color, linewidth=2.0, label=words(body.name)) for body in plan.inside]
    if plan.veins is not None:
        handles.append(Patch(color=VEIN_COLOR, label=f"veins within {NEAR:g} mm"))
    return [*handles, *_opening_handles(plan.sites)]


def _opening_handles(sites: Sequence[OpenSite]) -> list[Artist]:
    classes = dict.fromkeys(site.leak_class for site in sites if site.site != TRACK)
    return [Patch(color=visible(CLASS_COLORS[name]), label=f"open to: {words(name)}") for name in classes]
