"""The bodies of a case that do not change with time, by layer: bone, what lies in it, openings and needles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import numpy as np
import pyvista

from experiments.pictures.lattice import Lattice
from experiments.pictures.measured import leak_surfaces
from experiments.pictures.scene import InclusionBody, inclusion_bodies, needle_body, opening_parts
from experiments.pictures.style import BONE_COLOR, CLASS_COLORS, NEEDLE_COLOR
from experiments.results.finished_case import FinishedCase, NeedlePose
from experiments.results.grids import surface_of
from experiments.results.open_sites import OpenSite
from experiments.results.wording import words
from meshes.leak_sites import LEAK_SITES
from meshes.tetmesh import TetMesh

BONE, CEMENT, NEEDLES = "bone", "cement", "needles"
"""Layers that every injection has."""

ARCH = "arch"
"""Layer of the rest of the vertebra, which plans show."""

OPENINGS = "openings: "
"""Beginning of the layers of openings; their class follows."""

LEAKS = "leaks: "
"""The same of the leaks of a measured CT."""

BONE_OPACITY = 0.35


@dataclass(frozen=True)
class Body:
    """One surface of a scene.

    Attributes:
        layer: what it is switched on and off with.
        color: of the layer's legend.
        surface: in mm of the anatomical frame.
        style: how PyVista draws it.
    """

    layer: str
    color: str
    surface: pyvista.PolyData
    style: dict[str, Any]


def static_bodies(case: FinishedCase, lattice: Lattice) -> Iterator[Body]:
    """The bodies of a case; openings are full where cement left and pale elsewhere."""
    mesh = case.mesh
    yield from bone_bodies(mesh, case.leak_sites(), inclusion_bodies(lattice, case.inclusions(), case.veins()))
    for name, surface in leak_surfaces(case).items():
        leak_class = LEAK_SITES[name].leak_class
        color = CLASS_COLORS[leak_class]
        yield Body(LEAKS + words(leak_class), color, surface, {"color": color, "smooth_shading": True})
    yield from needle_bodies(mesh, case.needles())


def bone_bodies(mesh: TetMesh, sites: Sequence[OpenSite], inside: Sequence[InclusionBody]) -> Iterator[Body]:
    """The translucent body with what is inside of it, and the openings of its wall."""
    closed = np.ones(len(mesh.facets), dtype=bool)
    for site in sites:
        closed[site.facets] = False
    shell = {"color": BONE_COLOR, "opacity": BONE_OPACITY, "smooth_shading": True}
    yield Body(BONE, BONE_COLOR, surface_of(mesh, np.flatnonzero(closed)), shell)
    for body in inside:
        style = {"color": body.color, "opacity": body.opacity, "smooth_shading": True}
        yield Body(words(body.name), body.color, body.surface, style)
    for site in sites:
        color = CLASS_COLORS[site.leak_class]
        for shape, shade in opening_parts(mesh, site, color):
            yield Body(OPENINGS + words(site.leak_class), color, shape, {"color": shade, "lighting": False})


def arch_body(surface: pyvista.PolyData) -> Iterator[Body]:
    """The translucent arch; nothing where the surface is empty."""
    if surface.n_cells:
        yield Body(ARCH, BONE_COLOR, surface, {"color": BONE_COLOR, "opacity": BONE_OPACITY, "smooth_shading": True})


def needle_bodies(mesh: TetMesh, needles: Sequence[NeedlePose], lengths: Sequence[float] = ()) -> Iterator[Body]:
    """The needles, each as far in mm as is said, or as the body is long."""
    for needle, length in zip_longest(needles, lengths):
        yield Body(NEEDLES, NEEDLE_COLOR, needle_body(mesh, needle, length), {"color": NEEDLE_COLOR})
