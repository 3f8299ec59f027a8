"""Total pressure and conservative facet fluxes: the lowest-order Raviart-Thomas method in its hybrid form.

The multipliers of the hybrid form solve the Crouzeix-Raviart system (Marini 1985, 10.1137/0722029; Arnold and Brezzi
1985, 10.1051/m2an/1985190100071): one pressure per facet, symmetric and positive definite,

    sum_T lambda_T A_T p + G (p - p_outside) = q |T| / 4,   A_T[i, j] = 9 |T| grad(b_i) . K grad(b_j),

with the barycentric coordinates b, the permeability K (mm2), the total mobility lambda (1/(MPa s)) and the lumped wall
conductance G (mm3/(s MPa)). The flux out of cell T through its facet i is then q_T / 4 - lambda_T sum_j A_T[i, j] p_j,
where q_T (mm3/s) is the whole source of the cell.
"""

from __future__ import annotations

import dolfinx_solver  # noqa: F401  (must be loaded before MPI, PETSc and DOLFINx)
from mpi4py import MPI
from petsc4py import PETSc

import numpy as np
from numpy.typing import NDArray

from fem import krylov, profiling, solver_options
from fem.errors import ConvergenceError
from fem.partition import Partition
from fem.pressure.exchange import Exchange
from fem.pressure.facet_matrix import Conductances, FacetMatrix, cell_means
from fem.pressure.fluxes import one_sided_flux, speed_at_centroids, two_sided_flux
from fem.pressure.pressure_field import PressureField
from fem.pressure.two_level import TwoLevel

RELATIVE_TOLERANCE = 1e-11
"""Residual of the pressure solve over the norm of its right-hand side."""

ACCURACY_MARGIN = 0.2
"""Share of that residual to which solves that enter a mass balance are brought: what two numbers of ranks make of
a whole injection then agrees to 1e-6."""

ITERATION_LIMIT = 2000
"""Conjugate-gradient iterations after which a pressure solve is given up."""

BALANCE_TOLERANCE = 5.0
"""What the balance of a cell and that of the whole may miss over the tolerance and the sources: of the whole, half of
what the mass balance of a run may miss."""

REFINEMENT_LIMIT = 4
"""Solves, each ten times as accurate, by which the balances may be brought to that."""


class DarcyPressure:
    """The pressure problem on one mesh and one permeability; mobility and wall conductance change from step to step.

    Its arrays, matrices and preconditioner are a workspace. A solve depends on them only by the pressure that it starts
    from: :meth:`restore` of a :meth:`field` and the same solve give the same bits.

    Cells may exchange fluid with vessels: q_T = source_T + E_T (p_vessel - mean of the cell's facet pressures) with the
    conductance E (mm3/(s MPa)), which adds E_T / 16 to every entry of the cell's matrix. Vessels that join cells add
    what :class:`~fem.pressure.exchange.JoinedCells` say to the product.

    Attributes:
        facet_pressure: (local facets,) pressure in MPa of the last solve, ghosts included.
        flux: (local cells, 4) volume rate in mm3/s out of each cell through its facets, equal and opposite on the two
            sides of a facet.
        wall_flux: (b,) volume rate in mm3/s out through each of this rank's boundary facets.
        exchange_rate: (local cells,) volume rate in mm3/s that each cell takes from vessels.
        divergence_defect: largest |sum of the facet fluxes - source| of a cell in mm3/s.
        iterations: conjugate-gradient iterations of the last solve.
    """

    def __init__(
        self,
        partition: Partition,
        permeability: NDArray[np.float64],
    ) -> None:
        """Set up the fixed parts.

        Args:
            partition: the distributed mesh.
            permeability: (local cells, 3, 3) symmetric positive tensor in mm2, ghosts included.
        """
        self.partition = partition
        gradients = partition.barycentric_gradients
        self._cell_matrices = np.einsum(
            "t,tia,tab,tjb->tij", 9.0 * partition.cell_volumes, gradients, permeability, gradients, optimize=True
        )
        arms = partition.corner_points - partition.corner_points.mean(axis=1, keepdims=True)
        spread = np.einsum("tia,tab,tib->t", arms, np.linalg.inv(permeability), arms, optimize=True)
        self._source_lift = spread / (180.0 * partition.cell_volumes)
        self._source = np.zeros(len(arms))
        self._exchange: Exchange | None = None
        self._reference = 0.0
        self.exchange_rate = np.zeros(len(arms))
        self._mobility = np.ones(len(arms))
        facet_map = partition.facet_map
        self._local_facets = facet_map.size_local + facet_map.num_ghosts
        self._walls = partition.boundary
        self._wall_conductance, self._outside_pressure = np.zeros((2, len(self._walls.facets)))
        self._facet_matrix = FacetMatrix(partition, self._cell_matrices)
        self._preconditioner = TwoLevel(partition, self._facet_matrix, self._cell_matrices)
        ghosts = np.asarray(facet_map.ghosts, dtype=PETSc.IntType)
        size = (facet_map.size_local, facet_map.size_global)
        self._pressure = PETSc.Vec().createGhost(ghosts, size=size, comm=partition.comm)
        self._rhs = PETSc.Vec().createGhost(ghosts, size=size, comm=partition.comm)
        self._solver, self._matrix = self._create_solver()
        self._given_tolerances = krylov.given_tolerances(solver_options.PRESSURE)
        self.facet_pressure = np.zeros(self._local_facets)
        self.flux = np.zeros((len(partition.cell_facets), 4))
        self._raw_flux = np.zeros_like(self.flux)
        self.wall_flux = np.zeros(len(self._walls.facets))
        self.divergence_defect = 0.0
        self.iterations = 0
        self._field: PressureField | None = None

    def _create_solver(self) -> tuple[PETSc.KSP, PETSc.Mat]:
        """Conjugate gradients, and the matrix as they see it."""
        facet_map, comm = self.partition.facet_map, self.partition.comm
        size = (facet_map.size_local, facet_map.size_global)
        matrix = PETSc.Mat().createPython((size, size), self._facet_matrix, comm=comm)
        matrix.setUp()
        solver = PETSc.KSP().create(comm)
        for item in (matrix, solver):
            item.setOptionsPrefix(solver_options.PRESSURE)
        solver.setOperators(matrix)
        solver.setType(PETSc.KSP.Type.CG)
        solver.setNormType(PETSc.KSP.NormType.UNPRECONDITIONED)
        solver.getPC().setType(PETSc.PC.Type.PYTHON)
        solver.getPC().setPythonContext(self._preconditioner)
        solver.setInitialGuessNonzero(True)
        solver.setTolerances(rtol=RELATIVE_TOLERANCE, atol=1e-300, divtol=1e300, max_it=ITERATION_LIMIT)
        with krylov.options(solver_options.PRESSURE):
            solver.setFromOptions()
        return solver, matrix

    def _converge(self, accuracy: float, flow: float) -> None:
        """Solve to a residual of ``accuracy`` times ``flow``, or without a flow of the right-hand side."""
        tolerances = {"rtol": 0.0 if flow else accuracy, "atol": accuracy * flow, **self._given_tolerances}
        self._solver.setTolerances(**tolerances)
        with profiling.Event("vpPressureSolve"):
            self.iterations += krylov.solve(self._solver, self._rhs, self._pressure, "The pressure")

    def solve(
        self,
        mobility: NDArray[np.float64],
        source: NDArray[np.float64],
        wall_conductance: NDArray[np.float64],
        outside_pressure: NDArray[np.float64],
        exchange: Exchange | None = None,
        tolerance: float = RELATIVE_TOLERANCE,
        flow_scale: float = 0.0,
    ) -> None:
        """:meth:`assemble` and :meth:`solve_assembled` in one."""
        self.assemble(mobility, wall_conductance, outside_pressure, exchange)
        self.solve_assembled(source, tolerance, flow_scale)

    def assemble(
        self,
        mobility: NDArray[np.float64],
        wall_conductance: NDArray[np.float64],
        outside_pressure: NDArray[np.float64],
        exchange: Exchange | None = None,
    ) -> None:
        """Take up all that :meth:`solve_assembled` then solves with, for whatever sources.

        Args:
            mobility: (local cells,) total mobility in 1/(MPa s), ghosts included.
            wall_conductance: (b,) conductance of each boundary facet in mm3/(s MPa).
            outside_pressure: (b,) pressure behind each boundary facet in MPa.
            exchange: with vessels, or None.

        Raises:
            ConvergenceError: a mobility is not positive and finite.
        """
        if not self.partition.comm.allreduce(bool(((mobility > 0.0) & np.isfinite(mobility)).all()), op=MPI.LAND):
            raise ConvergenceError("the pressure was asked for at a mobility that is not positive and finite")
        self._mobility[:] = mobility
        self._wall_conductance[:], self._outside_pressure[:] = wall_conductance, outside_pressure
        self._exchange = exchange
        own = np.zeros(len(mobility)) if exchange is None else exchange.own_conductance
        conductances = Conductances(mobility, own, wall_conductance)
        self._facet_matrix.fill(conductances, None if exchange is None else exchange.joined)
        if self._solver.getPC().getType() == PETSc.PC.Type.PYTHON:  # unless the user has chosen another
            self._preconditioner.update(conductances)

    def solve_assembled(
        self, source: NDArray[np.float64], tolerance: float = RELATIVE_TOLERANCE, flow_scale: float = 0.0
    ) -> None:
        """Solve for the facet pressures, from those of the last solve, and recover the fluxes.

        Args:
            source: (local cells,) volume rate into each cell in mm3/s, ghosts included.
            tolerance: residual over the norm of the cells' sources; where none flows, over that of a source of
                ``flow_scale``. Tolerances that a user gives PETSc go before it, and hold as PETSc has them.
            flow_scale: rate in mm3/s; without one and without sources, the whole right-hand side is the scale.

        Where round-off keeps the balances from what :data:`BALANCE_TOLERANCE` allows, the last of the solves stands,
        and :attr:`divergence_defect` tells what it misses.

        Raises:
            ConvergenceError: the residual did not reach the tolerance.
            InputError: PETSc cannot solve with the options that a user gives.
        """
        comm, owned = self.partition.comm, self.partition.owned_cells
        self._field = None
        self._source[:] = source
        self.iterations = 0
        driven = source.any() or (self._wall_conductance * self._outside_pressure).any()
        if self._exchange is not None:
            driven |= self._exchange.drives
        if not comm.allreduce(bool(driven), op=MPI.LOR):
            self._pressure.set(0.0)
            self._reference = 0.0
            self._recover_solution()
            return
        # Pressures outside may swell the right-hand side by far, and the accuracy of the flow must not pay for it.
        sums = comm.allreduce(np.array([np.sum(source[:owned] ** 2), np.abs(source[:owned]).sum()]))
        flow = 0.5 * float(np.sqrt(sums[0]) or flow_scale)
        balanced = tolerance <= RELATIVE_TOLERANCE and not self._given_tolerances
        for refinement in range(REFINEMENT_LIMIT):
            self._shift_reference()
            self._assemble_rhs()
            self._converge((ACCURACY_MARGIN if balanced else 1.0) * tolerance * 0.1**refinement, flow)
            self._recover_solution()
            # Only accurate solves enter a mass balance; at rest what flows, however little, adds up over a whole pause.
            allowed = tolerance * max(BALANCE_TOLERANCE * float(sums[1]), self._outflow())
            if not balanced or max(self._imbalance(), self.divergence_defect) <= allowed:
                return

    def field(self) -> PressureField:
        """The last solution as a value of its own."""
        if self._field is None:
            with self._pressure.localForm() as local:
                relative = local.array_r.copy()
            self._field = PressureField(
                relative_pressure=relative,
                reference=self._reference,
                flux=self.flux.copy(),
                wall_flux=self.wall_flux.copy(),
                exchange_rate=self.exchange_rate.copy(),
                source=self._source.copy(),
                mobility=self._mobility.copy(),
                divergence_defect=self.divergence_defect,
            )
        return self._field

    def restore(self, field: PressureField) -> None:
        """Take a solution up again; nothing is copied where it is still the last one."""
        if field is self._field:
            return
        self._pressure.setArray(field.relative_pressure[: self.partition.facet_map.size_local])
        self._reference = field.reference
        self.facet_pressure[:] = field.facet_pressure
        self.flux[:], self.wall_flux[:] = field.flux, field.wall_flux
        self.exchange_rate[:], self._source[:] = field.exchange_rate, field.source
        self._mobility[:] = field.mobility
        self.divergence_defect = field.divergence_defect
        self._field = field

    def _assemble_rhs(self) -> None:
        """The right-hand side for pressures that count from the reference."""
        partition, owned = self.partition, self.partition.owned_cells
        with self._rhs.localForm() as local:
            array = local.array
            array[:] = 0.0
            rate = self._source[:owned]
            if self._exchange is not None:
                rate = rate + self._exchange.inflow(0.0, self._reference)[:owned]
            sources = np.flatnonzero(rate)
            np.add.at(array, partition.cell_facets[sources].ravel(), np.repeat(0.25 * rate[sources], 4))
            array[self._walls.facets] += self._wall_conductance * (self._outside_pressure - self._reference)
        self._rhs.ghostUpdate(addv=PETSc.InsertMode.ADD_VALUES, mode=PETSc.ScatterMode.REVERSE)

    def _shift_reference(self) -> None:
        """Count pressures from their mean in the last solve, weighted by mobility.

        Where fluid moves easily, differences of pressure are small beside the pressure, and would be lost in its last
        digits.
        """
        own = slice(0, self.partition.owned_cells)
        weight = self._mobility[own] * self.partition.cell_volumes[own]
        mean = self.mean_pressure()[own]
        total = self.partition.comm.allreduce(np.array([float(weight @ mean), float(weight.sum())]))
        reference = float(total[0] / total[1])
        self._pressure.shift(self._reference - reference)
        self._reference = reference

    def _recover_solution(self) -> None:
        """Pressures of the facets, exchange with vessels and fluxes from the solution."""
        self._pressure.ghostUpdate(addv=PETSc.InsertMode.INSERT_VALUES, mode=PETSc.ScatterMode.FORWARD)
        with self._pressure.localForm() as local:
            self.facet_pressure[:] = local.array_r
        self.exchange_rate[:] = 0.0
        if self._exchange is not None:
            self.exchange_rate[:] = self._exchange.inflow(self.mean_pressure(), self._reference)
        total = self._source + self.exchange_rate
        self._recover_flux(total)
        self.facet_pressure += self._reference

    @profiling.Event("vpPressureFlux")
    def _recover_flux(self, source: NDArray[np.float64]) -> None:
        """Fluxes from (local cells,) sources and pressures that count from the reference."""
        partition, walls, owned = self.partition, self._walls, self.partition.owned_cells
        one_sided_flux(
            partition.cell_facets, self._cell_matrices, self._mobility, source, self.facet_pressure, self._raw_flux
        )
        two_sided_flux(partition.neighbours, partition.neighbour_slots, self._raw_flux, self.flux)
        outside = self._outside_pressure - self._reference
        self.wall_flux[:] = self._wall_conductance * (self.facet_pressure[walls.facets] - outside)
        self.flux[walls.cells, walls.slots] = self.wall_flux
        defect = np.abs(self.flux[:owned].sum(axis=1) - source[:owned]).max(initial=0.0)
        self.divergence_defect = partition.comm.allreduce(float(defect), op=MPI.MAX)

    def _imbalance(self) -> float:
        """What the sources of all cells and the rates through all walls miss in mm3/s: the sum of the residual."""
        own = slice(0, self.partition.owned_cells)
        local = float(self.wall_flux.sum() - self._source[own].sum() - self.exchange_rate[own].sum())
        return abs(float(self.partition.comm.allreduce(local)))

    def _outflow(self) -> float:
        """Rate in mm3/s at which fluid leaves through walls."""
        return float(self.partition.comm.allreduce(float(np.maximum(self.wall_flux, 0.0).sum())))

    def wall_stiffness(self, mobility: NDArray[np.float64]) -> NDArray[np.float64]:
        """(b,) diagonal entry in mm3/(s MPa) of the cell behind each boundary facet, from (local cells,) mobilities."""
        walls = self._walls
        return mobility[walls.cells] * self._cell_matrices[walls.cells, walls.slots, walls.slots]

    def mean_pressure(self) -> NDArray[np.float64]:
        """(local cells,) mean of the facet pressures of each cell in MPa."""
        return cell_means(self.partition.cell_facets, self.facet_pressure)

    def cell_pressure(self) -> NDArray[np.float64]:
        """(local cells,) pressure of each cell in MPa at the mobility and source of the last solve.

        The Raviart-Thomas cell pressure is the mean of its facet pressures plus
        q_T / (180 |T| lambda_T) sum_i (x_i - x_T) . K^-1 (x_i - x_T), which matters only where cement is injected.
        """
        return self.mean_pressure() + (self._source + self.exchange_rate) * self._source_lift / self._mobility

    def cell_speed(self) -> NDArray[np.float64]:
        """(local cells,) Darcy speed at the cell centroids in mm/s."""
        speed = np.empty(len(self.flux))
        speed_at_centroids(self.flux, self.partition.corner_points, self.partition.cell_volumes, speed)
        return speed

    def cell_velocity(self) -> NDArray[np.float64]:
        """(local cells, 3) Darcy velocity at the cell centroids in mm/s."""
        corners = self.partition.corner_points
        arms = corners.mean(axis=1, keepdims=True) - corners
        return np.einsum("ti,tia->ta", self.flux, arms) / (3.0 * self.partition.cell_volumes[:, None])

    def destroy(self) -> None:
        """Free the PETSc objects."""
        for item in (self._solver, self._matrix, self._pressure, self._rhs):
            item.destroy()
