"""What is asked of an injection, and what came of it, as plain frozen data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fem.errors import ConvergenceError

DETECTABLE_LEAK = 20.0
"""Cement in mm3 (0.02 ml) above which a site counts as leaking, and a front as being beyond a plane."""


BALANCE_LIMIT, DIVERGENCE_LIMIT, SATURATION_LIMIT = 1e-10, 1e-8, 1e-8
"""What the balances, over the injected volume or the rate, and the bounds 0 and 1 of the saturation may miss."""


@dataclass(frozen=True)
class InjectionPlan:
    """Rate, volume and the rules that end the injection.

    Attributes:
        volume: planned cement volume in mm3.
        rate: planned rate in mm3/s, kept as long as the pressure limit allows.
        start_age: age of the cement at the start in s after mixing.
        end_age: age of the cement in s at which the working time ends, or None.
        pressure_limit: largest syringe pressure in MPa; there the rate falls so that the pressure holds.
        leak_limits: site -> cumulated leak in mm3 that ends the injection.
        front_limit: position along +y in mm; the injection ends when the front lies beyond it. None: no such rule.
        output_count: number of evenly spaced moments, the last at the planned volume, at which fields are handed out.
        front_advance: how far the front may move in a step, in mean cell lengths.
        least_steps: steps that the planned volume is divided into at least.
    """

    volume: float
    rate: float
    start_age: float = 0.0
    end_age: float | None = None
    pressure_limit: float = np.inf
    leak_limits: Mapping[str, float] = field(default_factory=dict)
    front_limit: float | None = None
    output_count: int = 1
    front_advance: float = 0.5
    least_steps: int = 40


@dataclass(frozen=True)
class Moment:
    """The state at one time of an injection.

    Attributes:
        time: since the start in s.
        rate: injected rate in mm3/s.
        injected: cement injected so far in mm3.
        stored: cement in the body in mm3.
        leaked: site -> cement that has left there in mm3.
        marrow_out: marrow that has left in mm3.
        inflow: marrow or blood that has come in from outside in mm3.
        tip_pressure: at the needle's opening in MPa above the resting pressure.
        syringe_pressure: tip pressure plus the drop in the cannula in MPa.
        balance_error: what the cement and the total volume balance miss, over the injected volume.
        divergence_error: largest |sum of the facet fluxes - source| of a cell over the total source.
        saturation_range: smallest and largest saturation of a cell.
        pressure_iterations: conjugate-gradient iterations since the last moment.
        sweeps: transport sweeps since the last moment.
        wall_rounds: pressure solves of the last step, because walls behind cells full of cement stop seeping.
    """

    time: float
    rate: float
    injected: float
    stored: float
    leaked: Mapping[str, float]
    marrow_out: float
    inflow: float
    tip_pressure: float
    syringe_pressure: float
    balance_error: float
    divergence_error: float
    saturation_range: tuple[float, float]
    pressure_iterations: int
    sweeps: int
    wall_rounds: int

    def check(self) -> None:
        """Raise ``ConvergenceError`` where a balance or a saturation misses what every run has to keep."""
        lowest, highest = self.saturation_range
        for what, error, limit in (
            ("the balance of cement and fluid", self.balance_error, BALANCE_LIMIT),
            ("the balance of a cell", self.divergence_error, DIVERGENCE_LIMIT),
            ("a saturation", max(-lowest, highest - 1.0), SATURATION_LIMIT),
        ):
            if error > limit:
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
        moments: the states at the start, after every step and at the end.
        stop_reason: ``volume_reached``, ``leak_limit:<site>``, ``front_limit``, ``working_time``, ``pressure_limit`` or
            ``no_flow``.
        onsets: site -> onset of its leak, for the sites whose leak passed :data:`DETECTABLE_LEAK`.
        saturation: (m,) final cement saturation in the order of the mesh; None on ranks other than 0.
        needle_viscosity_rounds: rounds that the first viscosity took to agree with the first pressure.
    """

    moments: tuple[Moment, ...]
    stop_reason: str
    onsets: Mapping[str, LeakOnset]
    saturation: NDArray[np.float64] | None
    needle_viscosity_rounds: int

    @property
    def last(self) -> Moment:
        """The state at the end."""
        return self.moments[-1]

    @property
    def peak_tip_pressure(self) -> float:
        """Largest tip pressure in MPa."""
        return max(moment.tip_pressure for moment in self.moments)

    @property
    def peak_syringe_pressure(self) -> float:
        """Largest syringe pressure in MPa."""
        return max(moment.syringe_pressure for moment in self.moments)

    @property
    def balance_error(self) -> float:
        """Largest balance error of all moments."""
        return max(moment.balance_error for moment in self.moments)

    @property
    def divergence_error(self) -> float:
        """Largest divergence error of all moments."""
        return max(moment.divergence_error for moment in self.moments)


@dataclass(frozen=True)
class FieldSnapshot:
    """Fields at one time, handed to an observer on rank 0; every array in the order of the mesh's cells.

    Attributes:
        moment: the scalars of the same time.
        saturation: (m,) cement saturation.
        pressure: (m,) pressure in MPa above the resting pressure.
        velocity: (m, 3) Darcy velocity in mm/s.
    """

    moment: Moment
    saturation: NDArray[np.float64]
    pressure: NDArray[np.float64]
    velocity: NDArray[np.float64]
