"""Folders and tables of patients: what is found in them, and what is wrong with others, in one sentence."""

import re
from pathlib import Path
from typing import Any

import pytest

from experiments.patients.folder import patients_of_folder
from experiments.patients.plan import plan_patients
from experiments.patients.table import patients_of_table
from meshes.errors import InputError


def touch(folder: Path, *names: str) -> Path:
    """Empty files; a name that ends in a slash is a folder."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("/"):
            path.mkdir(exist_ok=True)
        else:
            path.touch()
    return folder


def found(folder: Path) -> dict[str, dict[str, str]]:
    return {
        row.name: {key: Path(value).relative_to(folder).as_posix() for key, value in row.patient.items()}
        for row in patients_of_folder(folder)
    }


def test_a_sub_folder_for_each_patient(tmp_path: Path) -> None:
    touch(tmp_path, "b/ct.nii.gz", "b/mask.nii.gz", "b/report.pdf", "a/CT/1.dcm", "a/segmentations/", "README.md")
    touch(tmp_path, "c/scan.ct.nrrd", "c/scan.seg.nrrd", "c/subregions.nii", "letters/one.txt", ".hidden/ct.nii")
    assert found(tmp_path) == {
        "a": {"ct": "a/CT", "mask": "a/segmentations"},
        "b": {"ct": "b/ct.nii.gz", "mask": "b/mask.nii.gz"},
        "c": {"ct": "c/scan.ct.nrrd", "mask": "c/scan.seg.nrrd", "subregions": "c/subregions.nii"},
    }


@pytest.mark.parametrize(
    ("ct", "mask"),
    [
        ("sub-1_ct.nii.gz", "sub-1_seg.nii.gz"),
        ("sub-1_ct.nii.gz", "sub-1_mask.mha"),
        ("sub-1_0000.nii.gz", "sub-1_seg.nii.gz"),
        ("sub-1_ct.nii.gz", "sub-1_seg-vert_msk.nii.gz"),
        ("sub-1_ct.nrrd", "sub-1.seg.nrrd"),
    ],
)
def test_files_that_go_together_by_their_names(tmp_path: Path, ct: str, mask: str) -> None:
    touch(tmp_path, ct, mask, "sub-2_dir-ax_ct.nii.gz", "sub-2_dir-ax_seg-vert_label-20_msk.nii.gz")
    touch(tmp_path, "sub-2_dir-ax_seg-subreg_label-20_msk.nii.gz", "notes_on_ct.txt", "subjects.csv")
    assert found(tmp_path) == {
        "sub-1": {"ct": ct, "mask": mask},
        "sub-2_dir-ax": {
            "ct": "sub-2_dir-ax_ct.nii.gz",
            "mask": "sub-2_dir-ax_seg-vert_label-20_msk.nii.gz",
            "subregions": "sub-2_dir-ax_seg-subreg_label-20_msk.nii.gz",
        },
    }


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        ([], r"holds no patients; it needs a sub-folder for each patient .* or files such as sub-001_ct"),
        (["a.nii.gz", "b/scan.nii.gz"], "holds no patients"),
        (["a/ct.nii.gz", "b/ct.nii", "b/seg.nii"], r"a has no mask, which is called mask\.nii\.gz or .*beside ct\.nii"),
        (
            ["a/seg.nii", "b/seg.nii"],
            r"a has no ct, .*beside seg\.nii \(1 more of 2 patients do not fit either\); move",
        ),
        (["a_ct.nii.gz", "b_seg.nii.gz"], r"a has no mask.*1 more of 2"),
        (["a/ct.nii.gz", "a/other_ct.nii", "a/seg.nii"], r"a has 2 files for the ct, ct\.nii\.gz and other_ct\.nii;"),
        (
            ["a_ct.nii", "a_seg.nii", "b/ct.nii", "b/seg.nii"],
            r"holds both files such as a_ct\.nii and sub-folders .* b;",
        ),
    ],
)
def test_a_folder_that_does_not_fit(tmp_path: Path, names: list[str], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        patients_of_folder(touch(tmp_path, *names))


def table(folder: Path, text: str) -> Path:
    path = folder / "patients.csv"
    path.write_text(text, encoding="utf-8-sig")
    return path


def test_a_table_names_files_keys_of_the_patient_and_of_the_plan(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        "patient, ct, mask, level, labels, age_years, injection.volume_ml, needles[1].line\n"
        "A, a/ct.nii.gz, /masks/a.nii.gz, L3, 22, 71, 3.5, a.mrk.json\n\n"
        'B, b.nii.gz, b.nrrd, L1, verse, , 4,"b.mrk.json"\n',
    )
    first, second = patients_of_table(path)
    assert (first.name, second.name) == ("A", "B")
    assert first.patient == {
        "ct": str(tmp_path / "a/ct.nii.gz"),
        "mask": "/masks/a.nii.gz",
        "level": "L3",
        "labels": 22,
        "age_years": 71,
    }
    assert second.patient["labels"] == "verse"
    assert "age_years" not in second.patient
    assert first.changes == {"injection.volume_ml": 3.5, "needles[1].line": str(tmp_path / "a.mrk.json")}
    semicolons = patients_of_table(table(tmp_path, "patient;ct;mask\nA;a.nii;b.nii\n"))
    assert semicolons[0].patient["mask"] == str(tmp_path / "b.nii")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is empty; it needs a line of column names, patient,ct,mask"),
        ("patient,ct,mask\n", "lists no patients"),
        ("patient,ct\nA,a\n", "the column mask is missing"),
        ("patient,ct,ct,mask\nA,a,b,c\n", "names the column 'ct' twice"),
        ("patient,ct,mask,volume\nA,a,b,3\n", "'volume' is no column of patients; .*subregions, level"),
        ("patient,ct,mask,demo\nA,a,b,true\n", "'demo' is no column"),
        ("patient,ct,mask,needles[0].left\nA,a,b,3\n", r"'needles\[0\].left' is no key"),
        ("patient,ct,mask\nA,a\n", "line 2: mask is empty"),
        ("patient,ct,mask,injection.volume_ml\nA,a,b,\n", "line 2: injection.volume_ml is empty"),
        ("patient,ct,mask\nA,a,b,c\n", "line 2: has 4 cells for 3 columns"),
        ("patient,ct,mask\n,a,b\n", "line 2: patient = '' is no name"),
        ("patient,ct,mask\nA,a,b\nA,c,d\n", "names 'A' in several lines"),
    ],
)
def test_a_table_that_does_not_fit(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        patients_of_table(table(tmp_path, text))


PLAN = '[patient]\nlevel = "L3"\nlabels = "verse"\nage_years = 80\n[injection]\nvolume_ml = 3.0\n'


def planned(folder: Path, text: str, patients: str = "") -> list[dict[str, Any]]:
    touch(folder, "p/a/ct.nii", "p/a/mask.nii", "p/b/ct.nii", "p/b/mask.nii", "plan/")
    (folder / "plan" / "plan.toml").write_text(text)
    source = table(folder / "p", patients) if patients else folder / "p"
    return [
        dict(case.content) | {"name": case.values["patient"]}
        for case in plan_patients(folder / "plan/plan.toml", source).cases
    ]


def test_the_same_plan_for_every_patient(tmp_path: Path) -> None:
    first, second = planned(tmp_path, PLAN)
    assert (first["name"], second["name"]) == ("a", "b")
    assert second["patient"] == {
        **dict(zip(("ct", "mask"), (str(tmp_path / "p/b/ct.nii"), str(tmp_path / "p/b/mask.nii")), strict=True)),
        **{"level": "L3", "labels": "verse"},  # not the age, which is one patient's own
    }
    assert second["injection"] == {"volume_ml": 3.0}


def test_a_table_changes_the_plan_patient_by_patient(tmp_path: Path) -> None:
    rows = "patient,ct,mask,level,injection.volume_ml\none,a/ct.nii,a/mask.nii,L3,2\ntwo,a/ct.nii,a/mask.nii,L3,4.5\n"
    first, second = planned(tmp_path, PLAN, rows)
    # two rows of one patient keep their names
    assert (first["name"], second["name"]) == ("one", "two")
    assert (first["injection"], second["injection"]) == ({"volume_ml": 2}, {"volume_ml": 4.5})


@pytest.mark.parametrize(
    ("text", "patients", "sentence"),
    [
        ("", "", r"plan\.toml: \[patient\] has no level, and a of .* has none of its own; add the level that all have"),
        (PLAN + "[mesh]\nsize = 1\n", "", r"plan\.toml.*size"),
        (
            PLAN,
            "patient,ct,mask,injection.volume_ml\nA,a/ct.nii,a/mask.nii,99\n",
            r"plan.toml with A: injection.volume_ml = 99",
        ),
        (
            PLAN,
            "patient,ct,mask\nA,a/ct.nii,a/mask.nii\nB,b/none.nii,b/mask.nii\n",
            r"case 2 with patient = B: patient.ct = ",
        ),
        (
            PLAN + '[[needles]]\napproach = "drawn"\nline = "x.mrk.json"\n',
            "",
            r"needles\[1\]\.line = 'x\.mrk\.json' lies in the coordinates of one scan, so it fits one patient alone;",
        ),
        (PLAN + '[veins]\nnetwork = "x.vtp"\n', "", r"veins\.network = 'x\.vtp' lies in the coordinates"),
        (
            PLAN + '[[lesions]]\nkind = "osteolytic"\nlabel = 1\nmask = "x.nii"\n',
            "",
            r"lesions\[1\]\.mask = 'x\.nii' lies in the coordinates",
        ),
    ],
)
def test_a_plan_that_does_not_fit_all(tmp_path: Path, text: str, patients: str, sentence: str) -> None:
    touch(tmp_path, "plan/x.mrk.json", "plan/x.vtp", "plan/x.nii")
    with pytest.raises(InputError, match=sentence) as refused:
        planned(tmp_path, text, patients)
    assert not re.search(r"\n", str(refused.value))


def test_needles_of_their_own_in_a_table(tmp_path: Path) -> None:
    touch(tmp_path, "p/a.mrk.json")
    text = PLAN + '[[needles]]\napproach = "drawn"\n'
    rows = "patient,ct,mask,needles[1].line\nA,a/ct.nii,a/mask.nii,a.mrk.json\n"
    (only,) = planned(tmp_path, text, rows)
    assert only["needles"][0]["line"] == str(tmp_path / "p/a.mrk.json")
