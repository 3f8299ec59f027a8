"""How a child of a sweep computes a patient: as any other case, with a small picture of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from experiments.pictures.cross_sections import ScannedBody
from experiments.pictures.lattice import Lattice
from experiments.pictures.thumbnail import draw_thumbnail
from experiments.results.store import in_place_of
from experiments.sweep.case_solver import kept, outcome_of
from meshes.images.units import IMAGE_UNITS

SOLVER = "experiments.patients.solver:solve"
"""What computes a patient."""


def solve(request: Mapping[str, Any]) -> dict[str, Any]:
    """Compute a patient and draw its picture; see :func:`experiments.sweep.case_solver.solve`.

    Raises:
        UnfitWorkerError: software or input files are not those of the sweep.
        InputError: the input cannot be used.
        ConvergenceError: a solver did not reach its tolerance.
    """
    outcome = outcome_of(request)
    vertebra, mesh = outcome.vertebra, outcome.mesh
    units = IMAGE_UNITS[outcome.case.bone.units]
    body = ScannedBody(mesh, Lattice.of(mesh), vertebra.ct, vertebra.frame, units)
    with in_place_of(thumbnail_of(Path(request["meshes"]).parent, str(request["identity"]))) as picture:
        draw_thumbnail(body, outcome.saturation, picture)
    return kept(outcome)


def thumbnail_of(folder: Path, identity: str) -> Path:
    """The picture of a case in the folder of its sweep."""
    return folder / "thumbnails" / f"{identity}.png"
