"""What came of an injection, as plain frozen data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fem.errors import ConvergenceError
from fem.injection.warmth import WarmthState

BALANCE_LIMIT, DIVERGENCE_LIMIT, SATURATION_LIMIT = 1e-10, 1e-8, 1e-8
"""What the balances, over the volumes that came in or the rate, and the bounds 0 and 1 of the saturation may miss."""


@dataclass(frozen=True)
class NeedleState:
    """One needle at one time.

    Attributes:
        rate: injected rate in mm3/s.
        injected: cement injected through this needle so far in mm3.
        tip_pressure: at the opening in MPa above the resting pressure there; 0 while nothing is injected.
        syringe_pressure: tip pressure plus the drop in the cannula in MPa.
    """

    rate: float = 0.0
    injected: float = 0.0
    tip_pressure: float = 0.0
    syringe_pressure: float = 0.0


@dataclass(frozen=True)
class NeedleEnd:
    """When and why a needle ended.

    Attributes:
        reason: ``volume_reached``; ``pressure_limit`` or ``no_flow`` where a bolus was given up because the pressure
            limit left no flow, the latter if the needle has delivered nothing; otherwise what ended the injection while
            cement was still to come through this needle.
        time: since the start in s.
    """

    reason: str
    time: float


@dataclass(frozen=True)
class StepRecord:
    """The state at one time of an injection.

    Attributes:
        time: since the start in s.
        needles: the needles of the procedure.
        stored: cement in the pores in mm3.
        in_veins: cement in the veins of the bone in mm3.
        in_conduits: cement in conduits of the walls that lie in the bone in mm3.
        leaked: site -> cement that has left there in mm3.
        displaced_out: marrow and other displaced fluid that has left in mm3.
        inflow: marrow or blood that has come in from outside or out of vessels in mm3.
        fluid_out: fluid besides marrow -> how much of it has left in mm3.
        open_sites: sites that cement is passing.
        front_ratio: viscosity of the cement over that of what it displaces, the geometric mean over the cells at the
            front (weighted by S (1 - S) and volume); None where there is no front.
        balance_error: what the balance of cement misses, over the injected volume, or that of all fluid, over all that
            has come in; the larger one.
        tracer_error: what the balance of a fluid besides marrow misses, over its volume at the start.
        divergence_error: largest |sum of the facet fluxes - source| of a cell over the largest planned rate.
        saturation_range: smallest and largest saturation of a cell.
        pressure_iterations: conjugate-gradient iterations since the last record.
        sweeps: transport sweeps since the last record.
        picard_iterations: pressure solves that brought viscosity, walls and pressure to their fixed point.
        sealing_solves: pressure solves of the last step because walls behind cells full of cement stop seeping.
    """

    time: float
    needles: tuple[NeedleState, ...]
    stored: float
    in_veins: float
    in_conduits: float
    leaked: Mapping[str, float]
    displaced_out: float
    inflow: float
    fluid_out: Mapping[str, float]
    open_sites: tuple[str, ...]
    front_ratio: float | None
    balance_error: float
    tracer_error: float
    divergence_error: float
    saturation_range: tuple[float, float]
    pressure_iterations: int
    sweeps: int
    picard_iterations: int
    sealing_solves: int

    @property
    def rate(self) -> float:
        """Injected rate of all needles in mm3/s."""
        return sum(needle.rate for needle in self.needles)

    @property
    def injected(self) -> float:
        """Cement injected so far in mm3."""
        return sum(needle.injected for needle in self.needles)

    @property
    def tip_pressure(self) -> float:
        """Largest tip pressure in MPa above the resting pressure."""
        return max(needle.tip_pressure for needle in self.needles)

    @property
    def syringe_pressure(self) -> float:
        """Largest syringe pressure in MPa."""
        return max(needle.syringe_pressure for needle in self.needles)

    def __str__(self) -> str:
        """One line for the log, in mm3, MPa and s."""
        return (
            f"{self.time:.1f} s, {self.injected:.0f} mm3 in, {sum(self.leaked.values()):.1f} leaked, syringe at "
            f"{self.syringe_pressure:.3f} MPa; iterations: {self.picard_iterations} Picard, {self.pressure_iterations} "
            f"pressure; {self.sweeps} sweeps"
        )

    def check(self) -> None:
        """Raise ``ConvergenceError`` where a balance or a saturation misses what every run has to keep."""
        lowest, highest = self.saturation_range
        for what, error, limit in (
            ("the balance of cement and fluid", self.balance_error, BALANCE_LIMIT),
            ("the balance of a displaced fluid", self.tracer_error, BALANCE_LIMIT),
            ("the balance of a cell", self.divergence_error, DIVERGENCE_LIMIT),
            ("a saturation", max(-lowest, highest - 1.0), SATURATION_LIMIT),
        ):
            if not error <= limit:
                raise ConvergenceError(f"At {self.time:.2f} s {what} is off by {error:.1e}; {limit:.0e} is allowed.")


@dataclass(frozen=True)
class LeakOnset:
    """When a site began to leak: time in s and injected volume in mm3."""

    time: float
    injected: float


@dataclass(frozen=True)
class InjectionHistory:
    """The course of an injection, the same on every rank.

    Attributes:
        records: the states at the start, after every step and at the end.
        stop_reason: ``volume_reached``, ``leak_limit:<site>``, ``front_limit``, ``working_time``, ``stop_pressure``,
            ``pressure_limit`` or ``no_flow``.
        needle_ends: when and why each needle of the procedure ended.
        resting_pressure: largest pressure in MPa that outside pressures and tumour vessels cause before the injection.
        saturation: (m,) final cement saturation in the order of the mesh; None on ranks other than 0.
        warmth: what has followed the injection knows at its end; None where nothing did.
    """

    records: tuple[StepRecord, ...]
    stop_reason: str
    needle_ends: tuple[NeedleEnd, ...]
    resting_pressure: float
    saturation: NDArray[np.float64] | None
    warmth: WarmthState | None = None

    @property
    def last(self) -> StepRecord:
        """The state at the end."""
        return self.records[-1]

    def onset(self, site: str, volume: float) -> LeakOnset | None:
        """When ``volume`` mm3 had left at a site, linear within a step; None where so much never did."""
        records = self.records
        after = next((number for number, record in enumerate(records) if record.leaked[site] >= volume), 0)
        if not after:
            return None
        start, end = records[after - 1], records[after]
        share = (volume - start.leaked[site]) / (end.leaked[site] - start.leaked[site])
        return LeakOnset(
            start.time + share * (end.time - start.time),
            start.injected + share * (end.injected - start.injected),
        )

    @property
    def peak_tip_pressure(self) -> float:
        """Largest tip pressure in MPa."""
        return max(record.tip_pressure for record in self.records)

    @property
    def peak_syringe_pressure(self) -> float:
        """Largest syringe pressure in MPa."""
        return max(record.syringe_pressure for record in self.records)

    @property
    def least_front_ratio(self) -> float | None:
        """Smallest viscosity ratio at the front of all records; below 1 the front is unstable."""
        return min((record.front_ratio for record in self.records if record.front_ratio is not None), default=None)

    @property
    def balance_error(self) -> float:
        """Largest balance error of all records."""
        return max(record.balance_error for record in self.records)

    @property
    def tracer_error(self) -> float:
        """Largest tracer error of all records."""
        return max(record.tracer_error for record in self.records)

    @property
    def divergence_error(self) -> float:
        """Largest divergence error of all records."""
        return max(record.divergence_error for record in self.records)


@dataclass(frozen=True)
class FieldSnapshot:
    """Fields at one time, handed to an observer on rank 0; every array in the order of the mesh's cells.

    Attributes:
        record: the scalars of the same time.
        saturation: (m,) cement saturation.
        pressure: (m,) pressure in MPa above the resting venous pressure.
        velocity: (m, 3) Darcy velocity in mm/s.
        fluids: fluid besides marrow -> (m,) its share in the displaced phase.
        vein_filling: (k,) share of each piece of vein (:class:`meshes.vein_grid.VeinGrid`) that cement fills; None
            without veins.
    """

    record: StepRecord
    saturation: NDArray[np.float64]
    pressure: NDArray[np.float64]
    velocity: NDArray[np.float64]
    fluids: Mapping[str, NDArray[np.float64]]
    vein_filling: NDArray[np.float64] | None = None
