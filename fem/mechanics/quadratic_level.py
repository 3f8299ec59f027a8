"""The quadratic elements of :mod:`fem.mechanics.two_level`: their matrix, and their smoother in single precision."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import dolfinx_solver  # noqa: F401  (must be loaded before MPI, PETSc and DOLFINx)
from mpi4py import MPI

import numpy as np
from dolfinx import fem, la
from dolfinx.cpp.la import BlockMode
from numpy.typing import NDArray

from fem import profiling
from fem.mechanics.block_products import multiply, scale

_assemble_matrix: Any = fem.assemble_matrix  # its overloads are dispatched at run time

PRECISION = np.float32
"""Of smoother and corrections, which halves what a sweep reads; conjugate gradients hold residuals in double."""

LANCZOS_STEPS = 8
"""Products by which the largest eigenvalue is estimated."""

SMOOTHED = (0.1, 1.1)
"""Part of the spectrum that the smoother damps, over the estimate of its end, which lies below the true one."""


class QuadraticLevel:
    """A matrix of 3 x 3 blocks with identity in place of the constrained unknowns, and D^-1 A with its diagonal D.

    Attributes:
        index_map: of the columns: owned nodes first, in the order of the space, then the ghosts that rows here need.
        starts: (owned nodes + 1,) first block of each row.
        indices: (blocks,) node of each block.
        data: (blocks * 9,) A.
        scaled: (blocks * 9,) D^-1 A in single precision.
        diagonal: (owned nodes, 3, 3) D in single precision.
        inverse: (owned nodes, 3, 3) D^-1 in single precision.
        interval: ends of the part of the spectrum of D^-1 A that the smoother damps.
        exchanges: whether there are other ranks, which all of them have to ask for ghosts.
    """

    def __init__(self, space: fem.FunctionSpace[np.float64], form: Any, bcs: Sequence[Any]) -> None:
        """Set up the pattern of the matrix."""
        self._form, self._bcs = form, bcs
        self._matrix: Any = fem.create_matrix(form, block_mode=BlockMode.compact)
        self.index_map: Any = self._matrix.index_map(1)
        self._comm: MPI.Comm = space.mesh.comm
        self.exchanges = bool(self._comm.size > 1)
        owned = space.dofmap.index_map.size_local
        self.starts: NDArray[np.int64] = self._matrix.indptr[: owned + 1]
        self.indices: NDArray[np.int32] = self._matrix.indices
        rows = np.repeat(np.arange(owned), np.diff(self.starts))
        self._on_diagonal = np.flatnonzero(self.indices[: len(rows)] == rows)
        self.data: NDArray[np.float64] = self._matrix.data
        self.scaled = np.zeros(9 * len(rows), dtype=PRECISION)
        self._first = _rough(space.tabulate_dof_coordinates()[:owned])

    def assemble(self) -> None:
        """Fill the matrix for the current coefficients of its form."""
        with profiling.Event("vpElasticMatrix"):
            self.data[:] = 0.0
            _assemble_matrix(self._matrix, self._form, bcs=self._bcs)
            self._matrix.scatter_reverse()
        with profiling.Event("vpElasticSetUp"):
            blocks = self.data.reshape(-1, 3, 3)[self._on_diagonal]
            inverse = np.linalg.inv(blocks)
            scale(self.starts, self.indices, self.data, inverse, self.scaled)
            self.diagonal, self.inverse = blocks.astype(PRECISION), inverse.astype(PRECISION)
            end = self._largest_eigenvalue(blocks)
            self.interval = SMOOTHED[0] * end, SMOOTHED[1] * end

    def _largest_eigenvalue(self, blocks: NDArray[np.float64]) -> float:
        """About the largest eigenvalue of D^-1 A, from below (Lanczos; Saad 2003, algorithm 6.15)."""
        vector = la.vector(self.index_map, 3, PRECISION)
        owned = len(self._first)
        before, basis, product = np.zeros(owned), self._first.copy(), np.zeros(owned, dtype=PRECISION)
        diagonal: list[float] = []
        beside: list[float] = []

        def inner(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
            weighted = np.einsum("nab,nb->na", blocks, y.reshape(-1, 3)).ravel()
            return self._comm.allreduce(float(x @ weighted), op=MPI.SUM)

        basis /= math.sqrt(inner(basis, basis))
        for _ in range(LANCZOS_STEPS):
            vector.array[:owned] = basis
            vector.scatter_forward()
            multiply(self.starts, self.indices, self.scaled, vector.array, product, (0,))
            following = product - (beside[-1] if beside else 0.0) * before
            diagonal.append(inner(following, basis))
            following -= diagonal[-1] * basis
            beside.append(math.sqrt(inner(following, following)))
            if beside[-1] <= np.finfo(PRECISION).eps * abs(diagonal[0]):
                break
            before, basis = basis, following / beside[-1]
        coupling = np.diag(beside[: len(diagonal) - 1], 1)
        return float(np.linalg.eigvalsh(np.diag(diagonal) + coupling + coupling.T)[-1])


def _rough(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3 * points,) without order, and the same for a point on whatever rank it lies."""
    places = points @ np.array([[12.9898, 39.346, 73.156], [78.233, 11.135, 52.235], [37.719, 83.155, 9.151]])
    return ((np.sin(places) * 43758.5453) % 1.0 - 0.5).ravel()
