"""Folders of sweeps whose results follow from the varied values by a formula."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from experiments.results.format import FORMAT_VERSION
from experiments.results.store import json_text
from experiments.sweep.design import combinations
from experiments.sweep.folder import FORMAT
from experiments.sweep.paths import CasePath, unit_of
from experiments.sweep.sweep_file import SweepFile

Model = Callable[..., Mapping[str, Any] | None]
DEMO = {"patient": {"demo": True}}


def injection(
    leaked: float, volume: float, reason: str = "volume_reached", onset: float | None = None
) -> dict[str, Any]:
    """The part ``injection`` of the results as far as an analysis reads it."""
    return {
        "leaked_ml": leaked,
        "injected_ml": volume,
        "stop_reason": reason,
        "leaks": {"canal_posterior_wall": {"onset_injected_ml": onset}, "needle_track": {"onset_injected_ml": None}},
        "leak_classes": {"canal": leaked, "disc": 0.0},
    }


def sweep_folder(path: Path, model: Model, **sweep_file: Any) -> Path:
    """A folder as ``vertebroplasty sweep`` leaves it.

    Args:
        path: where to make it.
        model: varied values by number -> results; a text in the place of results fails the case, None leaves it out.
            With ``inputs`` among the results, these are added to what the case says.
        sweep_file: content of the sweep file.
    """
    checked = SweepFile.model_validate({"base": DEMO, **sweep_file})
    (path / "rows").mkdir(parents=True)
    cases = []
    for number, values in enumerate(combinations(checked), 1):
        identity = f"{number:064d}"
        names = [vary.name_of(value) or value for vary, value in zip(checked.vary, values, strict=True)]
        cases.append(
            {
                "number": number,
                "identity": identity,
                "values": dict(zip([vary.path for vary in checked.vary], names, strict=True)),
            }
        )
        results = model(*values)
        if results is None:
            continue
        row: dict[str, Any] = {"inputs": dict(DEMO), "seconds": 1.0}
        if isinstance(results, str):
            row["error"] = {"kind": "input", "message": results}
        else:
            row["inputs"] |= results.get("inputs", {})
            row["outcome"] = {"results": {key: value for key, value in results.items() if key != "inputs"}}
        (path / "rows" / f"{identity}.json").write_text(json_text(row))
    plan = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "code": "test",
        "study": checked.model_dump(mode="json", exclude_none=True),
        "units": {vary.path: unit_of(CasePath.parse(vary.path).steps) for vary in checked.vary},
        "cases": cases,
    }
    (path / "sweep.json").write_text(json.dumps(plan))
    return path
