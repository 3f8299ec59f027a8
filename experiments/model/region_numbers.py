"""The numbers that stand for named parts of the body in the files of a case; the manifest lists them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from experiments.model.tissues import TissueMap
from meshes.leak_sites import SITES
from meshes.tetmesh import TetMesh

BONE, CLOSED = "bone", "closed"
"""Cells outside of every lesion, cavity and vein, and facets through which no cement can leave."""


def cell_numbers(mesh: TetMesh, tissues: TissueMap) -> dict[str, NDArray[np.int32]]:
    """Name of an array -> (cells,) numbers."""
    count = len(mesh.cells)
    return {
        "cell_region": _numbered(mesh.cell_regions, count),
        "tissue": _numbered({BONE: np.empty(0, np.int64), **tissues.cells}, count),
    }


def facet_numbers(mesh: TetMesh, site: NDArray[np.int64] | None) -> dict[str, NDArray[np.int32]]:
    """Name of an array -> (facets,) numbers.

    Args:
        mesh: the body.
        site: (facets,) see :attr:`fem.injection.walls.Walls.site`; None where no cement can leave.
    """
    count = len(mesh.facets)
    site = np.full(count, -1) if site is None else site
    return {"facet_region": _numbered(mesh.facet_regions, count), "site": (site + 1).astype(np.int32)}


def region_numbers(mesh: TetMesh, tissues: TissueMap) -> dict[str, dict[str, int]]:
    """Name of an array -> name of a part -> its number there."""
    names = {
        "cell_region": list(mesh.cell_regions),
        "tissue": [BONE, *tissues.cells],
        "facet_region": list(mesh.facet_regions),
        "site": [CLOSED, *SITES],
    }
    return {array: {name: number for number, name in enumerate(parts)} for array, parts in names.items()}


def _numbered(regions: Mapping[str, NDArray[np.int64]], count: int) -> NDArray[np.int32]:
    """(count,) number of the region that each cell or facet lies in, in their order; 0 outside of all."""
    numbers = np.zeros(count, dtype=np.int32)
    for number, members in enumerate(regions.values()):
        numbers[members] = number
    return numbers
