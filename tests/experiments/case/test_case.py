"""Case files: defaults, ranges, and one clear sentence for everything that is wrong."""

import json
import pickle
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel, ValidationError

from experiments.case.input_files import file_keys, input_files
from experiments.case.schema import (
    Case,
    build_case,
    defaults_used,
    demo_case,
    json_schema,
    read_case,
)
from experiments.case.sections import Region, Site
from experiments.case.units import INTERNAL
from experiments.run.ranks import one_line
from materials.outlets import OUTLET_SHARES
from meshes.errors import InputError, SeveralProblemsError
from meshes.leak_sites import SITES, Space
from meshes.tetmesh import FACET_REGIONS

DEMO = {"patient": {"demo": True}}
HOLE = {"wall": "posterior_wall", "left": 0.0, "height": 0.5, "diameter_mm": 4.0}
SHARES = dict.fromkeys(OUTLET_SHARES, 0.0) | {"endplates": 0.5, "segmental_veins": 0.48, "needle_track": 0.02}


def build(**sections: Any) -> Case:
    return build_case({**DEMO, **sections}, "case.toml")


def message(**sections: Any) -> str:
    with pytest.raises(InputError) as caught:
        build_case({**DEMO, **sections}, "case.toml")
    return str(caught.value)


def test_the_demo_is_what_the_project_promises() -> None:
    case = demo_case()
    assert case.patient.demo
    assert (case.injection.volume_ml, case.injection.rate_ml_per_min) == (4.0, 3.0)
    assert (case.cement.viscosity, case.cement.injected_after_mixing_min) == ("medium", 5.0)
    (needle,) = case.needles
    assert (needle.side, needle.gauge, needle.approach) == ("left", 11, "transpedicular")
    left, depth, _ = needle.target
    assert left > 0.0
    assert depth < 1.0 / 3.0
    assert case.mesh.size_mm == 1.5
    assert case.defects == ()


def test_the_demo_with_a_defect_differs_in_its_defect_the_tip_before_it_and_how_much_may_leak() -> None:
    intact, defect = demo_case(), demo_case(defect=True)
    (hole,), (tip,) = defect.defects, defect.needles
    assert (hole.wall, hole.left, hole.height) == ("posterior_wall", tip.left, tip.height)
    same = {
        "mesh": defect.mesh.model_copy(update={"defect_size_mm": None}),
        "needles": (tip.model_copy(update={"left": intact.needles[0].left}),),
        "injection": defect.injection.model_copy(update={"leak_limit_ml": intact.injection.leak_limit_ml}),
    }
    assert defect.model_copy(update={"defects": (), "title": intact.title, **same}) == intact


def test_the_demo_takes_another_mesh_size() -> None:
    assert demo_case(size_mm=2.5).mesh.size_mm == 2.5
    with pytest.raises(InputError, match=r"mesh.size_mm = 9.0 is not allowed; choose 0.5 to 4 mm"):
        demo_case(size_mm=9.0)


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        ({"needles": [{"gauge": 20}]}, "needles[1].gauge = 20 is not allowed; choose a whole number, 8 to 14 (gauge)"),
        ({"needles": [{}, {"gauge": 11.5}]}, "needles[2].gauge = 11.5 is not allowed; choose a whole number, 8 to 14"),
        ({"needles": [{"gage": 11}]}, "needles[1].gage is not a known key; did you mean 'gauge'?"),
        ({"needels": [{"gauge": 11}]}, "needels is not a known key; did you mean [[needles]]?"),
        ({"needle": {"gauge": 11}}, "needle is not a known key; did you mean [[needles]]?"),
        ({"needles": [{"xyz": 1}]}, "needles[1].xyz is not a known key; [[needles]] knows: side, gauge, length_mm, "),
        ({"cement": {"xyz": 1}}, "cement.xyz is not a known key; [cement] knows: viscosity, "),
        ({"needles": [{"side": "lefft"}]}, "needles[1].side = 'lefft' is not allowed; choose 'left' or 'right'"),
        ({"needles": {"gauge": 11}}, "is not a list of tables; write [[needles]] above each table"),
        ({"needles": []}, "needles is an empty list; write at least one table [[needles]] or leave needles out"),
        ({"cement": 11}, "cement = 11 must be a table of keys and values, as in [cement]"),
        ({"outlets": {"shares": 1}}, "outlets.shares = 1 must be a table of keys and values, as in [outlets.shares]"),
        ({"injection": {"volume_ml": 40.0}}, "injection.volume_ml = 40.0 is not allowed; choose 0.1 to 15 ml"),
        ({"injection": {"volume_ml": True}}, "injection.volume_ml = true is not allowed; choose 0.1 to 15 ml"),
        (
            {"injection": {"volume_ml": float("nan")}},
            "injection.volume_ml = nan is not allowed; choose 0.1 to 15 ml",
        ),
        (
            {"injection": {"leak_limit_by_site_ml": {"disc_superiour": 1.0}}},
            "injection.leak_limit_by_site_ml.disc_superiour is not a known key; did you mean 'disc_superior'?",
        ),
        (
            {"injection": {"leak_limit_by_site_ml": {"needle_track": 99.0}}},
            "injection.leak_limit_by_site_ml.needle_track = 99.0 is not allowed; choose 0.001 to 15 ml for known sites",
        ),
        ({"defects": [{**HOLE, "height": 7.0}]}, "defects[1].height = 7.0 is not"),
        ({"mechanics": {"enabled": "yes"}}, "mechanics.enabled = 'yes' is not allowed; choose true or false"),
        ({"patient": {}}, "patient: ct, mask, level missing; give ct, mask and level, or demo = true"),
        ({"patient": {"demo": True, "level": "L3"}}, "demo = true stands alone"),
        (
            {"patient": {"ct": "a", "mask": "b", "level": "L9"}},
            "patient.level = 'L9' is not allowed; choose T1 to T13 or L1 to L6",
        ),
        (
            {"patient": {"ct": "a", "mask": "b", "level": "L3", "labels": "vers"}},
            'choose "verse", "totalsegmentator_v1", "totalsegmentator_v2", the number of the label in the mask, or',
        ),
        ({"patient": {"ct": "a.nii", "mask": "b", "level": "L3"}}, "patient.ct = 'a.nii' does not exist"),
        ({"injection": {"working_time_min": 4.0}}, "is not after cement.injected_after_mixing_min = 5"),
        ({"outlets": {"conductance_ml_per_s_kpa": 0.0}}, "leaves the displaced marrow no way out"),
        (
            {"outlets": {"conductance_ml_per_s_kpa": 0.0009}},
            "outlets.conductance_ml_per_s_kpa = 0.0009 is not allowed; choose 0.001 to 0.5 ml/(s kPa)",
        ),
        ({"defects": {"wall": "posterior_wall"}}, "is not a list of tables; write [[defects]] above each table"),
        ({"defects": [3]}, "defects[1] = 3 is not a list of tables; write [[defects]] above each table"),
        ({"defects": [HOLE] * 11}, "defects has 11 tables; at most 10 are allowed"),
        ({"title": 3}, "title = 3 must be a text in quotation marks"),
        ({"patient": {"ct": 5, "mask": "b", "level": "L3"}}, "patient.ct = 5 must be a path in quotation marks"),
        ({"patient": {"ct": "", "mask": "b", "level": "L3"}}, "patient.ct: the path is empty; name a file"),
        ({"mechanics": {"degree": True}}, "mechanics.degree = true is not allowed; choose 1 or 2"),
        ({"mechanics": {"degree": 2.0}}, "mechanics.degree = 2.0 is not allowed; choose 1 or 2"),
        ({"outlets": {"shares": {"pedicles": 1.0}}}, "outlets.shares.endplates is missing; choose 0 to 1"),
    ],
)
def test_one_sentence_for_what_is_wrong(sections: dict[str, Any], expected: str) -> None:
    text = message(**sections)
    assert text.startswith("case.toml: ")
    assert expected in text
    assert "\n" not in text


def test_several_errors_are_told_at_once() -> None:
    wrong = {"needles": [{"gauge": 20, "side": "up"}], "injection": {"volume_ml": -1.0}}
    text = message(**wrong)
    assert "needles[1].side" in text
    assert text.endswith("(and 2 more problems)")
    with pytest.raises(SeveralProblemsError) as caught:
        build(**wrong)
    places = ("needles[1].side", "needles[1].gauge", "injection.volume_ml")
    assert [sentence.partition(" =")[0] for sentence in caught.value.sentences] == [f"case.toml: {p}" for p in places]
    assert pickle.loads(pickle.dumps(caught.value)).sentences == caught.value.sentences
    assert one_line(caught.value) == "\n".join(f"error: {sentence}" for sentence in caught.value.sentences)


def test_all_missing_files_are_told_at_once() -> None:
    lesions = [{"kind": "osteolytic", "mask": "c.nii", "label": 1}]
    with pytest.raises(SeveralProblemsError) as caught:
        build(patient={"ct": "a.nii", "mask": "b.nii", "level": "L3"}, lesions=lesions)
    found = [sentence.partition(" = ")[0] for sentence in caught.value.sentences]
    assert found == ["case.toml: patient.ct", "case.toml: patient.mask", "case.toml: lesions[1].mask"]


@pytest.mark.parametrize(
    ("sections", "hint"),
    [
        ({"needles": [{"left": -12.0}]}, "it is a fraction of the half width, not in mm"),
        ({"needles": [{"depth": 8.0}]}, "it is a fraction of the depth, not in mm"),
        ({"injection": {"volume_ml": "4"}}, "choose 0.1 to 15 ml, without quotation marks"),
        ({"injection": {"rate": 3.0}}, "did you mean 'rate_ml_per_min'?"),
        ({"cavities": [{"kind": "cleft", "left": 0.0, "depth": 0.5, "height": 14.0}]}, "fraction of the height, not"),
        ({"defects": [{"wall": "posterior_wall", "left": 5.0, "height": 0.5}]}, "of the half width, not in mm"),
    ],
)
def test_mm_in_place_of_a_fraction_are_told_as_such(sections: dict[str, Any], hint: str) -> None:
    assert hint in message(**sections)
    assert "not in mm" not in message(needles=[{"left": 0.96}])  # out of range, and a fraction


def test_words_are_read_in_any_case() -> None:
    case = build(
        cement={"viscosity": "High"},
        needles=[{"side": "RIGHT", "approach": "Parapedicular"}],
        bone={"units": "HU"},
        lesions=[{"kind": "Osteolytic", "fraction": 0.2, "grown_from": "Posterior_Wall"}],
    )
    assert (case.cement.viscosity, case.bone.units, case.lesions[0].grown_from) == ("high", "hu", "posterior_wall")
    assert (case.needles[0].side, case.needles[0].approach) == ("right", "parapedicular")
    assert "patient.ct" in message(patient={"ct": "a", "mask": "b", "level": "l3", "labels": "VerSe"})
    assert "choose 'low', 'medium' or 'high'" in message(cement={"viscosity": "higher"})


def test_shares_must_add_up_to_one() -> None:
    assert build(outlets={"shares": SHARES}).outlets.shares is not None
    assert "add up to 1.1; make them add up to 1" in message(outlets={"shares": {**SHARES, "needle_track": 0.12}})


def test_names_agree_with_those_of_the_solver_and_the_mesh() -> None:
    assert Site.__args__ == SITES
    schema = json_schema()["$defs"]
    assert set(schema["Outside"]["properties"]) == {f"{space}_kpa" for space in get_args(Space)}
    assert set(schema["OutletShares"]["properties"]) == set(OUTLET_SHARES)
    assert set(schema["Defect"]["properties"]["wall"]["enum"]) <= set(Region.__args__)
    assert set(Region.__args__) == set(FACET_REGIONS) - {"basivertebral_foramen"}


def test_leak_limits_of_single_sites_come_first() -> None:
    injection = build(
        injection={"leak_limit_ml": 0.5, "leak_limit_by_site_ml": {"canal_posterior_wall": 0.1}}
    ).injection
    assert injection.leak_limit("canal_posterior_wall") == 0.1
    assert injection.leak_limit("disc_superior") == 0.5


def test_paths_count_from_the_folder_of_the_case_file(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    for name in ("ct.nii.gz", "mask.nii.gz"):
        (tmp_path / "images" / name).touch()
    file = tmp_path / "case.toml"
    file.write_text('[patient]\nct = "images/ct.nii.gz"\nmask = "images/mask.nii.gz"\nlevel = "L3"\nlabels = 22\n')
    patient = read_case(file).patient
    assert patient.ct == tmp_path / "images" / "ct.nii.gz"
    assert patient.labels == 22


def test_only_the_ct_and_the_mask_may_be_folders(tmp_path: Path) -> None:
    (tmp_path / "series").mkdir()
    (tmp_path / "masks").mkdir()
    patient = {"ct": "series", "mask": "masks", "level": "L3"}
    built = build_case({"patient": patient}, folder=tmp_path).patient
    assert (built.ct, built.mask) == (tmp_path / "series", tmp_path / "masks")
    with pytest.raises(
        InputError, match=r"patient.subregions = 'series' is a folder, not a file; give one NIfTI, NRRD"
    ):
        build_case({"patient": {**patient, "subregions": "series"}}, folder=tmp_path)


@pytest.fixture
def with_files(tmp_path: Path) -> Case:
    """A case that names every kind of input file, all in one folder."""
    for name in ("ct.nii", "mask.nii", "cement.csv", "lesions.nii"):
        (tmp_path / name).touch()
    content = {
        "patient": {"ct": "ct.nii", "mask": "mask.nii", "level": "L3"},
        "cement": {"rheometer": "cement.csv"},
        "lesions": [
            {"kind": "osteolytic", "fraction": 0.2},
            {"kind": "osteoblastic", "label": 3, "mask": "lesions.nii"},
        ],
    }
    return build_case(content, "case.toml", tmp_path)


def test_all_input_files_have_a_role(with_files: Case, tmp_path: Path) -> None:
    assert input_files(with_files) == {
        "ct": tmp_path / "ct.nii",
        "mask": tmp_path / "mask.nii",
        "cement.rheometer": tmp_path / "cement.csv",
        "lesions[2].mask": tmp_path / "lesions.nii",
    }
    assert input_files(build()) == {}


def test_nothing_but_the_places_names_a_path(with_files: Case, tmp_path: Path) -> None:
    assert str(tmp_path) in with_files.model_dump_json()
    assert str(tmp_path) not in json.dumps(with_files.model_dump(mode="json", exclude=file_keys(with_files)))


@pytest.mark.parametrize(
    ("key", "kind", "sections"),
    [
        ("cement.rheometer", "CSV file", {"cement": {"rheometer": "there"}}),
        (
            "lesions[1].mask",
            "NIfTI, NRRD or MetaImage file",
            {"lesions": [{"kind": "osteolytic", "label": 1, "mask": "there"}]},
        ),
    ],
)
def test_files_of_cement_and_lesions_must_exist(tmp_path: Path, key: str, kind: str, sections: dict[str, Any]) -> None:
    with pytest.raises(InputError) as missing:
        build_case({**DEMO, **sections}, "case.toml", tmp_path)
    assert str(missing.value) == f"case.toml: {key} = 'there' does not exist (looked for {tmp_path / 'there'})"
    (tmp_path / "there").mkdir()
    with pytest.raises(InputError) as folder:
        build_case({**DEMO, **sections}, "case.toml", tmp_path)
    assert f"{key} = 'there' is a folder, not a file; give one {kind}" in str(folder.value)


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such case file"):
        read_case(tmp_path / "none.toml")
    bad = tmp_path / "bad.toml"
    bad.write_text("[patient\n")
    with pytest.raises(InputError, match="not valid TOML"):
        read_case(bad)
    bad.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="cannot be read as a text file"):
        read_case(bad)


def test_defaults_are_listed_with_their_source_until_the_file_sets_them() -> None:
    listed = defaults_used(build())
    assert listed["injection.pressure_limit_kpa"] == {
        "value": 3200.0,
        "unit": "kPa",
        "source": "largest of the syringe pressures measured in vivo, 3215 kPa: Krebs 2005, PMID 15738774",
        "tag": "S",
    }
    assert "injection.pressure_limit_kpa" not in defaults_used(build(injection={"pressure_limit_kpa": 3200.0}))
    assert "marrow.viscosity_pa_s" not in listed
    assert all(entry["tag"] in ("S", "M", "D") for entry in listed.values())


def test_defaults_in_lists_of_tables_are_listed_by_number() -> None:
    listed = defaults_used(
        build(
            needles=[{"length_mm": 100.0}, {"side": "right", "boluses": [{"volume_ml": 1.0}, {"volume_ml": 1.0}]}],
            cavities=[{"kind": "balloon", "left": 0.0, "depth": 0.5, "height": 0.5, "diameter_mm": 10.0}],
        )
    )
    assert {key for key in listed if key.startswith(("needles", "cavities"))} == {
        "needles[1].gauge",
        "needles[1].depth",
        "needles[1].height",
        "needles[1].withdraw_mm",
        "needles[2].gauge",
        "needles[2].length_mm",
        "needles[2].depth",
        "needles[2].height",
        "needles[2].withdraw_mm",
        "needles[2].boluses[1].pause_before_s",
        "needles[2].boluses[2].pause_before_s",
    }
    assert listed["needles[2].length_mm"]["value"] == 125.0


def physical_fields(model: type[BaseModel]) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for name, definition in model.model_json_schema()["$defs"].items():
        found += [(f"{name}.{key}", value) for key, value in definition["properties"].items() if "unit" in value]
    return found


def test_every_physical_value_has_a_known_unit_in_the_schema() -> None:
    fields = physical_fields(Case)
    assert len(fields) > 70
    for key, value in fields:
        assert value["unit"] in {*INTERNAL, "gauge"}, key
        assert value["description"], key


def test_the_schema_is_plain_json_and_says_the_ranges() -> None:
    schema = json.loads(json.dumps(json_schema()))
    gauge = schema["$defs"]["Needle"]["properties"]["gauge"]
    assert (gauge["minimum"], gauge["maximum"], gauge["default"]) == (8, 14, 11)
    assert schema["additionalProperties"] is False


def test_a_case_is_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        build().needles[0].gauge = 8  # type: ignore[misc]
