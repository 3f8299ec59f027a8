"""Everything about a case that is known before cement flows: read, mesh, bone, lesions, needles, walls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from experiments import results
from experiments.approach import NeedlePath, plan_paths, with_track
from experiments.case import Case
from experiments.defects import refinements
from experiments.laws import Laws
from experiments.procedure import (
    check_front_limit,
    injection_plan,
    needle_refinements,
    place_needles,
    procedure,
)
from experiments.progress import Progress
from experiments.surface import case_walls
from experiments.tissues import TissueMap, build_tissues, check_tips, read_lesions
from experiments.units import to_internal
from fem.plan import InjectionPlan, Needle
from fem.walls import Walls
from materials.bone import BoneField
from meshes.body import mesh_body
from meshes.demo_patient import demo_patient
from meshes.dimensions import PedicleDiameter, pedicle_diameter
from meshes.quality import measure_quality
from meshes.sampling import voxel_weights
from meshes.tetmesh import TetMesh
from meshes.vertebra import Vertebra, read_vertebra


@dataclass(frozen=True)
class Preparation:
    """What an injection and the mechanics start from.

    Attributes:
        vertebra: the patient's vertebra.
        mesh: mesh of its body in the anatomical frame.
        bone: bone of every cell as the CT shows it.
        tissues: what the flow and the mechanics see of it: lesions, cavities and veins included.
        paths: the way of each needle.
        walls: the law of the surface.
        needles: every place of every needle's opening.
        plan: what is injected, and what ends it.
        pedicle: largest diameter of a pedicle.
        mesh_results: the part ``mesh`` of the results.
        warnings: sentences for the reader of the results.
    """

    vertebra: Vertebra
    mesh: TetMesh
    bone: BoneField
    tissues: TissueMap
    paths: tuple[NeedlePath, ...]
    walls: Walls
    needles: tuple[Needle, ...]
    plan: InjectionPlan
    pedicle: PedicleDiameter
    mesh_results: dict[str, Any]
    warnings: tuple[str, ...]


def prepare(case: Case, laws: Laws, progress: Progress) -> Preparation:
    """Read, mesh and characterise the bone; lay the needles and the walls.

    Raises:
        InputError: the input cannot be used; whatever does not need the mesh is checked before it is made.
    """
    with progress.stage("read"):
        vertebra = read_patient(case)
        lesions = read_lesions(case, vertebra)
        paths = plan_paths(case.needles, laws.cannulas, vertebra)
        check_front_limit(case, vertebra.frame, paths)
        stages = procedure(case, paths)
        plan = injection_plan(case, vertebra.frame, laws.cement, laws.syringe, stages)
    with progress.stage("mesh") as stage:
        size = to_internal(case.mesh.size_mm, "mm")
        finer = [*needle_refinements(case, paths), *refinements(case, vertebra.frame)]
        mesh = mesh_body(vertebra, size, finer)
        stage.update(0.7)
        mesh_results = results.mesh_results(measure_quality(mesh, vertebra))
        paths = tuple(with_track(path, mesh) for path in paths)
    with progress.stage("bone"):
        weights = voxel_weights(mesh, vertebra)
        bone = laws.bone.evaluate(vertebra.ct.values.ravel(), weights, mesh.cell_volumes)
        tissues = build_tissues(case, laws, vertebra, mesh, bone, lesions)
        needles = place_needles(paths, laws.cannulas, mesh, tissues.medium)
        check_tips(tissues, needles)
        surface = case_walls(case, laws, vertebra, mesh, paths, tissues)
    return Preparation(
        vertebra=vertebra,
        mesh=mesh,
        bone=bone,
        tissues=tissues,
        paths=paths,
        walls=surface.walls,
        needles=needles,
        plan=plan,
        pedicle=pedicle_diameter(vertebra, mesh),
        mesh_results=mesh_results,
        warnings=(
            *vertebra.warnings,
            *(warning for path in paths for warning in path.warnings),
            *tissues.warnings,
            *surface.warnings,
        ),
    )


def read_patient(case: Case) -> Vertebra:
    """The vertebra that the case names."""
    patient = case.patient
    if patient.demo:
        demo = demo_patient()
        return read_vertebra(demo.ct, demo.mask, demo.level, demo.labels, demo.subregions)
    if patient.ct is None or patient.mask is None:
        raise ValueError("a checked case names a CT and a mask")
    return read_vertebra(patient.ct, patient.mask, patient.level, patient.labels, patient.subregions)
