"""Case directories appear whole or not at all, and never in place of something that is not theirs."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from experiments.results.store import case_directory, check_target, write_json, write_manifest, write_results
from meshes.errors import InputError


def fill(target: Path, value: int, error: type[BaseException] | None = None) -> None:
    with case_directory(target) as folder:
        write_results(folder, {"value": value})
        if error is not None:
            raise error
        write_manifest(folder, {"seconds": {}})


def entries(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_a_directory_appears_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "out" / "case"
    with case_directory(target) as folder:
        write_results(folder, {"value": 1})
        assert not target.exists()
        write_manifest(folder, {})
    assert entries(target) == ["manifest.json", "results.json"]
    assert entries(tmp_path / "out") == ["case"]
    assert target.stat().st_mode & 0o777 == 0o777 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_nothing_stays_after_a_failure(tmp_path: Path, error: type[BaseException]) -> None:
    target = tmp_path / "new" / "deep" / "case"
    with pytest.raises(error):
        fill(target, 1, error)
    assert entries(tmp_path) == []


def test_an_older_case_is_replaced_as_a_whole(tmp_path: Path) -> None:
    target = tmp_path / "case"
    fill(target, 1)
    (target / "pictures").mkdir()
    fill(target, 2)
    assert json.loads((target / "results.json").read_text()) == {"value": 2}
    assert entries(target) == ["manifest.json", "results.json"]
    assert entries(tmp_path) == ["case"]


def test_an_older_case_survives_a_failure(tmp_path: Path) -> None:
    target = tmp_path / "case"
    fill(target, 1)
    with pytest.raises(RuntimeError):
        fill(target, 2, RuntimeError)
    assert json.loads((target / "results.json").read_text()) == {"value": 1}
    assert entries(tmp_path) == ["case"]


def test_an_empty_directory_is_used(tmp_path: Path) -> None:
    (tmp_path / "case").mkdir()
    fill(tmp_path / "case", 1)
    assert (tmp_path / "case" / "manifest.json").is_file()


def test_foreign_things_are_not_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(InputError, match=r"not empty and holds no manifest.json"):
        check_target(tmp_path)
    with pytest.raises(InputError, match="is a file"):
        check_target(tmp_path / "thesis.txt")
    write_json(tmp_path / "manifest.json", {"name": "another program"})
    with pytest.raises(InputError, match=r"not empty and holds no manifest.json of vertebroplasty"):
        check_target(tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="is the current folder or holds it"):
        check_target(Path())
    assert (tmp_path / "thesis.txt").read_text() == "precious"


@pytest.mark.parametrize("below", ["sub", "sub/deeper"])
def test_a_file_on_the_way_is_named_before_any_work(tmp_path: Path, below: str) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(InputError, match=rf"{below}: .*thesis.txt is a file, not a folder; choose another folder"):
        check_target(tmp_path / "thesis.txt" / below)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder in which nobody can write")
def test_a_place_that_cannot_be_written_is_refused_before_any_work() -> None:
    with pytest.raises(InputError, match=r"/proc/x/y: cannot write there \(.+\); choose another folder with -o"):
        check_target(Path("/proc/x/y"))


def test_the_check_leaves_nothing_behind(tmp_path: Path) -> None:
    check_target(tmp_path / "new" / "case")
    assert entries(tmp_path) == []


def test_a_note_in_an_older_case_is_not_lost(tmp_path: Path) -> None:
    fill(tmp_path / "case", 1)
    (tmp_path / "case" / "notes.md").write_text("mine")
    with pytest.raises(InputError, match=r"holds 'notes.md', which vertebroplasty did not write"):
        fill(tmp_path / "case", 2)
    assert (tmp_path / "case" / "notes.md").read_text() == "mine"


def test_json_is_sorted_and_plain(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"b": np.float64(0.5), "a": np.arange(2), "c": np.int64(3), "d": None, "e": Path("x")})
    assert json.loads(path.read_text()) == {"a": [0, 1], "b": 0.5, "c": 3, "d": None, "e": "x"}
    assert path.read_text().index('"a"') < path.read_text().index('"b"')


def test_numbers_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"a": {"b": np.float64("nan")}})
