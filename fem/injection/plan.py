"""What is asked of an injection, as plain frozen data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from fem.injection.needle_opening import NeedleOpening
from materials.cannula import Cannula


@dataclass(frozen=True)
class Needle:
    """A cannula with its tip at one place; a needle that is drawn back has one of these for every place.

    Attributes:
        opening: where the cement enters.
        cannula: the tube that leads to it.
        number: which needle of the procedure this is, from 0.
    """

    opening: NeedleOpening
    cannula: Cannula
    number: int = 0


@dataclass(frozen=True)
class Bolus:
    """Cement through one needle: ``volume`` in mm3 at ``rate`` in mm3/s; ``place`` counts the places of the tips."""

    place: int
    volume: float
    rate: float


@dataclass(frozen=True)
class Stage:
    """Boluses that are injected at once, each through a needle of its own, after a pause in s."""

    boluses: tuple[Bolus, ...]
    pause: float = 0.0

    @property
    def volume(self) -> float:
        """Planned volume of all boluses in mm3."""
        return sum(bolus.volume for bolus in self.boluses)

    @property
    def rate(self) -> float:
        """Planned rate of all boluses in mm3/s."""
        return sum(bolus.rate for bolus in self.boluses)


@dataclass(frozen=True)
class InjectionPlan:
    """Volumes, rates and the rules that end the injection.

    Attributes:
        stages: what is injected, one after the other.
        start_age: time since mixing at the start in s.
        end_age: time since mixing in s at which the working time ends, or None.
        syringe_ageing: seconds by which the cement's own clock advances per second in the syringe.
        body_ageing: the same once the cement is in the bone.
        pressure_limit: largest syringe pressure in MPa; there the rate falls so that the pressure holds.
        stop_pressure: syringe pressure in MPa that ends the injection, or None.
        leak_limits: site -> cumulated leak in mm3 that ends the injection.
        front_limit: position along +y in mm; the injection ends when the front lies beyond it. None: no such rule.
        output_count: number of evenly spaced volumes, the last at the planned volume, at which fields are handed out.
        front_advance: how far the front may move in a step, in mean cell lengths (docs/theory/convergence.md, tag D).
        least_steps: steps that the planned volume is divided into at least (docs/theory/convergence.md, tag D).
    """

    stages: tuple[Stage, ...]
    start_age: float = 0.0
    end_age: float | None = None
    syringe_ageing: float = 1.0
    body_ageing: float = 1.0
    pressure_limit: float = np.inf
    stop_pressure: float | None = None
    leak_limits: Mapping[str, float] = field(default_factory=dict)
    front_limit: float | None = None
    output_count: int = 1
    front_advance: float = 1.0
    least_steps: int = 20

    @property
    def volume(self) -> float:
        """Planned volume of all stages in mm3."""
        return sum(stage.volume for stage in self.stages)

    @property
    def rate(self) -> float:
        """Largest planned rate of a stage in mm3/s."""
        return max(stage.rate for stage in self.stages)
