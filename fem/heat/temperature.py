"""One implicit step of the temperature on the voxels: conduction, blood, what flows, and heat that is set free.

With the heat capacity C of a voxel, conductances G between voxels, to the sides of the box and to the blood, the
capacity flows A of cement and displaced fluid into it and the heat Q of the reaction, all temperatures above that of
the body,

    (C + dt (sum A + sum G)) T' = C T + dt (sum_in A T'_upstream + sum G T'_neighbour) + a T_needle + Q,

with the capacity a of the cement that has come out of needles added to C + dt sum A on the left. Backward Euler and
upwind: every entry off the diagonal is negative or zero and no row has a larger sum of them than its diagonal, so that
without Q the temperature stays between those before the step, in the blood and in the needle.
"""

from __future__ import annotations

from dataclasses import dataclass

import dolfinx_solver  # noqa: F401  (must be loaded before MPI, PETSc and DOLFINx)
from mpi4py import MPI
from petsc4py import PETSc

import numpy as np
from numpy.typing import NDArray

from fem import krylov, profiling
from meshes.box_grid import BoxGrid

FloatArray = NDArray[np.float64]

PREFIX = "heat_"
RELATIVE_TOLERANCE = 1e-11
"""Of the residual; the balance of energy is held to 1e-8 over hundreds of steps."""


@dataclass(frozen=True)
class StepMatrix:
    """Entries of the matrix of a step, in mJ/K.

    Attributes:
        diagonal: (n,).
        above: for every axis what the voxels above the inner faces across it take from those below, as positive
            numbers with three dimensions.
        below: for every axis what those below take from those above.
    """

    diagonal: FloatArray
    above: tuple[FloatArray, ...]
    below: tuple[FloatArray, ...]

    @property
    def symmetric(self) -> bool:
        """Whether nothing flows."""
        return all(first is second for first, second in zip(self.above, self.below, strict=True))


class TemperatureSolver:
    """Solves steps on the ranks of a communicator; matrix, solver and vectors are kept between steps.

    Every rank holds the whole field and its own rows of the matrix.

    Attributes:
        iterations: of all solves.
        solves: their number.
    """

    def __init__(self, grid: BoxGrid, comm: MPI.Comm = MPI.COMM_SELF) -> None:
        """Lay out the rows.

        Args:
            grid: the voxels.
            comm: ranks that share them.
        """
        self._grid, self._comm = grid, comm
        self.iterations = self.solves = 0
        self._vectors = tuple(PETSc.Vec().createMPI((PETSc.DECIDE, grid.count), comm=comm) for _ in range(2))
        start, end = self._vectors[0].getOwnershipRange()
        self._rows = slice(start, end)
        columns = np.full((7, grid.count), -1, dtype=np.int32)
        columns[3] = np.arange(grid.count)
        for axis in range(3):
            grid.above(columns[2 - axis], axis)[...] = grid.below(columns[3], axis)
            grid.below(columns[4 + axis], axis)[...] = grid.above(columns[3], axis)
        own = columns[:, self._rows]
        rows = np.broadcast_to(np.arange(start, end, dtype=np.int32), own.shape)
        self._bands = np.zeros((7, grid.count))
        self._matrix = PETSc.Mat().create(comm)
        self._matrix.setSizes(((end - start, grid.count),) * 2)
        self._matrix.setType("aij")
        # Columns below 0 are those of no neighbour, which PETSc leaves out.
        self._matrix.setPreallocationCOO(rows.ravel(), own.ravel())
        self._solvers: dict[bool, PETSc.KSP] = {}

    @profiling.Event("vpHeatMatrix")
    def fill(self, entries: StepMatrix) -> None:
        """Take up the matrix of a step."""
        bands, grid = self._bands, self._grid
        for axis in range(3):
            np.negative(entries.above[axis], out=grid.above(bands[2 - axis], axis))
            np.negative(entries.below[axis], out=grid.below(bands[4 + axis], axis))
        bands[3] = entries.diagonal
        self._matrix.setValuesCOO(bands[:, self._rows].ravel())
        self._solver = self._solver_for(entries.symmetric)
        self._solver.setOperators(self._matrix)

    @profiling.Event("vpHeatSolve")
    def solve(self, load: FloatArray, guess: FloatArray) -> FloatArray:
        """(n,) temperatures in K above a reference for (n,) mJ, from a guess; collective.

        Raises:
            ConvergenceError: the tolerance was not reached.
        """
        rhs, solution = self._vectors
        rhs.array[:] = load[self._rows]
        solution.array[:] = guess[self._rows]
        self.iterations += krylov.solve(self._solver, rhs, solution, "The temperature")
        self.solves += 1
        if self._comm.size == 1:
            return solution.array_r.copy()
        return np.concatenate(self._comm.allgather(solution.array_r.copy()))

    def destroy(self) -> None:
        """Free the PETSc objects."""
        for item in (*self._vectors, self._matrix, *self._solvers.values()):
            item.destroy()

    def _solver_for(self, symmetric: bool) -> PETSc.KSP:
        """Conjugate gradients at rest, BiCGStab where something flows, each after a symmetric sweep of relaxation."""
        if symmetric not in self._solvers:
            solver = PETSc.KSP().create(self._comm)
            solver.setOptionsPrefix(PREFIX)
            solver.setType("cg" if symmetric else "bcgs")
            # The same sweep in fewer products; PETSc has that form on several ranks for some matrices alone.
            solver.getPC().setType("eisenstat" if self._comm.size == 1 else "sor")
            solver.setInitialGuessNonzero(True)
            solver.setTolerances(rtol=RELATIVE_TOLERANCE, atol=0.0, max_it=2000)
            with krylov.options(PREFIX):
                solver.setFromOptions()
            self._solvers[symmetric] = solver
        return self._solvers[symmetric]
