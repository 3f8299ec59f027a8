"""A virtual vertebra as tables of a case file: all of a case but the operation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from experiments.cohorts.body_files import body_tables
from experiments.cohorts.virtual_patient import Lesion, VirtualVertebra

WALLS_OF_LESIONS = {"destroys_walls": False}
"""Metastases themselves leave the walls: series tell destroyed posterior walls, which are drawn on their own, and
fractures bring fissures (tag D)."""


def vertebra_tables(vertebra: VirtualVertebra, folder: Path) -> dict[str, Any]:
    """Tables of the case file; images are written to ``folder`` where they are missing."""
    tables: dict[str, Any] = {
        **body_tables(vertebra, folder),
        "veins": {"network": "random", "seed": vertebra.vein_seed},
    }
    if (fracture := vertebra.fracture) is not None:
        tables["fracture"] = {"type": "random", "seed": fracture.seed, "age": "old" if fracture.old else "fresh"}
        if fracture.cleft is not None:
            tables["fracture"]["cleft"] = fracture.cleft
    if vertebra.lesion is not None:
        tables["lesions"] = [_lesion(vertebra.lesion, vertebra.growth)]
    if vertebra.wall_defect > 0.0:
        tables["defects"] = [{"wall": "posterior_wall", "fraction": vertebra.wall_defect}]
    return tables


def _lesion(lesion: Lesion, growth: str) -> dict[str, Any]:
    shape = {"kind": lesion.kind, "fraction": lesion.share, "grown_from": lesion.grown_from, "growth": growth}
    return {**shape, **WALLS_OF_LESIONS}
