"""The tips of all needles on one mesh: their sources, the pressures at their openings and the rates these allow."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from fem.calibration import SourceSurface, calibrated
from fem.errors import ConvergenceError
from fem.partition import Partition
from fem.plan import Needle
from materials.cement import Rheology

_ROUND_LIMIT = 200

Response = tuple[NDArray[np.float64], NDArray[np.float64]]
"""(places,) mean pressures in MPa around the sources without any injection, and (places, places) per rate of each."""


class Tips:
    """The places at which tips lie in the course of a procedure.

    Attributes:
        needles: place -> needle, with the source radius that its cells have on this mesh.
        shares: (places, local cells) share of each rate that each cell receives.
        resting_pressure: (places,) pressure in MPa around each tip when nothing is injected.
    """

    def __init__(self, needles: Sequence[Needle], partition: Partition, cement: Rheology) -> None:
        """Find the source cells of every place and measure what sphere their surface stands for."""
        self._partition, self._cement = partition, cement
        self._surfaces = [SourceSurface.around(needle.opening, partition) for needle in needles]
        self.needles = [
            Needle(calibrated(needle.opening, surface, partition), needle.cannula, needle.number)
            for needle, surface in zip(needles, self._surfaces, strict=True)
        ]
        self.shares = np.zeros((len(needles), len(partition.cell_facets)))
        for place, needle in enumerate(needles):
            shares = np.zeros(len(partition.source.cells))
            shares[needle.opening.cells] = needle.opening.shares
            self.shares[place] = partition.local_cells(shares)
        self.resting_pressure = np.zeros(len(needles))
        self._surrounding = np.zeros(len(needles))

    @property
    def count(self) -> int:
        """Number of places."""
        return len(self.needles)

    def measure(self, facet_pressure: NDArray[np.float64]) -> NDArray[np.float64]:
        """(places,) mean pressure in MPa around the source cells, from (local facets,) pressures."""
        return np.array([surface.mean(facet_pressure, self._partition) for surface in self._surfaces])

    def surround(self, saturation: NDArray[np.float64]) -> None:
        """Note how much cement stands around the source cells, from (local cells,) saturations."""
        self._surrounding[:] = [surface.mean_outside(saturation, self._partition) for surface in self._surfaces]

    def tip_pressure(self, place: int, mean: float, rate: float, age: float) -> float:
        """Pressure at an opening in MPa above the resting one, from the mean pressure around its source cells."""
        opening = self.needles[place].opening
        outside = mean - float(self.resting_pressure[place])
        return opening.tip_pressure(outside, float(self._surrounding[place]), rate, self._cement, age)

    def syringe_pressure(self, place: int, tip_pressure: float, rate: float, age: float) -> float:
        """Tip pressure plus the drop in the cannula in MPa."""
        consistency, index = float(self._cement.consistency(age)), float(self._cement.index(age))
        return tip_pressure + float(self.needles[place].cannula.pressure_drop(rate, consistency, index))

    def allowed_rates(
        self, planned: NDArray[np.float64], response: Response, limit: float, age: float
    ) -> NDArray[np.float64]:
        """(places,) the planned rates, or the smaller ones at which no syringe pressure is above its limit.

        The needles wait for each other: each takes the largest rate that its limit allows beside the others', until
        none of them changes.

        Args:
            planned: (places,) mm3/s.
            response: mean pressures around the sources as a function of the rates.
            limit: largest syringe pressure in MPa.
            age: age of the cement in the syringe in s.

        Raises:
            ConvergenceError: the rates of needles that hinder each other did not settle.
        """
        base, slopes = response
        rates = planned.copy()
        for _ in range(_ROUND_LIMIT):
            before = rates.copy()
            for place in np.flatnonzero(planned):
                others = float(base[place] + slopes[place] @ rates - slopes[place, place] * rates[place])

                def excess(rate: float, place: int = int(place), others: float = others) -> float:
                    mean = others + float(slopes[place, place]) * rate
                    tip = self.tip_pressure(place, mean, rate, age)
                    return self.syringe_pressure(place, tip, rate, age) - limit

                rates[place] = _largest_rate(excess, float(planned[place]))
            if np.abs(rates - before).max() <= 1e-12 * planned.max():
                return rates
        raise ConvergenceError(f"The rates of the needles did not settle within {_ROUND_LIMIT} rounds.")


def _largest_rate(excess: Callable[[float], float], planned: float) -> float:
    """Largest rate up to the planned one at which ``excess`` is not positive; 0 where there is none."""
    if excess(planned) <= 0.0:
        return planned
    if excess(0.0) >= 0.0:
        return 0.0
    return float(brentq(excess, 0.0, planned, xtol=1e-13 * planned, rtol=1e-13))
