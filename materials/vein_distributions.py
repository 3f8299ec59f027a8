"""How the veins inside a vertebral body vary from one body to the next: number, directions and calibres, at random.

Nobody has counted or measured them all: what anatomists report is the way they run and the number of their foramina,
while numbers of branches and calibres are general knowledge, to be varied.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from materials.provenance import check_ranges, quantity

FORAMINA = {"one": 0.467, "two": 0.382, "three": 0.04, "four": 0.006, "many": 0.105}
"""Foramina in the posterior wall -> share of thoracic and lumbar bodies: 45.1, 36.9, 3.8, 0.6 and 10.1 % of all
vertebrae, of which C1, without any, is left out (Tzika 2021, 10.1007/s00276-021-02690-0; tag D)."""

MOST_BRANCHES = 12

_TZIKA = "Tzika 2021, 10.1007/s00276-021-02690-0"


@dataclass(frozen=True)
class VeinDistributions:
    """Distributions from which the veins of a body are drawn.

    A trunk runs from each foramen to a confluence, and from there branches run to small foramina in the front and the
    sides. With one foramen there is one confluence, with more there are two side by side.

    Attributes:
        foramina: name of a number -> share of bodies.
        fewest_branches: smallest number of branches; all numbers up to the largest are alike probable.
        most_branches: largest number of branches.
        calibre: median calibre of a branch halfway, at the reference age; log-normal.
        calibre_spread: geometric standard deviation.
        ageing: growth of all calibres per year of age, as a share of those at the reference age.
        reference_age: age of patients with osteoporotic fractures.
        trunk_factor: calibre of the trunk of a single foramen over that of a branch; several share its cross-section.
        taper: calibre of a branch at the wall over that at the confluence.
        nearest_confluence: least depth of a confluence from the back; uniform up to the largest.
        farthest_confluence: largest depth.
        spread: of each of two confluences from the midline, as a share of the half width.
        rise: of foramina and confluences from mid-height, as a share of the height.
        reach: largest angle of a branch from straight ahead; up to it the branches lie evenly on both sides.
        direction_spread: standard deviation of a branch from its even place; normal.
        inclination_spread: standard deviation from the horizontal; normal.
    """

    foramina: Mapping[str, float] = quantity(FORAMINA, "1", f"{_TZIKA}, without C1", "D", 0.0, 1.0)
    fewest_branches: int = quantity(3, "1", "no count is known", "M", 1, MOST_BRANCHES)
    most_branches: int = quantity(6, "1", "no count is known", "M", 1, MOST_BRANCHES)
    calibre: float = quantity(
        1.5, "mm", "middle of 1 to 2 mm; radial branches have 0.5 to 2 mm; no measurement at hand", "M", 0.2, 4.0
    )
    calibre_spread: float = quantity(1.4, "1", "2 of 3 branches within 1.1 to 2.1 mm", "D", 1.0, 3.0)
    ageing: float = quantity(
        0.007, "1/year", '"greatly enlarged in advanced age" (Gray 1918): 1.0 mm at 25 years', "D", 0.0, 0.02
    )
    reference_age: float = quantity(72.0, "year", "patients with osteoporotic fractures", "M", 40.0, 100.0)
    trunk_factor: float = quantity(1.6, "1", "2 to 3 mm near the foramen", "M", 0.5, 4.0)
    taper: float = quantity(
        0.5, "1", "large behind, small foramina in front and at the sides: Gray 1918", "D", 0.1, 1.0
    )
    nearest_confluence: float = quantity(0.3, "1", "target of nerve ablation, 30 to 50 % from the back", "M", 0.1, 0.8)
    farthest_confluence: float = quantity(0.5, "1", "target of nerve ablation, 30 to 50 % from the back", "M", 0.1, 0.8)
    spread: float = quantity(
        0.2, "1", "the canal behind is sometimes double: Gray 1918; how far apart is a guess", "D", 0.0, 0.6
    )
    rise: float = quantity(
        0.05, "1", f"foramina lie nearer to one of the plates by level: {_TZIKA}; how far is a guess", "D", 0.0, 0.3
    )
    reach: float = quantity(math.radians(100.0), "rad", "front and sides; radially: Rauber & Kopsch", "D", 0.1, math.pi)
    direction_spread: float = quantity(math.radians(12.0), "rad", "a guess", "D", 0.0, 1.0)
    inclination_spread: float = quantity(
        math.radians(4.0),
        "rad",
        "veins run horizontally: Rauber & Kopsch; by how much they stray is a guess",
        "D",
        0.0,
        0.5,
    )

    def __post_init__(self) -> None:
        """Check the ranges, the order of the bounds and the sum of the shares."""
        check_ranges(self)
        for low, high in (("fewest_branches", "most_branches"), ("nearest_confluence", "farthest_confluence")):
            if getattr(self, low) > getattr(self, high):
                raise ValueError(f"VeinDistributions.{low} is above {high}")
        if abs(math.fsum(self.foramina.values()) - 1.0) > 1e-9 or set(self.foramina) != set(FORAMINA):
            raise ValueError(f"VeinDistributions.foramina gives a share to each of {', '.join(FORAMINA)}, 1 in all")

    def age_factor(self, age: float | None) -> float:
        """Factor on all calibres at an ``age`` in years; 1 where it is not known."""
        return 1.0 if age is None else max(1.0 + self.ageing * (age - self.reference_age), 0.1)
