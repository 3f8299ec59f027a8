"""What the engine of a sweep adds to its cases: time, memory, and whether it changes a number.

Run it as ``python -m benchmarks.sweep_cost``; ``-o docs/sweeps.md`` writes its table there, and ``--count`` takes fewer
than 200 cases. A sweep of coarse cases (L3 of the demo, mesh of 2.5 mm, 3 ml, random permeability and consistency) runs
on two workers while its processes are watched. Then two processes run the same cases one after the other without the
engine, each with a mesh of its own, and all numbers are compared.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.page import machine, options, table, write_part
from benchmarks.processes import ROOT, memory, python

COUNT, WORKERS = 200, 2
SWEEP = """
title = "Cost of a sweep"
design = "random"
count = {count}

[base]
case = "demo"
mesh = {{ size_mm = 2.5 }}
injection = {{ volume_ml = 3.0 }}
mechanics = {{ degree = 1 }}

[[vary]]
path = "bone.permeability_multiplier"
distribution = "log-uniform"
low = 0.3
high = 3.0

[[vary]]
path = "cement.consistency_pa_s"
relative = true
distribution = "uniform"
low = 0.5
high = 1.5
"""
LOOK = 1.0
"""Seconds between two looks at the processes of the sweep."""


@dataclass
class Watch:
    """What was seen of a sweep's processes.

    Attributes:
        wall: seconds from start to end.
        processor: processor seconds of the sweep's own process, without those in which the cases run.
        of_cases: the same of each process with cases, in the order of their start.
        engine: MB that it held, at every look.
        largest: most MB that each process with cases has held, in the order of their start.
    """

    wall: float = 0.0
    processor: float = 0.0
    of_cases: dict[int, float] = field(default_factory=dict)
    engine: list[float] = field(default_factory=list)
    largest: dict[int, float] = field(default_factory=dict)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the sweep and the single cases, compare, print and write."""
    parser = options(__doc__)
    parser.add_argument("--count", type=int, default=COUNT, help="cases of the sweep")
    parser.add_argument("--singles", type=Path, nargs="+", help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.singles:
        run_singles(asked.singles)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "cost.toml").write_text(SWEEP.format(count=asked.count), encoding="utf-8")
        watch = watched_sweep(folder)
        rows = [json.loads(path.read_text(encoding="utf-8")) for path in (folder / "sweep" / "rows").iterdir()]
        single_seconds = single_runs(folder)
        differences = compared(folder)
    text = report(watch, rows, single_seconds, differences)
    print(text)
    if asked.out is not None:
        write_part(asked.out, "sweep_cost", text)


def watched_sweep(folder: Path) -> Watch:
    """Run ``cost.toml`` and look at its processes meanwhile.

    Raises:
        subprocess.CalledProcessError: the sweep failed.
    """
    program = "from experiments.cli.main import main; main()"
    options = ["-o", str(folder / "sweep"), "--workers", str(WORKERS), "--dashboard", "127.0.0.1:0"]
    command = [sys.executable, "-c", program, "sweep", str(folder / "cost.toml"), *options]
    watch, start = Watch(), time.perf_counter()
    sweep = subprocess.Popen(command, cwd=ROOT)
    while sweep.poll() is None:
        with suppress(OSError, ValueError):
            watch.processor = processor_seconds(sweep.pid)
            watch.engine.append(memory(sweep.pid))
            for child in children(sweep.pid):
                watch.of_cases[child] = processor_seconds(child)
                watch.largest[child] = max(watch.largest.get(child, 0.0), memory(child))
        time.sleep(LOOK)
    watch.wall = time.perf_counter() - start
    if sweep.returncode:
        raise subprocess.CalledProcessError(sweep.returncode, command)
    return watch


def processor_seconds(process: int) -> float:
    """Seconds of processors that a process itself has taken."""
    values = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(values[11]) + int(values[12])) / os.sysconf("SC_CLK_TCK")


def children(process: int) -> list[int]:
    """The processes that the threads of a process have started."""
    listed = (path.read_text().split() for path in Path(f"/proc/{process}/task").glob("*/children"))
    return [int(child) for line in listed for child in line]


def single_runs(folder: Path) -> list[float]:
    """Run every case of the sweep without the engine in two processes; results beside the case files.

    Returns:
        Seconds of each.
    """
    from experiments.sweep.cases import plan_cases
    from experiments.sweep.sweep_file import read_sweep_file

    (folder / "single").mkdir()
    for case in plan_cases(read_sweep_file(folder / "cost.toml"), "cost.toml", folder).cases:
        (folder / "single" / f"{case.identity}.toml").write_text(case.case_file(""), encoding="utf-8")
    files = sorted((folder / "single").glob("*.toml"))
    commands = [python("benchmarks.sweep_cost", "--singles", *files[part::WORKERS]) for part in range(WORKERS)]
    # Each in a session of its own, as the processes of a sweep: Linux shares its cores between sessions
    halves = [subprocess.Popen(command, cwd=ROOT, start_new_session=True) for command in commands]
    if any(half.wait() for half in halves):
        raise RuntimeError("a single run failed; see above")
    return [json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))["seconds"] for path in files]


def run_singles(files: Sequence[Path]) -> None:
    """Run case files one after the other in this process and write the results of each beside it."""
    import dolfinx_solver  # noqa: F401  (must be loaded before MPI, PETSc and DOLFINx)
    from mpi4py import MPI

    from experiments.case.schema import read_case
    from experiments.results.store import json_text
    from experiments.run.pipeline import run_case

    for file in files:
        start = time.perf_counter()
        results = run_case(read_case(file), comm=MPI.COMM_SELF).results.plain()
        content = {"results": results, "seconds": time.perf_counter() - start}
        file.with_suffix(".json").write_text(json_text(content), encoding="utf-8")


def compared(folder: Path) -> list[float]:
    """Largest relative difference of any number of each case between the sweep and its single run; 0: bit for bit."""
    differences = []
    for file in sorted((folder / "single").glob("*.json")):
        single = json.loads(file.read_text(encoding="utf-8"))["results"]
        del single["injection"]["course"]  # which a sweep does not keep
        row = json.loads((folder / "sweep" / "rows" / file.name).read_text(encoding="utf-8"))
        differences.append(largest_difference(row["outcome"]["results"], single))
    return differences


def largest_difference(one: Any, other: Any) -> float:
    """Largest relative difference between the numbers of two results; infinite where anything else differs."""
    leaves, others = dict(_leaves(one)), dict(_leaves(other))
    if leaves.keys() != others.keys():
        return float("inf")
    largest = 0.0
    for place, value in leaves.items():
        if value == others[place]:
            continue
        if not (isinstance(value, int | float) and isinstance(others[place], int | float)):
            return float("inf")
        largest = max(largest, abs(value - others[place]) / max(abs(value), abs(others[place])))
    return largest


def _leaves(value: Any, place: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every value of nested tables and lists with its place."""
    if isinstance(value, Mapping):
        entries = list(value.items())
    elif isinstance(value, list):
        entries = list(enumerate(value))
    else:
        yield place, value
        return
    for key, entry in entries:
        yield from _leaves(entry, (*place, str(key)))


def report(watch: Watch, rows: Sequence[Mapping[str, Any]], singles: list[float], differences: list[float]) -> str:
    """The part of the page."""
    count = len(rows)
    stages = statistics.fmean(sum(row["outcome"]["seconds"].values()) for row in rows)
    inside = statistics.fmean(row["seconds"] for row in rows)
    usual = statistics.median(row["seconds"] - sum(row["outcome"]["seconds"].values()) for row in rows)
    between = WORKERS * watch.wall / count - inside
    start = inside - stages - usual
    engine = watch.engine[len(watch.engine) // 10 :]
    tenth = max(1, len(engine) // 10)
    before, after = statistics.fmean(engine[:tenth]), statistics.fmean(engine[-tenth:])

    def cost(seconds: float, case: float) -> str:
        return f"{1000.0 * seconds:.0f} ms, {100.0 * seconds / case:.2f} %"

    processor = sum(watch.of_cases.values()) / count
    equal = sum(difference == 0.0 for difference in differences)
    lines = [
        ["cases, workers, wall", f"{count}, {WORKERS}, {watch.wall:.0f} s"],
        ["a case: its stages", f"{stages:.2f} s"],
        ["reading and checking it, and between the stages, as a single run does", cost(usual, stages)],
        ["engine: start of the processes", cost(start, stages)],
        ["engine: between two cases; planning, Dask, writing the row and the table, waiting", cost(between, stages)],
        ["engine, in all", cost(start + between, stages)],
        ["processor time of a case in its process", f"{processor:.2f} s"],
        ["processor time of the sweep's own process", cost(watch.processor / count, processor)],
        ["a single run without the engine, its mesh made anew", f"{statistics.fmean(singles):.2f} s"],
        ["memory of the sweep's own process, after a tenth of the time and at the end",
         f"{before:.0f} and {after:.0f} MB"],
        ["most memory of each process with cases, in the order of their start",
         ", ".join(f"{most:.0f}" for most in watch.largest.values()) + " MB"],
        ["cases whose every number is that of the single run bit by bit; largest relative difference",
         f"{equal} of {len(differences)}; {max(differences):.0e}"],
    ]  # fmt: skip
    return f"`python -m benchmarks.sweep_cost`: {machine()}\n" + table(["", ""], lines)


if __name__ == "__main__":
    main()
