"""The needles of a plan as they are moved: where each lies, what a run would make of it, and what is doubtful."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from experiments.case.laws import Laws
from experiments.case.placed_needles import NeedlePlace, with_places
from experiments.case.schema import Case
from experiments.case.units import to_clinical, to_internal
from experiments.model.bone import Bone
from experiments.model.needle_paths import NeedlePath, angles_of, direction_of, plan_paths
from experiments.results.finished_case import NeedlePose
from experiments.viewer.ct_planes import FloatArray
from meshes.errors import InputError
from meshes.vertebra import Vertebra

FRACTION_DIGITS, ANGLE_DIGITS = 3, 1
"""Decimals that a moved needle has in its case file: below .05 mm, and .1 mm over 50 mm."""


@dataclass(frozen=True)
class Laid:
    """The needles at one moment.

    Attributes:
        poses: of all needles.
        paths: what a run would make of them; the last ones that could be run where these cannot.
        problem: why a run would refuse them; empty where it would not.
    """

    poses: tuple[NeedlePose, ...]
    paths: tuple[NeedlePath, ...]
    problem: str = ""


class MovedNeedles:
    """Needles in a vertebra that can be put elsewhere.

    Args:
        case: what is asked.
        laws: its laws.
        vertebra: as the needles meet it.
        paths: of the needles as the case has them.
        name: how messages call the case.
    """

    def __init__(self, case: Case, laws: Laws, vertebra: Vertebra, paths: tuple[NeedlePath, ...], name: str) -> None:
        """Nothing is moved yet."""
        self._case, self._laws, self._name = case, laws, name
        self._vertebra, self._bone = vertebra, Bone(vertebra)
        self._first = paths
        self.places: Mapping[int, NeedlePlace] = {}
        self.laid = Laid(tuple(NeedlePose(path.tip, path.direction, path.outer_diameter) for path in paths), paths)

    def place(self, number: int) -> NeedlePlace:
        """Where a needle lies now, in the terms of the case file."""
        return self.places.get(number) or self.place_of(number, self._first[number].tip, self._first[number].direction)

    def place_of(self, number: int, tip: FloatArray, direction: FloatArray) -> NeedlePlace:
        """A tip in mm and a unit direction in the terms of the case file, with the digits that it gets there."""
        fractions = self._vertebra.frame.fractions(tip)
        angles = angles_of(direction, self._first[number].side)
        return NeedlePlace(
            *(round(float(value), FRACTION_DIGITS) for value in fractions),
            *(round(to_clinical(angle, "deg"), ANGLE_DIGITS) for angle in angles),
        )

    def put(self, number: int, place: NeedlePlace) -> None:
        """Put a needle elsewhere, and lay all of them as a run would."""
        self.places = {**self.places, number: place}
        self._lay()

    def put_back(self, number: int) -> None:
        """Put a needle where its case has it."""
        self.places = {other: place for other, place in self.places.items() if other != number}
        self._lay()

    def _lay(self) -> None:
        poses = tuple(self._pose(number) for number in range(len(self._first)))
        try:
            case = with_places(self._case, self.places, self._name)
            paths = plan_paths(case.needles, self._laws.cannulas, self._vertebra, self._bone)
        except InputError as error:
            self.laid = replace(self.laid, poses=poses, problem=str(error))
            return
        self.laid = Laid(poses, paths)

    def _pose(self, number: int) -> NeedlePose:
        first, place = self._first[number], self.places.get(number)
        if place is None:
            return NeedlePose(first.tip, first.direction, first.outer_diameter)
        camber, sagittal = (to_internal(angle, "deg") for angle in (place.camber_deg, place.sagittal_deg))
        tip = self._vertebra.frame.point(place.left, place.depth, place.height)
        return NeedlePose(np.asarray(tip), direction_of(camber, sagittal, first.side), first.outer_diameter)
