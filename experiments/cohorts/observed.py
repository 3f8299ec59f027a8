"""What a study would have noted of its vertebrae: a table with a row for each that was treated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.cohorts.drawn import drawn
from experiments.cohorts.virtual_patient import VirtualVertebra
from experiments.sweep.folder import Row
from fem.measures.severity import GRADES
from meshes.leak_sites import LEAK_CLASSES, LEAK_SITES, SITES

PLACES: Mapping[str, tuple[str, ...]] = {
    "canal": LEAK_CLASSES["canal"],
    "vessel": LEAK_CLASSES["vessel"],
    "disc": LEAK_CLASSES["disc"],
    "paravertebral": LEAK_CLASSES["paravertebral"],
    "disc_or_paravertebral": LEAK_CLASSES["disc"] + LEAK_CLASSES["paravertebral"],
    "posterior_wall": ("canal_posterior_wall",),
    "foramen": ("basivertebral_foramen",),
    "vein": tuple(name for name, site in LEAK_SITES.items() if site.space == "veins"),
    "needle_track": ("needle_track",),
    "cortex": LEAK_CLASSES["paravertebral"] + ("canal_posterior_wall",),
    "cortex_or_disc": tuple(name for name, site in LEAK_SITES.items() if site.yeom_class == "C"),
}
"""Places where studies say that cement leaked -> sites of the model. ``leak_<place>`` is whether a leak is observed
there, ``main_<place>`` whether that is where most of it went, as studies count that give each vertebra one place."""


@dataclass(frozen=True)
class Table:
    """Columns of equal length.

    Attributes:
        columns: name -> (rows,) numbers; yes is 1 and no is 0, NaN is what was not measured.
        fits: what was fitted to this table, by what it is.
    """

    columns: Mapping[str, NDArray[np.float64]]
    fits: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)

    def __len__(self) -> int:
        """Rows."""
        return len(self.columns["patient"])

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        """A column."""
        return self.columns[name]

    def rows(self, chosen: NDArray[np.int64]) -> Table:
        """The table of some rows, in their order, perhaps several times."""
        return Table({name: values[chosen] for name, values in self.columns.items()})

    @classmethod
    def of(cls, records: Iterable[Mapping[str, float]]) -> Table:
        """The table of rows; what a row does not have is NaN.

        Args:
            records: see :func:`record`.
        """
        known = list(records)
        names = max(known, key=len, default={"patient": 0.0})
        return cls({name: np.array([one.get(name, np.nan) for one in known], dtype=np.float64) for name in names})


def record(vertebra: VirtualVertebra, row: Row) -> dict[str, float]:
    """A vertebra with the row of the sweep that its treatment became.

    Of one that was refused or failed, what was drawn alone; numbers that do not exist, as a puncture side's with two
    needles, are NaN.
    """
    found = drawn(vertebra, row["inputs"])
    return found | _measured(row["outcome"]["results"]) if "outcome" in row else found


def _measured(results: Mapping[str, Any]) -> dict[str, float]:
    injection, fill, body = results["injection"], results["fill"], results["mesh"]["mask_volume_ml"]
    leaks = injection["leaks"]
    observed = {site: leaks[site]["volume_ml"] for site in SITES if leaks.get(site, {}).get("observed")}
    main = max(observed, key=lambda site: observed[site], default=None)
    severity = injection["leak_severity"]
    puncture_ratio = fill["puncture_side_occupied_ratio"]
    fracture, veins = results.get("fracture") or {}, results.get("veins") or {}
    return {
        "height_loss": fracture.get("height_loss", 0.0),
        "branches": veins.get("branches", np.nan),
        "vein_calibre_mm": veins.get("calibre_median_mm", np.nan),
        "injected_ml": injection["injected_ml"],
        "cement_ml": fill["occupied_ml"],
        "body_ml": body,
        "cement_percent": 100.0 * fill["occupied_ml"] / body,
        "injected_percent": 100.0 * injection["injected_ml"] / body,
        "puncture_percent": np.nan if puncture_ratio is None else 100.0 * puncture_ratio,
        "puncture_ml": np.nan if puncture_ratio is None else puncture_ratio * body,
        "confluent": fill["pattern"] == "confluent",
        "leaked_ml": injection["leaked_ml"],
        "leak": bool(observed),
        **{f"leak_{place}": any(site in observed for site in sites) for place, sites in PLACES.items()},
        **{f"main_{place}": main in sites for place, sites in PLACES.items()},
        **{grade: severity == grade for grade in GRADES},
        "stopped_by_leak": injection["stop_reason"].startswith("leak_limit"),
        "stopped_by_front": injection["stop_reason"] == "front_limit",
        "stiffness_gained": stiffness_gained(results.get("stiffness")),
    }


def stiffness_gained(stiffness: Mapping[str, Any] | None) -> float:
    """Axial stiffness in N/mm with cement less that before it, after a fracture; NaN without mechanics."""
    if stiffness is None:
        return np.nan
    before = stiffness.get("fractured_n_per_mm")
    return float(stiffness["augmented_n_per_mm"] - (stiffness["intact_n_per_mm"] if before is None else before))
