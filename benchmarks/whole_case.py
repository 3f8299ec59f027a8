"""What a whole case costs: the demo on meshes of three sizes, from the CT to its pictures and report.

Run it as ``python -m benchmarks.whole_case``; it needs Linux. ``-o docs/benchmarks.md`` writes its table there.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.page import options, publish, spread, table
from benchmarks.processes import ROOT, Cost, run

SIZES = (2.2, 1.5, 1.0)
"""Edge lengths in mm."""

QUICK_SIZES = (3.0,)
ROUNDS, QUICK_ROUNDS = 2, 1
STAGES = ("mesh", "bone", "injection", "stiffness", "pictures")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print and write."""
    asked = options(__doc__, quick="a coarse mesh and one round").parse_args(arguments)
    sizes, rounds = (QUICK_SIZES, QUICK_ROUNDS) if asked.quick else (SIZES, ROUNDS)
    demo(sizes[0])  # compiles what is not yet in the cache
    rows = [row(size, [demo(size) for _ in range(rounds)]) for size in sizes]
    publish(
        "whole_case",
        asked,
        "Whole case",
        [
            "`vertebroplasty demo --mesh-size SIZE` on one core, from the CT to report and pictures. Seconds are "
            "medians, with least and largest in brackets; stages are those of the manifest. Stiffness is the 6 × 6 "
            "matrix and a load case of the intact and of the augmented body.\n",
            table(
                ["size (mm)", "cells", "wall (s)", "CPU (s)", *[f"{name} (s)" for name in STAGES], "memory (MB)"], rows
            ),
        ],
    )


@dataclass(frozen=True)
class Run:
    """What one run took, the seconds of its stages, and the cells of its mesh."""

    cost: Cost
    seconds: dict[str, float]
    cells: int


def row(size: float, runs: Sequence[Run]) -> list[object]:
    """One line of the table."""
    return [
        f"{size:g}",
        runs[0].cells,
        spread([one.cost.wall for one in runs], 1),
        f"{statistics.median(one.cost.processor for one in runs):.1f}",
        *[f"{statistics.median(one.seconds[name] for one in runs):.1f}" for name in STAGES],
        f"{max(one.cost.memory for one in runs):.0f}",
    ]


def demo(size: float) -> Run:
    """Run it once."""
    program = str(Path(sys.executable).parent / "vertebroplasty")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "demo")
        cost, _ = run([program, "demo", "--mesh-size", f"{size:g}", "-o", str(folder)], ROOT)
        manifest, results = (json.loads((folder / f"{part}.json").read_text()) for part in ("manifest", "results"))
    return Run(cost, manifest["seconds"], results["mesh"]["cells"])


if __name__ == "__main__":
    main()
