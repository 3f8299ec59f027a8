"""What [fracture] expands into on the demo patient, and what becomes of it in a run."""

from typing import Any

import numpy as np
import pytest

from experiments.case.laws import Laws
from experiments.case.schema import Case, build_case
from experiments.model.elastic_states import elastic_states
from experiments.model.fractured_body import FracturedBody, break_body
from experiments.model.preparation import prepare
from experiments.model.veins import case_veins
from experiments.results.progress import Progress
from meshes.body_mesh import mesh_body
from meshes.errors import InputError
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
    assert body.case.defects[2].height == 0.8
    (cleft,) = body.case.cavities
    assert cleft.kind == "cleft"
    assert 0.3 < cleft.height < 0.95
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


def test_random_bodies_come_from_their_seed_and_keep_what_is_given(demo_vertebra: Vertebra) -> None:
    drawn = [broken(demo_vertebra, {"type": "random", "seed": seed}) for seed in (1, 2)]
    assert drawn[0].record != drawn[1].record
    given = broken(demo_vertebra, {"type": "random", "seed": 1, "height_loss": 0.2, "cleft": True})
    assert given.record.height_loss == 0.2
    assert given.record.type == drawn[0].record.type
    assert len(given.record.cavities) == 1


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
    case = case_of(WEDGE, bone={"damage_factor": 0.5}, mesh={"size_mm": 4.0, "needle_size_mm": 1.0})
    prepared = prepare(case, Laws.of_case(case), Progress())
    assert prepared.specimen is not None
    assert prepared.fractured is not None
    states = elastic_states(prepared.laws, prepared, prepared.specimen, np.zeros(len(prepared.mesh.cells)))
    ratio = states["fractured"].material.axial_modulus / states["intact"].material.axial_modulus
    band = prepared.fractured.broken(prepared.mesh)
    lowest = prepared.laws.bone.modulus.lowest
    stiff = 0.2 * states["intact"].material.axial_modulus > lowest
    assert ratio[band & stiff] == pytest.approx(0.2)
    assert ratio[~band & stiff] == pytest.approx(0.5)
    assert 0.1 < band.mean() < 0.9


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
        mesh={"size_mm": 4.0, "needle_size_mm": 1.0},
        injection={"volume_ml": 2.0},
        mechanics={"degree": 1},
        output={"pictures": False},
    )
    outcome = run(case, tmp_path / "broken")
    assert outcome.results.fracture is not None
    assert outcome.results.fracture.after.anterior_mm > 0.0
    assert outcome.results.injection.mass_balance_error < 1e-8
    assert outcome.manifest.fracture is not None
    assert outcome.results.stiffness.fractured is not None


def test_veins_move_with_the_bone(demo_vertebra: Vertebra) -> None:
    case = case_of(WEDGE, veins={"network": "random"})
    laws = Laws.of_case(case)
    network, body = case_veins(case, laws, demo_vertebra), break_body(case, laws, demo_vertebra)
    assert network is not None
    assert body is not None
    moved = body.moved_veins(network)
    assert moved is not None
    apart = body.vertebra.frame.to_scanner(moved.nodes) - demo_vertebra.frame.to_scanner(network.nodes)
    lowered = -apart @ demo_vertebra.frame.axes[2]
    assert np.abs(np.delete(apart @ demo_vertebra.frame.axes.T, 2, axis=1)).max() < 1e-9
    assert lowered.max() > 1.0
    assert (lowered > -1e-9).all()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"fracture": {"type": "wedge"}}, 'type = "wedge" needs height_loss as well'),
        ({"fracture": {**WEDGE, "seed": 3}}, 'seed belongs to type = "random"'),
        ({"fracture": {**WEDGE, "height_loss": 0.9}}, "fracture.height_loss"),
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
