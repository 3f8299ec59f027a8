"""The mechanics of a case: stiffness of the body or the vertebra as it was and with its cement."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.case.laws import Laws
from experiments.case.schema import Case
from experiments.model.elastic_states import elastic_states, shell_membrane
from experiments.model.preparation import Preparation
from experiments.results import builders
from experiments.results.parts.load import LoadResults
from experiments.results.parts.solvers import ElasticSolver, StiffnessSolver
from experiments.results.parts.stiffness import StiffnessResults
from experiments.results.progress import Progress
from experiments.run.load_case import LoadedBone, LoadedState, SpecimenParts
from experiments.run.ranks import on_root
from fem.mechanics.plates import PlateProblem
from fem.mechanics.stiffness import stiffness_matrix
from fem.mechanics.stress import elastic_fields, superposed
from fem.partition import Partition

CAVITIES = ("cleft_", "balloon_", "defect_")
"""How the names of cells without bone begin."""


@dataclass(frozen=True)
class MechanicsOutcome:
    """What the mechanics of a case give.

    Attributes:
        stiffness: the part ``stiffness`` of the results.
        load: the part ``load`` of the results.
        record: what the solver did, for the manifest.
        loaded: the bone under the load; None on ranks other than 0.
    """

    stiffness: StiffnessResults
    load: LoadResults
    record: StiffnessSolver
    loaded: LoadedBone | None


def load(
    case: Case,
    laws: Laws,
    prepared: Preparation,
    partition: Partition,
    saturation: NDArray[np.float64],
    progress: Progress,
) -> MechanicsOutcome:
    """Stiffness of the intact and of the augmented body or vertebra, and what one axial load does to them.

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
    specimen = prepared.specimen
    if specimen is None:
        raise ValueError("the mechanics of this case are switched off")
    stiffness: dict[str, Any] = {}
    states: dict[str, LoadedState] = {}
    carried = specimen.carried(saturation)
    lost = specimen.carried(_lost_bone(case, prepared)) > 0.5
    cement = prepared.tissues.medium.porosity * saturation
    record: dict[str, Any] = {} if prepared.cortex is None else {"cortex": prepared.cortex.summary()}
    elastic = elastic_states(laws, prepared, specimen, saturation)
    membrane = shell_membrane(prepared, specimen)
    spread = partition if specimen.is_body else Partition.build(specimen.mesh, partition.comm)
    with (
        progress.stage("stiffness") as stage,
        PlateProblem(
            spread,
            case.mechanics.degree,
            specimen.superior,
            specimen.inferior,
            pole=specimen.pole,
            membrane=membrane,
        ) as plates,
    ):
        for number, (name, state) in enumerate(elastic.items(), 1):
            plates.assemble(state.material, state.shell_factor)
            responses = [plates.solve(motion) for motion in np.eye(6)]
            matrix = stiffness_matrix(plates, responses)
            stiffness[f"{name}_n_per_mm"] = matrix.axial_stiffness
            stiffness[name] = builders.stiffness_results(matrix)
            record[name] = ElasticSolver(
                iterations=matrix.iterations, unknowns=plates.unknowns, **dataclasses.asdict(matrix.errors)
            )
            descent = case.mechanics.load_n / matrix.axial_stiffness
            fields = elastic_fields(
                spread,
                superposed([each.displacement for each in responses], [0.0, 0.0, -descent, 0.0, 0.0, 0.0]),
                state.material,
                membrane,
                state.shell_factor,
            )
            if fields is not None:
                there = carried if name == "augmented" else np.zeros_like(carried)
                parts = SpecimenParts.of(specimen.bone_mesh, there, lost)
                states[name] = LoadedState.of(specimen.bone_mesh, fields, state.material, parts)
            stage.update(number / len(elastic))
        porosity = specimen.porosity(prepared.tissues.medium.porosity)
        loaded = LoadedBone(specimen.bone_mesh, case.mechanics.load_n, porosity, carried, states) if states else None
        numbers = on_root(partition.comm, lambda: None if loaded is None else loaded.results(laws.failure))
    if numbers is None:
        raise ValueError("rank 0 has no bone under the load")
    return MechanicsOutcome(
        StiffnessResults(**stiffness),
        numbers,
        StiffnessSolver(specimen=specimen.record(cement, prepared.mesh), **record),
        loaded,
    )


def _lost_bone(case: Case, prepared: Preparation) -> NDArray[np.float64]:
    """(cells of the body,) 1 in lytic lesions and in cavities, whose strain tells nothing about bone."""
    lytic = {f"lesion_{number}" for number, lesion in enumerate(case.lesions, 1) if lesion.kind == "osteolytic"}
    lost = np.zeros(len(prepared.mesh.cells))
    for name, cells in prepared.tissues.cells.items():
        if name in lytic or name.startswith(CAVITIES):
            lost[cells] = 1.0
    return lost
