"""The load curves of a case: every state compressed until it fails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from experiments.case.laws import Laws
from experiments.model.elastic_states import ElasticState
from experiments.model.specimen import Specimen
from experiments.model.yield_states import plastic_material
from experiments.results.parts.strength import LoadCurveResults
from experiments.results.progress import Progress, Stage
from fem.mechanics.load_curve import LoadCurve, load_curve
from fem.mechanics.plasticity import PlasticPlates
from fem.mechanics.plates import area_centroid
from fem.partition import Partition
from meshes.tetmesh import TetMesh


@dataclass(frozen=True)
class Tested:
    """One body between its plates and the states in which it is compressed.

    Attributes:
        partition: the distributed mesh of the specimen.
        specimen: what is loaded.
        states: of the specimen by name.
    """

    partition: Partition
    specimen: Specimen
    states: Mapping[str, ElasticState]


def load_curves(laws: Laws, tested: Sequence[Tested], progress: Progress) -> dict[str, LoadCurve]:
    """Name of a state -> its load curve; none where the case asks for no non-linear solve.

    Args:
        laws: laws of the case.
        tested: the bodies of the case.
        progress: where the stage is shown.

    Raises:
        ConvergenceError: the elastic solve before a curve did not reach its tolerance.
    """
    if laws.strength is None:
        return {}
    curves: dict[str, LoadCurve] = {}
    count = sum(len(one.states) for one in tested)
    with progress.stage("strength") as stage:
        for one in tested:
            for name, state in one.states.items():
                with PlasticPlates(
                    one.partition,
                    plastic_material(laws, one.specimen, state),
                    one.specimen.superior,
                    one.specimen.inferior,
                    pole=one.specimen.pole,
                ) as body:
                    shown = _Shown(stage, name, len(curves), count)
                    curves[name] = load_curve(body, _height(one.specimen.bone_mesh), on_step=shown)
    return curves


def curve_results(curve: LoadCurve, volume: float) -> dict[str, Any]:
    """Entries of :class:`experiments.results.parts.strength.StateStrength`.

    Args:
        curve: of one state.
        volume: of the bone in mm3.
    """
    failed = curve.at_failure(curve.failed_volume)
    return {
        "nonlinear_n": curve.strength,
        "failure_mm": curve.at_failure(curve.position),
        "energy_mj": curve.at_failure(curve.work),
        "failed_share": None if failed is None else failed / volume,
        "ended": curve.reason,
        "curve": LoadCurveResults(
            compression_mm=curve.position.tolist(),
            force_n=curve.force.tolist(),
            work_mj=curve.work.tolist(),
            dissipated_mj=curve.dissipation.tolist(),
            failed_share=(curve.failed_volume / volume).tolist(),
        ),
    }


class _Shown:
    """Tells a stage how far the curve of one state among several is."""

    def __init__(self, stage: Stage, name: str, done: int, count: int) -> None:
        self._stage, self._name, self._done, self._count = stage, name, done, count

    def __call__(self, share: float) -> None:
        self._stage.update((self._done + share) / self._count, self._name)


def _height(mesh: TetMesh) -> float:
    """Distance in mm along the axis of the area centroids of both endplates."""
    return float(area_centroid(mesh, "superior_endplate")[2] - area_centroid(mesh, "inferior_endplate")[2])
