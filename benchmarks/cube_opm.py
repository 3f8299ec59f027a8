"""The written problem of :mod:`benchmarks.cube_problem` in OPM Flow: a deck, a run, and its binary results.

A grid of equal cubes, a well with one connection in the middle one, and faces at the pressure of the start. Densities
are next to nothing, so that gravity has no part in it. What the source's cell adds to the pressure at the opening is
known exactly for such a grid (:data:`benchmarks.cube_problem.LATTICE_CELL`).
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.cube_problem import (
    CEMENT,
    CUBES,
    DURATION,
    EDGE,
    LATTICE_CELL,
    MARROW,
    PERMEABILITY,
    POROSITY,
    RATE,
    Answer,
    cube_middles,
    radii,
    within_cement,
)
from benchmarks.processes import run

PROGRAM = "flow"
START = 100.0
"""Pressure at the start and outside, in atm."""

ATMOSPHERE = 0.101325
"""MPa."""

MILLIDARCY = 9.869233e-10
"""mm2."""

COMPRESSIBILITY = 1e-8
"""Of both fluids in 1/atm."""

DECK = """RUNSPEC
TITLE
CUBE
DIMENS
 {cubes} {cubes} {cubes} /
OIL
WATER
LAB
UNIFOUT
START
 1 JAN 2020 /
WELLDIMS
 1 1 1 1 /
TABDIMS
/
GRID
INIT
DX
 {cells}*{edge:.12g} /
DY
 {cells}*{edge:.12g} /
DZ
 {cells}*{edge:.12g} /
TOPS
 {layer}*100 /
PORO
 {cells}*{porosity} /
PERMX
 {cells}*{permeability:.12g} /
PERMY
 {cells}*{permeability:.12g} /
PERMZ
 {cells}*{permeability:.12g} /
PROPS
DENSITY
 1e-6 1e-6 1e-9 /
PVTW
 {start} 1 {compressibility} {cement:.12g} 0 /
PVCDO
 {start} 1 {compressibility} {marrow:.12g} 0 /
ROCK
 {start} 0 /
SWOF
 0 0 1 0
 1 1 0 0 /
SOLUTION
PRESSURE
 {cells}*{start} /
SWAT
 {cells}*0 /
RPTRST
 BASIC=2 /
SUMMARY
SCHEDULE
RPTRST
 BASIC=2 /
BC
 1 1 1 {cubes} 1 {cubes} X- FREE /
 {cubes} {cubes} 1 {cubes} 1 {cubes} X FREE /
 1 {cubes} 1 1 1 {cubes} Y- FREE /
 1 {cubes} {cubes} {cubes} 1 {cubes} Y FREE /
 1 {cubes} 1 {cubes} 1 1 Z- FREE /
 1 {cubes} 1 {cubes} {cubes} {cubes} Z FREE /
/
WELSPECS
 NEEDLE G {middle} {middle} 1* WATER /
/
COMPDAT
 NEEDLE {middle} {middle} {middle} {middle} OPEN 1* 1e6 0.1 /
/
WCONINJE
 NEEDLE WATER OPEN RATE {rate:.12g} 1* 1e6 /
/
TSTEP
 {hours:.12g} /
END
"""


def solve(folder: Path, steps: int, cubes: int = CUBES) -> Answer:
    """Run it with steps of at most the whole time over ``steps``, with an odd number of ``cubes`` along an edge.

    Raises:
        ProcessError: it did not end well.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    # Whole seconds are all that the program tells apart, and it rounds down.
    edge, hours = EDGE / cubes, (DURATION + 1e-3) / 3600.0
    deck = DECK.format(
        cubes=cubes,
        cells=cubes**3,
        layer=cubes**2,
        middle=(cubes + 1) // 2,
        edge=0.1 * edge,
        porosity=POROSITY,
        permeability=PERMEABILITY / MILLIDARCY,
        start=START,
        compressibility=COMPRESSIBILITY,
        cement=1e9 * CEMENT,
        marrow=1e9 * MARROW,
        rate=1e-3 * RATE * 3600.0,
        hours=hours,
    )
    (folder / "CUBE.DATA").write_text(deck)
    longest = f"{hours / 24.0 / steps:.12g}"
    cost, text = run(
        [
            PROGRAM,
            "CUBE.DATA",
            f"--solver-max-time-step-in-days={longest}",
            f"--initial-time-step-in-days={longest}",
            "--threads-per-process=1",
        ],
        folder,
    )
    last = read_last(folder / "CUBE.UNRST", ("PRESSURE", "SWAT"))
    middle = cubes**3 // 2
    pressure = ATMOSPHERE * (float(last["PRESSURE"][middle]) - START)
    seconds = re.search(r"Solver time \(seconds\):\s+([\d.]+)", text)
    radius, moment_radius = radii(last["SWAT"], np.full(cubes**3, edge**3), cube_middles(cubes))
    return Answer(
        radius=radius,
        moment_radius=moment_radius,
        pressure=within_cement(LATTICE_CELL * edge, pressure),
        wall=cost.wall,
        processor=cost.processor,
        loop=float(seconds[1]) if seconds else None,
        cells=cubes**3,
        steps=len(re.findall(r"^ *Starting time step|^Time step \d", text, re.MULTILINE)),
    )


def read_last(path: Path, names: tuple[str, ...]) -> dict[str, NDArray[np.float64]]:
    """The last arrays of these names in a restart file, which is one of Fortran's, unformatted and big-endian."""
    content, place, found = path.read_bytes(), 0, {}
    widths = {"INTE": 4, "REAL": 4, "DOUB": 8, "LOGI": 4, "CHAR": 8, "MESS": 0}
    while place < len(content):
        name = content[place + 4 : place + 12].decode().strip()
        count = int.from_bytes(content[place + 12 : place + 16], "big")
        kind = content[place + 16 : place + 20].decode()
        place += 24
        width = widths[kind] if kind in widths else int(kind[1:])
        data = bytearray()
        while len(data) < count * width:
            length = int.from_bytes(content[place : place + 4], "big")
            data += content[place + 4 : place + 4 + length]
            place += length + 8
        if name in names:
            found[name] = np.frombuffer(data, dtype={"REAL": ">f4", "DOUB": ">f8"}[kind]).astype(float)
    return found
