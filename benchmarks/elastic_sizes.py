"""What the elastic solve of the demo's L3 costs on meshes of up to a million unknowns, beside PETSc's own solvers.

Run it as ``python -m benchmarks.elastic_sizes``; it needs Linux. ``-o docs/benchmarks.md`` writes its table there. One
axial load case between rigid plates on quadratic elements to 1e-10, from the mesh in memory to the displacements.
"""

from __future__ import annotations

import json
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.elastic_process import OTHERS
from benchmarks.elastic_solve import demo_body, write
from benchmarks.page import options, publish, spread, table
from benchmarks.processes import ROOT, ProcessError, python, run

SIZES = (3.4, 2.2, 1.5, 1.1, 0.86)
"""Edge lengths in mm; they give 20k to a million unknowns."""

QUICK_SIZES = (3.4, 2.2)
MUMPS_SIZE = 1.5
"""Smallest edge length in mm at which the direct solver is asked."""

RANKS = (1, 2)
ROUNDS, QUICK_ROUNDS = 3, 1
TOLERANCE = 1e-10


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print and write."""
    asked = options(__doc__, quick="coarse meshes and one round").parse_args(arguments)
    sizes, rounds = (QUICK_SIZES, QUICK_ROUNDS) if asked.quick else (SIZES, ROUNDS)
    with tempfile.TemporaryDirectory() as name:
        rows = [row for size in sizes for row in measured(Path(name), size, rounds)]
    publish(
        "elastic_sizes",
        asked,
        "Elastic solve",
        [
            "One axial load case of the demo's L3 between rigid plates, quadratic elements, to 1e-10 of the right-hand "
            "side, from the mesh in memory to the displacements. Seconds are medians, with least and largest in "
            "brackets; CPU is that of the slowest rank; memory is that of all ranks' processes, beside what they hold "
            "before they read the mesh. GAMG is PETSc's algebraic multigrid with rigid-body modes on the same "
            "quadratic elements, MUMPS a direct solver.\n",
            table(
                [
                    "cells", "unknowns", "solver", "ranks", "iterations", "wall (s)", "efficiency", "CPU (s)",
                    "memory (MB)", "before (MB)", "a thousand unknowns (MB)",
                ],
                rows,
            ),
        ],
    )  # fmt: skip


def measured(folder: Path, size: float, rounds: int) -> list[list[object]]:
    """Rows of one mesh: ours on each number of ranks, and the others."""
    mesh, modulus = demo_body(size)
    path = folder / "mesh.npz"
    write(path, mesh, modulus)
    # The first run compiles what is not yet in the cache.
    once(path, 1)
    rows: list[list[object]] = []
    alone = 0.0
    for ranks in RANKS:
        found = [once(path, ranks) for _ in range(rounds)]
        middle = statistics.median(one["wall"] for one in found)
        alone = alone or middle
        rows.append(row(len(mesh.cells), "own", ranks, found, "–" if ranks == 1 else f"{alone / (ranks * middle):.0%}"))
    for solver in OTHERS:
        if solver == "MUMPS" and size < MUMPS_SIZE:
            rows.append(without_figures(rows[0], solver, "direct solver, not asked at this size"))
            continue
        try:
            rows.append(row(len(mesh.cells), solver, 1, [once(path, 1, solver)], "–"))
        except ProcessError as error:
            rows.append(without_figures(rows[0], solver, str(error)))
    return rows


def without_figures(own: Sequence[object], solver: str, why: str) -> list[object]:
    """One line for a solver that was not asked on the mesh of our line, or failed there."""
    return [*own[:2], solver, 1, why, *["–"] * 6]


def row(cells: int, solver: str, ranks: int, found: Sequence[dict[str, Any]], efficiency: str) -> list[object]:
    """One line of the table from several runs."""
    memory = statistics.median(one["memory"] for one in found)
    return [
        cells,
        found[0]["unknowns"],
        solver,
        ranks,
        found[0]["iterations"][0],
        spread([one["wall"] for one in found], 2),
        efficiency,
        f"{statistics.median(one['processor'] for one in found):.2f}",
        f"{memory:.0f}",
        f"{statistics.median(one['before'] for one in found):.0f}",
        f"{1e3 * memory / found[0]['unknowns']:.1f}",
    ]


def once(path: Path, ranks: int, *solver: str) -> dict[str, Any]:
    """What one process, or one on each rank, found."""
    output = path.with_name("displacement.npz")
    _, text = run(python("benchmarks.elastic_process", "axial", path, TOLERANCE, output, *solver, ranks=ranks), ROOT)
    return json.loads(text.splitlines()[-1])


if __name__ == "__main__":
    main()
