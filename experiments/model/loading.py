"""What bears on the specimen, of the case file's words, and the words of people for it."""

from __future__ import annotations

from experiments.case.schema import Case
from experiments.case.units import to_internal
from fem.mechanics.plate_loads import FreePlate, GuidedPlate, PlateLoad
from meshes.frame import AnatomicalFrame


def plate_load(case: Case, frame: AnatomicalFrame) -> PlateLoad | None:
    """The load on the superior plate; None where a pressure takes its place.

    Args:
        case: what is asked.
        frame: of the body, for the place of a force.
    """
    mechanics = case.mechanics
    moment = to_internal(mechanics.moment_nm, "N m")
    match mechanics.load_case:
        case "axial":
            return GuidedPlate(mechanics.load_n)
        case "flexion":
            return FreePlate(mechanics.load_n, flexion=moment)
        case "lateral":
            return FreePlate(mechanics.load_n, lateral=moment)
        case "point":
            x, y, _ = frame.point(mechanics.load_left or 0.0, mechanics.load_depth or 0.0, 1.0)
            return FreePlate(mechanics.load_n, (float(x), float(y)))
        case "free":
            return FreePlate(mechanics.load_n)
        case "pressure":
            return None
