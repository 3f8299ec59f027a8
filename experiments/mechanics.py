"""The mechanics of a case: stiffness of the body as it was and with its cement."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments import results
from experiments.case import Case
from experiments.laws import Laws
from experiments.preparation import Preparation
from experiments.progress import Progress
from fem.partition import Partition
from fem.plates import PlateProblem
from fem.stiffness import stiffness_matrix


def load(
    case: Case,
    laws: Laws,
    prepared: Preparation,
    partition: Partition,
    saturation: NDArray[np.float64],
    progress: Progress,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Stiffness of the intact and of the augmented body.

    Args:
        case: what is asked.
        laws: its constitutive laws.
        prepared: mesh and tissues of the body.
        partition: the distributed mesh.
        saturation: (cells,) cement saturation, the same on every rank.
        progress: where the stage is shown.

    Returns:
        The part ``stiffness`` of the results, and what the solver did, on every rank.

    Raises:
        ConvergenceError: the solver did not reach its tolerance.
    """
    modulus = prepared.tissues.modulus
    moduli = {"intact": modulus, "augmented": laws.composite.modulus(modulus, np.clip(saturation, 0.0, 1.0))}
    stiffness: dict[str, Any] = {}
    record: dict[str, Any] = {}
    with (
        progress.stage("stiffness") as stage,
        PlateProblem(partition, prepared.bone.poisson_ratio, case.mechanics.degree) as plates,
    ):
        for name, values in moduli.items():
            plates.assemble(values)
            matrix = stiffness_matrix(plates)
            stiffness[f"{name}_n_per_mm"] = matrix.axial_stiffness
            stiffness[name] = results.stiffness_results(matrix)
            record[name] = {
                "iterations": list(matrix.iterations),
                "unknowns": plates.unknowns,
                **dataclasses.asdict(matrix.errors),
            }
            stage.update(0.5 if name == "intact" else 1.0)
    return stiffness, record
