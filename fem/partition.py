"""A tetrahedral mesh spread over MPI ranks, with the geometry that flow and mechanics need."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import dolfinx_solver  # noqa: F401  (must be loaded before MPI, PETSc and DOLFINx)
from mpi4py import MPI

import basix.ufl
import numpy as np
from dolfinx import la
from dolfinx import mesh as dmesh
from numpy.typing import NDArray

from meshes.tetmesh import TetMesh

JIT_OPTIONS: dict[str, Any] = {"timeout": 300}
"""Of DOLFINx's compiler of forms: s that a process waits for one that compiles the same form, where 10 is too short."""


@dataclass(frozen=True)
class Partition:
    """One rank's share of a :class:`~meshes.tetmesh.TetMesh`: owned cells first, then the ghosts across a facet.

    Attributes:
        mesh: the DOLFINx mesh.
        source: the whole mesh, the same on every rank.
    """

    mesh: dmesh.Mesh[np.float64]
    source: TetMesh

    @classmethod
    def build(cls, source: TetMesh | None, comm: MPI.Comm = MPI.COMM_SELF) -> Partition:
        """Spread ``source`` over ``comm``; only rank 0 needs to have it."""
        whole: TetMesh = comm.bcast(source, root=0)
        owner = comm.rank == 0
        cells = whole.cells if owner else np.empty((0, 4), dtype=np.int64)
        points = whole.points if owner else np.empty((0, 3))
        # Typed as Any: the annotations of DOLFINx name narrower types than its functions take.
        element: Any = basix.ufl.element("Lagrange", "tetrahedron", 1, shape=(3,))
        create_partitioner: Any = dmesh.create_cell_partitioner
        partitioner = create_partitioner(dmesh.GhostMode.shared_facet, 2)
        mesh = dmesh.create_mesh(comm, cells, element, points, partitioner)
        for dimension in (2, 3):
            mesh.topology.create_connectivity(3, dimension)
            mesh.topology.create_connectivity(dimension, 3)
        mesh.topology.create_connectivity(2, 0)
        return cls(mesh, whole)

    @property
    def comm(self) -> MPI.Comm:
        """The communicator that the mesh is spread over."""
        return self.mesh.comm

    @property
    def cell_map(self) -> Any:
        """DOLFINx index map of the cells."""
        return self.mesh.topology.index_map(3)

    @property
    def facet_map(self) -> Any:
        """DOLFINx index map of the facets."""
        return self.mesh.topology.index_map(2)

    @property
    def owned_cells(self) -> int:
        """Number of cells that this rank owns; they come before the ghosts."""
        return int(self.cell_map.size_local)

    @cached_property
    def original_cells(self) -> NDArray[np.int64]:
        """(local cells,) index of each local cell, ghosts included, in ``source.cells``."""
        return np.asarray(self.mesh.topology.original_cell_index, dtype=np.int64)

    @cached_property
    def cell_facets(self) -> NDArray[np.int32]:
        """(local cells, 4) local facet opposite to each vertex of each local cell."""
        return self.mesh.topology.connectivity(3, 2).array.reshape(-1, 4)

    @cached_property
    def facet_vertices(self) -> NDArray[np.int32]:
        """(local facets, 3) local vertices of each local facet."""
        return self.mesh.topology.connectivity(2, 0).array.reshape(-1, 3)

    @cached_property
    def facet_cells(self) -> NDArray[np.int32]:
        """(local facets, 2) local cells on both sides of each facet; -1 at the boundary or beyond the ghosts."""
        links = self.mesh.topology.connectivity(2, 3)
        counts = np.diff(links.offsets)
        pair = np.full((len(counts), 2), -1, dtype=np.int32)
        pair[:, 0] = links.array[links.offsets[:-1]]
        pair[counts == 2, 1] = links.array[links.offsets[:-1][counts == 2] + 1]
        return pair

    @cached_property
    def neighbours(self) -> NDArray[np.int32]:
        """(local cells, 4) local cell behind each facet; -1 at the boundary or beyond the ghosts."""
        pairs = self.facet_cells[self.cell_facets]
        own = np.arange(len(self.cell_facets), dtype=np.int32)[:, None]
        return np.where(pairs[..., 0] == own, pairs[..., 1], pairs[..., 0]).astype(np.int32)

    @cached_property
    def neighbour_slots(self) -> NDArray[np.int32]:
        """(local cells, 4) position of the shared facet in the row of the neighbour; -1 where there is none."""
        facets_behind = self.cell_facets[self.neighbours]
        slots = np.argmax(facets_behind == self.cell_facets[:, :, None], axis=2)
        return np.where(self.neighbours >= 0, slots, -1).astype(np.int32)

    @cached_property
    def corner_points(self) -> NDArray[np.float64]:
        """(local cells, 4, 3) vertex coordinates in mm, in the order of :attr:`cell_facets`."""
        return self.mesh.geometry.x[self.mesh.geometry.dofmaps[0]]

    @cached_property
    def cell_volumes(self) -> NDArray[np.float64]:
        """(local cells,) volumes in mm3."""
        edges = self.corner_points[:, 1:] - self.corner_points[:, :1]
        return np.abs(np.linalg.det(edges)) / 6.0

    @cached_property
    def barycentric_gradients(self) -> NDArray[np.float64]:
        """(local cells, 4, 3) gradients of the barycentric coordinates in 1/mm."""
        edges = self.corner_points[:, 1:] - self.corner_points[:, :1]
        inner = np.linalg.inv(edges).transpose(0, 2, 1)
        return np.concatenate([-inner.sum(axis=1, keepdims=True), inner], axis=1)

    @cached_property
    def _boundary(self) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Owned boundary facets (local numbers) and their rows in ``source.facets``."""
        self.mesh.topology.create_connectivity(2, 3)
        local = dmesh.exterior_facet_indices(self.mesh.topology)
        local = np.asarray(local[local < self.facet_map.size_local], dtype=np.int32)
        geometry = dmesh.entities_to_geometry(self.mesh, 2, local)
        points = np.asarray(self.mesh.geometry.input_global_indices)[geometry]
        return local, _match_rows(points, self.source.facets)

    def boundary_facets(self, rows: NDArray[np.int64]) -> NDArray[np.int32]:
        """Local numbers of the owned facets that are the given rows of ``source.facets``."""
        local, original = self._boundary
        return local[np.isin(original, rows)]

    def facets_of_region(self, name: str) -> NDArray[np.int32]:
        """Local numbers of the owned facets in the named facet region; KeyError where there is no such name."""
        return self.boundary_facets(self.source.facet_regions[name])

    @cached_property
    def boundary(self) -> BoundaryFacets:
        """The boundary facets of the cells that this rank owns."""
        local, original = self._boundary
        cells = self.facet_cells[local, 0]
        slots = np.argmax(self.cell_facets[cells] == local[:, None], axis=1).astype(np.int32)
        return BoundaryFacets(local, cells, slots, original)

    def local_cells(self, values: NDArray[Any]) -> NDArray[Any]:
        """Pick this rank's cells, ghosts included, from an array in the order of ``source.cells``."""
        return np.ascontiguousarray(values[self.original_cells])

    def cell_vector(self) -> la.Vector[np.float64]:
        """A vector with one value per cell, whose ghosts ``scatter_forward`` fills."""
        return la.vector(self.cell_map, 1)

    def gather_cells(self, values: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """Collect a per-cell array on rank 0 in the order of ``source.cells``; None on the other ranks."""
        count = self.owned_cells
        parts = self.comm.gather((self.original_cells[:count], values[:count]), root=0)
        if parts is None:
            return None
        whole = np.empty((len(self.source.cells), *values.shape[1:]), dtype=values.dtype)
        for index, part in parts:
            whole[index] = part
        return whole


@dataclass(frozen=True)
class BoundaryFacets:
    """Boundary facets of the owned cells of one rank.

    Attributes:
        facets: (b,) local facet numbers.
        cells: (b,) the local cell behind each facet.
        slots: (b,) position of the facet in its cell's row of ``cell_facets``.
        original: (b,) row of each facet in ``source.facets``.
    """

    facets: NDArray[np.int32]
    cells: NDArray[np.int32]
    slots: NDArray[np.int32]
    original: NDArray[np.int64]


def _match_rows(rows: NDArray[np.int64], table: NDArray[np.int64]) -> NDArray[np.int64]:
    """Row number in ``table`` of each of ``rows``, both as unordered vertex triples."""
    span = int(table.max()) + 1 if len(table) else 1

    def keys(triples: NDArray[np.int64]) -> NDArray[np.int64]:
        low, middle, high = np.sort(triples.astype(np.int64), axis=1).T
        return (low * span + middle) * span + high

    table_keys = keys(table)
    order = np.argsort(table_keys)
    found = np.searchsorted(table_keys, keys(rows), sorter=order)
    return order[np.minimum(found, len(order) - 1)]
