"""The part ``strength`` of the results: what axial load breaks the bone in each of its states."""

from __future__ import annotations

from experiments.results.parts.base import Part, Series, number, share, state, table, text


class LoadCurveResults(Part):
    """The load-displacement curve of one state; lists have one entry for each step, the unloaded bone first."""

    compression_mm: Series = number("mm", "compression", "Axial motion of the plates towards each other.")
    force_n: Series = number("N", "axial force", "Axial force on the plates.")
    work_mj: Series = number("mJ", "work", "Work of the plates so far.")
    dissipated_mj: Series = number("mJ", "dissipated energy", "Energy that plastic flow has taken so far.")
    failed_share: Series = share("failed share", "Share of the volume with more than 0.2 % of plastic strain.")


class StateStrength(Part):
    """Strength of one state."""

    linear_n: float | None = number(
        "N",
        "strength, linear estimate",
        "Axial force at which the estimate of strength lets the bone fail; null where cement leaves none.",
    )
    nonlinear_n: float | None = number(
        "N",
        "strength",
        "Axial force at which the load curve meets the line of elastic stiffness from a strain of 0.2 %; null where it "
        "ends before.",
        optional=True,
    )
    failure_mm: float | None = number("mm", "compression at failure", "Compression at this force.", optional=True)
    energy_mj: float | None = number("mJ", "energy to failure", "Work of the plates up to this force.", optional=True)
    failed_share: float | None = share(
        "failed share", "Share of the volume with more than 0.2 % of plastic strain at this force.", optional=True
    )
    ended: str | None = text(
        "end of the load curve", "Why the load curve ends before failure; null where it fails.", optional=True
    )
    curve: LoadCurveResults | None = table("", "The load curve.", optional=True)


class StrengthResults(Part):
    """Axial load that breaks the bone: ``linear_n`` under the load case, all others on plates that do not tilt."""

    intact: StateStrength = state("intact", "The bone without damage and cement; with [fracture] that before it.")
    fractured: StateStrength | None = state("fractured", "The bone with its damage alone.", optional=True)
    augmented: StateStrength = state("augmented", "The bone with damage and cement.")

    @property
    def states(self) -> dict[str, StateStrength]:
        """Name of a state -> its strength, in the order in which the states come about."""
        found = {"intact": self.intact, "fractured": self.fractured, "augmented": self.augmented}
        return {name: strength for name, strength in found.items() if strength is not None}

    @property
    def change_n(self) -> dict[str, float]:
        """Name of a state -> the entry :attr:`best` in N; empty where the augmented bone has none to compare."""
        found = {name: getattr(state, self.best) for name, state in self.states.items()}
        known = {name: value for name, value in found.items() if value is not None}
        return known if "augmented" in known and len(known) > 1 else {}

    @property
    def best(self) -> str:
        """Name of the entry that tells most: ``nonlinear_n`` where it was computed, or else ``linear_n``."""
        return "nonlinear_n" if "nonlinear_n" in self.augmented.model_fields_set else "linear_n"
