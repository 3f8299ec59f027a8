"""The tips of all needles on one mesh: their sources, the pressures at their openings and the rates these allow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from fem.errors import ConvergenceError
from fem.injection.plan import Needle
from fem.injection.source_calibration import SourceSurface, calibrated
from fem.partition import Partition
from materials.cement import Rheology

_ROUND_LIMIT = 200
_RESPONSE_TOLERANCE = 1e-9
_RATE_TOLERANCE = 1e-11
_PROBE = 1e-5

PressureResponse = tuple[NDArray[np.float64], NDArray[np.float64]]
"""(places,) mean pressures in MPa around the sources without any injection, and (places, places) per rate of each."""


@dataclass(frozen=True)
class TipSurroundings:
    """What stands around the source cells of every place.

    Attributes:
        resting_pressure: (places,) pressure in MPa when nothing is injected.
        saturation: (places,) mean cement saturation.
    """

    resting_pressure: NDArray[np.float64]
    saturation: NDArray[np.float64]


@dataclass(frozen=True)
class NeedleTips:
    """The places at which tips lie in the course of a procedure.

    Attributes:
        partition: the distributed mesh.
        cement: rheology of the cement.
        surfaces: place -> outer facets of its source cells.
        needles: place -> needle, with the source radius that its cells have on this mesh.
        shares: (places, local cells) share of each rate that each cell receives.
    """

    partition: Partition
    cement: Rheology
    surfaces: tuple[SourceSurface, ...]
    needles: tuple[Needle, ...]
    shares: NDArray[np.float64]

    @classmethod
    def build(cls, needles: Sequence[Needle], partition: Partition, cement: Rheology) -> NeedleTips:
        """Find the source cells of every place and measure what sphere their surface stands for."""
        surfaces = tuple(SourceSurface.around(needle.opening, partition) for needle in needles)
        shares = np.zeros((len(needles), len(partition.cell_facets)))
        for place, needle in enumerate(needles):
            whole = np.zeros(len(partition.source.cells))
            whole[needle.opening.cells] = needle.opening.shares
            shares[place] = partition.local_cells(whole)
        placed = tuple(
            Needle(calibrated(needle.opening, surface, partition), needle.cannula, needle.number)
            for needle, surface in zip(needles, surfaces, strict=True)
        )
        return cls(partition, cement, surfaces, placed, shares)

    @property
    def count(self) -> int:
        """Number of places."""
        return len(self.needles)

    def mean_pressures(self, facet_pressure: NDArray[np.float64]) -> NDArray[np.float64]:
        """(places,) mean pressure in MPa around the source cells, from (local facets,) pressures."""
        return np.array([surface.mean(facet_pressure, self.partition) for surface in self.surfaces])

    def mean_saturations(self, saturation: NDArray[np.float64]) -> NDArray[np.float64]:
        """(places,) mean saturation around the source cells, from (local cells,) saturations."""
        return np.array([surface.mean_outside(saturation, self.partition) for surface in self.surfaces])

    def tip_pressure(self, place: int, mean: float, rate: float, age: float, around: TipSurroundings) -> float:
        """Pressure at an opening in MPa above the resting one, from the mean pressure around its source cells."""
        opening = self.needles[place].opening
        outside = mean - float(around.resting_pressure[place])
        return opening.tip_pressure(outside, float(around.saturation[place]), rate, self.cement, age)

    def syringe_pressure(self, place: int, tip_pressure: float, rate: float, age: float) -> float:
        """Tip pressure plus the drop in the cannula in MPa."""
        consistency, index = float(self.cement.consistency(age)), float(self.cement.index(age))
        return tip_pressure + float(self.needles[place].cannula.pressure_drop(rate, consistency, index))

    def pressures(
        self, rates: NDArray[np.float64], means: NDArray[np.float64], age: float, around: TipSurroundings
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(places,) tip and syringe pressures in MPa; 0 where nothing is injected.

        Args:
            rates: (places,) mm3/s.
            means: (places,) mean pressures around the source cells in MPa.
            age: age of the cement in the syringe in s.
            around: what stands around the sources.
        """
        tip, syringe = np.zeros(self.count), np.zeros(self.count)
        for place in np.flatnonzero(rates).tolist():
            rate = float(rates[place])
            tip[place] = self.tip_pressure(place, float(means[place]), rate, age, around)
            syringe[place] = self.syringe_pressure(place, float(tip[place]), rate, age)
        return tip, syringe

    def response(
        self,
        planned: NDArray[np.float64],
        means: NDArray[np.float64],
        driven: bool,
        solve: Callable[[NDArray[np.float64], float], NDArray[np.float64]],
    ) -> PressureResponse:
        """Mean pressures around the sources as an affine function of the rates, from those at the planned rates.

        Args:
            planned: (places,) mm3/s.
            means: (places,) mean pressures around the source cells at these, in MPa.
            driven: whether fluid flows without any injection.
            solve: (places,) mean pressures at (places,) rates, to a relative accuracy.
        """
        places = np.flatnonzero(planned)
        base = solve(np.zeros_like(planned), _RESPONSE_TOLERANCE) if driven else np.zeros_like(planned)
        slopes = np.zeros((self.count, self.count))
        for place in places[1:]:
            alone = np.zeros_like(planned)
            alone[place] = planned[place]
            slopes[:, place] = (solve(alone, _RESPONSE_TOLERANCE) - base) / planned[place]
        slopes[:, places[0]] = (means - base - slopes @ planned) / planned[places[0]]
        return base, slopes

    def pressure_limited_rates(
        self,
        planned: NDArray[np.float64],
        response: PressureResponse,
        limit: float,
        age: float,
        around: TipSurroundings,
    ) -> NDArray[np.float64]:
        """(places,) the planned rates, or the smaller ones at which no syringe pressure is above its limit.

        The needles wait for each other: each takes the largest rate that its limit allows beside the others', until
        none of them changes. Where needles hinder each other strongly that alone would take long, so those that are
        held at their limit are brought there together by a Newton step after each round.

        Args:
            planned: (places,) mm3/s.
            response: mean pressures around the sources as a function of the rates.
            limit: largest syringe pressure in MPa.
            age: age of the cement in the syringe in s.
            around: what stands around the sources.

        Raises:
            ConvergenceError: the rates of needles that hinder each other did not settle.
        """
        base, slopes = response
        rates = planned.copy()

        def excess(place: int, rate: float, others: float) -> float:
            mean = others + float(slopes[place, place]) * rate
            tip = self.tip_pressure(place, mean, rate, age, around)
            return self.syringe_pressure(place, tip, rate, age) - limit

        def beside(place: int, rates: NDArray[np.float64]) -> float:
            return float(base[place] + slopes[place] @ rates - slopes[place, place] * rates[place])

        def excesses(rates: NDArray[np.float64], places: NDArray[np.int64]) -> NDArray[np.float64]:
            return np.array([excess(int(place), float(rates[place]), beside(place, rates)) for place in places])

        for _ in range(_ROUND_LIMIT):
            before = rates.copy()
            for place in np.flatnonzero(planned).tolist():
                others = beside(place, rates)
                rates[place] = _largest_rate(partial(excess, place, others=others), float(planned[place]))
            if np.abs(rates - before).max() <= _RATE_TOLERANCE * planned.max():
                return rates
            held = np.flatnonzero((rates > 0.0) & (rates < planned))
            if len(held) > 1:
                missed = excesses(rates, held)
                together = rates.copy()
                together[held] += np.linalg.solve(self._slopes_at(rates, held, slopes, excess), -missed)
                together = np.clip(together, 0.0, planned)
                if np.abs(excesses(together, held)).max() < np.abs(missed).max():
                    rates = together
        raise ConvergenceError(f"The rates of the needles did not settle within {_ROUND_LIMIT} rounds.")

    @staticmethod
    def _slopes_at(
        rates: NDArray[np.float64],
        held: NDArray[np.int64],
        slopes: NDArray[np.float64],
        excess: Callable[[int, float, float], float],
    ) -> NDArray[np.float64]:
        """Slopes of the syringe pressures of some places over their rates: of the body, and on the diagonal of all."""
        matrix = slopes[np.ix_(held, held)].copy()
        for row, place in enumerate(held.tolist()):
            rate = float(rates[place])
            low, high = (excess(place, factor * rate, 0.0) for factor in (1.0 - _PROBE, 1.0 + _PROBE))
            matrix[row, row] = (high - low) / (2.0 * _PROBE * rate)
        return matrix


def _largest_rate(excess: Callable[[float], float], planned: float) -> float:
    """Largest rate up to the planned one at which ``excess`` is not positive; 0 where there is none."""
    if excess(planned) <= 0.0:
        return planned
    if excess(0.0) >= 0.0:
        return 0.0
    return float(brentq(excess, 0.0, planned, xtol=1e-13 * planned, rtol=1e-13))
