"""The volume at which cement first leaks, over cases that end before it does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from statsmodels.duration.survfunc import CumIncidenceRight, SurvfuncRight

from experiments.analysis.leaks import FRONT, LEAK
from experiments.results.probability import LEVEL


@dataclass(frozen=True)
class Incidence:
    """Share of cases that have leaked by an injected volume.

    Attributes:
        method: ``Kaplan-Meier`` where cases that did not leak ended for other reasons than the front's, and
            ``Aalen-Johansen`` where the front ended some: they would have leaked at another rate than those that go on,
            so that they count as a competing end and not as censored.
        volume: (steps,) ml injected.
        share: (steps,) that have leaked.
        low: (steps,) ends of the pointwise intervals, by the complementary log-log of the share.
        high: (steps,) the others.
        competing: (steps,) share that the front has ended, 0 of Kaplan-Meier.
        leaks: cases that leaked.
        fronts: cases that the front ended.
        censored: cases that ended otherwise.
    """

    method: Literal["Kaplan-Meier", "Aalen-Johansen"]
    volume: NDArray[np.float64]
    share: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    competing: NDArray[np.float64]
    leaks: int
    fronts: int
    censored: int

    def at(self, volume: float) -> tuple[float, float, float]:
        """Share with its interval at a volume in ml; NaN beyond the largest that was injected."""
        if volume > self.volume[-1] * (1.0 + 1e-9):
            return np.nan, np.nan, np.nan
        place = int(np.searchsorted(self.volume, volume, side="right")) - 1
        if place < 0:
            return 0.0, np.nan, np.nan
        return float(self.share[place]), float(self.low[place]), float(self.high[place])


def incidence(volume: NDArray[np.float64], status: NDArray[np.int64]) -> Incidence:
    """Estimate the share of leaks by volume.

    Args:
        volume: (cases,) ml at the first leak or at the end.
        status: (cases,) how each ended, as in :mod:`experiments.analysis.leaks`.
    """
    leaks, fronts = int((status == LEAK).sum()), int((status == FRONT).sum())
    counts = (leaks, fronts, len(status) - leaks - fronts)
    if fronts == 0:
        survival = SurvfuncRight(volume, status == LEAK)
        share, error = 1.0 - survival.surv_prob, survival.surv_prob_se
        times, competing = survival.surv_times, np.zeros(len(share))
        method: Literal["Kaplan-Meier", "Aalen-Johansen"] = "Kaplan-Meier"
    else:
        with np.errstate(divide="ignore", invalid="ignore"):
            found = CumIncidenceRight(volume, status)
        share, error = found.cinc[LEAK - 1], found.cinc_se[LEAK - 1]
        times, competing, method = found.times, found.cinc[FRONT - 1], "Aalen-Johansen"
    if not len(times) or times[-1] < volume.max():  # Kaplan-Meier's steps end with the last leak
        times, competing = np.append(times, volume.max()), np.append(competing, 0.0)
        share = np.append(share, share[-1] if len(share) else 0.0)
        error = np.append(error, error[-1] if len(error) else np.nan)
    low, high = log_log_interval(np.asarray(share), np.asarray(error))
    return Incidence(method, np.asarray(times), np.asarray(share), low, high, np.asarray(competing), *counts)


def log_log_interval(
    share: NDArray[np.float64], error: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Pointwise interval on the scale log(-log(1 - share)), which stays between 0 and 1; NaN at 0 and 1."""
    reach = float(stats.norm.ppf((1.0 + LEVEL) / 2.0))
    inside = (share > 0.0) & (share < 1.0)
    rest = np.where(inside, 1.0 - share, 0.5)
    exponent = np.exp(reach * error / (rest * np.abs(np.log(rest))))
    low, high = 1.0 - rest ** (1.0 / exponent), 1.0 - rest**exponent
    return np.where(inside, low, np.nan), np.where(inside, high, np.nan)
