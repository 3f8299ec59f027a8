"""Everything about a case that is known before cement flows: read, mesh, bone, lesions, needles, walls.

Cement that the case file prescribes is known as well, and then there are no needles and no walls.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from scipy.sparse import csr_array

from experiments.case.laws import Laws
from experiments.case.schema import Case
from experiments.case.units import to_internal
from experiments.model.cortex import Cortex, bone_of
from experiments.model.defects import holes, refinements
from experiments.model.fractured_body import FracturedBody, break_body
from experiments.model.image_noise import noise_of, noise_warnings
from experiments.model.maker import Maker, make
from experiments.model.needle_paths import NeedlePath, plan_paths, with_track
from experiments.model.neighbour import Neighbour, mesh_neighbour, read_neighbour
from experiments.model.openings import case_openings, case_walls
from experiments.model.patient import read_patient
from experiments.model.prescribed_cement import PrescribedField, Scan, cement_of_scan, cement_of_shapes, read_scan
from experiments.model.procedure import (
    check_front_limit,
    injection_plan,
    needle_refinements,
    place_needles,
    procedure,
)
from experiments.model.solid_body import SolidBody, unbroken_body
from experiments.model.specimen import prepare_specimen
from experiments.model.tissues import TissueMap, build_tissues, check_tips, read_lesions
from experiments.model.veins import case_veins
from experiments.results import builders
from experiments.results.parts.mesh import MeshResults
from experiments.results.progress import Progress
from fem.injection.plan import InjectionPlan, Needle
from fem.injection.veins import Veins
from fem.injection.walls import Walls
from meshes.body_mesh import mesh_body
from meshes.dimensions import PedicleDiameter, pedicle_diameter
from meshes.errors import InputError
from meshes.quality import measure_quality
from meshes.sampling import voxel_weights
from meshes.tetmesh import TetMesh
from meshes.vein_network import VeinNetwork
from meshes.vertebra import Vertebra


@dataclass(frozen=True)
class InjectionSetup:
    """What an injection needs besides bone and tissues.

    Attributes:
        paths: the way of each needle.
        walls: the law of the surface.
        veins: of the body and what they conduct; None without a network.
        needles: every place of every needle's opening.
        plan: what is injected, and what ends it.
        pedicle: largest diameter of a pedicle.
    """

    paths: tuple[NeedlePath, ...]
    walls: Walls
    veins: Veins | None
    needles: tuple[Needle, ...]
    plan: InjectionPlan
    pedicle: PedicleDiameter


@dataclass(frozen=True, kw_only=True)
class Preparation(SolidBody):
    """What an injection and the mechanics start from: the body that is injected, and all about it.

    Attributes:
        laws: of the case, with those of what a fracture of the body brings along.
        vertebra: the patient's vertebra, broken where the case breaks it, with bone in its CT where a scan shows
            prescribed cement.
        fractured: how the body was broken; None where it was not.
        unbroken: the body before its fracture; None where it was not broken or the mechanics are switched off.
        neighbour: the vertebra that bears what this one passes on; None without one.
        noise: what the results say of the CT's noise.
        cement: what is injected, or the cement that is there already.
        veins: the network of veins in the body, in its anatomical frame; None without one.
        mesh_results: the part ``mesh`` of the results.
        warnings: sentences for the reader of the results.
    """

    laws: Laws
    vertebra: Vertebra
    fractured: FracturedBody | None
    unbroken: SolidBody | None
    neighbour: Neighbour | None
    noise: dict[str, float]
    cement: InjectionSetup | PrescribedField
    veins: VeinNetwork | None
    mesh_results: MeshResults
    warnings: tuple[str, ...]


@contextmanager
def _doubts_told(warnings: Sequence[str]) -> Iterator[None]:
    """Say with an error of the plan what was doubtful about the images before, which may be its cause."""
    try:
        yield
    except InputError as error:
        if not warnings:
            raise
        raise InputError(f"{error}. Seen before: {'; '.join(warnings)}") from None


def prepare(case: Case, laws: Laws, progress: Progress, maker: Maker = make) -> Preparation:
    """Read, mesh and characterise the bone; lay the needles and the walls, or the prescribed cement.

    Args:
        case: what is asked.
        laws: its laws.
        progress: where the stages are shown.
        maker: calls functions of the geometry, or knows what they gave for other cases.

    Raises:
        InputError: the input cannot be used; whatever does not need the mesh is checked before it is made.
    """
    injects = case.prescribed_cement is None
    with progress.stage("read"):
        vertebra = read_patient(case)
        with _doubts_told(vertebra.warnings):
            beside = read_neighbour(case, vertebra)
            scan = read_scan(case, vertebra)
            vertebra = vertebra if scan is None else scan.bone.vertebra
            lesions = read_lesions(case, vertebra)
            given = case_veins(case, laws, vertebra)
            veins = given.network
            broken = break_body(case, laws, vertebra)
            before = case, laws, vertebra, lesions, veins
            if broken is not None:
                lesions, veins = broken.moved(lesions), broken.moved_veins(veins)
                case, vertebra = broken.case, broken.vertebra
                laws = Laws.of_case(case)
            paths = plan_paths(case.needles, laws.cannulas, vertebra) if injects else ()
            if injects:
                check_front_limit(case, vertebra.frame, paths)
                plan = injection_plan(case, vertebra.frame, laws.cement, laws.syringe, procedure(case, paths))
    with progress.stage("mesh") as stage:
        size = to_internal(case.mesh.size_mm, "mm")
        finer = [*needle_refinements(case, paths), *refinements(case, vertebra.frame)]
        mesh = maker(mesh_body, vertebra, size, finer, holes(case, vertebra.frame))
        stage.update(0.7)
        mesh_results = builders.mesh_results(maker(measure_quality, mesh, vertebra))
        stage.update(0.8)
        unbroken = None if broken is None or not case.mechanics.enabled else unbroken_body(*before, maker)
        # A fracture presses bone together, which then looks like shell: how thick that is tells the body before.
        cortex = Cortex.measured(laws, vertebra, mesh) if unbroken is None else unbroken.cortex
        specimen = None
        if case.mechanics.enabled:
            specimen = prepare_specimen(case, laws, vertebra, mesh, finer, cortex, broken, maker)
        neighbour = None if beside is None else mesh_neighbour(case, laws, beside)
        paths = tuple(with_track(path, mesh) for path in paths)
    with progress.stage("bone"):
        weights = maker(voxel_weights, mesh, vertebra)
        bone = bone_of(laws, cortex, vertebra, mesh, weights, broken)
        noise = noise_of(laws, vertebra if broken is None else broken.before)
        cavities, defects = (0, 0) if broken is None else (len(broken.record.cavities), len(broken.record.defects))
        tissues = build_tissues(case, laws, vertebra, mesh, bone, lesions, cavities)
        if injects:
            needles = place_needles(paths, laws.cannulas, mesh, tissues.medium)
            check_tips(tissues, needles)
        openings = case_openings(case, laws, vertebra, mesh, paths, tissues, veins, defects)
        cement: InjectionSetup | PrescribedField
        if injects:
            cement = InjectionSetup(
                paths,
                case_walls(case, laws, mesh, openings),
                openings.veins,
                needles,
                plan,
                maker(pedicle_diameter, vertebra, mesh),
            )
            of_cement = tuple(warning for path in paths for warning in path.warnings)
        else:
            cement = _prescribed(case, scan, mesh, vertebra, tissues, weights)
            of_cement = cement.warnings
    return Preparation(
        laws=laws,
        vertebra=vertebra,
        fractured=broken,
        unbroken=unbroken,
        neighbour=neighbour,
        mesh=mesh,
        bone=bone,
        noise=noise,
        tissues=tissues,
        cement=cement,
        specimen=specimen,
        cortex=cortex,
        veins=veins,
        openings=openings.found,
        mesh_results=mesh_results,
        warnings=(
            *vertebra.warnings,
            *noise_warnings(noise, case.mechanics.enabled),
            *given.warnings,
            *tissues.warnings,
            *openings.warnings,
            *of_cement,
        ),
    )


def _prescribed(
    case: Case, scan: Scan | None, mesh: TetMesh, vertebra: Vertebra, tissues: TissueMap, weights: csr_array
) -> PrescribedField:
    if scan is not None:
        return cement_of_scan(scan, weights)
    if case.prescribed_cement is None or case.prescribed_cement.shapes is None:
        raise ValueError("a checked case names a mask, a threshold or shapes")
    return cement_of_shapes(case.prescribed_cement.shapes, mesh, vertebra.frame, tissues)
