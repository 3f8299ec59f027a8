"""What vertebrae of the ready cohorts cost: processor seconds each, seconds by stage, and how many an hour gives.

Run it as ``python -m benchmarks.cohort_cost``; ``-o docs/benchmarks.md`` writes its table there. A few patients of each
cohort are treated on two workers by the command itself, from nothing to ``cohort.json``.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.page import options, publish, table
from benchmarks.processes import ROOT, run

COHORTS = ("filling-fraction", "metastatic-outcome", "metastatic-leakage", "confluent-separated", "puncture-side-ratio")
STAGES = ("read", "mesh", "bone", "injection")
PATIENTS, WORKERS = 12, 2
WHOLE = 585
"""Vertebrae of the largest series."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print and write."""
    parser = options(__doc__)
    parser.add_argument("--patients", type=int, default=PATIENTS, help="patients of each cohort")
    asked = parser.parse_args(arguments)
    program = str(Path(sys.executable).parent / "vertebroplasty")
    lines = []
    for name in COHORTS:
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder, name)
            given = ["--ready", name, "--patients", str(asked.patients), "--workers", str(WORKERS), "-o", str(target)]
            cost, _ = run([program, "cohort", *given], ROOT)
            rows = [json.loads(path.read_text(encoding="utf-8")) for path in (target / "sweep" / "rows").iterdir()]
        seconds = [row["outcome"]["seconds"] for row in rows if "outcome" in row]
        stages = [f"{statistics.median(one.get(stage, 0.0) for one in seconds):.2f}" for stage in STAGES]
        whole = f"{cost.wall / len(seconds) * WHOLE / 60.0:.0f}"
        lines.append([name, len(seconds), *stages, f"{cost.processor / len(seconds):.1f}", f"{cost.wall:.0f}", whole])
    publish(
        "cohort_cost",
        asked,
        "Cohorts",
        [
            f"{asked.patients} patients of each ready cohort on {WORKERS} workers. Stages: wall seconds of a vertebra, "
            "medians. CPU: processor seconds of all processes over the vertebrae, start and images of the bodies "
            f"included. The last column is what {WHOLE} vertebrae would take at the same pace.\n",
            table(
                ["cohort", "vertebrae", *(f"{stage} (s)" for stage in STAGES), "CPU (s)", "wall (s)",
                 f"{WHOLE} (min)"],
                lines,
            ),
        ],
    )  # fmt: skip


if __name__ == "__main__":
    main()
