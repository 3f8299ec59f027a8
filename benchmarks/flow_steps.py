"""What a pressure step and a transport step cost, beside other solvers of the same linear system.

Run it as ``uv run --group bench python -m benchmarks.flow_steps``, the group being that of PyAMG and scikit-fem; it
needs Linux. It prints the tables of ``docs/benchmarks.md``; ``-o docs/benchmarks.md`` also writes them there.
``--quick`` takes coarse meshes and few rounds.

The body is the demo's L3 on four meshes of up to a million cells. Up to 160k cells the demo's whole injection is run
and every step of it measured; the state at its end is then solved again by itself, from zero and from the pressure of
the step before, and handed to the other solvers. On the largest mesh a ball of cement of the demo's volume takes its
place. Meshes and states are kept in a temporary folder as long as the code does not change.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.flow_peers import METHODS
from benchmarks.flow_process import CONTRASTS
from benchmarks.page import options, publish, spread, table
from benchmarks.processes import ROOT, ProcessError, python, run
from experiments.case.identity import code_version

SIZES = (2.2, 1.5, 1.0, 0.53)
"""Edge lengths in mm, for about 20k, 50k, 160k and a million cells."""

QUICK_SIZES = (3.0, 2.2)
INJECTED = 0.9
"""Smallest edge length in mm at which the whole injection is run, and direct solvers are asked."""

RANKS = (1, 2)
REPEATS, QUICK_REPEATS = 7, 2
GROWTH_SIZE = 3.0
INJECTIONS, QUICK_INJECTIONS = 200, 40
SETTLED = 20
"""Injections after which memory is not to grow any more."""

PEER_REPEATS = 2
DIRECT, SLOW = ("SciPy", "MUMPS"), ("SciPy",)
"""Direct solvers, and those that are asked once."""

SLOWEST = 1.2
"""Smallest edge length in mm at which these are asked: 1 mm took SciPy 433 s and 9.5 GB."""

TIME_LIMIT, QUICK_TIME_LIMIT = 600.0, 60.0
"""Seconds that another solver may take on one system, from both starts and with all repeats."""

MEMORY_LIMIT = 16e3
"""MB of address space that it may take."""

PARTS = ("mobility", "assembly", "set-up", "solve", "flux")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print and write."""
    parser = options(__doc__, quick="coarse meshes and few rounds")
    parser.add_argument("--sizes", nargs="+", type=float, help="edge lengths in mm")
    asked = parser.parse_args(arguments)
    sizes = asked.sizes or (QUICK_SIZES if asked.quick else SIZES)
    repeats = QUICK_REPEATS if asked.quick else REPEATS
    folder = Path(tempfile.gettempdir(), f"vertebroplasty-benchmarks-{code_version()}")
    folder.mkdir(exist_ok=True)
    own_process(folder, GROWTH_SIZE, "growth", 1)  # compiles what is not yet in the cache
    runs = {(size, ranks): own(folder, size, ranks, repeats) for size in sizes for ranks in RANKS}
    limit = QUICK_TIME_LIMIT if asked.quick else TIME_LIMIT
    peers = {
        (size, method): peer(folder, size, method, 0 if asked.quick or method in SLOW else PEER_REPEATS, limit)
        for size in sizes
        for method in METHODS
    }
    grown = json.loads(
        own_process(folder, GROWTH_SIZE, "growth", QUICK_INJECTIONS if asked.quick else INJECTIONS)
    )["held"]  # fmt: skip
    publish(
        "flow_steps",
        asked,
        "Pressure and transport step",
        [
            "Seconds are medians, with least and largest in brackets; CPU is what the processor of the slowest rank "
            "spent.\n",
            "One step at the end of the demo's 4 ml (on the largest mesh: with a ball of as much cement), to 1e-10 of "
            "the right-hand side. The parts are those of a step from the pressure of the step before; set-up is that "
            "of the multigrid, and the search for pockets; the transport has to find the order of the cells first.\n",
            step_table(runs),
            "The steps of the demo's whole injection, as it runs: to 1e-11 and balanced cell by cell, with the rounds "
            "that viscosities and walls need. The first step, which has no pressure to begin with, is left out.\n",
            injection_table(runs),
            "Iterations from zero to 1e-10 over the ratio of the viscosities, each constant, for the cement as it lies "
            "at the end of the injection and for a ball of it, in the bone as it is and with the mean permeability of "
            "each cell in all directions.\n",
            iteration_table(runs),
            "Other solvers of the linear system of the first table, on one rank, to the same residual. The error is "
            "the largest of a facet's pressure over the largest pressure, against our solution to 1e-13.\n",
            peer_table(runs, peers),
            "Memory of all ranks together, from the prepared body in memory to the end of the steps.\n",
            memory_table(runs),
            f"{len(grown)} injections in one process ({GROWTH_SIZE:g} mm): {grown[SETTLED - 1]:.1f} MB after "
            f"{SETTLED}, {grown[-1]:.1f} MB after {len(grown)}.\n",
        ],
    )


def own_process(folder: Path, size: float, kind: str, count: int, ranks: int = 1) -> str:
    """Run our process and return the last line that it printed."""
    _, text = run(python("benchmarks.flow_process", size, folder, kind, count, ranks=ranks), ROOT)
    return text.splitlines()[-1]


def own(folder: Path, size: float, ranks: int, repeats: int) -> dict[str, Any]:
    """What our process found."""
    print(f"own solver, {size:g} mm, ranks: {ranks}", file=sys.stderr, flush=True)
    return json.loads(own_process(folder, size, "injection" if size >= INJECTED else "front", repeats, ranks))


def peer(folder: Path, size: float, method: str, repeats: int, limit: float) -> dict[str, Any] | str:
    """What another solver took, or why it has no figures."""
    if size < (SLOWEST if method in SLOW else INJECTED) and method in DIRECT:
        return "direct solver, not asked at this size"
    print(f"{method}, {size:g} mm", file=sys.stderr, flush=True)
    state = folder / f"state_{size:g}mm.npz"
    try:
        _, text = run(python("benchmarks.flow_peers", method, state, repeats), ROOT, 1, limit, MEMORY_LIMIT)
    except ProcessError as error:
        return str(error)
    return json.loads(text.splitlines()[-1])


def values(seconds: Sequence[dict[str, float]], name: str) -> list[float]:
    """One part of all steps."""
    return [one[name] for one in seconds]


def middle(seconds: Sequence[dict[str, float]], name: str) -> str:
    """Median of one part of the steps."""
    return f"{statistics.median(values(seconds, name)):.3f}" if name in seconds[0] else "–"


def efficiency(
    runs: dict[tuple[float, int], dict[str, Any]], size: float, ranks: int, seconds: Callable[[dict[str, Any]], float]
) -> str:
    """Time of one rank over ``ranks`` times that of ``ranks``."""
    if ranks == 1 or (size, 1) not in runs:
        return "–"
    return f"{seconds(runs[size, 1]) / (ranks * seconds(runs[size, ranks])):.0%}"


def previous_steps(found: dict[str, Any]) -> list[dict[str, float]]:
    """Single steps from the pressure of the step before."""
    return found["step"]["previous"]["seconds"]


def step_table(runs: dict[tuple[float, int], dict[str, Any]]) -> str:
    """One step on every mesh."""
    rows = []
    for (size, ranks), found in runs.items():
        previous, zero = found["step"]["previous"], found["step"]["zero"]
        rows.append(
            [
                found["cells"],
                found["unknowns"],
                ranks,
                *(middle(previous["seconds"], part) for part in PARTS),
                spread(values(previous["seconds"], "whole")),
                efficiency(runs, size, ranks, lambda found: statistics.median(values(previous_steps(found), "whole"))),
                middle(previous["seconds"], "whole CPU"),
                spread(values(zero["seconds"], "whole")),
                middle(zero["seconds"], "whole CPU"),
                f"{previous['iterations']}, {zero['iterations']}",
                middle(found["transport"], "order"),
                spread(values(found["transport"], "whole")),
            ]
        )
    head = [
        "cells",
        "unknowns",
        "ranks",
        *PARTS,
        "pressure step (s)",
        "efficiency",
        "CPU",
        "from zero (s)",
        "CPU",
        "iterations",
        "order",
    ]
    return table([*head, "transport step (s)"], rows)


def injection_table(runs: dict[tuple[float, int], dict[str, Any]]) -> str:
    """All steps of whole injections."""
    rows = []
    for (size, ranks), found in runs.items():
        if "injection" not in found:
            continue
        injection = found["injection"]
        steps = injection["steps"]
        rows.append(
            [
                found["cells"],
                ranks,
                len(steps) + 1,
                *(middle(steps, part) for part in PARTS),
                spread(values(steps, "whole")),
                middle(steps, "whole CPU"),
                f"{statistics.median(injection['iterations']):.0f} (at most {max(injection['iterations'])})",
                spread(values(steps, "transport")),
                f"{injection['seconds']:.1f}",
                efficiency(runs, size, ranks, lambda found: found["injection"]["seconds"]),
            ]
        )
    head = [
        "cells",
        "ranks",
        "steps",
        *PARTS,
        "pressure step (s)",
        "CPU",
        "iterations",
        "transport step (s)",
        "injection (s)",
        "efficiency",
    ]
    return table(head, rows)


def iteration_table(runs: dict[tuple[float, int], dict[str, Any]]) -> str:
    """Iterations over cells and contrasts."""
    rows = [
        [found["cells"], line["front"], line["bone"], *line["counts"]]
        for (_, ranks), found in runs.items()
        for line in found["iterations"]
        if ranks == 1
    ]
    return table(["cells", "cement", "bone", *(f"{contrast:g}" for contrast in CONTRASTS)], rows)


def peer_table(
    runs: dict[tuple[float, int], dict[str, Any]], peers: dict[tuple[float, str], dict[str, Any] | str]
) -> str:  # fmt: skip
    """Other solvers beside ours."""
    rows: list[list[object]] = []
    for (size, ranks), found in runs.items():
        if ranks != 1:
            continue
        cells, step = found["cells"], found["step"]
        rows += [
            peer_row(cells, "own", start, step[start], found["memory"]["per_cell"] * cells / 1e3)
            for start in ("zero", "previous")
        ]  # fmt: skip
        for method in METHODS:
            answer = peers[size, method]
            if isinstance(answer, str):
                rows.append([cells, method, answer, *["–"] * 8])
                continue
            for start in ("zero", "previous"):
                if start in answer:
                    name = "–" if answer[start]["iterations"] is None else start
                    rows.append(peer_row(cells, method, name, answer[start], answer["memory"]))
    head = [
        "cells",
        "solver",
        "from",
        "iterations",
        "assembly",
        "set-up",
        "solve",
        "whole (s)",
        "CPU",
        "error",
        "memory (MB)",
    ]
    return table(head, rows)


def peer_row(cells: int, solver: str, start: str, found: dict[str, Any], memory: float) -> list[object]:
    """One line of the table of other solvers."""
    seconds = found["seconds"]
    iterations = "–" if found["iterations"] is None else found["iterations"]
    taken = [middle(seconds, part) for part in ("assembly", "set-up", "solve")]
    return [
        cells,
        solver,
        start,
        iterations,
        *taken,
        spread(values(seconds, "whole")),
        middle(seconds, "whole CPU"),
        f"{found['error']:.0e}",
        f"{memory:.0f}",
    ]


def memory_table(runs: dict[tuple[float, int], dict[str, Any]]) -> str:
    """Memory over cells and ranks."""
    rows = [
        [found["cells"], ranks, f"{found['memory']['per_cell']:.1f}", f"{found['memory']['whole']:.0f}"]
        for (_, ranks), found in runs.items()
    ]
    return table(["cells", "ranks", "a cell (kB)", "whole processes (MB)"], rows)


if __name__ == "__main__":
    main()
