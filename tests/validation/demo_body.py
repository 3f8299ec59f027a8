"""The demo patient's L3 on one mesh, on which many cases are run and each of them once.

Between the cases stay the CT, the mesh and the voxels in its cells; there are no finer cells at needles and defects,
neither pictures nor mechanics.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import dolfinx_solver  # noqa: F401  (must be loaded before MPI, PETSc and DOLFINx)
from mpi4py import MPI

from scipy.sparse import csr_array

from experiments.approach import plan_paths, with_track
from experiments.case import Case, build_case
from experiments.laws import Laws
from experiments.preparation import read_patient
from experiments.procedure import check_front_limit, injection_plan, place_needles, procedure
from experiments.surface import case_walls
from experiments.tissues import build_tissues, check_tips
from experiments.units import to_clinical, to_internal
from fem.history import InjectionHistory
from fem.injection import Injection
from fem.partition import Partition
from fem.walls import Walls
from materials.cement import newtonian_cement
from meshes.body import mesh_body
from meshes.sampling import voxel_weights
from meshes.tetmesh import TetMesh
from meshes.vertebra import Vertebra

Tables = dict[str, Any]


@dataclass(frozen=True)
class Variant:
    """One case of a direction.

    Attributes:
        name: what is changed, for the table.
        tables: of the case file, but for the patient and the mesh.
        cement: viscosity in Pa s of a Newtonian cement in the place of the case's, or None.
        entry_pressure: whether openings resist the front of cement.
        coarse: whether the short tests run it as well.
    """

    name: str
    tables: Tables
    cement: float | None = None
    entry_pressure: bool = True
    coarse: bool = True


@dataclass(frozen=True)
class Outcome:
    """What came of a case: volumes in ml, and why it ended."""

    injected: float
    leaked: Mapping[str, float]
    onsets: Mapping[str, float]
    front_ratio: float | None
    stop_reason: str

    @classmethod
    def of(cls, history: InjectionHistory) -> Outcome:
        """The numbers of a history in clinical units."""
        return cls(
            injected=to_clinical(history.last.injected, "ml"),
            leaked={site: to_clinical(volume, "ml") for site, volume in history.last.leaked.items()},
            onsets={site: to_clinical(onset.injected, "ml") for site, onset in history.onsets.items()},
            front_ratio=history.least_front_ratio,
            stop_reason=history.stop_reason,
        )

    def leak(self, sites: tuple[str, ...]) -> float:
        """Volume that has left at some sites in ml."""
        return sum(self.leaked[site] for site in sites)


@dataclass
class Body:
    """The demo patient's L3 on one mesh, and every case that was run on it.

    Attributes:
        vertebra: CT, mask and frame.
        mesh: of its body.
        weights: of the voxels in the cells.
        partition: of the mesh on one rank.
        least_steps: steps that a planned volume is divided into at least.
        runs: the outcomes so far.
    """

    vertebra: Vertebra
    mesh: TetMesh
    weights: csr_array
    partition: Partition
    least_steps: int
    runs: dict[str, Outcome] = field(default_factory=dict)

    @classmethod
    def build(cls, size: float, least_steps: int) -> Body:
        """Mesh the body with edges of a ``size`` in mm."""
        vertebra = read_patient(build_case({"patient": {"demo": True}}))
        mesh = mesh_body(vertebra, size)
        return cls(
            vertebra, mesh, voxel_weights(mesh, vertebra), Partition.build(mesh, MPI.COMM_SELF), least_steps=least_steps
        )

    def run(self, variant: Variant) -> Outcome:
        """What comes of a variant; each different case runs once."""
        key = repr((variant.tables, variant.cement, variant.entry_pressure))
        if key not in self.runs:
            self.runs[key] = Outcome.of(self._inject(variant))
        return self.runs[key]

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
        bone = laws.bone.evaluate(vertebra.ct.values.ravel(), self.weights, mesh.cell_volumes)
        tissues = build_tissues(case, laws, vertebra, mesh, bone, [None] * len(case.lesions))
        needles = place_needles(paths, laws.cannulas, mesh, tissues.medium)
        check_tips(tissues, needles)
        walls = case_walls(case, laws, vertebra, mesh, paths, tissues).walls
        injection = Injection(
            self.partition,
            tissues.medium,
            walls if variant.entry_pressure else without_entry_pressure(walls),
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
    """The case of a variant: no leak ends it."""
    injection = {"volume_ml": 5.0, "leak_limit_ml": 15.0, **variant.tables.get("injection", {})}
    return build_case(
        {**variant.tables, "patient": {"demo": True}, "injection": injection, "output": {"field_times": 1}}
    )


def without_entry_pressure(walls: Walls) -> Walls:
    """The same walls, but nothing keeps a front of cement from their openings."""
    return replace(
        walls,
        openings=tuple(
            replace(opening, path=replace(opening.path, surface_tension=0.0, opening_pressure=None))
            for opening in walls.openings
        ),
    )
