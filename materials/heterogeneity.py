"""Heterogeneity of trabecular permeability that a clinical CT does not show: a random field, a function of place."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from materials.provenance import check_ranges, quantity

FloatArray = NDArray[np.float64]

_MODES = 512
_SINE = tuple((-1.0) ** power / math.factorial(2 * power + 1) for power in range(10, -1, -1))


@dataclass(frozen=True)
class TrabecularHeterogeneity:
    """Factor exp(sd g(x) - sd^2 / 6) on the permeability, with a Gaussian random field g of mean 0 and variance 1.

    Its correlation exp(-(r / length)^2) has fallen to 1/e at ``length``. The field is a sum of random Fourier modes
    (Shinozuka and Deodatis 1991, 10.1115/1.3119501, tag M) whose wave vectors and phases follow from the seed alone:
    g depends on the seed and the place, on no mesh, and every part of a mesh sees the same.

    The mean stays that of flow: a medium of isotropic log-normal permeability conducts in three dimensions as its
    geometric mean times exp(sd^2 / 6) (Matheron 1967, exact to sd^2 by Gutjahr 1978,
    10.1029/WR014i005p00953; Dagan 1989, 10.1007/978-3-642-75015-1; all tag M), so that the factor leaves the effective
    permeability of large pieces of bone as it is.
    """

    sd: float = quantity(
        0.8,
        "1",
        "SD of ln k: 0.51 of a CT at 1 mm, 0.88 of 1 mm cubes of a core by flow through its pores",
        "D",
        0.0,
        2.0,
    )
    length: float = quantity(2.5, "mm", "autocorrelation of a CT at 1 mm falls to 1/e in 1.5 to 3 mm", "D", 0.5, 10.0)
    seed: int = quantity(1, "1", "one patient of many, fixed beforehand", "D", 0, 999_999)

    def __post_init__(self) -> None:
        """Check the ranges of the values."""
        check_ranges(self)

    def factor(self, points: FloatArray) -> FloatArray:
        """(n,) factor on the permeability at (n, 3) places in mm."""
        if self.sd == 0.0:
            return np.ones(len(points))
        return np.exp(self.sd * self.standard_field(points) - self.sd**2 / 6.0)

    def standard_field(self, points: FloatArray) -> FloatArray:
        """(n,) the field g at (n, 3) places in mm."""
        # Streams of bit generators are fixed for good in NumPy, those of its distributions are not.
        raw = np.random.Philox(self.seed).random_raw(4 * _MODES).reshape(4, _MODES)
        uniform = ((raw >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
        waves = np.sqrt(2.0) / self.length * ndtri(uniform[:3]) / (2.0 * np.pi)
        return np.sqrt(2.0 / _MODES) * _sums_of_cosines(np.ascontiguousarray(points), waves, uniform[3])


@numba.njit(cache=True, fastmath={"contract", "reassoc"})
def _sums_of_cosines(points: FloatArray, waves: FloatArray, phases: FloatArray) -> FloatArray:
    """(n,) sums over (3, modes) waves, in turns per mm, and (modes,) phases, in turns, at (n, 3) places.

    Some thirty times as fast as NumPy's cosine, and within 1e-15 of it in each term: cos 2a = 1 - 2 sin(a)^2 with the
    Taylor series of the sine up to a quarter of a turn.
    """
    modes = len(phases)
    found = np.empty(len(points))
    for point in range(len(points)):
        x, y, z = points[point, 0], points[point, 1], points[point, 2]
        total = 0.0
        for mode in range(modes):
            turns = x * waves[0, mode] + y * waves[1, mode] + z * waves[2, mode] + phases[mode]
            square = (np.pi * (turns - np.rint(turns))) ** 2
            sine = 0.0
            for coefficient in _SINE:
                sine = sine * square + coefficient
            total += square * sine * sine
        found[point] = modes - 2.0 * total
    return found
