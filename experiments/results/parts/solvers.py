"""The part ``solvers`` of the manifest: iterations, errors, and what the elastic problem is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from experiments.results.parts.base import Part, Series, number, state, table


class InjectionSolver(Part):
    """What flow and transport took; lists have one entry for each moment."""

    steps: int = number("1", "time steps", "Number of time steps.")
    pressure_iterations_per_step: float = number(
        "1", "pressure iterations per step", "Conjugate-gradient iterations per time step, mean."
    )
    transport_sweeps_per_step: float = number("1", "transport sweeps per step", "Sweeps per time step, mean.")
    viscosity_rounds_per_step: Sequence[int] = number(
        "1", "viscosity rounds per step", "Pressure solves that brought viscosity, walls and pressure into agreement."
    )
    wall_rounds_max: int = number(
        "1", "wall rounds of a step, most", "Most pressure solves of a step because walls stop seeping."
    )
    mass_balance_error_per_step: Series = number(
        "1", "cement balance error", "Error of the balances of cement and fluid."
    )
    tracer_error_per_step: Series = number("1", "tracer balance error", "Error of the balances of displaced fluids.")
    divergence_error_per_step: Series = number("1", "divergence error", "Largest error of the fluxes of a cell.")


class HeatSolver(Part):
    """What the temperatures took."""

    steps: int = number("1", "time steps", "Number of time steps.")
    solves: int = number("1", "solves", "Linear solves: several a step where the reaction and the temperature agree.")
    iterations_per_solve: float = number("1", "iterations per solve", "Iterations per linear solve, mean.")
    energy_balance_error: float = number(
        "1", "energy balance error", "What the balance of energy misses, over all that came in or left."
    )


class ElasticSolver(Part):
    """What the six unit motions of one state took."""

    iterations: Sequence[int] = number("1", "iterations of the six motions", "Conjugate-gradient iterations.")
    unknowns: int = number("1", "unknowns", "Number of unknowns.")
    asymmetry: float = number("1", "asymmetry of K", "Largest difference of K and its transpose.")
    balance: float = number(
        "1", "balance of the plates' forces and moments", "Largest difference between the reactions of both plates."
    )
    energy: float = number("1", "K against the strain energy", "Largest difference between K and the strain energy.")
    pressure_iterations: int | None = number(
        "1", "iterations under pressure", "Conjugate-gradient iterations under a uniform pressure.", optional=True
    )


class SpecimenRecord(Part):
    """What is loaded."""

    cells: int = number("1", "tetrahedra", "Number of tetrahedra.")
    bone_ml: float = number("ml", "bone", "Volume of the bone.")
    discs_ml: float = number("ml", "discs", "Volume of the discs on the bone.")
    cement_in_body_ml: float | None = number(
        "ml", "cement in the body", "Cement in the body, where the specimen has a mesh of its own.", optional=True
    )
    cement_carried_ml: float | None = number(
        "ml", "cement carried", "The same cement after it was carried to that mesh.", optional=True
    )


class CortexRecord(Part):
    """The shell of walls and endplates as a layer of its own."""

    trabecular_density_mg_per_cm3: float = number(
        "mg/cm3", "trabecular density", "Median density of the bone inside, which the shell's mineral is counted above."
    )
    thickness_mm: Mapping[str, float] = number(
        "mm", "thickness of the shell", "Thickness of the shell of each wall and endplate."
    )
    modulus_mpa: float = number("MPa", "Young's modulus of the shell", "Young's modulus of the shell.")


class StiffnessSolver(Part):
    """The elastic problem and its solution in each state."""

    specimen: SpecimenRecord = table("", "What is loaded.")
    cortex: CortexRecord | None = table("", "The shell, where it is a layer of its own.", optional=True)
    intact: ElasticSolver = state("intact", "Without damage and cement.")
    fractured: ElasticSolver | None = state("fractured", "With the damage alone.", optional=True)
    augmented: ElasticSolver = state("augmented", "With damage and cement.")

    @property
    def states(self) -> dict[str, ElasticSolver]:
        """Name of a state -> what its solution took, in the order in which the states come about."""
        found = {"intact": self.intact, "fractured": self.fractured, "augmented": self.augmented}
        return {name: solved for name, solved in found.items() if solved is not None}


class SolverRecords(Part):
    """What the solvers did."""

    injection: InjectionSolver | None = table("", "Flow and transport, where cement was injected.", optional=True)
    heat: HeatSolver | None = table("", "Temperatures, where they are computed.", optional=True)
    stiffness: StiffnessSolver | None = table("", "Elasticity, where the mechanics are computed.", optional=True)
