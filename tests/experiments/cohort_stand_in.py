"""Stands in for the computation of a cohort's case: its first aim leaves the bone where the needle lies high."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from meshes.errors import InputError
from meshes.leak_sites import SITES

SOLVER = "cohort_stand_in:solve"
LOG = "COHORT_STAND_IN_LOG"
REFUSED = "refused: patient 00002"
"""How titles begin of cases whose needles cannot be set."""


def solve(request: Mapping[str, Any]) -> dict[str, Any]:
    """An outcome that follows from the case; every computed case is a line of the file in ``COHORT_STAND_IN_LOG``."""
    content = request["content"]
    with Path(os.environ[LOG]).open("a") as log:
        log.write(content["title"] + "\n")
    needle = content["needles"][0]
    if content["title"].startswith(REFUSED) or (content["title"].endswith("aim 1") and needle["height"] > 0.5):
        raise InputError("needles[1]: the straight path leaves the bone")
    leaked = needle["depth"] > 0.25
    leaks = {site: {"volume_ml": 0.0, "observed": False} for site in SITES}
    leaks["anterior_veins"] = {"volume_ml": 0.1 * leaked, "observed": bool(leaked)}
    return {
        "results": {
            "mesh": {"mask_volume_ml": 25.0},
            "injection": {
                "injected_ml": 4.0,
                "leaked_ml": 0.1 * leaked,
                "leaks": leaks,
                "leak_severity": "punctual" if leaked else None,
                "stop_reason": "front_limit",
                "mass_balance_error": 1e-14,
            },
            "fill": {"occupied_ml": 5.0, "puncture_side_occupied_ratio": needle["depth"], "pattern": "confluent"},
        },
        "seconds": {"injection": 0.5},
        "peak_memory_mb": 100.0,
        "warnings": [],
    }
