"""The convergence study of an injection on its two coarsest meshes: every run kept, every table and plot built."""

import csv
import json

import pytest

from benchmarks import injection_convergence as study

pytestmark = pytest.mark.slow


def test_two_coarse_meshes(tmp_path, capsys):
    asked = [
        "-o",
        str(tmp_path),
        "--cases",
        "demo --defect",
        "--sizes",
        "3",
        "2.5",
        "--size",
        "3",
        "--factors",
        "1",
        "2",
    ]
    study.main(asked)
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == [
        "convergence.png",
        "demo-defect_2.5mm_x1.json",
        "demo-defect_3mm_x1.json",
        "demo-defect_3mm_x2.json",
        "runs.csv",
        "tables.md",
    ]
    with (tmp_path / "runs.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 3
    assert all(float(row[label]) > 0.0 for row in rows for label in study.QUANTITIES.values())
    assert float(rows[1]["cells"]) > float(rows[0]["cells"])
    assert float(rows[2]["steps"]) > 1.5 * float(rows[0]["steps"])
    assert (tmp_path / "tables.md").read_text(encoding="utf-8").count("| order | limit | error at") == 2
    kept = tmp_path / "demo-defect_3mm_x1.json"
    kept.write_text(json.dumps({**json.loads(kept.read_text(encoding="utf-8")), "cells": 12345}), encoding="utf-8")
    capsys.readouterr()
    study.main(asked)
    assert "| cells | 12345 |" in capsys.readouterr().out
    kept.write_text(json.dumps({**json.loads(kept.read_text(encoding="utf-8")), "code": "other"}), encoding="utf-8")
    study.main(asked)
    assert "12345" not in capsys.readouterr().out
