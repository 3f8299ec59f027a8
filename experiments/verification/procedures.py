"""The procedures of five clinical series with their own dose and tip, on a whole and on a fractured body with veins.

Each is the case file that comes along, with random veins. Where a series gives the mean volume of its bodies, the
demo's L3 is scaled to it, so that millilitres and filled share are both the series' own.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from experiments.case.schema import CASES
from experiments.verification.arms import BASE, Arm, merged

WEDGE: Mapping[str, Any] = {"type": "wedge", "height_loss": 0.43}
"""Mean loss of height of 54 osteoporotic fractures: 10.1186/s13018-023-03941-z (S)."""

FRACTURE: Mapping[str, Any] = {"fracture": {**WEDGE, "fissures": True}}
"""A fresh wedge with fissures."""

NETWORKS = 24
"""Patients of each arm."""


@dataclass(frozen=True)
class Series:
    """One clinical series.

    Attributes:
        name: as the project has it, and the stem of its case file.
        about: dose and tip.
        modality: by which leaks count as observed.
        why: of the modality.
        published: place, one of :data:`experiments.verification.injected.PLACES` -> leaks of how many vertebrae.
        vertebrae: of the series.
        body_ml: mean volume of its bodies; None where it gives none.
        own: tables that are the series' own on such a body, in the place of the case file's.
    """

    name: str
    about: str
    modality: str
    why: str
    published: Mapping[str, int]
    vertebrae: int
    body_ml: float | None = None
    own: Mapping[str, Any] = field(default_factory=dict)

    def arms(self) -> tuple[Arm, Arm]:
        """The procedure on a whole and on a fractured body."""
        base = merged(tomllib.loads((CASES / f"{self.name}.toml").read_text(encoding="utf-8")), self.own)
        base |= {key: BASE[key] for key in ("mesh", "veins", "mechanics", "output")}
        base["observation"] = {"modality": self.modality}
        return (
            Arm(f"{self.name}, whole", self.about, {}, self.body_ml, base=base),
            Arm(f"{self.name}, fractured", self.about, FRACTURE, self.body_ml, base=base),
        )


SERIES: tuple[Series, ...] = (
    Series(
        "metastatic_leakage",
        "4.84 ml through both pedicles, tips where the posterior third begins, without a finish line",
        "ct",
        "not told (D)",
        {"anywhere": 64, "canal": 18, "segmental or anterior veins": 11, "disc or soft tissue": 35},
        113,
        own={
            "needles": [
                {"side": side, "gauge": 11, "left": left, "depth": 0.67}
                for side, left in (("left", 0.35), ("right", -0.35))
            ],
            "injection": {"front_limit_depth": None},
        },
    ),
    Series(
        "confluent_separated",
        "3.9 ml through both pedicles into two balloons in the anterior third, to the posterior fifth",
        "radiograph",
        "spread was graded on radiographs (D)",
        {"anywhere": 11, "disc": 4, "foramen": 2, "needle track": 3, "segmental or anterior veins": 2},
        59,
    ),
    Series(
        "puncture_side_ratio",
        "5.3 ml from one side, tip in the anterior third, body of 24.6 ml",
        "ct",
        "cement was measured on CT (S)",
        {"segmental or anterior veins": 59},
        585,
        body_ml=24.6,
    ),
    Series(
        "metastatic_outcome",
        "3.22 ml from one side in cannulas of 1.5 ml, tip in the anterior third",
        "ct",
        "not told (D)",
        {"anywhere": 19, "canal": 2, "segmental or anterior veins": 4, "disc": 4, "soft tissue": 10},
        50,
    ),
    Series(
        "filling_fraction",
        "1 ml through each pedicle, 14G in the middle third, body of 26.1 ml",
        "ct",
        "bodies were measured on CT (D)",
        {"anywhere": 15, "venous": 8, "disc": 5, "posterior wall": 2},
        41,
        body_ml=26.1,
    ),
)

ARMS: tuple[Arm, ...] = tuple(arm for series in SERIES for arm in series.arms())
