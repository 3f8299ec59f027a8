"""Whether the cement in a body is one mass across the midline, several, or one on one side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from fem.tetrahedron_cuts import section_area, share_above
from meshes.tetmesh import TetMesh, face_neighbours

SMALLEST_COMPONENT = 100.0
"""Cement in mm3 (0.1 ml) that a connected mass must hold to count (tag D)."""

SMALLEST_BRIDGE = 0.05
"""Section on the midsagittal plane over the largest sagittal section from which two halves count as merged (tag D): in
the confluent-separated series a small part of contact still counts as separated."""

ONE_SIDE = 0.95
"""Share of the cement beyond which a mass without a bridge lies on one side of the midsagittal plane (tag D)."""

SECTION_STEP = 0.5
"""mm between the sagittal planes among which the largest section is sought; one of them is the midsagittal plane."""

Pattern = Literal["confluent", "separated", "one_sided"]


@dataclass(frozen=True)
class Distribution:
    """Masses of cement and what joins them across the midsagittal plane.

    All but ``component_volumes`` speak of the masses that hold at least :data:`SMALLEST_COMPONENT`.

    Attributes:
        component_volumes: cement in mm3 of each such mass of cells connected through faces, the largest first.
        bridge_area: their section on the midsagittal plane in mm2.
        largest_section: their largest sagittal section in mm2.
        pattern: ``"confluent"`` is one mass whose bridge is at least :data:`SMALLEST_BRIDGE` of the largest section,
            ``"one_sided"`` one mass with a smaller bridge and more than :data:`ONE_SIDE` of its cement on one side,
            ``"separated"`` anything else. The rule does not ask how many needles there were: the cement of a single
            needle is confluent where it reaches well across the midline. None where no mass is large enough.
    """

    component_volumes: tuple[float, ...]
    bridge_area: float
    largest_section: float
    pattern: Pattern | None

    @property
    def components(self) -> int:
        """Number of masses."""
        return len(self.component_volumes)

    @property
    def bridge_share(self) -> float | None:
        """Bridge over the largest sagittal section; None without cement."""
        return self.bridge_area / self.largest_section if self.largest_section > 0.0 else None


def measure_distribution(mesh: TetMesh, occupied: NDArray[np.int64], cement: NDArray[np.float64]) -> Distribution:
    """Find the masses of cement and their bridge.

    Args:
        mesh: body in its anatomical frame.
        occupied: rows of ``mesh.cells`` that count as cement.
        cement: (m,) cement in each cell in mm3.
    """
    component = _components(mesh, occupied)
    volumes = np.bincount(component, cement[occupied])
    large = volumes >= SMALLEST_COMPONENT
    kept = occupied[large[component]]
    if len(kept) == 0:
        return Distribution((), 0.0, 0.0, None)
    bridge, largest = _sagittal_sections(mesh, kept)
    left = float(cement[kept] @ share_above(mesh.points[mesh.cells[kept], 0], 0.0) / cement[kept].sum())
    return distribution_of(volumes[large], bridge, largest, left)


def distribution_of(volumes: NDArray[np.float64], bridge: float, largest: float, left: float) -> Distribution:
    """Tell the pattern of masses.

    Args:
        volumes: of the masses that count in mm3.
        bridge: their section on the midsagittal plane in mm2.
        largest: their largest sagittal section in mm2.
        left: share of them on the left.
    """
    pattern: Pattern | None = "separated" if len(volumes) else None
    if len(volumes) == 1 and bridge >= SMALLEST_BRIDGE * largest:
        pattern = "confluent"
    elif len(volumes) == 1 and max(left, 1.0 - left) > ONE_SIDE:
        pattern = "one_sided"
    return Distribution(tuple(np.sort(volumes)[::-1].tolist()), bridge, largest, pattern)


def sagittal_section_areas(mesh: TetMesh, cells: NDArray[np.int64], planes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Exact areas of sagittal sections of some cells.

    A face that lies in a plane counts half for each of its two cells.

    Args:
        mesh: body in its anatomical frame.
        cells: rows of ``mesh.cells``.
        planes: (s,) positions of the planes along x in mm, rising.

    Returns:
        (s,) areas in mm2.
    """
    x, volumes = mesh.points[mesh.cells[cells], 0], mesh.cell_volumes[cells]
    first = np.searchsorted(planes, x.min(axis=1), side="left")
    counts = np.searchsorted(planes, x.max(axis=1), side="right") - first
    row = np.repeat(np.arange(len(cells)), counts)
    plane = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts - first, counts)
    at = planes[plane]
    areas = 0.5 * (section_area(x[row], volumes[row], at) + section_area(-x[row], volumes[row], -at))
    return np.bincount(plane, areas, minlength=len(planes))


def _components(mesh: TetMesh, cells: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number of the connected mass of each of some cells."""
    one, other = face_neighbours(mesh, cells).T
    links = coo_array((np.ones(len(one), dtype=bool), (one, other)), shape=(len(cells), len(cells)))
    return np.asarray(connected_components(links, directed=False)[1], dtype=np.int64)


def _sagittal_sections(mesh: TetMesh, cells: NDArray[np.int64]) -> tuple[float, float]:
    """Section on the midsagittal plane, and the largest of all, in mm2."""
    reach = np.abs(mesh.points[mesh.cells[cells], 0]).max()
    count = int(np.ceil(reach / SECTION_STEP))
    areas = sagittal_section_areas(mesh, cells, np.arange(-count, count + 1, dtype=np.float64) * SECTION_STEP)
    return float(areas[count]), float(areas.max())
