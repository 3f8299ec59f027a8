"""Computes a case as a sweep does, and beside it the pressure far from its tip, which results do not have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from experiments.case.units import to_clinical
from experiments.run.output import CaseOutcome
from experiments.sweep.case_solver import kept, outcome_of

SOLVER = "experiments.verification.far_field:solve"

FREE_OF_CEMENT = 0.01
"""Saturation of a cell up to which it counts as far from the tip."""


def solve(request: Mapping[str, Any]) -> dict[str, Any]:
    """Compute a case as a sweep does, and the pressure far from its tip; see :mod:`experiments.sweep.case_solver`."""
    outcome = outcome_of(request)
    return {**kept(outcome), "far_field_kpa": far_field(outcome)}


def far_field(outcome: CaseOutcome) -> float:
    """Largest mean pressure of a moment over the cells without cement, in kPa above the resting one.

    Raises:
        ValueError: nothing was injected.
    """
    if outcome.results.injection is None:
        raise ValueError("no pressure without an injection")
    volumes = outcome.mesh.cell_volumes
    means = [
        float(np.average(shot.pressure, weights=volumes * (shot.saturation <= FREE_OF_CEMENT)))
        for shot in outcome.snapshots
        if (shot.saturation <= FREE_OF_CEMENT).any()
    ]
    return to_clinical(max(means), "kPa") - outcome.results.injection.resting_pressure_kpa
