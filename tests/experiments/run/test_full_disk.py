"""A disk that fills while a case is stored: one sentence, and nothing that was computed is lost with the pictures."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from experiments.pictures import drawing
from experiments.report import page
from experiments.results import fields
from experiments.results.finished_case import FinishedCase
from experiments.results.progress import Progress
from experiments.results.store import DiskFullError
from experiments.run.output import CaseOutcome
from experiments.run.pipeline import _store
from meshes import data_set_file

Stored = tuple[CaseOutcome, Path]


def full(*_: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(
    "fill",
    [
        lambda patch: patch.setattr(fields.FieldSeries, "close", full),
        lambda patch: patch.setattr("pyvista.UnstructuredGrid.save", lambda *_: None),  # as VTK does
    ],
)
def test_without_room_for_the_fields_nothing_is_written(
    stored_demo: Stored, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fill: Callable[[pytest.MonkeyPatch], None]
) -> None:
    fill(monkeypatch)
    monkeypatch.setattr(data_set_file.shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
    with pytest.raises(DiskFullError, match=r"out: the disk is full; make room .* nothing was written"):
        _store(stored_demo[0], tmp_path / "out", Progress())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("module", "name"), [(drawing, "draw_pictures"), (page, "case_report")])
def test_without_room_for_the_pictures_the_run_is_kept(
    stored_demo: Stored, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: Any, name: str
) -> None:
    monkeypatch.setattr(drawing, "draw_pictures", lambda _, folder: folder.mkdir())
    monkeypatch.setattr(module, name, full)
    with pytest.raises(
        DiskFullError, match=r"numbers and fields of the run are stored, .*vertebroplasty draw .*report"
    ):
        _store(stored_demo[0], tmp_path / "out", Progress())
    case = FinishedCase.read(tmp_path / "out")
    assert case.results == stored_demo[0].results
    assert len(case.times()) > 1
    assert not list(tmp_path.rglob("*unfinished*"))
