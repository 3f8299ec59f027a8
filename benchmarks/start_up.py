"""How long the command takes to start, and what compiling its forms and loops costs the first time.

Run it as ``python -m benchmarks.start_up``; ``-o docs/benchmarks.md`` writes its table there. The demo runs on a coarse
mesh with empty caches of FFCx (C code of the finite element forms) and numba (loops), and again with what it left.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.page import options, publish, spread, table
from benchmarks.processes import ROOT, run

STARTS = 7
"""Processes of each command."""

RUNS = 3
"""Runs of the demo from each state of the caches."""

COMMANDS = (("--version",), ("--help",), ("run", "--help"), ("sweep", "--help"), ("schema",))
DEMO = ("demo", "--mesh-size", "3")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print and write."""
    asked = options(__doc__).parse_args(arguments)
    program = str(Path(sys.executable).parent / "vertebroplasty")
    rows = []
    for command in COMMANDS:
        walls = [run([program, *command], ROOT)[0].wall for _ in range(STARTS)]
        rows.append([f"`vertebroplasty {' '.join(command)}`", spread(walls, 2)])
    first, later = [], []
    for _ in range(RUNS):
        with tempfile.TemporaryDirectory() as folder:
            first.append(demo(program, Path(folder)))
            later.append(demo(program, Path(folder)))
    demo_name = f"`vertebroplasty {' '.join(DEMO)}`"
    rows.append([f"{demo_name}, empty caches", spread([wall for wall, _ in first], 1)])
    rows.append([f"{demo_name}, what it left there", spread([wall for wall, _ in later], 1)])
    gained = {name: seconds - later[0][1].get(name, 0.0) for name, seconds in first[0][1].items()}
    most = sorted(gained.items(), key=lambda item: -item[1])[:3]
    publish(
        "start_up",
        asked,
        "Start-up",
        [
            "Seconds of whole processes: medians, with least and largest in brackets.\n",
            table(["command", "wall (s)"], rows),
            "The first run compiles in these stages: "
            + ", ".join(f"{name} {seconds:.1f} s" for name, seconds in most)
            + ".\n",
        ],
    )


def demo(program: str, folder: Path) -> tuple[float, dict[str, float]]:
    """Seconds of one run of the demo with its caches in ``folder``: of the process, and of each stage."""
    caches = {"XDG_CACHE_HOME": str(folder), "NUMBA_CACHE_DIR": str(folder / "numba")}
    with tempfile.TemporaryDirectory() as results:
        cost, _ = run([program, *DEMO, "-o", os.path.join(results, "demo")], ROOT, variables=caches)
        manifest = json.loads(Path(results, "demo", "manifest.json").read_text(encoding="utf-8"))
    return cost.wall, dict(manifest["seconds"])


if __name__ == "__main__":
    main()
