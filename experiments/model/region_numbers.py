"""The numbers that stand for named parts of the body in all files; the manifest beside a file lists them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from experiments.model.tissues import TissueMap
from meshes.leak_sites import SITES
from meshes.tetmesh import TetMesh

BONE, CLOSED = "bone", "closed"
"""Cells outside of every lesion, cavity and vein, and facets through which no cement can leave."""

BODY = "body"
"""Cement of a CT that lies in the body."""


def mesh_names(mesh: TetMesh) -> dict[str, dict[str, int]]:
    """Name of an array -> name of a region of the mesh -> its number there, from 0 in the order of the regions."""
    return {"cell_region": _counted(mesh.cell_regions), "facet_region": _counted(mesh.facet_regions)}


def region_numbers(mesh: TetMesh, tissues: TissueMap) -> dict[str, dict[str, int]]:
    """Name of an array -> name of a part -> its number there, of all arrays of a run."""
    return {**mesh_names(mesh), "tissue": _counted([BONE, *tissues.cells]), "site": _counted([CLOSED, *SITES])}


def scan_numbers(mesh: TetMesh) -> dict[str, dict[str, int]]:
    """Name of an array -> name of a part -> its number there, of all arrays of a measured CT."""
    cement = {BODY: 1} | {site: number for number, site in enumerate(SITES, 2)}
    return {**mesh_names(mesh), "tissue": _counted([BONE]), "site": _counted([CLOSED, *SITES]), "cement": cement}


def mesh_numbers(mesh: TetMesh) -> dict[str, NDArray[np.int32]]:
    """Name of an array -> (cells,) or (facets,) numbers of the regions of the mesh."""
    return {
        "cell_region": _numbered(mesh.cell_regions, len(mesh.cells)),
        "facet_region": _numbered(mesh.facet_regions, len(mesh.facets)),
    }


def cell_numbers(mesh: TetMesh, tissues: TissueMap) -> dict[str, NDArray[np.int32]]:
    """Name of an array of a run -> (cells,) numbers."""
    tissue = _numbered({BONE: np.empty(0, np.int64), **tissues.cells}, len(mesh.cells))
    return {"cell_region": mesh_numbers(mesh)["cell_region"], "tissue": tissue}


def facet_numbers(mesh: TetMesh, site: NDArray[np.int64] | None) -> dict[str, NDArray[np.int32]]:
    """Name of an array of a run -> (facets,) numbers.

    Args:
        mesh: the body.
        site: (facets,) see :attr:`fem.injection.walls.Walls.site`; None where no cement can leave.
    """
    site = np.full(len(mesh.facets), -1) if site is None else site
    return {"facet_region": mesh_numbers(mesh)["facet_region"], "site": (site + 1).astype(np.int32)}


def _counted(names: Iterable[str]) -> dict[str, int]:
    return {name: number for number, name in enumerate(names)}


def _numbered(regions: Mapping[str, NDArray[np.int64]], count: int) -> NDArray[np.int32]:
    """(count,) number of the region that each cell or facet lies in, in their order; 0 outside of all."""
    numbers = np.zeros(count, dtype=np.int32)
    for number, members in enumerate(regions.values()):
        numbers[members] = number
    return numbers
