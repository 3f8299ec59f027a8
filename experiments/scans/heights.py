"""Heights of the body in a CT, and of the vertebrae beside it."""

from __future__ import annotations

import numpy as np

from experiments.case.schema import Case
from experiments.model.patient import read_patient
from experiments.results.builders import height_results
from experiments.results.parts.scan import ScannedHeights
from experiments.scans.postoperative import PostoperativeScan
from meshes.body_heights import PLACES, BodyHeights, body_heights
from meshes.errors import InputError
from meshes.neighbours import levels_beside
from meshes.vertebra import Vertebra


def scanned_heights(case: Case, scan: PostoperativeScan) -> ScannedHeights:
    """Heights of the body, and their ratio to those of the vertebrae above and below where the mask holds them whole.

    Args:
        case: what was asked, which tells the files.
        scan: the vertebra.

    Raises:
        InputError: the body does not reach across its midsagittal section.
    """
    own = heights_of(scan.vertebra)
    beside = {level: heights_of(vertebra) for level, vertebra in whole_neighbours(case, scan.vertebra).items()}
    relative = None
    if len(beside) == 2:
        relative = {
            place: getattr(own, place) / float(np.mean([getattr(other, place) for other in beside.values()]))
            for place in PLACES
        }
    return ScannedHeights(
        **height_results(own).plain(),
        endplate_angle_deg=scan.vertebra.provenance["endplate_wedge_deg"],
        neighbours={level: height_results(other) for level, other in beside.items()},
        relative=relative,
    )


def heights_of(vertebra: Vertebra) -> BodyHeights:
    """Heights of a vertebra's body.

    Raises:
        InputError: the body does not reach across its midsagittal section.
    """
    try:
        return body_heights(vertebra.body, vertebra.ct, vertebra.frame)
    except ValueError as error:
        raise InputError(f"the heights of {vertebra.level} cannot be measured: {error}; correct the mask") from None


def whole_neighbours(case: Case, vertebra: Vertebra) -> dict[str, Vertebra]:
    """Level -> the vertebra above and the one below, as far as the mask holds them whole."""
    if not vertebra.column:
        return {}
    found = {}
    for level in levels_beside(vertebra.level):
        if level is not None:
            try:
                found[level] = read_patient(case, level=level)
            except InputError:  # cut by the image, or not there
                continue
    return found
