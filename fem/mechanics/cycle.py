"""One cycle over quadratic and linear elements, and the product with the quadratic matrix, for several columns at once.

Both are contexts of PETSc: its vectors hold the columns beside each other, (owned nodes, 3, columns), so that conjugate
gradients go on with all of them together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import dolfinx_solver  # noqa: F401  (must be loaded before MPI, PETSc and DOLFINx)
from petsc4py import PETSc

import numpy as np
from dolfinx import fem, la
from numpy.typing import NDArray

from fem.mechanics import block_products
from fem.mechanics.linear_level import LinearLevel
from fem.mechanics.quadratic_level import PRECISION, QuadraticLevel

DEGREE = 2
"""Of the Chebyshev polynomial, before and after the linear elements."""

_PARENTS = np.array([[0, 0], [1, 1], [2, 2], [3, 3], [2, 3], [1, 3], [1, 2], [0, 3], [0, 2], [0, 1]])
"""Corners of a cell whose mean a linear field takes at each node of the quadratic element (numbering of Basix)."""


@dataclass(frozen=True)
class Transfer:
    """Between a linear and a quadratic space; constrained unknowns are neither read nor written.

    Attributes:
        nodes: index map of the linear space.
        parents: (owned nodes of the quadratic space, 2) the local linear nodes of which each takes the mean.
        free: (owned nodes of the quadratic space, 3) 0 where constrained, else 1.
        coarse_free: (owned nodes of the linear space, 3) the same there.
    """

    nodes: Any
    parents: NDArray[np.int32]
    free: NDArray[np.float32]
    coarse_free: NDArray[np.float32]

    @classmethod
    def between(
        cls,
        coarse: fem.FunctionSpace[np.float64],
        fine: fem.FunctionSpace[np.float64],
        coarse_constrained: NDArray[np.bool_],
        constrained: NDArray[np.bool_],
    ) -> Self:
        """From the spaces and where they are constrained, (local nodes, 3) each."""
        nodes, owned = coarse.dofmap.index_map, fine.dofmap.index_map.size_local
        parents = np.zeros((len(constrained), 2), dtype=np.int32)
        parents[fine.dofmap.list.ravel()] = coarse.dofmap.list[:, _PARENTS].reshape(-1, 2)
        return cls(
            nodes,
            parents[:owned],
            (~constrained[:owned]).astype(PRECISION),
            (~coarse_constrained[: nodes.size_local]).astype(PRECISION),
        )


class Product:
    """A context of PETSc's ``python`` matrix."""

    def __init__(self, level: QuadraticLevel, columns: int) -> None:
        """Set up for a number of columns."""
        self._level, self._columns = level, (0,) * columns
        self._ghosted = la.vector(level.index_map, 3 * columns) if level.exchanges else None

    def mult(self, _: PETSc.Mat, x: PETSc.Vec, y: PETSc.Vec) -> None:
        """``y`` in N = A ``x`` in mm."""
        level, given = self._level, x.array_r
        if self._ghosted is not None:
            self._ghosted.array[: len(given)] = given
            self._ghosted.scatter_forward()
            given = self._ghosted.array
        block_products.multiply(level.starts, level.indices, level.data, given, y.array, self._columns)


class Cycle:
    """A context of PETSc's ``python`` preconditioner; all of the quadratic level runs in single precision."""

    def __init__(self, fine: QuadraticLevel, coarse: LinearLevel, transfer: Transfer, columns: int) -> None:
        """Set up for a number of columns; both levels are assembled."""
        self._fine, self._coarse, self._transfer, self._columns = fine, coarse, transfer, (0,) * columns
        width, owned = 3 * columns, len(transfer.free)
        self._given, self._direction, self._product = (np.zeros(owned * width, dtype=PRECISION) for _ in range(3))
        self._solution, self._other = (la.vector(fine.index_map, width, PRECISION) for _ in range(2))
        self._load = la.vector(transfer.nodes, width, PRECISION)
        self._right, self._left = coarse.matrix.createVecs()

    def apply(self, _: PETSc.PC, given: PETSc.Vec, result: PETSc.Vec) -> None:
        """``result`` in mm = about A^-1 ``given`` in N."""
        fine = self._fine
        coefficients = list(_chebyshev(DEGREE, *fine.interval))
        block_products.begin(
            given.array_r,
            fine.inverse,
            coefficients[0][1],
            self._given,
            self._direction,
            self._solution.array,
            self._columns,
        )
        self._exchange()
        for each in coefficients[1:]:
            self._smooth(*each)
        self._correct()
        for each in coefficients:
            self._smooth(*each)
        result.array[:] = self._solution.array[: len(self._given)]

    def view(self, _: PETSc.PC, viewer: PETSc.Viewer) -> None:
        """Tell of both levels; PETSc calls it for ``-vp_elasticity_ksp_view``."""
        low, high = self._fine.interval
        viewer.printfASCII(
            f"quadratic elements: Chebyshev of degree {DEGREE} with 3 x 3 block Jacobi, from {low:.3g} to {high:.3g}\n"
        )
        viewer.printfASCII("linear elements:\n")
        viewer.pushASCIITab()
        self._coarse.ksp.view(viewer)
        viewer.popASCIITab()

    def destroy(self, _: PETSc.PC) -> None:
        """Free the PETSc objects of its own; PETSc calls it with the preconditioner's end."""
        self._right.destroy()
        self._left.destroy()

    def _smooth(self, momentum: np.float32, step: np.float32) -> None:
        fine = self._fine
        block_products.smooth(
            fine.starts,
            fine.indices,
            fine.scaled,
            self._given,
            self._direction,
            self._solution.array,
            self._other.array,
            momentum,
            step,
            self._columns,
        )
        self._solution, self._other = self._other, self._solution
        self._exchange()

    def _correct(self) -> None:
        fine, transfer, load = self._fine, self._transfer, self._load
        block_products.restrict(
            fine.starts,
            fine.indices,
            fine.scaled,
            fine.diagonal,
            self._given,
            self._solution.array,
            self._product,
            transfer.parents,
            transfer.free,
            load.array,
            self._columns,
        )
        load.scatter_reverse(la.InsertMode.add)
        owned = len(transfer.coarse_free)
        columns = load.array.reshape(-1, 3, len(self._columns))[:owned]
        for column in range(len(self._columns)):
            self._right.array[:] = (columns[:, :, column] * transfer.coarse_free).ravel()
            self._coarse.ksp.solve(self._right, self._left)
            columns[:, :, column] = self._left.array_r.reshape(-1, 3) * transfer.coarse_free
        load.scatter_forward()
        block_products.prolong(transfer.parents, transfer.free, load.array, self._solution.array, self._columns)
        self._exchange()

    def _exchange(self) -> None:
        if self._fine.exchanges:
            self._solution.scatter_forward()


def _chebyshev(degree: int, low: float, high: float) -> Iterator[tuple[np.float32, np.float32]]:
    """Factors of the direction before and of the scaled residual, step by step (Saad 2003, algorithm 12.1)."""
    middle, half = 0.5 * (high + low), 0.5 * (high - low)
    yield PRECISION(0.0), PRECISION(1.0 / middle)
    ratio = half / middle
    for _ in range(1, degree):
        following = 1.0 / (2.0 * middle / half - ratio)
        yield PRECISION(following * ratio), PRECISION(2.0 * following / half)
        ratio = following
