"""The preconditioner of the facet pressure: Chebyshev on the facets, multigrid on the nodes, and the pockets.

One cycle smooths, corrects the pockets and the nodal part of the error, the pockets again, and smooths once more. The
smoother divides by the sum of the moduli of a row, which bounds its spectrum by 1 at every mobility, so that the
preconditioner is positive definite but for round-off. All of the facet level runs in single precision: it is a
correction of a residual that conjugate gradients hold in double precision.
"""

from __future__ import annotations

import dolfinx_solver  # noqa: F401  (must be loaded before MPI, PETSc and DOLFINx)
from mpi4py import MPI
from petsc4py import PETSc

import numba
import numpy as np
from dolfinx import la
from numpy.typing import NDArray

from fem import chebyshev, profiling
from fem.partition import Partition
from fem.pressure.facet_matrix import FIRST, SECOND, Conductances, FacetMatrix, multiply
from fem.pressure.nodal_level import NodalLevel
from fem.pressure.pockets import Pockets

DEGREE = 3
"""Of the Chebyshev polynomial, before and after the coarse level."""

SMOOTHED = 0.03
"""Lower end of the part of the spectrum, up to 1, that the polynomial damps."""

PRECISION = np.float32
"""Of everything on the facets, which halves what a sweep reads."""


class TwoLevel:
    """A context of PETSc's ``python`` preconditioner.

    Attributes:
        pockets: of the last update.
    """

    def __init__(self, partition: Partition, matrix: FacetMatrix, cell_matrices: NDArray[np.float64]) -> None:
        """Set up everything that does not change from step to step.

        Args:
            partition: the distributed mesh.
            matrix: the facet matrix, which every update finds filled anew.
            cell_matrices: (local cells, 4, 4) matrix of each cell at a mobility of 1/(MPa s), in mm3/(s MPa).
        """
        self._partition, self._matrix = partition, matrix
        self.pockets = Pockets(partition, cell_matrices)
        self._pockets_anywhere = False
        self._nodal = NodalLevel(partition, cell_matrices)
        owned, local = partition.facet_map.size_local, len(matrix.row_sum)
        self._pairs = np.zeros_like(matrix.pairs, dtype=PRECISION)
        self._row_sum = np.zeros(local, dtype=PRECISION)
        self._inverse = np.zeros(local, dtype=PRECISION)
        self._given = np.zeros(owned, dtype=PRECISION)
        self._direction = np.zeros(owned, dtype=PRECISION)
        self._product = np.zeros(local, dtype=PRECISION)
        self._vector = la.vector(partition.facet_map, 1, PRECISION)
        self._solution = self._vector.array
        self._with_ghosts = bool(partition.comm.size > 1)
        self._coefficients = chebyshev.coefficients(DEGREE, SMOOTHED, 1.0)

    @profiling.Event("vpPressureSetUp")
    def update(self, conductances: Conductances) -> None:
        """Take over the matrix, which is filled with these values."""
        matrix = self._matrix
        _scale(matrix.cell_facets, matrix.pairs, matrix.row_sum, self._pairs, self._row_sum, self._inverse)
        self.pockets.find(matrix, conductances.mobility)
        self._pockets_anywhere = self._partition.comm.allreduce(self.pockets.surroundings is not None, op=MPI.LOR)
        self._nodal.fill(conductances)
        self._nodal.update()

    def apply(self, _: PETSc.PC, given: PETSc.Vec, result: PETSc.Vec) -> None:
        """``result`` in MPa = about A^-1 ``given`` in mm3/s, both (owned facets,)."""
        _start(given.array_r, self._inverse, self._coefficients[0][1], self._given, self._direction, self._solution)
        self._exchange()
        self._smooth(self._coefficients[1:])
        self._correct_pockets()
        self._correct_nodes()
        self._correct_pockets()
        self._smooth(self._coefficients)
        result.array[:] = self._solution[: len(self._given)]

    def view(self, _: PETSc.PC, viewer: PETSc.Viewer) -> None:
        """Tell of both levels; PETSc calls it for ``-vp_pressure_ksp_view``."""
        pockets = self.pockets.surroundings
        count = 0 if pockets is None else len(pockets.facets)
        for line in (
            f"facets: Chebyshev of degree {DEGREE} over the moduli of a row, from {SMOOTHED:g} to 1",
            f"pockets: {count} facets of this rank solved for together",
            "nodes:",
        ):
            viewer.printfASCII(f"{line}\n")
        viewer.pushASCIITab()
        self._nodal.view(viewer)
        viewer.popASCIITab()

    def destroy(self, _: PETSc.PC) -> None:
        """Free the PETSc objects of its own; PETSc calls it with the preconditioner's end."""
        self._nodal.destroy()

    def _multiply(self) -> None:
        """``_product`` = A ``_solution``."""
        multiply(self._matrix.cell_facets, self._pairs, self._row_sum, self._solution, self._product)

    def _smooth(self, coefficients: NDArray[np.float32]) -> None:
        """Steps of the Chebyshev iteration, a row of ``coefficients`` each."""
        for rows in np.split(coefficients, len(coefficients)) if self._with_ghosts else (coefficients,):
            _steps(
                self._matrix.cell_facets,
                self._pairs,
                self._row_sum,
                self._inverse,
                rows,
                self._given,
                self._product,
                self._direction,
                self._solution,
            )
            self._exchange()

    def _correct_pockets(self) -> None:
        if self._pockets_anywhere:
            if self.pockets.surroundings is not None:
                self.pockets.surroundings.correct(self._matrix, self._given, self._solution)
            self._exchange()

    def _correct_nodes(self) -> None:
        vertices = self._partition.facet_vertices
        self._multiply()
        with self._nodal.load.localForm() as local:
            _restrict(self._given, self._product, vertices, local.array)
        self._nodal.solve()
        with self._nodal.correction.localForm() as local:
            _prolong(vertices, local.array_r, self._solution)

    def _exchange(self) -> None:
        if self._with_ghosts:
            self._vector.scatter_forward()


@numba.njit(cache=True)
def _scale(
    cell_facets: NDArray[np.uint32],
    pairs: NDArray[np.float64],
    row_sum: NDArray[np.float64],
    single_pairs: NDArray[np.float32],
    single_row_sum: NDArray[np.float32],
    inverse: NDArray[np.float32],
) -> None:
    """Copy the matrix in single precision, and invert the sums of the moduli of its rows."""
    single_row_sum[:] = row_sum
    inverse[:] = row_sum
    for cell in range(len(cell_facets)):
        for pair in range(6):
            single_pairs[cell, pair] = pairs[cell, pair]
            moduli = abs(pairs[cell, pair]) + pairs[cell, pair]
            inverse[cell_facets[cell, FIRST[pair]]] += moduli
            inverse[cell_facets[cell, SECOND[pair]]] += moduli
    for facet in range(len(inverse)):
        inverse[facet] = 1.0 / inverse[facet]


@numba.njit(cache=True)
def _start(
    load: NDArray[np.float64],
    inverse: NDArray[np.float32],
    step: np.float32,
    given: NDArray[np.float32],
    direction: NDArray[np.float32],
    solution: NDArray[np.float32],
) -> None:
    """The first step of the Chebyshev iteration from zero, and the right-hand side in single precision."""
    for row in range(len(load)):
        given[row] = load[row]
        direction[row] = step * inverse[row] * given[row]
        solution[row] = direction[row]


@numba.njit(cache=True)
def _steps(
    cell_facets: NDArray[np.uint32],
    pairs: NDArray[np.float32],
    row_sum: NDArray[np.float32],
    inverse: NDArray[np.float32],
    coefficients: NDArray[np.float32],
    given: NDArray[np.float32],
    product: NDArray[np.float32],
    direction: NDArray[np.float32],
    solution: NDArray[np.float32],
) -> None:
    """Steps of the Chebyshev iteration; of several only where no rank waits for the values of another."""
    for momentum, step in coefficients:
        multiply(cell_facets, pairs, row_sum, solution, product)
        for row in range(len(given)):
            direction[row] = momentum * direction[row] + step * inverse[row] * (given[row] - product[row])
            solution[row] += direction[row]


@numba.njit(cache=True)
def _restrict(
    given: NDArray[np.float32], product: NDArray[np.float32], vertices: NDArray[np.int32], load: NDArray[np.float64]
) -> None:
    """Residual of every facet, a third of it to each of its vertices."""
    load[:] = 0.0
    for row in range(len(given)):
        third = (given[row] - product[row]) / 3.0
        for corner in range(3):
            load[vertices[row, corner]] += third


@numba.njit(cache=True)
def _prolong(vertices: NDArray[np.int32], correction: NDArray[np.float64], solution: NDArray[np.float32]) -> None:
    """Add to every facet the mean of its three vertices."""
    for facet in range(len(vertices)):
        total = correction[vertices[facet, 0]] + correction[vertices[facet, 1]] + correction[vertices[facet, 2]]
        solution[facet] += total / 3.0
