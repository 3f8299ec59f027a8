"""The demo patient's L3 on meshes on which many cases are run, each of them once.

From case to case stay the CT, the mesh and the voxels in its cells, which are finer where a question is asked: between
the tip and the opening.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import dolfinx_solver  # noqa: F401  (must be loaded before MPI, PETSc and DOLFINx)
from mpi4py import MPI

import numpy as np
from numpy.typing import NDArray

from experiments.case.laws import Laws
from experiments.case.schema import Case, build_case
from experiments.case.units import to_clinical, to_internal
from experiments.model.cortex import bone_of
from experiments.model.needle_paths import plan_paths, with_track
from experiments.model.openings import case_openings, case_walls
from experiments.model.patient import read_patient
from experiments.model.procedure import check_front_limit, injection_plan, place_needles, procedure
from experiments.model.tissues import build_tissues, check_tips
from fem.injection.history import InjectionHistory
from fem.injection.injection import Injection
from fem.partition import Partition
from materials.cement import newtonian_cement
from meshes.body_mesh import mesh_body
from meshes.sampling import voxel_weights
from meshes.sizing import Refinement
from meshes.vertebra import Vertebra

Tables = dict[str, Any]


@dataclass(frozen=True)
class Variant:
    """One case of a direction.

    Attributes:
        name: what is changed, for the table.
        tables: of the case file, but for the patient and the mesh.
        cement: viscosity in Pa s of a Newtonian cement in the place of the case's, or None.
        coarse: whether the short tests run it as well.
    """

    name: str
    tables: Tables
    cement: float | None = None
    coarse: bool = True


@dataclass(frozen=True)
class Outcome:
    """What came of a case: volumes in ml, and why it ended."""

    injected: float
    leaked: Mapping[str, float]
    stop_reason: str

    @classmethod
    def of(cls, history: InjectionHistory) -> Outcome:
        """The numbers of a history in clinical units."""
        return cls(
            injected=to_clinical(history.last.injected, "ml"),
            leaked={site: to_clinical(volume, "ml") for site, volume in history.last.leaked.items()},
            stop_reason=history.stop_reason,
        )

    def leak(self, sites: tuple[str, ...]) -> float:
        """Volume that has left at some sites in ml."""
        return sum(self.leaked[site] for site in sites)


Line = tuple[tuple[float, float, float], tuple[float, float, float]]
"""Start and end as fractions of the body: left, depth, height."""

REACH = 5.0
"""mm; radius of the finer cells about a line."""


@dataclass(frozen=True)
class Fineness:
    """Edge lengths in mm of the mesh, in bulk and along lines, and how many steps at least a planned volume takes."""

    size: float
    fine_size: float
    least_steps: int


class Body:
    """The demo patient's L3 on one mesh, and every case that was run on it."""

    def __init__(self, fineness: Fineness, lines: Sequence[Line]) -> None:
        """Mesh the body.

        Args:
            fineness: of the mesh and of the steps.
            lines: along which the mesh is finer.
        """
        self.vertebra, self.least_steps = demo_vertebra(), fineness.least_steps
        point = self.vertebra.frame.point
        finer = [
            Refinement(_triple(point(*start)), _triple(point(*end)), REACH, fineness.fine_size) for start, end in lines
        ]
        self.mesh = mesh_body(self.vertebra, fineness.size, finer)
        self._weights = voxel_weights(self.mesh, self.vertebra)
        self._partition = Partition.build(self.mesh, MPI.COMM_SELF)
        self._outcomes: dict[str, Outcome] = {}

    def run(self, variant: Variant) -> Outcome:
        """What comes of a variant."""
        key = repr((variant.tables, variant.cement))
        if key not in self._outcomes:
            self._outcomes[key] = Outcome.of(self._inject(variant))
        return self._outcomes[key]

    def _inject(self, variant: Variant) -> InjectionHistory:
        case = posed(variant)
        laws = Laws.of_case(case)
        if variant.cement is not None:
            laws = replace(laws, cement=newtonian_cement(to_internal(variant.cement, "Pa s")))
        vertebra, mesh = self.vertebra, self.mesh
        paths = plan_paths(case.needles, laws.cannulas, vertebra)
        check_front_limit(case, vertebra.frame, paths)
        plan = injection_plan(case, vertebra.frame, laws.cement, laws.syringe, procedure(case, paths))
        paths = tuple(with_track(path, mesh) for path in paths)
        bone = bone_of(laws, None, vertebra, mesh, self._weights)
        tissues = build_tissues(case, laws, vertebra, mesh, bone, [None] * len(case.lesions))
        needles = place_needles(paths, laws.cannulas, mesh, tissues.medium)
        check_tips(tissues, needles)
        walls = case_walls(case, laws, mesh, case_openings(case, laws, vertebra, mesh, paths, tissues))
        injection = Injection.build(
            self._partition,
            tissues.medium,
            walls,
            needles,
            laws.cement,
            tissues.fluids,
            replace(plan, least_steps=self.least_steps),
            tissues.exchange,
        )
        try:
            return injection.run()
        finally:
            injection.destroy()


def posed(variant: Variant) -> Case:
    """The case of a variant: no leak ends it; bone is even and no vein in it, or one draw would stand for all."""
    bone = {"heterogeneity_sd": 0.0, **variant.tables.get("bone", {})}
    injection = {"volume_ml": 5.0, "leak_limit_ml": 15.0, **variant.tables.get("injection", {})}
    return build_case(
        {
            **variant.tables,
            "patient": {"demo": True},
            "bone": bone,
            "veins": {"network": "none", **variant.tables.get("veins", {})},
            "injection": injection,
            "output": {"field_times": 1},
        }
    )


@cache
def demo_vertebra() -> Vertebra:
    """The demo patient's L3."""
    return read_patient(build_case({"patient": {"demo": True}}))


def _triple(point: NDArray[np.float64]) -> tuple[float, float, float]:
    return float(point[0]), float(point[1]), float(point[2])
