"""Chebyshev's polynomial with 3 x 3 block Jacobi, in single precision and for several columns at once."""

from __future__ import annotations

import math
from typing import Any

import dolfinx_solver  # noqa: F401  (must be loaded before MPI, PETSc and DOLFINx)
from mpi4py import MPI

import numpy as np
from dolfinx import la
from numpy.typing import NDArray

from fem import chebyshev
from fem.mechanics import block_products

PRECISION = np.float32
"""Of smoothers and corrections, which halves what a sweep reads; conjugate gradients hold residuals in double."""

LANCZOS_STEPS = 8
"""Products by which the largest eigenvalue is estimated."""

SMOOTHED = (0.1, 1.1)
"""Part of the spectrum that the smoother damps, over the estimate of its end, which lies below the true one."""


class BlockSmoother:
    """D^-1 A of a matrix A of 3 x 3 blocks with the diagonal D.

    Attributes:
        index_map: of the columns: owned nodes first, then the ghosts that rows here need.
        starts: (owned nodes + 1,) first block of each row.
        indices: (blocks,) node of each block.
        scaled: (blocks * 9,) D^-1 A.
        diagonal: (owned nodes, 3, 3) D.
        inverse: (owned nodes, 3, 3) D^-1.
        interval: ends of the part of the spectrum of D^-1 A that is damped.
        exchanges: whether there are other ranks, which all of them have to ask for ghosts.
    """

    def __init__(
        self,
        comm: MPI.Comm,
        index_map: Any,
        starts: NDArray[np.int64],
        indices: NDArray[np.int32],
        places: NDArray[np.float64],
    ) -> None:
        """Take over the pattern of a matrix.

        Args:
            comm: that the rows are spread over.
            index_map: of the columns.
            starts: (owned nodes + 1,) first block of each row.
            indices: (blocks,) node of each block.
            places: (owned nodes, d) numbers that tell the nodes apart, the same on whatever rank they lie.
        """
        self._comm, self.index_map, self.starts, self.indices = comm, index_map, starts, indices
        self.exchanges = bool(comm.size > 1)
        rows = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        self._on_diagonal = np.flatnonzero(indices[: len(rows)] == rows)
        self._first = _rough(places)
        self.scaled = np.zeros(9 * len(rows), dtype=PRECISION)

    def update(self, data: NDArray[np.float64]) -> None:
        """Take over the (blocks * 9,) entries of the matrix."""
        blocks = data.reshape(-1, 3, 3)[self._on_diagonal]
        inverse = np.linalg.inv(blocks)
        block_products.scale(self.starts, self.indices, data, inverse, self.scaled)
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
            block_products.multiply(self.starts, self.indices, self.scaled, vector.array, product, (0,))
            following = product - (beside[-1] if beside else 0.0) * before
            diagonal.append(inner(following, basis))
            following -= diagonal[-1] * basis
            beside.append(math.sqrt(inner(following, following)))
            if beside[-1] <= np.finfo(PRECISION).eps * abs(diagonal[0]):
                break
            before, basis = basis, following / beside[-1]
        coupling = np.diag(beside[: len(diagonal) - 1], 1)
        return float(np.linalg.eigvalsh(np.diag(diagonal) + coupling + coupling.T)[-1])


class Sweeps:
    """The polynomial of a smoother on a number of columns.

    Attributes:
        solution: (nodes, 3, columns) of the smoother's index map, ghosts included.
        residual: (owned nodes, 3, columns) of :meth:`find_residual`, flat.
    """

    def __init__(self, smoother: BlockSmoother, columns: int, degree: int) -> None:
        """Set up for a number of columns and a degree of the polynomial."""
        self._smoother, self._columns, self._degree = smoother, (0,) * columns, degree
        width, owned = 3 * columns, len(smoother.starts) - 1
        self._given, self._direction, self.residual = (np.zeros(owned * width, dtype=PRECISION) for _ in range(3))
        self.solution, self._other = (la.vector(smoother.index_map, width, PRECISION) for _ in range(2))

    def begin(self, load: NDArray[Any]) -> None:
        """Smooth from zero for a (owned nodes, 3, columns) ``load``, flat."""
        smoother = self._smoother
        coefficients = chebyshev.coefficients(self._degree, *smoother.interval)
        solution = self.solution.array
        block_products.begin(
            load, smoother.inverse, coefficients[0][1], self._given, self._direction, solution, self._columns
        )
        self.exchange()
        for each in coefficients[1:]:
            self._smooth(*each)

    def go_on(self) -> None:
        """Smooth from ``solution``."""
        for each in chebyshev.coefficients(self._degree, *self._smoother.interval):
            self._smooth(*each)

    def find_residual(self) -> NDArray[np.float32]:
        """``residual`` of ``solution``."""
        smoother = self._smoother
        block_products.residual(
            smoother.starts,
            smoother.indices,
            smoother.scaled,
            smoother.diagonal,
            self._given,
            self.solution.array,
            self.residual,
            self._columns,
        )
        return self.residual

    def exchange(self) -> None:
        """Fill the ghosts of ``solution``."""
        if self._smoother.exchanges:
            self.solution.scatter_forward()

    def _smooth(self, momentum: np.float32, step: np.float32) -> None:
        smoother = self._smoother
        block_products.smooth(
            smoother.starts,
            smoother.indices,
            smoother.scaled,
            self._given,
            self._direction,
            self.solution.array,
            self._other.array,
            momentum,
            step,
            self._columns,
        )
        self.solution, self._other = self._other, self.solution
        self.exchange()


def _rough(places: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3 * nodes,) without order, and the same for a node on whatever rank it lies."""
    factors = np.array([[12.9898, 39.346, 73.156], [78.233, 11.135, 52.235], [37.719, 83.155, 9.151]])
    return ((np.sin(places @ factors[: places.shape[1]]) * 43758.5453) % 1.0 - 0.5).ravel()
