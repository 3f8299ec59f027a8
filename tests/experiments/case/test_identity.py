"""Two runs are the same case exactly when content, input files and code agree."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from experiments.case import identity
from experiments.case.identity import canonical, checksum, code_version, identify
from experiments.case.schema import Case, build_case


def case_of(folder: Path, **sections: Any) -> Case:
    patient = {"ct": "ct.nii", "mask": "mask.nii", "level": "L3"}
    return build_case({"patient": patient, **sections}, "case.toml", folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "ct.nii").write_bytes(b"ct")
    (tmp_path / "mask.nii").write_bytes(b"mask")
    return tmp_path


def test_a_default_written_out_is_the_same_case(folder: Path) -> None:
    again = case_of(folder, needles=[{"gauge": 11}], title="again")
    assert identify(case_of(folder)).case == identify(again).case


def test_content_and_files_change_the_identity_and_places_do_not(folder: Path, tmp_path: Path) -> None:
    reference = identify(case_of(folder))
    assert identify(case_of(folder, needles=[{"gauge": 13}])).case != reference.case
    moved = tmp_path / "moved"
    moved.mkdir()
    for name in ("ct.nii", "mask.nii"):
        (moved / name).write_bytes((folder / name).read_bytes())
    assert identify(case_of(moved)) == reference
    (moved / "ct.nii").write_bytes(b"another ct")
    assert identify(case_of(moved)).case != reference.case


def with_all_files(folder: Path) -> Case:
    """A case that names a file of every kind."""
    lesions = [{"kind": "osteolytic", "fraction": 0.2}, {"kind": "osteoblastic", "label": 3, "mask": "lesions.nii"}]
    return case_of(folder, cement={"rheometer": "cement.csv"}, lesions=lesions)


@pytest.mark.parametrize("name", ["cement.csv", "lesions.nii"])
def test_files_of_cement_and_lesions_count_by_their_content_alone(folder: Path, tmp_path: Path, name: str) -> None:
    (folder / "cement.csv").write_text("cement")
    (folder / "lesions.nii").write_bytes(b"lesions")
    reference = identify(with_all_files(folder))
    assert set(reference.inputs) == {"ct", "mask", "cement.rheometer", "lesions[2].mask"}
    moved = tmp_path / "moved"
    moved.mkdir()
    for file in ("ct.nii", "mask.nii", "cement.csv", "lesions.nii"):
        (moved / file).write_bytes((folder / file).read_bytes())
    assert identify(with_all_files(moved)) == reference
    (moved / name).write_bytes(b"another")
    assert identify(with_all_files(moved)).case != reference.case


def test_images_of_the_demo_count_beside_the_files_of_the_case(folder: Path) -> None:
    (folder / "cement.csv").write_text("cement")
    case = build_case({"patient": {"demo": True}, "cement": {"rheometer": "cement.csv"}}, "case.toml", folder)
    assert set(identify(case, {"ct": folder / "ct.nii"}).inputs) == {"ct", "cement.rheometer"}


def test_the_canonical_content_names_no_place(folder: Path) -> None:
    for name in ("cement.csv", "lesions.nii"):
        (folder / name).touch()
    assert str(folder) not in canonical(with_all_files(folder))


def test_checksum_is_sha256(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    # FIPS 180-2, appendix B.1
    assert checksum(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_code_version_holds_version_and_sources() -> None:
    number, _, digest = code_version().partition("+")
    assert number.count(".") == 2
    assert len(digest) == 12


def test_every_kind_of_file_counts_or_decides_nothing() -> None:
    drawn, marks = {".html", ".css"}, {".typed"}  # of the report; for type checkers
    begun = {".csv"}  # beside a template, copied with it: counts by its content in the case that names it
    root = Path(__file__).parents[3]
    files = [path for package in identity.PACKAGES for path in (root / package).rglob("*") if path.is_file()]
    found = {path.suffix for path in files if "__pycache__" not in path.parts}
    assert found <= {*identity.DECIDING, *drawn, *marks, *begun}
    tables = [path.relative_to(root) for path in files if path.suffix in begun]
    assert all(identity.CASE_FILES in path.parents for path in tables)


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the packages that stands in for the installed one."""
    root = Path(__file__).parents[3]
    for package in identity.PACKAGES:
        shutil.copytree(root / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(identity, "__file__", str(tmp_path / "experiments" / "case" / "identity.py"))
    return tmp_path


def code_of_sources() -> str:
    code_version.cache_clear()
    try:
        return code_version()
    finally:
        code_version.cache_clear()


@pytest.mark.parametrize(
    "name", ["materials/bone.py", "meshes/images/label_maps.toml", "meshes/parametric_levels.toml"]
)
def test_code_and_tables_that_decide_a_result_change_the_identity(sources: Path, name: str) -> None:
    reference = code_of_sources()
    with (sources / name).open("a", encoding="utf-8") as file:
        file.write("# another\n")
    assert code_of_sources() != reference


@pytest.mark.parametrize(
    "name",
    ["experiments/cases/demo.toml", "experiments/cases/of_mine.toml", "meshes/__pycache__/frame.cpython-312.pyc"],
)
def test_case_files_count_by_their_content_and_caches_not_at_all(sources: Path, name: str) -> None:
    reference = code_of_sources()
    (sources / name).parent.mkdir(exist_ok=True)
    with (sources / name).open("a", encoding="utf-8") as file:
        file.write("# another\n")
    assert code_of_sources() == reference


def test_a_folder_has_the_checksum_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "slices").mkdir()
    (tmp_path / "slices" / "1.dcm").write_bytes(b"first")
    before = checksum(tmp_path / "slices")
    (tmp_path / "slices" / "2.dcm").write_bytes(b"second")
    assert checksum(tmp_path / "slices") != before
    (tmp_path / "slices" / "2.dcm").unlink()
    assert checksum(tmp_path / "slices") == before


def test_the_voxels_beside_a_header_count(tmp_path: Path) -> None:
    header, voxels = tmp_path / "mask.mhd", tmp_path / "mask.raw"
    header.write_text("ObjectType = Image\nNDims = 3\nElementDataFile = mask.raw\n")
    voxels.write_bytes(b"\0" * 8)
    before = checksum(header)
    assert checksum(header) == before
    voxels.write_bytes(b"\1" * 8)
    assert checksum(header) != before
