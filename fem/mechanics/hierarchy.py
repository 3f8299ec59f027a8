"""The levels of PETSc's algebraic multigrid, gone through in single precision and for several columns at once.

PETSc makes aggregates, prolongations and coarse matrices; a cycle here smooths each with
:mod:`fem.mechanics.block_smoother` and reads them once for all columns. All of its matrices are of 3 x 3 blocks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import dolfinx_solver  # noqa: F401  (must be loaded before MPI, PETSc and DOLFINx)
from mpi4py import MPI
from petsc4py import PETSc

import numpy as np
from dolfinx import common, la
from numpy.typing import NDArray
from scipy import sparse

from fem.mechanics.block_products import multiply
from fem.mechanics.block_smoother import PRECISION, BlockSmoother, Sweeps

DEGREE = 4
"""Of the Chebyshev polynomial, before and after the next level."""


@dataclass(frozen=True)
class _Blocks:
    """A matrix of 3 x 3 blocks: first block of each row, node of each block, and entries."""

    starts: NDArray[np.int64]
    indices: NDArray[np.int32]
    data: NDArray[Any]

    @classmethod
    def of(cls, matrix: Any) -> _Blocks:
        """From one of SciPy, in the precision of the smoothers."""
        blocks = matrix.tobsr((3, 3))
        data = blocks.data.astype(PRECISION).ravel()
        return cls(blocks.indptr.astype(np.int64), blocks.indices.astype(np.int32), data)


@dataclass(frozen=True)
class _Level:
    """A level that is smoothed, and the way to the next one.

    Attributes:
        smoother: of its matrix.
        coarse_map: of the next level's nodes, with the ghosts that rows here need.
        prolongation: from there; rows of owned nodes.
        restriction: its transpose; rows of all local nodes there.
    """

    smoother: BlockSmoother
    coarse_map: Any
    prolongation: _Blocks
    restriction: _Blocks


class Hierarchy:
    """One rank's share of all levels."""

    def __init__(self, multigrid: Any) -> None:
        """Take over the levels of a PETSc preconditioner that is set up."""
        comm = multigrid.comm.tompi4py()
        self.comm: MPI.Comm = comm
        self.levels: list[_Level] = []
        for number in range(multigrid.getMGLevels() - 1, 0, -1):
            matrix = multigrid.getMGSmoother(number).getOperators()[0]
            index_map, local = _local(comm, matrix, matrix.getOwnershipRanges())
            blocks = local.tobsr((3, 3))
            first = matrix.getOwnershipRange()[0] // 3
            smoother = BlockSmoother(
                comm,
                index_map,
                blocks.indptr.astype(np.int64),
                blocks.indices.astype(np.int32),
                np.arange(first, first + len(blocks.indptr) - 1, dtype=float)[:, None],
            )
            smoother.update(blocks.data.ravel())
            prolongation = multigrid.getMGInterpolation(number)
            coarse_map, local = _local(comm, prolongation, prolongation.getOwnershipRangesColumn())
            self.levels.append(_Level(smoother, coarse_map, _Blocks.of(local), _Blocks.of(local.T.tocsr())))
        coarsest = multigrid.getMGCoarseSolve().getOperators()[0]
        parts = comm.allgather(_rows(coarsest).toarray())
        begin, end = coarsest.getOwnershipRange()
        self.inverse = np.linalg.inv(np.concatenate(parts))[begin:end].astype(PRECISION)


class HierarchyCycle:
    """A V-cycle over the levels on a number of columns."""

    def __init__(self, hierarchy: Hierarchy, columns: int) -> None:
        """Set up for a number of columns."""
        self._hierarchy, self._columns = hierarchy, (0,) * columns
        levels = hierarchy.levels
        self._sweeps = [Sweeps(level.smoother, columns, DEGREE) for level in levels]
        self._coarse = [la.vector(level.coarse_map, 3 * columns, PRECISION) for level in levels]
        self._change = [np.zeros_like(sweeps.residual) for sweeps in self._sweeps]

    def solve(self, load: NDArray[np.float32], number: int = 0) -> NDArray[np.float32]:
        """About A^-1 ``load`` on a level, the finest by default; both (owned nodes, 3, columns), flat."""
        if number == len(self._sweeps):
            count = len(self._columns)
            parts = self._hierarchy.comm.allgather(load.reshape(-1, count))
            return (self._hierarchy.inverse @ np.concatenate(parts)).ravel()
        level, sweeps, coarse = self._hierarchy.levels[number], self._sweeps[number], self._coarse[number]
        sweeps.begin(load)
        down, up, change = level.restriction, level.prolongation, self._change[number]
        multiply(down.starts, down.indices, down.data, sweeps.find_residual(), coarse.array, self._columns)
        coarse.scatter_reverse(la.InsertMode.add)
        owned = coarse.array[: 3 * len(self._columns) * level.coarse_map.size_local]
        owned[:] = self.solve(owned, number + 1)
        coarse.scatter_forward()
        multiply(up.starts, up.indices, up.data, coarse.array, change, self._columns)
        sweeps.solution.array[: len(change)] += change
        sweeps.exchange()
        sweeps.go_on()
        return sweeps.solution.array[: len(change)]


def _rows(matrix: PETSc.Mat) -> Any:
    """The owned rows of a matrix, with all of its columns."""
    begin, end = matrix.getOwnershipRange()
    rows = PETSc.IS().createStride(end - begin, begin, 1, comm=PETSc.COMM_SELF)
    columns = PETSc.IS().createStride(matrix.getSize()[1], 0, 1, comm=PETSc.COMM_SELF)
    (own,) = matrix.createSubMatrices([rows], [columns])
    starts, indices, data = own.getValuesCSR()
    found = sparse.csr_array((data.copy(), indices.copy(), starts.copy()), shape=(end - begin, matrix.getSize()[1]))
    for item in (own, rows, columns):
        item.destroy()
    return found


def _local(comm: MPI.Comm, matrix: PETSc.Mat, ranges: NDArray[Any]) -> tuple[Any, Any]:
    """Index map of the nodes of the columns, which are spread as in ``ranges``, and the owned rows in local columns."""
    rows, ranges = _rows(matrix), np.asarray(ranges) // 3
    begin, end = ranges[comm.rank], ranges[comm.rank + 1]
    nodes = np.unique(rows.indices // 3)
    ghosts = nodes[(nodes < begin) | (nodes >= end)].astype(np.int64)
    owners = (np.searchsorted(ranges, ghosts, side="right") - 1).astype(np.int32)
    index_map = common.IndexMap(comm, int(end - begin), ghosts, owners, 1202)
    place = np.zeros(ranges[-1], dtype=np.int64)
    place[begin:end] = np.arange(end - begin)
    place[ghosts] = np.arange(len(ghosts)) + end - begin
    indices = 3 * place[rows.indices // 3] + rows.indices % 3
    shape = (rows.shape[0], 3 * (int(end - begin) + len(ghosts)))
    local = sparse.csr_array((rows.data, indices, rows.indptr), shape=shape)
    local.sort_indices()
    return index_map, local
