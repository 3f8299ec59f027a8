"""How a simulated number is judged by the published one: the rule, fixed before any cohort ran.

The band of a simulated number holds 95 % of cohorts of the study's size that are drawn, by patient, from pools that are
drawn again themselves.

- An effect, which has a null: `uninformative` where the band holds the null, so that a study of this size could as well
  have found nothing or the opposite. Else `agrees` where it points the same way as the published estimate and the band
  meets the published interval, `disagrees` where it does not.
- Any other number: `agrees` where the published estimate lies in the band, `disagrees` else.
- `uninformative` as well where fewer than :data:`LEAST` of the cohorts that were drawn give the number at all, and
  where a number that tells vertebrae with an event from those without stands on fewer than :data:`LEAST_RARER` of
  either in the pool: drawing so few again does not show how they vary.
"""

from __future__ import annotations

import math
from typing import Literal

Verdict = Literal["agrees", "disagrees", "uninformative"]

LEAST = 0.5
"""Share of the drawn cohorts that must give a number (tag D)."""

LEAST_RARER = 10
"""Vertebrae of the pool with the rarer outcome (tag D)."""


def verdict(
    published: tuple[float, float, float],
    simulated: tuple[float, float, float],
    null: float | None,
    known: float = 1.0,
    rarer: int | None = None,
) -> Verdict:
    """Judge a simulated number.

    Args:
        published: estimate and ends of its interval; NaN for ends that are not told, which then are the estimate.
        simulated: estimate of the pool and ends of the band.
        null: of an effect; None for another number.
        known: share of the drawn cohorts that give the number.
        rarer: vertebrae of the pool with the rarer outcome of the event; None for a number without one.
    """
    estimate, low, high = published
    low, high = (estimate if math.isnan(end) else end for end in (low, high))
    _, least, largest = simulated
    if known < LEAST or any(map(math.isnan, simulated)) or (rarer is not None and rarer < LEAST_RARER):
        return "uninformative"
    if null is None:
        return "agrees" if least <= estimate <= largest else "disagrees"
    if least <= null <= largest:
        return "uninformative"
    same_way = (estimate > null) == (least > null)
    return "agrees" if same_way and least <= high and low <= largest else "disagrees"
