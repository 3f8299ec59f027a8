"""What was drawn of a vertebra and its operation, as numbers of a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from experiments.cohorts.virtual_patient import VirtualVertebra
from materials.fracture import BrokenBody
from meshes.parametric import level_dimensions

LEVELS = tuple(level_dimensions())
"""Levels from above downwards; a vertebra's number in the column ``level`` counts them from 0."""

GROWTH = ("slow", "moderate", "rapid")
"""Growth classes in the order of Tomita's points: 1, 2 and 3 in the column ``growth``."""

VISCOSITY = ("low", "medium", "high")
"""Classes of cement: 0, 1 and 2 in the column ``viscosity``."""


def drawn(vertebra: VirtualVertebra, inputs: Mapping[str, Any]) -> dict[str, float]:
    """Who was treated and how; tips are the mean of the needles.

    Args:
        vertebra: of the cohort.
        inputs: the case by which it was treated.
    """
    fracture, lesion, shape = vertebra.fracture, vertebra.lesion, vertebra.shape
    needles, injection, cement = inputs["needles"], inputs["injection"], inputs["cement"]
    finish_line, viscosity = injection["front_limit_depth"], cement["viscosity"]
    cleft, fissures = _broken(inputs)
    return {
        "patient": vertebra.patient,
        "number": vertebra.number,
        "level": LEVELS.index(vertebra.level),
        "thoracic": vertebra.level.startswith("T"),
        "man": vertebra.man,
        "age": vertebra.age,
        "density": vertebra.density,
        "t_score": vertebra.t_score,
        "real_shape": vertebra.real,
        "width_mm": shape.width,
        "depth_mm": shape.depth,
        "height_mm": shape.height,
        "heterogeneity_sd": vertebra.heterogeneity_sd,
        "heterogeneity_length_mm": vertebra.heterogeneity_length,
        "collapse": fracture is not None,
        "old_fracture": fracture is not None and fracture.old,
        "cleft": cleft,
        "cortical_disruption": fissures or vertebra.wall_defect > 0.0,
        "growth": 1 + GROWTH.index(vertebra.growth),
        "lesion_share": 0.0 if lesion is None else lesion.share,
        "lytic": lesion is not None and lesion.kind == "osteolytic",
        "wall_defect": vertebra.wall_defect > 0.0,
        "wall_defect_share": vertebra.wall_defect,
        "bilateral": len(needles) > 1,
        "gauge": needles[0]["gauge"],
        "tip_depth": float(np.mean([needle["depth"] for needle in needles])),
        "tip_aside": float(np.mean([abs(needle["left"]) for needle in needles])),
        "tip_height": float(np.mean([needle["height"] for needle in needles])),
        "viscosity": VISCOSITY.index(viscosity),
        "high_viscosity": np.nan if viscosity == "medium" else viscosity == "high",
        "minutes": cement["injected_after_mixing_min"],
        "planned_ml": _planned(needles, injection),
        "rate_ml_per_min": injection["rate_ml_per_min"],
        "finish_line": np.nan if finish_line is None else finish_line,
        "leak_limit_ml": injection["leak_limit_ml"],
        "balloon_ml": sum(one["volume_ml"] for one in inputs["cavities"] if one["kind"] == "balloon"),
    }


def _broken(inputs: Mapping[str, Any]) -> tuple[bool, bool]:
    """Whether the fracture of a case has a cleft and whether it has fissures, asked for or out of the prior.

    The prior draws both by streams of their own, whatever the loss of height; as in the case's own fracture, one that
    has healed has no fissures unless a cleft shows that it did not.
    """
    asked = inputs["fracture"]
    if asked is None:
        return False, False
    given = {
        name: inputs["laws"][f"broken_body.{name}"]
        for name in ("cleft_probability", "fissure_probability")
        if f"broken_body.{name}" in inputs["laws"]
    }
    found = BrokenBody(**given).drawn(asked["seed"], most=1.0)
    cleft = found.cleft if asked["cleft"] is None else bool(asked["cleft"])
    return cleft, found.fissures and (cleft or asked["age"] != "old")


def _planned(needles: list[Mapping[str, Any]], injection: Mapping[str, Any]) -> float:
    """Volume in ml that was planned, all needles together."""
    boluses = [bolus["volume_ml"] for needle in needles for bolus in needle["boluses"] or ()]
    return float(sum(boluses)) if boluses else float(injection["volume_ml"])
