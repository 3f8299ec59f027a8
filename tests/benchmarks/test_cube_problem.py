"""The written injection: its exact numbers, what a lattice adds to a pressure, and results of OPM Flow as read."""

import math
import struct

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import ive

from benchmarks import cube_problem as cube
from benchmarks.cube_opm import read_last


def test_pressure_of_a_lattice_cell():
    """The Green's function of the cubic lattice at its origin is half the integral of (exp(-t) I0(t))^3."""
    head = quad(lambda t: ive(0, t) ** 3, 0.0, 1e3, limit=500, epsabs=1e-12)[0]
    tail = 2.0 * (2.0 * math.pi) ** -1.5 / math.sqrt(1e3)
    assert pytest.approx(2.0 * math.pi * (head + tail), rel=1e-5) == 1.0 / cube.LATTICE_CELL


def test_radii_of_a_sphere():
    cubes, radius = 81, 9.0
    places = cube.cube_middles(cubes)
    saturation = (np.linalg.norm(places, axis=1) < radius).astype(float)
    volumes = np.full(len(places), (cube.EDGE / cubes) ** 3)
    assert volumes.sum() == pytest.approx(cube.EDGE**3)
    assert cube.radii(saturation, volumes, places) == pytest.approx((radius, radius), rel=5e-3)


def test_cells_run_along_x_first():
    places = cube.cube_middles(5)
    assert places[1] - places[0] == pytest.approx([8.0, 0.0, 0.0])
    assert places[62] == pytest.approx([0.0, 0.0, 0.0])


def test_pressure_at_the_opening_from_elsewhere():
    """Between two radii inside the cement the exact pressure falls by what the conversion adds."""
    front, outside = cube.exact_radius(), cube.EDGE * (3.0 / (4.0 * math.pi)) ** (1.0 / 3.0)
    scale = cube.RATE / (4.0 * math.pi * cube.PERMEABILITY)
    at_four = scale * (cube.CEMENT * (1.0 / 4.0 - 1.0 / front) + cube.MARROW * (1.0 / front - 1.0 / outside))
    assert cube.within_cement(4.0, at_four) == pytest.approx(cube.exact_pressure(), rel=1e-12)


def test_last_arrays_of_a_restart_file(tmp_path):
    def record(content):
        return struct.pack(">i", len(content)) + content + struct.pack(">i", len(content))

    def array(name, kind, values):
        head = record(name.ljust(8).encode() + struct.pack(">i", len(values)) + kind.encode())
        return head + b"".join(record(values[i : i + 1000].tobytes()) for i in range(0, len(values), 1000))

    earlier, later = (np.linspace(start, 5.0, 2300).astype(">f4") for start in (0.0, 1.0))
    names = np.array([b"ABCDEFGH"] * 3)
    content = array("SWAT", "REAL", earlier) + array("ZWEL", "CHAR", names) + array("SWAT", "REAL", later)
    path = tmp_path / "CUBE.UNRST"
    path.write_bytes(content + array("EMPTY", "DOUB", earlier[:0]))
    found = read_last(path, ("SWAT",))
    assert list(found) == ["SWAT"]
    np.testing.assert_array_equal(found["SWAT"], later.astype(float))
