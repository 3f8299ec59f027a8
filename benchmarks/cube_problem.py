"""A written problem of two phases: cement pressed into the middle of a cube full of marrow.

3 ml at 0.1 ml/s enter a cube of 40 mm of porosity 0.85 and permeability 1e-8 m2 at a needle's opening of 1.2 mm radius
in its middle; the pressure is zero on all faces. Cement has 100 Pa s, marrow 0.2 Pa s, relative permeabilities are
linear. Where cement is the more viscous one, its front is a sharp sphere,

    R^3 = 3 V / (4 pi phi),   p(r) = Q / (4 pi k) (mu_c (1 / r - 1 / R) + mu_m (1 / R - 1 / R_e)),

with the faces taken for a sphere R_e of the cube's volume, whose share in p is below 0.01 %.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

EDGE, POROSITY, PERMEABILITY = 40.0, 0.85, 1e-2
"""mm, 1 and mm2."""

CEMENT, MARROW = 1e-4, 2e-7
"""Viscosities in MPa s."""

RATE, VOLUME = 100.0, 3000.0
"""mm3/s and mm3."""

OPENING = 1.2
"""Radius of the opening in mm, about that of the bore of an 11G needle."""

DURATION = VOLUME / RATE
CUBES = 37
"""Cells along an edge of a grid of cubes, odd, so that one lies in the middle: 50653 in all."""

LATTICE_CELL = 1.0 / (4.0 * math.pi * 0.25273100985866)
"""Radius, over the edge of a cube, at which the pressure around a point source is that of the cell which holds it, on a
grid of equal cubes with fluxes between two points each. The figure is the lattice's Green's function at its origin,
Watson's third integral (Watson 1939, 10.1093/qmath/os-10.1.266; Joyce 1973, 10.1098/rsta.1973.0018)."""


@dataclass(frozen=True)
class Answer:
    """What a program found at the end.

    Attributes:
        radius: of a ball as large as the cells with more cement than marrow, in mm.
        moment_radius: of a ball with the second moment of the cement, in mm.
        pressure: at the opening in MPa.
        wall: seconds of the whole process on the wall.
        processor: seconds of the whole process on the processor.
        loop: seconds that the program itself tells for its steps; None where it does not.
        cells: of its mesh.
        steps: taken.
    """

    radius: float
    moment_radius: float
    pressure: float
    wall: float
    processor: float
    loop: float | None
    cells: int
    steps: int


def exact_radius() -> float:
    """Of the front in mm."""
    return (3.0 * VOLUME / (4.0 * math.pi * POROSITY)) ** (1.0 / 3.0)


def exact_pressure() -> float:
    """At the opening in MPa."""
    front, outside = exact_radius(), EDGE * (3.0 / (4.0 * math.pi)) ** (1.0 / 3.0)
    parts = CEMENT * (1.0 / OPENING - 1.0 / front) + MARROW * (1.0 / front - 1.0 / outside)
    return RATE / (4.0 * math.pi * PERMEABILITY) * parts


def within_cement(radius: float, pressure: float) -> float:
    """The pressure in MPa at the opening, from one in MPa at another ``radius`` in mm; all is cement between them."""
    return pressure + RATE * CEMENT / (4.0 * math.pi * PERMEABILITY) * (1.0 / OPENING - 1.0 / radius)


def radii(
    saturation: NDArray[np.float64], volumes: NDArray[np.float64], places: NDArray[np.float64]
) -> tuple[float, float]:
    """Two measures of the radius of the front in mm, which agree for a sharp sphere.

    Args:
        saturation: (cells,) of cement.
        volumes: (cells,) in mm3.
        places: (cells, 3) middles of the cells from the middle of the cube in mm.

    Returns:
        Radius of a ball as large as the cells with more cement than marrow, and of one with the second moment of the
        cement, which does not jump from cell to cell.
    """
    weight = saturation * volumes
    square = float(weight @ (places**2).sum(axis=1) / weight.sum())
    return (3.0 * float(volumes[saturation > 0.5].sum()) / (4.0 * math.pi)) ** (1.0 / 3.0), math.sqrt(
        5.0 / 3.0 * square
    )


def cube_middles(cubes: int) -> NDArray[np.float64]:
    """(cubes^3, 3) middles of the cells of a grid, x running fastest, from the middle of the cube in mm."""
    along = (np.arange(cubes) + 0.5) * EDGE / cubes - 0.5 * EDGE
    return np.stack(np.meshgrid(along, along, along, indexing="ij")[::-1], axis=-1).reshape(-1, 3)
