"""The clinical values of a case in the place of the laws' own defaults."""

from pathlib import Path
from typing import Any

import pytest

from experiments.case.laws import Laws
from experiments.case.schema import build_case
from materials.cement import CEMENTS
from materials.composite import BulkCement, CementBoneComposite
from materials.leak_path import BasivertebralVeins
from materials.modulus import MODULUS_LAWS, CorticalBone
from materials.tissue import BalloonCavity, Cleft, tumour_tissue
from meshes.errors import InputError

CENTRE = {"left": 0.0, "depth": 0.5, "height": 0.5}
LYTIC = {"kind": "osteolytic", "fraction": 0.3}


def laws_of(folder: Path | None = None, **sections: Any) -> Laws:
    return Laws.of_case(build_case({"patient": {"demo": True}, **sections}, "case.toml", folder))


def test_what_the_case_leaves_out_is_the_laws_own() -> None:
    laws = laws_of()
    assert laws.cement == CEMENTS["medium"]
    assert (laws.lesions, laws.cavities, len(laws.cannulas)) == ((), (), 1)
    assert all(entry["tag"] != "user" for entry in laws.describe().values())


def test_clinical_values_arrive_in_internal_units() -> None:
    needles = [
        {"gauge": 13},
        {"side": "right", "length_mm": 100.0, "proximal_bore_mm": 3.6, "proximal_length_mm": 85.0},
    ]
    laws = laws_of(
        bone={"hu_slope_mg_per_cm3": 1.0, "permeability_multiplier": 2.0},
        cement={"viscosity": "high", "consistency_pa_s": 200.0, "index": 0.45, "shear_constant": 0.6},
        marrow={"viscosity_pa_s": 0.3},
        needles=needles,
        injection={"syringe_bore_mm": 8.0},
        veins={
            "network": "none",
            "segmental_length_mm": 30.0,
            "basivertebral_diameter_mm": 2.5,
            "opening_pressure_kpa": 0.5,
        },
        walls={"thickness_mm": {"left_wall": 0.5}},
        mechanics={"poisson": 0.25},
    )
    assert laws.bone.calibration.slope == pytest.approx(1e-3)  # type: ignore[attr-defined]
    assert laws.bone.poisson_ratio == 0.25
    cement = laws.cement
    assert cement.consistency(300.0) == pytest.approx(2e-4)
    assert (cement.index(300.0), cement.shear_constant) == (pytest.approx(0.45), 0.6)
    assert cement.doubling_time == CEMENTS["high"].doubling_time  # type: ignore[union-attr]
    assert laws.marrow.viscosity == pytest.approx(3e-7)
    assert [cannula.gauge for cannula in laws.cannulas] == [13, 11]
    assert laws.cannulas[1].segments == ((3.6, 85.0), (2.39, 15.0))
    assert laws.syringe.bore == 8.0
    assert (laws.segmental_veins.length, laws.basivertebral_veins.diameter) == (30.0, 2.5)
    assert laws.segmental_veins.opening_pressure == pytest.approx(5e-4)
    assert (laws.shell_of("left_wall").thickness, laws.shell_of("right_wall")) == (0.5, laws.shell)


@pytest.mark.parametrize("name", MODULUS_LAWS)
def test_the_case_chooses_the_laws_of_bone_and_cement(name: str) -> None:
    laws = laws_of(
        bone={"modulus_law": name, "damage_factor": 0.5},
        mechanics={
            "cortex": "shell",
            "transverse_isotropy": True,
            "cement_modulus_mpa": 2500.0,
            "cement_porosity": 0.1,
        },
    )
    assert isinstance(laws.bone.modulus.law, MODULUS_LAWS[name])
    assert laws.damage.factor == 0.5
    assert laws.composite.filled_modulus == pytest.approx(2500.0 * 0.80 * 0.76 * 0.81)
    listed = laws.describe()
    assert listed["bone.modulus.lowest"]["tag"] == "D"
    assert (listed["damage.factor"]["tag"], listed["composite.cement_modulus"]["tag"]) == ("user", "user")
    assert {"cortical_bone.density", "anisotropy.porotic_ratio"} < set(listed)
    assert any(entry.startswith("bone.modulus.law.") for entry in listed)


def test_isotropic_bone_with_a_shell_of_its_own_is_the_default() -> None:
    laws = laws_of()
    assert (laws.anisotropy, laws.cortical_bone, laws.damage.factor) == (None, CorticalBone(), 1.0)
    assert laws_of(mechanics={"cortex": "voxels"}).cortical_bone is None
    assert isinstance(laws.composite, CementBoneComposite)
    assert isinstance(laws_of(mechanics={"composite": "bulk"}).composite, BulkCement)


def test_quantities_of_several_laws_are_counted_and_told_from_defaults() -> None:
    listed = laws_of(
        lesions=[LYTIC, {**LYTIC, "growth": "rapid", "viscosity_pa_s": 50.0}],
        cavities=[{"kind": "balloon", **CENTRE, "diameter_mm": 12.0, "compacted_shell_mm": 1.0}],
        walls={"thickness_mm": {"left_wall": 0.5}},
    ).describe()
    assert (listed["lesions[2].viscosity"]["value"], listed["lesions[2].viscosity"]["tag"]) == (
        pytest.approx(5e-5),
        "user",
    )
    # Rapid growth is a preset, not the user's own number.
    assert listed["lesions[2].interstitial_pressure"]["tag"] == "M"
    assert listed["lesions[1].viscosity"]["tag"] == "M"
    assert listed["cavities[1].shell_thickness"]["tag"] == "user"
    assert listed["own_shells[left_wall].thickness"]["value"] == 0.5
    assert {"cannulas[1].length", "needle_track.gap", "fissures.aperture", "outlets.shares"} < set(listed)


def test_density_porosity_and_permeability_of_a_lesion_follow_each_other() -> None:
    blastic = {"kind": "osteoblastic", "fraction": 0.2}
    laws = laws_of(
        lesions=[
            {**blastic, "density_mg_per_cm3": 200.0},
            {**blastic, "density_mg_per_cm3": 200.0, "porosity": 0.8},
            {**blastic, "porosity": 0.8, "permeability_m2": 2e-9},
            blastic,
        ]
    )
    dense, porous, given, preset = laws.lesions
    # 1 - (0.2 + 0.056) / (1.1 + 0.056)
    assert dense.porosity == pytest.approx(0.778547, rel=1e-5)
    assert dense.permeability == pytest.approx(float(laws.bone.permeability.axial(dense.porosity)))  # type: ignore[arg-type]
    assert (porous.porosity, porous.density) == (0.8, pytest.approx(0.2))
    assert porous.permeability > dense.permeability
    assert given.permeability == pytest.approx(2e-3)
    assert preset == tumour_tissue("osteoblastic")


def test_cavities_have_the_law_of_their_kind() -> None:
    cleft = {"kind": "cleft", **CENTRE, "semi_axes_mm": [8.0, 6.0, 2.0]}
    laws = laws_of(cavities=[{"kind": "balloon", **CENTRE, "volume_ml": 2.0}, cleft])
    assert laws.cavities == (BalloonCavity(), Cleft())


def test_tumours_widen_the_veins_whose_diameter_is_left_open() -> None:
    own = BasivertebralVeins().diameter
    slow, rapid = {**LYTIC, "growth": "slow"}, {**LYTIC, "growth": "rapid"}
    at_wall = {"network": "none"}
    assert (laws_of().draining_basivertebral(), laws_of().draining_segmental()) == (None, None)
    assert laws_of(veins=at_wall).draining_basivertebral().diameter == own
    assert laws_of(veins=at_wall, lesions=[slow]).draining_basivertebral().diameter == own
    widened = laws_of(lesions=[rapid, slow], veins={"network": "none", "segmental_diameter_mm": 2.0})
    # Twice the points of moderate growth: the cube root of two.
    assert widened.draining_basivertebral().diameter == pytest.approx(1.259921 * own)
    assert widened.draining_segmental().diameter == 2.0


def test_a_median_of_the_law_of_veins_is_widened_by_tumours_and_a_calibre_of_this_body_is_not() -> None:
    rapid = {**LYTIC, "growth": "rapid"}
    by_law = laws_of(lesions=[rapid], laws={"vein_distributions.calibre": 1.1})
    assert (by_law.vein_distributions.calibre, by_law.network_widening()) == (1.1, pytest.approx(1.259921))
    assert by_law.describe()["vein_distributions.calibre"]["tag"] == "user"
    assert laws_of(laws={"vein_distributions.calibre": 1.1}).network_widening() == 1.0
    by_key = laws_of(lesions=[rapid], veins={"calibre_mm": 1.1})
    assert (by_key.vein_distributions.calibre, by_key.network_widening()) == (1.1, 1.0)


def test_veins_must_fit_into_their_foramen() -> None:
    with pytest.raises(InputError, match=r"veins \(6 of 4 mm\) have a cross-section of 75 mm2, more than the 33"):
        laws_of(veins={"network": "none", "basivertebral_number": 6, "basivertebral_diameter_mm": 4.0})


def test_the_users_own_cement_is_read_from_its_file(tmp_path: Path) -> None:
    table = "age_min,shear_rate_per_s,viscosity_pa_s\n5,0.1,310\n5,10,35\n8,0.1,1650\n8,10,190\n"
    (tmp_path / "cement.csv").write_text(table)
    cement = laws_of(tmp_path, cement={"rheometer": "cement.csv", "shear_constant": 0.6}).cement
    assert cement.viscosity(10.0, 480.0) == pytest.approx(190e-6)
    assert cement.shear_constant == 0.6
    assert cement.ageing_rate(23.0) == 1.0
    cool = laws_of(tmp_path, cement={"rheometer": "cement.csv", "rheometer_temperature_c": 18.0}).cement
    assert cool.ageing_rate(18.0) == 1.0
    assert cool.ageing_rate(23.0) > 1.3
    (tmp_path / "cement.csv").write_text(table + "8,10,200\n")
    with pytest.raises(InputError, match=r"cement.csv: the rheometer table gives the viscosity .* 2 times"):
        laws_of(tmp_path, cement={"rheometer": "cement.csv"})
