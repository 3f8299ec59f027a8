"""The mechanics of a case on what stands between the plates: body or vertebra, rigid plates or discs."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments.case.laws import Laws
from experiments.case.schema import build_case
from experiments.model.cortex import Cortex
from experiments.model.specimen import Specimen, prepare_specimen
from experiments.results.parts.solvers import SpecimenRecord
from experiments.run.output import CaseOutcome
from experiments.run.pipeline import run_case
from fem.mechanics.elastic_material import ElasticMaterial
from materials.bone import BoneField
from materials.end_disc import DISCS
from meshes.errors import InputError
from meshes.tetmesh import TetMesh
from meshes.vertebra import Vertebra
from meshes.whole_vertebra import ARCH

CEMENT_ML = 3.0
NO_SHELL: Cortex | None = None


def case(domain: str, plates: str, **others: Any):
    content = {
        "patient": {"demo": True},
        "mesh": {"size_mm": 4.0},
        "prescribed_cement": {"shapes": [{"left": 0.2, "depth": 0.4, "height": 0.5, "volume_ml": CEMENT_ML}]},
        "mechanics": {"degree": 1, "domain": domain, "plates": plates},
        "output": {"pictures": False},
    }
    return build_case(content | others, "case.toml", Path())


@pytest.fixture(scope="module")
def outcomes() -> dict[tuple[str, str], CaseOutcome]:
    """The body between rigid plates, with discs, and the whole vertebra."""
    return {key: run_case(case(*key)) for key in (("body", "rigid"), ("body", "pmma"), ("vertebra", "rigid"))}


def axial(outcome: CaseOutcome, state: str = "intact") -> float:
    return outcome.results.stiffness.axial[state]


def specimen_of(outcome: CaseOutcome) -> SpecimenRecord:
    return outcome.manifest.solvers.stiffness.specimen


@pytest.mark.parametrize("state", ["intact", "augmented"])
def test_discs_soften_what_they_load(outcomes, state):
    rigid, pmma = outcomes["body", "rigid"], outcomes["body", "pmma"]
    assert 0.7 * axial(rigid, state) < axial(pmma, state) < axial(rigid, state)
    poles = [outcome.results.stiffness.states[state].pole_mm for outcome in (rigid, pmma)]
    np.testing.assert_array_equal(*poles)


@pytest.mark.parametrize("state", ["intact", "augmented"])
def test_the_arch_adds_little_under_load_on_the_endplates(outcomes, state):
    assert 0.97 < axial(outcomes["vertebra", "rigid"], state) / axial(outcomes["body", "rigid"], state) < 1.12


def test_cement_goes_over_to_the_vertebra(outcomes):
    body, vertebra = outcomes["body", "rigid"], outcomes["vertebra", "rigid"]
    record = specimen_of(vertebra)
    assert record.cement_carried_ml == pytest.approx(record.cement_in_body_ml, rel=0.01)
    ratios = [axial(outcome, "augmented") / axial(outcome) for outcome in (body, vertebra)]
    assert ratios[0] > 1.1
    assert ratios[1] == pytest.approx(ratios[0], rel=0.05)


def test_the_manifest_names_the_specimen_and_its_discs(outcomes):
    assert specimen_of(outcomes["body", "pmma"]).cement_carried_ml is None
    assert specimen_of(outcomes["body", "rigid"]).discs_ml == 0.0
    assert 10.0 < specimen_of(outcomes["body", "pmma"]).discs_ml < 20.0
    assert specimen_of(outcomes["vertebra", "rigid"]).bone_ml == pytest.approx(59.7, abs=0.1)
    assert outcomes["body", "pmma"].manifest.defaults["end_disc.modulus"].value == 2500.0
    assert "end_disc.modulus" not in outcomes["body", "rigid"].manifest.defaults


@pytest.fixture(scope="module")
def body(demo_mesh: Callable[..., TetMesh]) -> TetMesh:
    return demo_mesh(3.0)


@pytest.fixture(scope="module")
def specimen(demo_vertebra: Vertebra, body: TetMesh) -> Specimen:
    asked = case("vertebra", "pmma")
    return prepare_specimen(asked, Laws.of_case(asked), demo_vertebra, body, (), NO_SHELL)


def isotropic(bone: BoneField) -> ElasticMaterial:
    return ElasticMaterial.isotropic(bone.modulus, bone.poisson_ratio)


def test_bare_bone_follows_from_the_ct_alone(specimen, body):
    bare = ElasticMaterial.isotropic(np.linspace(20.0, 900.0, 4 * len(body.cells)).reshape(-1, 4), 0.3)
    found = specimen.material(bare, bare, isotropic)
    assert specimen.bone is not None
    disc = DISCS["pmma"]
    np.testing.assert_array_equal(found.axial_modulus[: specimen.bone_cells], specimen.bone.modulus)
    np.testing.assert_array_equal(found.axial_modulus[specimen.bone_cells :], disc.modulus)
    np.testing.assert_array_equal(found.axial_poisson_ratio[specimen.bone_cells :], disc.poisson_ratio)


def test_changed_cells_take_the_place_of_bone(specimen, body):
    bare = ElasticMaterial.isotropic(np.full((len(body.cells), 4), 300.0), 0.3)
    centre = np.array([4.0, 0.0, 0.0])
    filled = np.linalg.norm(body.cell_centroids - centre, axis=1) < 9.0
    held = ElasticMaterial.isotropic(np.where(filled, 1200.0, 300.0)[:, None] * np.ones(4), 0.3)
    mesh = specimen.bone_mesh
    found = specimen.material(held, bare, isotropic).axial_modulus[: len(mesh.cells)]
    own = specimen.bone.modulus
    distance = np.linalg.norm(mesh.cell_centroids - centre, axis=1)
    np.testing.assert_allclose(found[distance < 5.0], 1200.0)
    np.testing.assert_array_equal(found[distance > 14.0], own[distance > 14.0])
    np.testing.assert_array_equal(found[mesh.cell_regions[ARCH]], own[mesh.cell_regions[ARCH]])
    share = (found - own) / np.where(own < 1199.0, 1200.0 - own, np.inf)
    assert mesh.cell_volumes @ share.mean(axis=1) == pytest.approx(body.cell_volumes[filled].sum(), rel=0.03)


def test_refuses_a_vertebra_without_arch(demo_vertebra: Vertebra, body: TetMesh):
    asked = case("vertebra", "rigid")
    alone = replace(demo_vertebra, arch=np.zeros_like(demo_vertebra.arch))
    with pytest.raises(InputError, match=r"holds no arch; choose mechanics\.domain = 'body'"):
        prepare_specimen(asked, Laws.of_case(asked), alone, body, (), NO_SHELL)


def loaded(load_case: str, **others: Any) -> CaseOutcome:
    """The body between soft discs under another load."""
    mechanics = {"degree": 1, "plates": "soft", "load_case": load_case, "load_n": 400.0, **others}
    return run_case(case("body", "soft", mechanics=mechanics))


def test_a_free_plate_lets_the_side_without_cement_down():
    found = loaded("free").results
    assert found.load.case == "free"
    intact, augmented = found.load.intact, found.load.augmented
    assert augmented.tilt_left_deg < intact.tilt_left_deg
    for state in (intact, augmented):
        for pressure in state.endplate_pressure.values():
            assert pressure.force_n == pytest.approx(400.0, rel=1e-6)
            assert 0.48 < pressure.left_share < 0.52
    # the discs take most of the work of the plates; what the bone holds is less than the work on its own endplates
    assert 0.3 * 400.0 * intact.shortening_mm < intact.strain_energy_mj < 0.6 * 400.0 * intact.shortening_mm


def test_flexion_bends_forwards_and_extension_back():
    forwards, backwards = (loaded("flexion", moment_nm=moment).results.load for moment in (5.0, -5.0))
    assert forwards.moment_nm == 5.0
    assert forwards.intact.tilt_forward_deg > 0.05 > -0.05 > backwards.intact.tilt_forward_deg
    shares = [load.intact.endplate_pressure["superior_endplate"].anterior_share for load in (forwards, backwards)]
    assert shares[0] > 0.8
    assert shares[1] < 0.2


def test_a_uniform_pressure_needs_no_plate():
    outcome = loaded("pressure")
    state, free = outcome.results.load.intact, loaded("free").results.load.intact
    assert outcome.manifest.solvers.stiffness.intact.pressure_iterations > 0
    for plate, pressure in state.endplate_pressure.items():
        assert pressure.force_n == pytest.approx(400.0, rel=1e-6)
        if plate == "superior_endplate":  # a plate presses where the bone is stiff, a pressure everywhere
            assert pressure.p95_mpa / pressure.mean_mpa < free.endplate_pressure[plate].p95_mpa / pressure.mean_mpa


@pytest.mark.slow
def test_arch_and_discs_do_not_slow_the_solver_down():
    """Weak couplings are left out of the aggregates of the multigrid; with them it takes 49 to 54 iterations."""
    found = run_case(case("vertebra", "pmma", mechanics={"degree": 2, "domain": "vertebra", "plates": "pmma"}))
    assert max(found.manifest.solvers.stiffness.intact.iterations) <= 38
