"""What [fracture] expands into on the demo patient, and what becomes of it in a run."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial import cKDTree

from experiments.case.laws import Laws
from experiments.case.schema import Case, build_case
from experiments.case.sections import Defect
from experiments.model.cortex import Cortex, bone_of, shell_left
from experiments.model.defects import check_height
from experiments.model.defects import fracture as fissure
from experiments.model.elastic_states import elastic_states
from experiments.model.fractured_body import FracturedBody, break_body
from experiments.model.openings import case_openings
from experiments.model.preparation import prepare
from experiments.model.solid_body import unbroken_body
from experiments.model.tissues import build_tissues
from experiments.model.veins import case_veins
from experiments.results.finished_case import FinishedCase
from experiments.results.progress import Progress
from experiments.run.pipeline import run_case
from meshes.body_heights import PLACES
from meshes.body_mesh import mesh_body
from meshes.body_wall import BodyWall
from meshes.cortex import VERTICAL_WALLS
from meshes.errors import InputError
from meshes.inclusions import cells_in_ellipsoid
from meshes.sampling import voxel_weights
from meshes.tetmesh import TetMesh
from meshes.vein_network import VeinNetwork
from meshes.vertebra import Vertebra
from vertebroplasty import run

WEDGE = {"type": "wedge", "height_loss": 0.35}


def case_of(fracture: dict[str, Any], **sections: Any) -> Case:
    content = {"patient": {"demo": True}, "veins": {"network": "none"}, "fracture": fracture, **sections}
    return build_case(content, "case.toml")


def broken(vertebra: Vertebra, fracture: dict[str, Any], **sections: Any) -> FracturedBody:
    case = case_of(fracture, **sections)
    found = break_body(case, Laws.of_case(case), vertebra)
    assert found is not None
    return found


def test_table_expands_beside_what_the_user_gives(demo_vertebra: Vertebra) -> None:
    own = {"wall": "left_wall", "fraction": 0.1}
    body = broken(demo_vertebra, {**WEDGE, "cleft": True, "aperture_mm": 0.3}, defects=[own])
    assert [defect.wall for defect in body.case.defects] == ["left_wall", "superior_endplate", "anterior_wall"]
    assert {defect.aperture_mm for defect in body.case.defects[1:]} == {0.3}
    assert body.case.defects[2].height is not None
    assert 0.4 < body.case.defects[2].height < 0.75  # 0.8 before
    (cleft,) = body.case.cavities
    assert cleft.kind == "cleft"
    assert (cleft.left, cleft.height) == (0.0, body.case.defects[2].height)
    assert len(body.record.defects) == 2
    assert len(body.record.cavities) == 1
    assert body.record.damage_factor == 0.2
    assert Laws.of_case(body.case).cavities[0].porosity > 0.9


def test_severity_and_age_decide_about_walls(demo_vertebra: Vertebra) -> None:
    def walls(**fracture: Any) -> list[str]:
        return [defect.wall for defect in broken(demo_vertebra, {**WEDGE, **fracture}).case.defects]

    crushed = walls(type="crush", plate="inferior")
    assert crushed == ["inferior_endplate", "anterior_wall", "posterior_wall"]
    assert walls(age="old") == []
    assert walls(age="old", cleft=True) != []
    assert walls(type="biconcave")[:2] == ["superior_endplate", "inferior_endplate"]


@pytest.mark.parametrize(
    "fracture",
    [
        {"type": "wedge", "height_loss": 0.4},
        pytest.param({"type": "wedge", "height_loss": 0.3, "plate": "inferior"}, marks=pytest.mark.slow),
        pytest.param({"type": "crush", "height_loss": 0.4, "plate": "both"}, marks=pytest.mark.slow),
        pytest.param({"type": "biconcave", "height_loss": 0.4, "plate": "superior"}, marks=pytest.mark.slow),
        *(pytest.param({"type": "random", "seed": seed}, marks=pytest.mark.slow) for seed in (11, 76, 105, 432)),
    ],
)
def test_fissures_lie_on_their_walls(demo_vertebra: Vertebra, fracture: dict[str, Any]) -> None:
    """By heights of the middle they would lie above the front of a wedge, or in the foramen of a deep fracture."""
    body = broken(demo_vertebra, fracture)
    mesh, frame = mesh_body(body.vertebra, 3.0), body.vertebra.frame
    for defect in body.case.defects:
        mouth = fissure(defect, mesh, frame)
        assert set(mouth.facets) <= set(mesh.facet_regions[defect.wall])


@pytest.mark.parametrize(
    ("fracture", "share"),
    [
        ({"type": "wedge", "height_loss": 0.43}, 0.8),
        ({"type": "biconcave", "height_loss": 0.43, "plate": "superior"}, 0.8),
        ({"type": "biconcave", "height_loss": 0.6, "plate": "inferior", "deepest": 0.6}, 0.2),
    ],
)
def test_fissures_of_the_walls_lie_at_their_share_of_the_wall(
    demo_vertebra: Vertebra, fracture: dict[str, Any], share: float
) -> None:
    """Also where a plate has caved in beyond the centroid, so that the walls are higher than the body's middle."""
    body = broken(demo_vertebra, fracture)
    plates, found = body.fracture.bands[0].plates, {}
    for defect in body.case.defects:
        if defect.height is not None:
            edge = body.before.frame.point(0.0, PLACES[defect.wall.removesuffix("_wall")], 0.5)
            ends = np.array([[*edge[:2], plate.height(edge)] for plate in (plates.inferior, plates.superior)])
            low, high = body.vertebra.frame.to_frame(body.before.frame.to_scanner(body.fracture.after(ends)))[:, 2]
            found[defect.wall] = (body.vertebra.frame.point(0.0, 0.0, defect.height)[2] - low) / (high - low)
    assert found == pytest.approx({"anterior_wall": share, "posterior_wall": share}, abs=0.002)


@pytest.mark.parametrize(
    "seed", [76, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (105, 178, 225, 401, 432))]
)
def test_random_bodies_that_cave_in_beyond_their_centroid(demo_vertebra: Vertebra, seed: int) -> None:
    body = broken(demo_vertebra, {"type": "random", "seed": seed, "fissures": True, "cleft": True})
    assert body.vertebra.frame.extents[2].prod() > 0.0
    assert [defect.wall for defect in body.case.defects] == ["superior_endplate", "anterior_wall", "posterior_wall"]
    assert len(body.case.cavities) == 1


def test_heights_that_a_wall_does_not_reach_are_refused(
    demo_vertebra: Vertebra, demo_mesh: Callable[..., TetMesh]
) -> None:
    beyond = Defect.model_validate({"wall": "anterior_wall", "left": 0.0, "height": 1.5, "diameter_mm": 4.0})
    message = r"height = 1.5 lies beyond the anterior_wall, which reaches from -?0.\d+ to \d.\d+ of the height"
    with pytest.raises(InputError, match=message):
        check_height(beyond, demo_mesh(3.0), demo_vertebra.frame)


@pytest.mark.parametrize(
    ("fracture", "wall"),
    [
        ({"type": "wedge", "height_loss": 0.43}, "anterior_wall"),
        ({"type": "biconcave", "height_loss": 0.25}, "superior_endplate"),
        *(
            pytest.param(fracture, wall, marks=pytest.mark.slow)
            for fracture, wall in [
                ({"type": "wedge", "height_loss": 0.1}, "anterior_wall"),
                ({"type": "wedge", "height_loss": 0.43, "plate": "inferior"}, "anterior_wall"),
                ({"type": "biconcave", "height_loss": 0.35, "deepest": 0.15}, "superior_endplate"),
                ({"type": "biconcave", "height_loss": 0.35, "deepest": 0.6}, "superior_endplate"),
                ({"type": "biconcave", "height_loss": 0.43, "plate": "inferior"}, "inferior_endplate"),
                ({"type": "crush", "height_loss": 0.25}, "anterior_wall"),
                ({"type": "crush", "height_loss": 0.43, "plate": "both"}, "anterior_wall"),
                ({"type": "random", "seed": 1, "fissures": True}, "anterior_wall"),
            ]
        ),
    ],
)
def test_a_cleft_opens_behind_its_fissure(demo_vertebra: Vertebra, fracture: dict[str, Any], wall: str) -> None:
    """Most of the surface in front of the fissure belongs to cells of the cleft, which is as large as declared."""
    body = broken(demo_vertebra, {**fracture, "cleft": True})
    mesh, frame, (cleft,) = mesh_body(body.vertebra, 4.0), body.vertebra.frame, body.case.cavities
    cells = cells_in_ellipsoid(mesh, frame.point(*cleft.centre), np.array(cleft.semi_axes_mm))
    opened = next(defect for defect in body.case.defects if defect.wall == wall)
    mouth = fissure(opened, mesh, frame)
    assert mouth.shares @ np.isin(mesh.facet_cells[mouth.facets], cells) > 0.5
    assert 0.4 < mesh.cell_volumes[cells].sum() / 1e3 < 1.4  # ml; half of the ellipsoid has 0.70


def test_a_cleft_without_fissures_is_shut_off(demo_vertebra: Vertebra) -> None:
    body = broken(demo_vertebra, {**WEDGE, "cleft": True, "fissures": False})
    (cleft,) = body.case.cavities
    middle, semi_axes = body.vertebra.frame.point(*cleft.centre), np.array(cleft.semi_axes_mm)
    around = np.random.default_rng(1).normal(size=(400, 3))
    around /= np.linalg.norm(around, axis=1, keepdims=True)
    assert body.case.defects == ()
    assert BodyWall(body.vertebra).contains(middle + 1.1 * semi_axes * around).all()
    assert 4.0 * np.pi / 3.0 * semi_axes.prod() / 1e3 == pytest.approx(0.70, abs=0.1)


def test_cement_leaves_through_the_fissure_that_a_cleft_opens_into(quick_bodies: None) -> None:
    """Where bone parts cleft and fissure, cement that fills the cleft takes another 3 ml to come there."""
    outcome = run_case(
        case_of(
            {"type": "wedge", "height_loss": 0.43, "cleft": True},
            mesh={"size_mm": 4.0, "needle_size_mm": 1.5},
            needles=[{"side": "left", "left": 0.2, "depth": 0.25, "height": 0.5}],
            injection={"volume_ml": 1.5, "leak_limit_ml": 15.0},
            mechanics={"enabled": False},
            output={"pictures": False},
        )
    )
    injection = outcome.results.injection
    assert injection is not None
    assert injection.mass_balance_error < 1e-10
    assert injection.leaks["paravertebral_anterior"].volume_ml > 0.02
    assert injection.leaks["disc_superior"].volume_ml < 0.01
    assert not [told for told in outcome.manifest.warnings if "cavities" in told]


def test_random_bodies_come_from_their_seed_and_keep_what_is_given(demo_vertebra: Vertebra) -> None:
    drawn = [broken(demo_vertebra, {"type": "random", "seed": seed}) for seed in (1, 2)]
    assert drawn[0].record != drawn[1].record
    given = broken(demo_vertebra, {"type": "random", "seed": 1, "height_loss": 0.2, "cleft": True})
    assert given.record.height_loss == 0.2
    assert given.record.type == drawn[0].record.type
    assert len(given.record.cavities) == 1


def test_a_body_before_from_which_only_veins_and_needles_lead_has_openings(
    demo_vertebra: Vertebra, demo_mesh: Callable[..., TetMesh]
) -> None:
    """No needles lie in it, so that by the outlets nothing could leave; the mechanics ask for its openings alone."""
    shares = {"endplates": 0.0, "cortical_walls": 0.0, "pedicles": 0.0}
    shares |= {"basivertebral_foramen": 0.58, "segmental_veins": 0.4, "needle_track": 0.02}
    case = case_of(WEDGE, veins={"network": "random"}, outlets={"shares": shares}, mechanics={"enabled": False})
    laws, mesh = Laws.of_case(case), demo_mesh(3.0)

    def ready(function: Callable[..., Any], *arguments: Any) -> Any:
        return mesh if function is mesh_body else function(*arguments)

    network = VeinNetwork(np.array([[0.0, 0.0, 0.0], [0.0, 5.0, 0.0]]), np.array([[0, 1]]), np.array([1.0]))
    assert unbroken_body(case, laws, demo_vertebra, (), network, ready).openings == ()


def test_messages_name_the_fracture_and_not_tables_that_nobody_wrote(
    demo_vertebra: Vertebra, demo_mesh: Callable[..., TetMesh]
) -> None:
    balloon = {"kind": "balloon", "left": 0.0, "depth": 0.3, "height": 0.3, "diameter_mm": 8.0}
    body = broken(demo_vertebra, {**WEDGE, "cleft": True}, cavities=[balloon])
    mesh, laws = demo_mesh(3.0), Laws.of_case(body.case)
    bone = bone_of(laws, None, demo_vertebra, mesh, voxel_weights(mesh, demo_vertebra))
    own, cleft = body.case.cavities
    under = cleft.model_copy(update={"depth": 0.3, "height": 0.3, "semi_axes_mm": (3.0, 3.0, 3.0)})
    for brought, message in ((1, "^fracture: its cleft lies wholly under"), (0, r"^cavities\[2\] lies wholly under")):
        case = body.case.model_copy(update={"cavities": (own, under)})
        with pytest.raises(InputError, match=message):
            build_tissues(case, laws, demo_vertebra, mesh, bone, (), brought)
    tissues = build_tissues(body.case, laws, demo_vertebra, mesh, bone, (), 1)
    wide = body.case.defects[0].model_copy(update={"fracture_length_mm": 60.0})
    case = body.case.model_copy(update={"defects": (wide,)})
    with pytest.raises(InputError, match=r"^fracture: only .* lie on the superior_endplate"):
        case_openings(case, laws, demo_vertebra, mesh, (), tissues, brought=1)
    with pytest.raises(InputError, match=r"^defects\[1\]: only .* lie on the superior_endplate"):
        case_openings(case, laws, demo_vertebra, mesh, (), tissues)


@pytest.mark.slow
def test_the_same_fracture_on_two_meshes(demo_vertebra: Vertebra) -> None:
    body = broken(demo_vertebra, WEDGE)
    coarse, fine = (body.results(mesh_body(body.vertebra, size)) for size in (3.0, 2.0))
    assert coarse.after == fine.after
    assert coarse.after.anterior_mm == pytest.approx(0.65 * coarse.before.anterior_mm, abs=0.5)
    assert coarse.after.wedge_angle_deg - coarse.before.wedge_angle_deg > 15.0
    assert coarse.bone_ratio == pytest.approx(1.0, abs=1e-5)
    assert coarse.broken_ml == pytest.approx(fine.broken_ml, rel=0.05)


def test_damage_applies_once_and_in_the_band_alone(quick_bodies: None) -> None:
    mesh, shell = {"size_mm": 4.0, "needle_size_mm": 1.0}, {"cortex": "shell"}
    case = case_of(WEDGE, bone={"damage_factor": 0.5}, mesh=mesh, mechanics=shell)
    prepared = prepare(case, Laws.of_case(case), Progress())
    assert prepared.specimen is not None
    assert prepared.fractured is not None
    states = elastic_states(prepared.laws, prepared, prepared.specimen, np.zeros(len(prepared.mesh.cells)))
    assert list(states) == ["fractured", "augmented"]
    assert prepared.cortex is not None
    left = shell_left(prepared.mesh, prepared.openings, prepared.mesh)
    shell_there = prepared.cortex.spread(prepared.mesh, left)
    undamaged, _ = shell_there.mixed(prepared.tissues.modulus, prepared.tissues.transverse_modulus)
    ratio = states["fractured"].material.axial_modulus / undamaged
    band = prepared.fractured.broken(prepared.mesh.cell_centroids)
    stiff = 0.2 * undamaged > prepared.laws.bone.modulus.lowest
    assert ratio[band[:, None] & stiff] == pytest.approx(0.2)
    assert ratio[~band[:, None] & stiff] == pytest.approx(0.5)
    assert 0.1 < band.mean() < 0.9


def test_pressed_bone_is_no_shell(demo_vertebra: Vertebra) -> None:
    """Even bone in an even shell, crushed: the band is denser, and the bone beside it is what it was."""
    inside, shell = 100.0, 400.0
    depth = ndimage.distance_transform_edt(demo_vertebra.body, sampling=demo_vertebra.ct.spacing)
    values = np.where(demo_vertebra.body, np.where(depth < 2.0, shell, inside), 0.0).astype(np.float32)
    even = replace(demo_vertebra, ct=replace(demo_vertebra.ct, values=values))
    crush = {"type": "crush", "height_loss": 0.4}
    laws, body = Laws.of_case(case_of(crush, mechanics={"cortex": "shell"})), broken(even, crush)
    cortex, mesh = Cortex.measured(laws, even, mesh_body(even, 3.0)), mesh_body(body.vertebra, 3.0)
    bone = bone_of(laws, cortex, body.vertebra, mesh, voxel_weights(mesh, body.vertebra), body)
    ratio = body.volume_ratio(mesh.cell_centroids)
    distance, nearest = cKDTree(mesh.facet_centroids).query(mesh.cell_centroids)
    walls = np.concatenate([mesh.facet_regions[wall] for wall in VERTICAL_WALLS])
    density = laws.bone.calibration.density(body.voxels.empty + (inside - body.voxels.empty) / ratio)
    solid = (1.0 - bone.porosity) / (1.0 - laws.bone.porosity.porosity(density))
    modulus = bone.modulus / laws.bone.modulus.modulus(density)[:, None]
    for name, cells in (("beside the band", ratio > 0.999), ("in the band", ratio < 0.5)):
        near = cells & (distance < 3.0)
        shelled = near & np.isin(nearest, walls)
        assert shelled.sum() > 100, name
        assert np.median(solid[near]) == pytest.approx(1.0, abs=0.05), name
        assert np.median(modulus[shelled]) == pytest.approx(1.0, abs=0.1), name


def test_intact_is_the_body_before(quick_bodies: None) -> None:
    """Its mechanics are those of a case without the fracture, on a mesh of its own and by fractions of its own."""
    place = {"load_case": "point", "load_left": 0.2, "load_depth": 0.1}
    sections: dict[str, Any] = {
        "mesh": {"size_mm": 4.0},
        "mechanics": {"degree": 1, "cortex": "shell", **place},
        "prescribed_cement": {"shapes": [{"left": 0.0, "depth": 0.5, "height": 0.4, "volume_ml": 1.0}]},
        "output": {"pictures": False},
    }
    crush = {"type": "crush", "height_loss": 0.3}
    plain = build_case({"patient": {"demo": True}, **sections})
    unbroken = run_case(plain).results
    crushed = run_case(build_case({"patient": {"demo": True}, "fracture": crush, **sections}))
    found, asked = crushed.results.stiffness.intact, unbroken.stiffness.intact
    assert np.array(found.matrix) == pytest.approx(np.array(asked.matrix), rel=1e-6, abs=1e-3)
    loads = (crushed.results.load.intact, unbroken.load.intact)
    assert loads[0].tilt_forward_deg == pytest.approx(loads[1].tilt_forward_deg, rel=1e-6)
    assert crushed.results.strength.intact.linear_n == pytest.approx(unbroken.strength.intact.linear_n, rel=1e-6)
    assert crushed.results.strength.fractured.linear_n < 0.8 * unbroken.strength.intact.linear_n
    assert crushed.loaded is not None
    assert crushed.loaded_before is not None
    assert list(crushed.loaded_before.states) == ["intact"]
    assert list(crushed.loaded.states) == ["fractured", "augmented"]
    assert crushed.loaded_before.mesh.volume > 1.1 * crushed.loaded.mesh.volume


def test_a_body_in_which_no_bone_breaks_runs(quick_bodies: None) -> None:
    """The law of broken bone asks for more strain than the fracture has."""
    sections: dict[str, Any] = {
        "mesh": {"size_mm": 4.0},
        "mechanics": {"degree": 1},
        "prescribed_cement": {"shapes": [{"left": 0.0, "depth": 0.5, "height": 0.4, "volume_ml": 1.0}]},
        "output": {"pictures": False},
        "fracture": {"type": "crush", "height_loss": 0.05, "band": 1.0},
        "laws": {"broken_body.broken_strain": 0.2},
    }
    found = run_case(build_case({"patient": {"demo": True}, **sections})).results
    assert found.fracture.broken_ml == 0.0
    assert found.stiffness.broken_bone_modulus_mpa is None
    assert found.stiffness.fractured is None


def test_the_inside_of_a_thin_body_is_known(demo_vertebra: Vertebra, demo_mesh: Callable[..., TetMesh]) -> None:
    """No voxel of it is as deep as the shell is blurred."""
    middle = int(np.median(np.nonzero(demo_vertebra.body)[2]))
    body = np.zeros_like(demo_vertebra.body)
    body[:, :, middle - 1 : middle + 2] = demo_vertebra.body[:, :, middle - 1 : middle + 2]
    laws = Laws.of_case(build_case({"patient": {"demo": True}}, "case.toml"))
    cortex = Cortex.measured(laws, replace(demo_vertebra, body=body), demo_mesh(4.0))
    assert cortex is not None
    assert np.isfinite([cortex.trabecular_density, *cortex.thickness.values()]).all()


@pytest.fixture(scope="module")
def quick_bodies(demo_vertebra: Vertebra) -> Any:
    """Cases of the demo patient read it once."""
    from experiments.model import preparation

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(preparation, "read_patient", lambda case: demo_vertebra)
        yield


@pytest.mark.parametrize(
    "fracture",
    [
        {**WEDGE, "cleft": True},
        pytest.param({"type": "biconcave", "height_loss": 0.35}, marks=pytest.mark.slow),
        pytest.param({"type": "crush", "height_loss": 0.4, "plate": "both"}, marks=pytest.mark.slow),
        pytest.param({"type": "random", "seed": 3}, marks=pytest.mark.slow),
    ],
)
def test_broken_body_runs_to_the_end(quick_bodies: None, fracture: dict[str, Any], tmp_path: Any) -> None:
    case = case_of(
        fracture,
        veins={"network": "random"},
        mesh={"size_mm": 4.0, "needle_size_mm": 1.0},
        injection={"volume_ml": 1.0},
        mechanics={"degree": 1},
        output={"pictures": False},
    )
    outcome = run(case, tmp_path / "broken")
    assert outcome.results.fracture is not None
    assert outcome.results.fracture.after.anterior_mm > 0.0
    assert outcome.results.injection.mass_balance_error < 1e-10
    assert outcome.results.injection.in_veins_ml > 0.0
    assert outcome.manifest.fracture is not None
    assert outcome.results.stiffness.fractured is not None
    broken = outcome.results.stiffness.broken_bone_modulus_mpa
    assert broken is not None
    assert 10.0 < broken["fractured"] < broken["augmented"]
    stored = FinishedCase.read(tmp_path / "broken")
    before, after = stored.mechanics_before(), stored.mechanics()
    assert before is not None
    assert after is not None
    assert "von_mises_intact_mpa" in before.cell_data
    assert "von_mises_intact_mpa" not in after.cell_data
    assert before.volume > 1.05 * after.volume


def test_veins_move_with_the_bone(demo_vertebra: Vertebra) -> None:
    case = case_of(WEDGE, veins={"network": "random"})
    laws = Laws.of_case(case)
    network, body = case_veins(case, laws, demo_vertebra).network, break_body(case, laws, demo_vertebra)
    assert network is not None
    assert body is not None
    moved = body.moved_veins(network)
    assert moved is not None
    assert moved.exit_sites == network.exit_sites
    nodes = moved.nodes[: len(network.nodes)]
    apart = body.vertebra.frame.to_scanner(nodes) - demo_vertebra.frame.to_scanner(network.nodes)
    lowered = -apart @ demo_vertebra.frame.axes[2]
    assert np.abs(np.delete(apart @ demo_vertebra.frame.axes.T, 2, axis=1)).max() < 1e-9
    assert lowered.max() > 1.0
    assert (lowered > -1e-9).all()
    wall = BodyWall(body.vertebra)
    ends = nodes[list(network.exit_sites)]
    middle = body.vertebra.frame.point(0.0, 0.5, 0.4)
    voxel = float(body.vertebra.ct.spacing.max())
    inside = ends + voxel * (middle - ends) / np.linalg.norm(middle - ends, axis=1, keepdims=True)
    outside = ends - 1.5 * voxel * (middle - ends) / np.linalg.norm(middle - ends, axis=1, keepdims=True)
    assert wall.contains(inside).all()
    assert not wall.contains(outside).any()


def test_veins_are_pressed_flat_with_the_bone(demo_vertebra: Vertebra) -> None:
    """Their volume falls as the bone's: across the band by their length, along it by their cross-section."""
    body = broken(demo_vertebra, {"type": "crush", "height_loss": 0.4})
    middle = body.fracture.band_middle(0.5)
    (left, depth, _) = demo_vertebra.frame.fractions(middle)
    foot, top = (demo_vertebra.frame.point(left, depth, height) for height in (0.1, 0.9))
    aside = middle + np.array([6.0, 0.0, 0.0])
    for ends, calibre in (((foot, top), 1.0), ((middle, aside), 1.0)):
        vein = VeinNetwork(np.array(ends), np.array([[0, 1]]), np.array([calibre]))
        along = np.linspace(ends[0], ends[1], 4001)
        ratio = body.fracture.jacobian(0.5 * (along[1:] + along[:-1]))
        moved = body.moved_veins(vein)
        assert moved is not None
        assert moved.volume == pytest.approx(vein.volume * ratio.mean(), rel=0.01)
        assert ratio.mean() < 0.8
        if ends[0] is foot:
            assert moved.diameters == pytest.approx(1.0, abs=1e-3)
        else:
            assert moved.diameters == pytest.approx(np.sqrt(ratio.mean()), rel=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("kind", ["wedge", "biconcave", "crush"])
def test_broken_bodies_leak_through_their_veins(quick_bodies: None, kind: str, seed: int) -> None:
    case = case_of(
        {"type": kind, "height_loss": 0.35, "cleft": seed == 1},
        veins={"network": "random", "seed": seed},
        mesh={"size_mm": 3.0},
        mechanics={"enabled": False},
        output={"pictures": False},
    )
    injection = run_case(case).results.injection
    assert injection is not None
    assert injection.mass_balance_error < 1e-10
    assert injection.in_veins_ml is not None
    assert injection.in_veins_ml > 0.0
    kept = injection.stored_ml + injection.in_veins_ml + injection.in_conduits_ml + injection.leaked_ml
    assert kept == pytest.approx(injection.injected_ml, rel=1e-9)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"fracture": {"type": "wedge"}}, 'type = "wedge" needs height_loss as well'),
        ({"fracture": {**WEDGE, "seed": 3}}, 'seed belongs to type = "random"'),
        ({"fracture": {**WEDGE, "height_loss": 0.9}}, "fracture.height_loss"),
        (
            {"fracture": {**WEDGE, "plate": "left"}},
            "plate = 'left' is not allowed; choose 'superior', 'inferior' or 'both'",
        ),
        ({"fracture": {**WEDGE, "fissures": False, "aperture_mm": 0.3}}, "but fissures = false; remove one of them"),
        ({"fracture": {**WEDGE, "age": "old", "aperture_mm": 0.3}}, "which an old fracture without a cleft has closed"),
        (
            {
                "fracture": WEDGE,
                "prescribed_cement": {"threshold_hu": [1500.0, 3000.0]},
            },
            "fracture breaks the body of the CT",
        ),
    ],
)
def test_errors(content: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        build_case({"patient": {"demo": True}, **content}, "case.toml")


def test_more_than_the_body_can_give_is_refused_with_its_range(demo_vertebra: Vertebra) -> None:
    with pytest.raises(InputError, match=r"fracture: height_loss = 0.7 of a wedge would press .* choose 0.05 to 0.\d+"):
        broken(demo_vertebra, {"type": "wedge", "height_loss": 0.7})
