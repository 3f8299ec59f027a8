"""The nodal P1 space as the coarse level of the facet pressure, solved by algebraic multigrid.

A nodal P1 function is also one of the facet space: its facet values are the means of their three vertices. So the
coarse matrix P^T A P is that of nodal elements, and is assembled from the cells instead of multiplied together.
"""

from __future__ import annotations

from typing import Any

import dolfinx_solver  # noqa: F401  (must be loaded before MPI, PETSc and DOLFINx)
from petsc4py import PETSc

import numba
import numpy as np
from numpy.typing import NDArray

from fem import krylov, profiling, solver_options
from fem.partition import Partition
from fem.pressure.facet_matrix import Conductances

MULTIGRID_OPTIONS: dict[str, Any] = {
    "ksp_type": "preonly",
    "pc_type": "gamg",
    "pc_gamg_threshold": 0.0,
    "pc_gamg_use_sa_esteig": False,
    "mg_levels_ksp_type": "chebyshev",
    "mg_levels_ksp_max_it": 6,
    "mg_levels_ksp_chebyshev_eigenvalues": "0.03,1.0",
    "mg_levels_pc_type": "jacobi",
    "mg_levels_pc_jacobi_type": "rowl1",
}
"""Smoothers divide by the sum of the moduli of a row, which bounds their spectrum by 1 on any matrix: with estimates of
it, high contrasts have made the preconditioner indefinite."""

CLOSED = 1e-6
"""Conductance in mm3/(s MPa) of the walls with which the interpolation between the levels is built: with more, it takes
the vertices at the surface for fixed."""


class NodalLevel:
    """One cycle of multigrid on the nodal matrix.

    Attributes:
        load: PETSc vector with ghosts, a rate in mm3/s per vertex.
        correction: PETSc vector with ghosts, a pressure in MPa per vertex.
    """

    def __init__(self, partition: Partition, cell_matrices: NDArray[np.float64]) -> None:
        """Set the matrix and the multigrid up at unit mobility, so that no later step allocates.

        Args:
            partition: the distributed mesh.
            cell_matrices: (local cells, 4, 4) facet matrix of each cell at a mobility of 1/(MPa s), in mm3/(s MPa).
        """
        owned = partition.owned_cells
        self._cell_matrices = cell_matrices[:owned] / 9.0
        vertex_map = partition.mesh.topology.index_map(0)
        cells = _global(vertex_map, partition.mesh.topology.connectivity(3, 0).array.reshape(-1, 4)[:owned])
        walls = _global(vertex_map, partition.facet_vertices[partition.boundary.facets])
        size = (vertex_map.size_local, vertex_map.size_global)
        self._matrix = PETSc.Mat().createAIJ((size, size), comm=partition.comm)
        self._matrix.setPreallocationCOO(
            np.concatenate([np.repeat(corners, corners.shape[1], axis=1).ravel() for corners in (cells, walls)]),
            np.concatenate([np.tile(corners, (1, corners.shape[1])).ravel() for corners in (cells, walls)]),
        )
        self._matrix.setOption(PETSc.Mat.Option.SPD, True)
        self._values = np.zeros(16 * len(cells) + 9 * len(walls))
        ghosts = np.asarray(vertex_map.ghosts, dtype=PETSc.IntType)
        self.load = PETSc.Vec().createGhost(ghosts, size=size, comm=partition.comm)
        self.correction = PETSc.Vec().createGhost(ghosts, size=size, comm=partition.comm)
        self.fill(Conductances(np.ones(owned), np.zeros(owned), np.full(len(walls), CLOSED)))
        self._solver = PETSc.KSP().create(partition.comm)
        for item in (self._matrix, self._solver):
            item.setOptionsPrefix(solver_options.PRESSURE_NODES)
        with krylov.options(solver_options.PRESSURE_NODES, MULTIGRID_OPTIONS):
            self._solver.setOperators(self._matrix)
            self._solver.setFromOptions()
            self._solver.setUp()

    def fill(self, conductances: Conductances) -> None:
        """Take up other values; those of ghosts are not needed."""
        _fill_cells(self._cell_matrices, conductances.mobility, conductances.exchange, self._values)
        self._values[16 * len(self._cell_matrices) :] = np.repeat(conductances.walls / 9.0, 9)
        self._matrix.setValuesCOO(self._values, addv=PETSc.InsertMode.INSERT_VALUES)

    def update(self) -> None:
        """Bring the multigrid in line with the matrix."""
        self._solver.setOperators(self._matrix)
        with krylov.options(solver_options.PRESSURE_NODES, MULTIGRID_OPTIONS):  # for levels that a user has built anew
            self._solver.setUp()

    @profiling.Event("vpNodesCycle")
    def solve(self) -> None:
        """One cycle from :attr:`load`, whose shares of all ranks it adds up, to :attr:`correction` on all of them."""
        self.load.ghostUpdate(addv=PETSc.InsertMode.ADD_VALUES, mode=PETSc.ScatterMode.REVERSE)
        self._solver.solve(self.load, self.correction)
        self.correction.ghostUpdate(addv=PETSc.InsertMode.INSERT_VALUES, mode=PETSc.ScatterMode.FORWARD)

    def view(self, viewer: PETSc.Viewer) -> None:
        """Print the solver and its levels."""
        self._solver.view(viewer)

    def destroy(self) -> None:
        """Free the PETSc objects."""
        for item in (self._solver, self._matrix, self.load, self.correction):
            item.destroy()


def _global(index_map: Any, local: NDArray[np.int32]) -> NDArray[Any]:
    numbers = index_map.local_to_global(np.ascontiguousarray(local).ravel().astype(np.int32))
    return numbers.reshape(local.shape).astype(PETSc.IntType)


@numba.njit(cache=True)
def _fill_cells(
    cell_matrices: NDArray[np.float64],
    mobility: NDArray[np.float64],
    exchange: NDArray[np.float64],
    values: NDArray[np.float64],
) -> None:
    position = 0
    for cell in range(len(cell_matrices)):
        for i in range(4):
            for j in range(4):
                values[position] = mobility[cell] * cell_matrices[cell, i, j] + exchange[cell] / 16.0
                position += 1
