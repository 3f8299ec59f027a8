"""One cycle over quadratic and linear elements, and the product with the quadratic matrix, for several columns at once.

Both are contexts of PETSc: its vectors hold the columns beside each other, (owned nodes, 3, columns), so that conjugate
gradients go on with all of them together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, Self

import dolfinx_solver  # noqa: F401  (must be loaded before MPI, PETSc and DOLFINx)
from petsc4py import PETSc

import numpy as np
from dolfinx import fem, la
from numpy.typing import NDArray

from fem.mechanics.block_products import multiply, prolong, restrict
from fem.mechanics.block_smoother import PRECISION, Sweeps
from fem.mechanics.hierarchy import HierarchyCycle
from fem.mechanics.linear_level import LinearLevel
from fem.mechanics.quadratic_level import QuadraticLevel

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


class LinearSolve(Protocol):
    """An approximate solve on the linear elements."""

    def solve(self, load: NDArray[np.float32]) -> NDArray[np.float32]:
        """Displacement for a load, both (owned nodes, 3, columns), flat."""
        ...


class ColumnByColumn:
    """PETSc's solver on the linear elements, for one column after the other."""

    def __init__(self, ksp: PETSc.KSP, columns: int) -> None:
        """Take over a solver that is set up."""
        self._ksp, self._columns = ksp, columns
        self._right, self._left = ksp.getOperators()[0].createVecs()

    def solve(self, load: NDArray[np.float32]) -> NDArray[np.float32]:
        """Displacement for a load, both (owned nodes, 3, columns), flat."""
        loads, found = load.reshape(-1, self._columns), np.empty((self._right.local_size, self._columns), PRECISION)
        for column in range(self._columns):
            self._right.array[:] = loads[:, column]
            self._ksp.solve(self._right, self._left)
            found[:, column] = self._left.array_r
        return found.ravel()


class Product:
    """A context of PETSc's ``python`` matrix."""

    def __init__(self, level: QuadraticLevel, columns: int) -> None:
        """Set up for a number of columns."""
        self._level, self._columns = level, (0,) * columns
        smoother = level.smoother
        self._ghosted = la.vector(smoother.index_map, 3 * columns) if smoother.exchanges else None

    def mult(self, _: PETSc.Mat, x: PETSc.Vec, y: PETSc.Vec) -> None:
        """``y`` in N = A ``x`` in mm."""
        level, given = self._level, x.array_r
        if self._ghosted is not None:
            self._ghosted.array[: len(given)] = given
            self._ghosted.scatter_forward()
            given = self._ghosted.array
        multiply(level.smoother.starts, level.smoother.indices, level.data, given, y.array, self._columns)


class Cycle:
    """A context of PETSc's ``python`` preconditioner."""

    def __init__(self, fine: QuadraticLevel, coarse: LinearLevel, transfer: Transfer, columns: int) -> None:
        """Set up for a number of columns; both levels are assembled."""
        self._fine, self._transfer, self._columns, self._ksp = fine, transfer, (0,) * columns, coarse.ksp
        self._coarse: LinearSolve = (
            ColumnByColumn(coarse.ksp, columns)
            if coarse.hierarchy is None
            else HierarchyCycle(coarse.hierarchy, columns)
        )
        self._sweeps = Sweeps(fine.smoother, columns, DEGREE)
        self._load = la.vector(transfer.nodes, 3 * columns, PRECISION)

    def apply(self, _: PETSc.PC, given: PETSc.Vec, result: PETSc.Vec) -> None:
        """``result`` in mm = about A^-1 ``given`` in N."""
        sweeps, transfer, load = self._sweeps, self._transfer, self._load
        sweeps.begin(given.array_r)
        restrict(transfer.parents, transfer.free, sweeps.find_residual(), load.array, self._columns)
        load.scatter_reverse(la.InsertMode.add)
        owned = load.array.reshape(-1, 3, len(self._columns))[: len(transfer.coarse_free)]
        owned *= transfer.coarse_free[:, :, None]
        owned[:] = self._coarse.solve(owned.ravel()).reshape(owned.shape)
        owned *= transfer.coarse_free[:, :, None]
        load.scatter_forward()
        prolong(transfer.parents, transfer.free, load.array, sweeps.solution.array, self._columns)
        sweeps.exchange()
        sweeps.go_on()
        result.array[:] = sweeps.solution.array[: result.local_size]

    def view(self, _: PETSc.PC, viewer: PETSc.Viewer) -> None:
        """Tell of the smoother; PETSc calls it for ``-vp_elasticity_ksp_view``."""
        low, high = self._fine.smoother.interval
        viewer.printfASCII(
            f"quadratic elements: Chebyshev of degree {DEGREE} with 3 x 3 block Jacobi, from {low:.3g} to {high:.3g}\n"
        )
        viewer.printfASCII("linear elements:\n")
        viewer.pushASCIITab()
        self._ksp.view(viewer)
        viewer.popASCIITab()
