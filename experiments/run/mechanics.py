"""The mechanics of a case: stiffness of the body or the vertebra as it was and with its cement."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.case.laws import Laws
from experiments.case.schema import Case
from experiments.model.elastic_states import ElasticState, elastic_states, intact_state
from experiments.model.loading import plate_load
from experiments.model.neighbour import Neighbour
from experiments.model.preparation import Preparation
from experiments.model.solid_body import SolidBody
from experiments.model.specimen import Specimen
from experiments.results import builders
from experiments.results.parts.load import LoadResults
from experiments.results.parts.solvers import ElasticSolver, StiffnessSolver
from experiments.results.parts.stiffness import StiffnessResults
from experiments.results.parts.strength import StrengthResults
from experiments.results.progress import Progress
from experiments.run.load_case import LoadedBone, LoadedState, SpecimenParts
from experiments.run.load_curves import Tested, load_curves
from experiments.run.neighbour_load import NeighbourProblem
from experiments.run.ranks import on_root
from fem.mechanics.plates import PlateProblem
from fem.mechanics.pressed_body import PressedBody
from fem.mechanics.stiffness import stiffness_matrix
from fem.mechanics.stress import elastic_fields, superposed
from fem.partition import Partition
from meshes.frame import AnatomicalFrame

CAVITIES = ("cleft_", "balloon_", "defect_")
"""How the names of cells without bone begin."""


@dataclass(frozen=True)
class MechanicsOutcome:
    """What the mechanics of a case give.

    Attributes:
        stiffness: the part ``stiffness`` of the results.
        load: the part ``load`` of the results.
        strength: the part ``strength`` of the results.
        record: what the solver did, for the manifest.
        loaded: the bone under the load; None on ranks other than 0.
        before: the same of the body before its fracture; None where it was not broken.
    """

    stiffness: StiffnessResults
    load: LoadResults
    strength: StrengthResults
    record: StiffnessSolver
    loaded: LoadedBone | None
    before: LoadedBone | None


def load(
    case: Case,
    laws: Laws,
    prepared: Preparation,
    partition: Partition,
    saturation: NDArray[np.float64],
    progress: Progress,
) -> MechanicsOutcome:
    """Stiffness and strength of the intact and of the augmented body or vertebra, and what one load does to them.

    Args:
        case: what is asked.
        laws: its constitutive laws.
        prepared: mesh and tissues of the body.
        partition: the distributed mesh of the body.
        saturation: (cells,) cement saturation, the same on every rank.
        progress: where the stage is shown.

    Returns:
        Numbers on every rank, fields on rank 0.

    Raises:
        ConvergenceError: the solver did not reach its tolerance.
    """
    specimen, unbroken = prepared.specimen, prepared.unbroken
    if specimen is None:
        raise ValueError("the mechanics of this case are switched off")
    frame = prepared.vertebra.frame
    found, before, tested = _States(case, prepared.neighbour), None, []
    if prepared.cortex is not None:
        found.record["cortex"] = prepared.cortex.summary()
    with progress.stage("stiffness") as stage:
        if unbroken is not None and unbroken.specimen is not None:
            intact = {"intact": intact_state(laws, unbroken, unbroken.specimen)}
            spread = Partition.build(unbroken.specimen.mesh, partition.comm)
            whole = prepared.fractured.before.frame if prepared.fractured is not None else frame
            none = np.zeros(len(unbroken.mesh.cells))
            before = found.load(spread, unbroken, unbroken.specimen, intact, none, whole)
            tested.append(Tested(spread, unbroken.specimen, intact))
            stage.update(1.0 / 3.0)
        states = elastic_states(laws, prepared, specimen, saturation)
        spread = partition if specimen.is_body else Partition.build(specimen.mesh, partition.comm)
        loaded = found.load(spread, prepared, specimen, states, saturation, frame)
        tested.append(Tested(spread, specimen, states))
    curves = load_curves(laws, tested, progress)

    def results() -> tuple[LoadResults, StrengthResults]:
        if loaded is None:
            raise ValueError("rank 0 has no bone under the load")
        bones = [loaded] if before is None else [before, loaded]
        strengths = {name: found for bone in bones for name, found in bone.strength(laws.failure, curves).items()}
        loads = {name: found for bone in bones for name, found in bone.results().items()}
        return LoadResults(**{**_asked_load(case), **loads}), StrengthResults(**strengths)

    numbers, strength = on_root(partition.comm, results)
    cement = prepared.tissues.medium.porosity * saturation
    return MechanicsOutcome(
        StiffnessResults(**found.stiffness, **_broken_bone(prepared, specimen, states)),
        numbers,
        strength,
        StiffnessSolver(specimen=specimen.record(cement, prepared.mesh), **found.record),
        None if loaded is None else loaded.with_curves(curves),
        None if before is None else before.with_curves(curves),
    )


class _States:
    """The states of a case, loaded one after the other on the meshes of their bodies."""

    def __init__(self, case: Case, neighbour: Neighbour | None) -> None:
        self.stiffness: dict[str, Any] = {}
        self.record: dict[str, Any] = {}
        self._case, self._neighbour = case, neighbour

    def load(
        self,
        partition: Partition,
        body: SolidBody,
        specimen: Specimen,
        states: Mapping[str, ElasticState],
        saturation: NDArray[np.float64],
        frame: AnatomicalFrame,
    ) -> LoadedBone | None:
        """Take up the stiffness of the states of a body; what the load does to them, on rank 0.

        Args:
            partition: the distributed mesh of the specimen.
            body: what is loaded.
            specimen: that of the body.
            states: of the specimen by name.
            saturation: (cells of the body,) cement of the augmented state.
            frame: of the body, in whose fractions the place of a force counts.
        """
        mechanics, bone = self._case.mechanics, specimen.bone_mesh
        load = plate_load(self._case, frame)
        carried = specimen.carried(saturation)
        lost = specimen.carried(_lost_bone(self._case, body)) > 0.5
        loaded: dict[str, LoadedState] = {}
        plates = (specimen.superior, specimen.inferior)
        with ExitStack() as stack:
            problem = stack.enter_context(PlateProblem(partition, mechanics.degree, *plates, pole=specimen.pole))
            pressed = beside = None
            if self._neighbour is not None:
                beside = stack.enter_context(NeighbourProblem(self._neighbour, mechanics.degree, partition.comm))
            if load is None:
                pressed = stack.enter_context(PressedBody(partition, mechanics.degree, *plates))
            responses = None
            for name, state in states.items():
                problem.assemble(state.material)
                responses = problem.solve_all(np.eye(6), start=responses)
                matrix = stiffness_matrix(problem, responses)
                self.stiffness[f"{name}_n_per_mm"] = matrix.axial_stiffness
                self.stiffness[name] = builders.stiffness_results(matrix)
                record = dict(
                    iterations=matrix.iterations, unknowns=problem.unknowns, **dataclasses.asdict(matrix.errors)
                )
                if pressed is not None:
                    response = pressed.solve(state.material, pressed.uniform(mechanics.load_n))
                    displacement = response.displacement
                    record["pressure_iterations"] = response.iterations
                elif load is not None:
                    displacement = superposed([each.displacement for each in responses], load.motion(matrix))
                self.record[name] = ElasticSolver(**record)
                fields = elastic_fields(partition, displacement, state.material)
                borne = None if beside is None else beside.load(specimen.mesh, fields, frame)
                if fields is not None:
                    there = carried if name == "augmented" else np.zeros_like(carried)
                    parts = SpecimenParts.of(bone, there, lost)
                    loaded[name] = replace(LoadedState.of(bone, fields, state.material, parts), neighbour=borne)
        porosity = specimen.porosity(body.tissues.medium.porosity)
        return LoadedBone(bone, mechanics.load_n, porosity, carried, loaded) if loaded else None


def _broken_bone(prepared: Preparation, specimen: Specimen, states: Mapping[str, ElasticState]) -> dict[str, Any]:
    """What the results say of the bone that the fracture broke; nothing where no bone is broken."""
    if prepared.fractured is None:
        return {}
    broken = prepared.fractured.broken(prepared.mesh.cell_centroids).astype(float)
    volumes = specimen.carried(broken) * specimen.bone_mesh.cell_volumes
    if not volumes.any():
        return {}
    return {
        "broken_bone_modulus_mpa": {
            name: float(np.average(state.material.mean_axial_modulus[: specimen.bone_cells], weights=volumes))
            for name, state in states.items()
        }
    }


def _asked_load(case: Case) -> dict[str, Any]:
    """What the results say of the load."""
    mechanics = case.mechanics
    more: dict[str, Any] = {}
    match mechanics.load_case:
        case "flexion" | "lateral":
            more = {"moment_nm": mechanics.moment_nm}
        case "point":
            more = {"left": mechanics.load_left, "depth": mechanics.load_depth}
    return {"case": mechanics.load_case, "force_n": mechanics.load_n, **more}


def _lost_bone(case: Case, body: SolidBody) -> NDArray[np.float64]:
    """(cells of the body,) 1 in lytic lesions and in cavities, whose strain tells nothing about bone."""
    lytic = {f"lesion_{number}" for number, lesion in enumerate(case.lesions, 1) if lesion.kind == "osteolytic"}
    lost = np.zeros(len(body.mesh.cells))
    for name, cells in body.tissues.cells.items():
        if name in lytic or name.startswith(CAVITIES):
            lost[cells] = 1.0
    return lost
