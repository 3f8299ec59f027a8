"""Where displaced marrow leaves the vertebral body, and how easily."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from materials.provenance import check_ranges, quantity

OUTLET_SHARES = {
    "endplates": 0.15,
    "cortical_walls": 0.13,
    "pedicles": 0.05,
    "basivertebral_foramen": 0.40,
    "segmental_veins": 0.25,
    "needle_track": 0.02,
}
"""Outlet group -> default share of the total conductance."""

_SHARES = (
    "veins carry most of the drainage, the basivertebral ones, which collect from the whole body, more than the "
    "segmental ones; little leaves along the needle"
)


@dataclass(frozen=True)
class MarrowOutlets:
    """Conductance of all paths by which marrow leaves, marrow flow rate over pressure above the outside.

    No measured value is known; the total is one of the two most influential numbers of the model. The default of
    0.05 ml/(s kPa) keeps the pressure rise at 3 ml/min at 1.0 kPa, below the 1.2 kPa measured with a void at
    that rate (J Orthop Surg Res 10:20); the uncertainty is a factor of ten both ways. The shares are an assumption;
    within a group, facets share by area.
    """

    conductance: float = quantity(
        5e4, "mm3/(s MPa)", "3 ml/min raises the pressure by no more than 1.2 kPa with a void", "D", 0.0, 5e5
    )
    shares: Mapping[str, float] = quantity(OUTLET_SHARES, "1", _SHARES, "D", 0, 1)

    def __post_init__(self) -> None:
        """Check the ranges, the names of the groups and the sum of the shares."""
        check_ranges(self)
        if set(self.shares) != set(OUTLET_SHARES):
            raise ValueError(
                f"MarrowOutlets.shares names {', '.join(sorted(self.shares))}; "
                f"it must give a share to each of {', '.join(OUTLET_SHARES)}"
            )
        total = math.fsum(self.shares.values())
        if abs(total - 1.0) > 1e-9:
            raise ValueError(f"MarrowOutlets.shares sum to {total:.6g}; they must sum to 1")

    def group_conductances(self) -> dict[str, float]:
        """Conductance of each outlet group in mm3/(s MPa)."""
        return {group: self.conductance * share for group, share in self.shares.items()}
