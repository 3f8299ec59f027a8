"""What the needles do, one after the other or at once: from the tables of the case file to the plan of an injection."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, zip_longest

import numpy as np
from numpy.typing import NDArray

import fem.injection.plan
from experiments.case.schema import Case
from experiments.case.units import to_clinical, to_internal
from experiments.model.needle_paths import NeedlePath
from experiments.results.parts.manifest import NeedleRecord
from fem.injection.needle_opening import LARGEST_OFFSET, LEAST_CELLS, NeedleOpening
from fem.injection.plan import Bolus, InjectionPlan, Stage
from fem.porous import PorousMedium
from materials.cannula import Cannula, Syringe
from materials.cement import Rheology
from meshes.errors import InputError
from meshes.frame import AnatomicalFrame
from meshes.leak_sites import SITES
from meshes.sizing import Refinement
from meshes.tetmesh import TetMesh

SLIVER = 1e-6
"""mm3; ends of boluses and changes of place that lie closer together are one, since decimal fractions do not add up."""

FINE_ENOUGH = 1.2
"""Edge length over the radius of an opening that meets enough cells, 26 and more on the demo (tag D)."""


@dataclass(frozen=True)
class _Delivery:
    """One bolus of one needle that may be drawn back meanwhile.

    Attributes:
        pause: s before the bolus.
        changes: (m + 1,) mm3 delivered of this bolus when it begins, at each change of place, and at its end.
        places: the m places at which it is delivered, one for each interval of ``changes``.
    """

    pause: float
    changes: NDArray[np.float64]
    places: tuple[int, ...]

    @property
    def volume(self) -> float:
        """Of the whole bolus in mm3."""
        return float(self.changes[-1])

    def place(self, delivered: float) -> int:
        """The place when so much of the bolus, in mm3, is delivered."""
        return self.places[int(np.searchsorted(self.changes[1:-1], delivered))]


def procedure(case: Case, paths: Sequence[NeedlePath]) -> tuple[Stage, ...]:
    """What is injected, one after the other.

    A needle's whole volume is spread evenly over the places of its withdrawal: with n places it moves on whenever
    another n-th is delivered, within a bolus or between two. Needles in turn deliver all their boluses before the next
    begins, which waits for the pause between needles and its own. Together, the needles begin their k-th boluses at
    once, after the longest of the pauses before them, and each moves on at its own volumes; one that has fewer or
    smaller boluses waits for the others. Each stage delivers the same volume through all needles that take part in it.

    Args:
        case: what is asked.
        paths: the way of each needle.

    Returns:
        Stages whose boluses count the places as :func:`place_needles` lists them.
    """
    rate = to_internal(case.injection.rate_ml_per_min, "ml/min")
    between = to_internal(case.injection.pause_between_needles_s, "s")
    needles = _deliveries(case, paths)
    stages: list[Stage] = []
    if case.injection.order == "together":
        for fellows in zip_longest(*needles):
            stages += _at_once([delivery for delivery in fellows if delivery is not None], 0.0, rate)
        return tuple(stages)
    for number, deliveries in enumerate(needles):
        for index, delivery in enumerate(deliveries):
            stages += _at_once([delivery], between if number and not index else 0.0, rate)
    return tuple(stages)


def place_needles(
    paths: Sequence[NeedlePath], cannulas: Sequence[Cannula], mesh: TetMesh, medium: PorousMedium
) -> tuple[fem.injection.plan.Needle, ...]:
    """Every place of every needle's opening in the order in which :func:`procedure` counts them.

    Raises:
        InputError: the cells are too coarse around an opening, or lie on one side of it.
    """
    needles = tuple(
        fem.injection.plan.Needle(
            NeedleOpening.place(mesh, medium, position, path.opening_radius, "open end"), cannula, path.number
        )
        for path, cannula in zip(paths, cannulas, strict=True)
        for position in path.opening_positions
    )
    for needle in needles:
        _check_source(needle.opening, f"needles[{needle.number + 1}]")
    return needles


def needle_refinements(case: Case, paths: Sequence[NeedlePath]) -> list[Refinement]:
    """Finer cells along the places of each needle's opening; none where the body's mesh is as fine."""
    size = to_internal(case.mesh.needle_size_mm, "mm")
    if size >= to_internal(case.mesh.size_mm, "mm"):
        return []
    return [
        Refinement(_triple(path.opening_positions[0]), _triple(path.opening_positions[-1]), reach, size)
        for path in paths
        for reach in [2.0 * path.opening_radius]
    ]


def check_front_limit(case: Case, frame: AnatomicalFrame, paths: Sequence[NeedlePath]) -> None:
    """Refuse a front limit that cement meets as soon as it leaves a needle.

    Raises:
        InputError: an opening lies beyond the limit, at its first place or later.
    """
    limit = case.injection.front_limit_depth
    depths = [max(frame.fractions(position)[1] for position in path.opening_positions) for path in paths]
    deepest = max(depths)
    if limit is None or limit > deepest:
        return
    number, free = paths[depths.index(deepest)].number + 1, math.floor(100.0 * deepest + 1.0) / 100.0
    choice = (
        f"choose {free:g} to 1, such as 0.8 for the posterior fifth, or" if free <= 1.0 else "leave it out or choose"
    )
    raise InputError(
        f"injection.front_limit_depth = {limit:g} lies in front of the opening of needles[{number}], which comes to "
        f"depth {deepest:.2f} (fractions of the body); {choice} another target or a smaller withdraw_mm"
    )


def injection_plan(
    case: Case, frame: AnatomicalFrame, cement: Rheology, syringe: Syringe, stages: Sequence[Stage]
) -> InjectionPlan:
    """The plan of the case in internal units.

    Args:
        case: what is asked.
        frame: of the body.
        cement: its own clock, which tells the working time where the case file does not.
        syringe: over whose plunger the hand's force becomes a pressure.
        stages: what :func:`procedure` gives.

    Raises:
        InputError: the injection would begin after the cement's working time, or the pressure that ends it is above
            the one that is held.
    """
    injection, front = case.injection, case.injection.front_limit_depth
    limit = _pressure_limit(case, syringe)
    stop = injection.stop_pressure_kpa
    if stop is not None and to_internal(stop, "kPa") > limit:
        raise InputError(
            f"injection.stop_pressure_kpa = {stop:g} is never reached, because injection.hand_force_limit_n = "
            f"{injection.hand_force_limit_n:g} holds the pressure at {to_clinical(limit, 'kPa'):.0f} kPa; choose a "
            "stop below that or raise the force"
        )
    return InjectionPlan(
        stages=tuple(stages),
        start_age=to_internal(case.cement.injected_after_mixing_min, "min"),
        end_age=_end_age(case, cement),
        syringe_ageing=float(cement.ageing_rate(to_internal(case.cement.room_temperature_c, "degC"))),
        body_ageing=float(cement.ageing_rate(to_internal(case.cement.body_temperature_c, "degC"))),
        pressure_limit=limit,
        stop_pressure=None if stop is None else to_internal(stop, "kPa"),
        leak_limits={site: to_internal(injection.leak_limit(site), "ml") for site in SITES},
        front_limit=None if front is None else float(frame.point(0.0, front, 0.5)[1]),
        output_count=case.output.field_times,
    )


def needle_records(paths: Sequence[NeedlePath]) -> tuple[NeedleRecord, ...]:
    """Where each needle lies, for the manifest; lengths in mm of the anatomical frame."""
    return tuple(
        NeedleRecord(
            side=path.side,
            tip_mm=path.tip.tolist(),
            entry_mm=path.entry.tolist(),
            direction=path.direction.tolist(),
            camber_deg=to_clinical(path.camber, "deg"),
            sagittal_deg=to_clinical(path.sagittal, "deg"),
            opening_positions_mm=path.opening_positions.tolist(),
            opening_radius_mm=path.opening_radius,
            outer_diameter_mm=path.outer_diameter,
            clearance_mm=None if path.clearance is None else path.clearance.distance,
            clearance_side=None if path.clearance is None else path.clearance.side,
        )
        for path in paths
    )


def _check_source(opening: NeedleOpening, name: str) -> None:
    """Refuse an opening through which cement would enter in another place, or as the mesh has it."""
    if len(opening.cells) < LEAST_CELLS:
        fine = math.floor(10.0 * FINE_ENOUGH * opening.radius) / 10.0
        raise InputError(
            f"{name}: its opening of {opening.radius:.2f} mm radius meets {len(opening.cells)} cells (at least "
            f"{LEAST_CELLS}), so the mesh would shape the flow around it; choose mesh.needle_size_mm = {fine:g} or less"
        )
    if opening.offset > LARGEST_OFFSET * opening.radius:
        raise InputError(
            f"{name}: the bone around its opening lies on one side, and cement would enter {opening.offset:.2f} mm "
            f"from it (allowed 0 to {LARGEST_OFFSET * opening.radius:.2f} mm); move the target away from the wall or "
            "choose a smaller withdraw_mm"
        )


def _deliveries(case: Case, paths: Sequence[NeedlePath]) -> list[list[_Delivery]]:
    """The boluses of each needle with the volumes at which it changes its place."""
    needles, first = [], 0
    for boluses, path in zip(case.boluses, paths, strict=True):
        volumes = [to_internal(bolus.volume_ml, "ml") for bolus in boluses]
        places = len(path.opening_positions)
        ends = np.cumsum(volumes)
        moves = ends[-1] * np.arange(1, places) / places
        deliveries = []
        for bolus, volume, end in zip(boluses, volumes, ends, strict=True):
            begin = end - volume
            within = (moves > begin + SLIVER) & (moves < end - SLIVER)
            passed = int(np.count_nonzero(moves <= begin + SLIVER))
            deliveries.append(
                _Delivery(
                    to_internal(bolus.pause_before_s, "s"),
                    np.concatenate([[0.0], moves[within] - begin, [volume]]),
                    tuple(first + passed + step for step in range(int(np.count_nonzero(within)) + 1)),
                )
            )
        needles.append(deliveries)
        first += places
    return needles


def _at_once(deliveries: Sequence[_Delivery], wait: float, rate: float) -> Iterator[Stage]:
    """The stages of boluses that begin together, ``wait`` s and their longest pause after what was before."""
    pause = wait + max(delivery.pause for delivery in deliveries)
    changes = np.unique(np.concatenate([delivery.changes for delivery in deliveries]))
    # Of changes that are one, the last counts: nothing of a bolus that ends there is left over.
    changes = changes[np.append(np.diff(changes) > SLIVER, True)]
    for begin, end in pairwise(changes.tolist()):
        yield Stage(
            tuple(
                Bolus(delivery.place(0.5 * (begin + end)), min(end, delivery.volume) - begin, rate)
                for delivery in deliveries
                if delivery.volume > begin + SLIVER
            ),
            pause,
        )
        pause = 0.0


def _pressure_limit(case: Case, syringe: Syringe) -> float:
    """Largest syringe pressure in MPa: the case's own, or the smaller one that the hand can make."""
    limit, force = to_internal(case.injection.pressure_limit_kpa, "kPa"), case.injection.hand_force_limit_n
    return limit if force is None else min(limit, syringe.pressure_at(to_internal(force, "N")))


def _end_age(case: Case, cement: Rheology) -> float:
    """Time since mixing in s at which the working time ends."""
    if case.injection.working_time_min is not None:
        return to_internal(case.injection.working_time_min, "min")
    room, start = case.cement.room_temperature_c, case.cement.injected_after_mixing_min
    end = cement.working_time / float(cement.ageing_rate(to_internal(room, "degC")))
    if end <= to_internal(start, "min"):
        raise InputError(
            f"cement.injected_after_mixing_min = {start:g} is too late, because the cement's own working time ends "
            f"{to_clinical(end, 'min'):.1f} min after mixing at cement.room_temperature_c = {room:g}; inject earlier, "
            "cool the cement, or set injection.working_time_min"
        )
    return end


def _triple(point: NDArray[np.float64]) -> tuple[float, float, float]:
    return float(point[0]), float(point[1]), float(point[2])
