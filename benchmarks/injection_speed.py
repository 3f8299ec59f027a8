"""One written injection of two phases, by this program, OPM Flow and OpenFOAM's interFoam, each on one core.

Run it as ``python -m benchmarks.injection_speed``; it needs Linux, and OPM Flow (``flow``, Debian's
``libopm-simulators-bin``) and OpenFOAM (``interFoam``, ``openfoam``) where they are to be compared with. It prints the
table of ``docs/benchmarks.md``; ``-o docs/benchmarks.md`` also writes it there. ``--quick`` takes coarse meshes.

The problem is that of :mod:`benchmarks.cube_problem`. Errors are told against its exact sphere and against our own
solution on cells of half the length with a quarter of the step. OPM Flow runs with ever shorter steps; the one to
compare with is the fastest whose front and pressure are within 1 % of those of the shortest that it comes through with.
"""

from __future__ import annotations

import re
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks import cube_foam, cube_opm, cube_own
from benchmarks.cube_problem import CUBES, Answer, exact_pressure, exact_radius
from benchmarks.page import options, publish, spread, table
from benchmarks.processes import ProcessError

SIZE, QUICK_SIZE = 1.8, 3.2
"""Edge lengths in mm; the first one gives about 50k cells."""

QUICK_CUBES = 21
FACTORS = (1.0, 0.5)
"""On the number of our steps."""

OPM_STEPS = (5, 10, 20, 40, 80)
CONVERGED = 0.01
"""Share of the values with the shortest steps by which those of converged ones may differ."""

ROUNDS = 3


def main(arguments: Sequence[str] | None = None) -> None:
    """Run, print and write."""
    asked = options(__doc__, quick="coarse meshes and one round").parse_args(arguments)
    size, cubes, rounds = (QUICK_SIZE, QUICK_CUBES, 1) if asked.quick else (SIZE, CUBES, ROUNDS)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        refined = cube_own.solve(folder, 0.5 * size, 4.0)
        rows = [row("own, refined", [refined], refined)]
        # The first run compiles what is not yet in the cache.
        cube_own.solve(folder, size, 1.0)
        for factor in FACTORS:
            found = repeated(rounds, lambda factor=factor: cube_own.solve(folder, size, factor))  # type: ignore[misc]
            rows.append(row("own" if factor == 1.0 else f"own, {factor:g} x the steps", found, refined))
        rows += peer("OPM Flow", cube_opm.PROGRAM, refined, lambda: opm(folder / "opm", cubes, rounds))
        rows += peer(
            "interFoam",
            cube_foam.PROGRAM,
            refined,
            lambda: {"interFoam": repeated(rounds, lambda: cube_foam.solve(folder / "foam", cubes))},
        )
    publish(
        "injection_speed",
        asked,
        "One written injection, beside other programs",
        [
            f"{programs()}.\n",
            "3 ml at 0.1 ml/s into the middle of a cube of 40 mm (porosity 0.85, permeability 1e-8 m², zero pressure "
            "on all faces), cement of 100 Pa s against marrow of 0.2 Pa s, opening of 1.2 mm radius; ours on "
            "tetrahedra, the others on cubes. Seconds are those of a whole process on one core, medians with least "
            "and largest; the loop is what each program tells for itself. The front is the radius of a ball as large "
            "as the cells with more cement than marrow, and of one with the second moment of the cement. In brackets "
            f"stand the errors against our refined solution and against the exact sphere: {exact_radius():.3f} mm and "
            f"{1e3 * exact_pressure():.2f} kPa at the opening.\n",
            table(
                [
                    "program",
                    "cells",
                    "steps",
                    "wall (s)",
                    "CPU (s)",
                    "loop (s)",
                    "front, S > 0.5 (mm)",
                    "front, moment (mm)",
                    "pressure (kPa)",
                ],
                rows,
            ),
        ],
    )


def repeated(rounds: int, solve: Callable[[], Answer]) -> list[Answer]:
    """The answers of several runs."""
    return [solve() for _ in range(rounds)]


def opm(folder: Path, cubes: int, rounds: int) -> dict[str, list[Answer] | str]:
    """OPM Flow with each of its steps, several times with its own converged one; a reason where it gave up."""
    found: dict[int, Answer] = {}
    rows: dict[int, list[Answer] | str] = {}
    for steps in OPM_STEPS:
        try:
            found[steps] = cube_opm.solve(folder, steps, cubes)
            rows[steps] = [found[steps]]
        except ProcessError as error:
            rows[steps] = str(error)
    names = {steps: f"OPM Flow, steps of at most 1/{steps}" for steps in OPM_STEPS}
    if not found:
        return {names[steps]: answer for steps, answer in rows.items()}
    last = found[max(found)]

    def near(answer: Answer) -> bool:
        pairs = ((answer.moment_radius, last.moment_radius), (answer.pressure, last.pressure))
        return all(abs(value / finest - 1.0) <= CONVERGED for value, finest in pairs)

    chosen = min((steps for steps in found if near(found[steps])), key=lambda steps: found[steps].wall)
    rows[chosen] = [found[chosen], *repeated(rounds - 1, lambda: cube_opm.solve(folder, chosen, cubes))]
    names[chosen] += ", its fastest within 1 %"
    return {names[steps]: answer for steps, answer in rows.items()}


def peer(
    name: str, program: str, refined: Answer, solve: Callable[[], Mapping[str, list[Answer] | str]]
) -> list[list[object]]:  # fmt: skip
    """The rows of another program; one without figures says why."""
    if shutil.which(program) is None:
        found: Mapping[str, list[Answer] | str] = {name: f"skipped: no command {program}"}
    else:
        try:
            found = solve()
        except ProcessError as error:
            found = {name: f"skipped: {error}"}
    return [
        [label, answers, *["–"] * 7] if isinstance(answers, str) else row(label, answers, refined)
        for label, answers in found.items()
    ]


def row(label: str, answers: Sequence[Answer], refined: Answer) -> list[object]:
    """One line of the table."""
    first = answers[0]
    loops = [answer.loop for answer in answers if answer.loop is not None]

    def with_errors(value: float, finest: float, exact: float, digits: int) -> str:
        return f"{value:.{digits}f} ({100 * (value / finest - 1):+.1f} %, {100 * (value / exact - 1):+.1f} %)"

    return [
        label,
        first.cells,
        first.steps,
        spread([answer.wall for answer in answers], 1),
        f"{statistics.median(answer.processor for answer in answers):.1f}",
        f"{statistics.median(loops):.1f}" if loops else "–",
        with_errors(first.radius, refined.radius, exact_radius(), 3),
        with_errors(first.moment_radius, refined.moment_radius, exact_radius(), 3),
        with_errors(1e3 * first.pressure, 1e3 * refined.pressure, 1e3 * exact_pressure(), 2),
    ]


def programs() -> str:
    """Versions of the other programs."""
    listing = []
    for name, package in (("OPM Flow", "libopm-simulators-bin"), ("OpenFOAM", "openfoam")):
        asked = ["dpkg-query", "-W", "-f=${Version}", package]
        try:
            found = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
            listing.append(f"{name} {re.sub('[-+].*', '', found)}")
        except (OSError, subprocess.CalledProcessError):
            listing.append(f"{name} of unknown version")
    return ", ".join(listing)


if __name__ == "__main__":
    main()
