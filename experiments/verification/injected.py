"""What comparisons of arms read off one finished injection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fem.measures.severity import YEOM_CLASSES
from meshes.leak_sites import LEAK_CLASSES, SITES

_VENOUS = (*YEOM_CLASSES["B"], *YEOM_CLASSES["S"])

PLACES: Mapping[str, tuple[str, ...]] = {
    "anywhere": SITES,
    "B": YEOM_CLASSES["B"],
    "S": YEOM_CLASSES["S"],
    "venous": _VENOUS,
    "cortical": YEOM_CLASSES["C"],
    "posterior wall": ("canal_posterior_wall",),
    "canal": LEAK_CLASSES["canal"],
    "foramen": ("basivertebral_foramen",),
    "segmental or anterior veins": LEAK_CLASSES["vessel"],
    "disc": LEAK_CLASSES["disc"],
    "soft tissue": LEAK_CLASSES["paravertebral"],
    "disc or soft tissue": LEAK_CLASSES["disc"] + LEAK_CLASSES["paravertebral"],
    "needle track": ("needle_track",),
}
"""Where series say that cement leaked -> the sites of the model."""


@dataclass(frozen=True)
class Injected:
    """One finished injection.

    Attributes:
        leaked: site -> cement outside in ml.
        observed: sites at which the case's modality shows a leak.
        onset: ml injected when the first leak was observed, infinite without one.
        tip: largest pressure at a tip in kPa, above the resting one.
        far: largest mean pressure in the bone without cement in kPa, above the resting one.
        inputs: the complete case.
    """

    leaked: Mapping[str, float]
    observed: frozenset[str]
    onset: float
    tip: float
    far: float
    inputs: Mapping[str, Any]

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Injected:
        """Of a row of a sweep that :mod:`experiments.verification.far_field` has computed."""
        outcome = row["outcome"]
        injection = outcome["results"]["injection"]
        leaks = injection["leaks"]
        onsets = [leak["onset_injected_ml"] for leak in leaks.values() if leak["onset_injected_ml"] is not None]
        return cls(
            leaked={site: leak["volume_ml"] for site, leak in leaks.items()},
            observed=frozenset(site for site, leak in leaks.items() if leak["observed"]),
            onset=min(onsets, default=np.inf),
            tip=injection["peak_tip_pressure_kpa"],
            far=outcome["far_field_kpa"],
            inputs=row["inputs"],
        )

    def leaks_at(self, place: str) -> bool:
        """Whether a leak is observed at one of :data:`PLACES`."""
        return not self.observed.isdisjoint(PLACES[place])

    def most(self, sites: Sequence[str] = SITES) -> str:
        """The site with the most cement outside."""
        return max(sites, key=lambda site: self.leaked.get(site, 0.0))
