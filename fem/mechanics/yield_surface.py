"""Stress of elastic, perfectly plastic points: closest-point return to two yield surfaces, with its exact tangent.

Both surfaces follow from the yield stresses t in uniaxial tension and c in uniaxial compression, k = c / t, and flow is
associated, so that the tangent is symmetric. With the principal stresses s1 >= s2 >= s3, von Mises' stress q and the
trace I of the stress:

- ``"mohr_coulomb"``: k s1 - s3 <= c, which is Tresca's surface where both yield stresses are the same. The return in
  principal stresses is closed: to a plane, to one of two edges, or to the apex (Clausen, Damkilde & Andersen 2006,
  10.1016/j.compstruc.2006.06.009; tag M).
- ``"drucker_prager"``: q + b I <= y with b = (c - t) / (c + t), y = 2 c t / (c + t), which is von Mises' surface where
  both are the same (de Souza Neto, Peric & Owen 2008, Computational methods for plasticity, chapter 8; tag M).

Tensors are vectors (xx, yy, zz, yz, xz, xy); of strains the last three are twice the tensor's.
"""

from __future__ import annotations

from typing import Literal

import numba
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

type Surface = Literal["mohr_coulomb", "drucker_prager"]

TANGENT_SIZE = 21
"""Entries of the upper triangle of a symmetric 6 x 6 matrix, row by row."""

_ROUND_OFF = 1e-12
"""Share of the stress by which principal stresses count as equal."""


def stress_and_tangent(
    surface: Surface,
    elastic_strain: FloatArray,
    moduli: FloatArray,
    strengths: FloatArray,
    stress: FloatArray,
    tangent: FloatArray | None,
) -> None:
    """Bring the elastic stress of points back to their yield surface.

    Args:
        surface: name of the surface.
        elastic_strain: (n, 6) strain less the plastic strain so far.
        moduli: (n, 2) shear modulus and bulk modulus in MPa.
        strengths: (n, 2) yield stress in tension and in compression in MPa, the second not below the first; infinite
            where a point does not yield.
        stress: (n, 6) takes the stress in MPa.
        tangent: (n, 21) takes the upper triangle of the derivative of the stress, or None.
    """
    wanted = tangent is not None
    into = tangent if tangent is not None else np.empty((0, TANGENT_SIZE))
    _return_all(surface == "mohr_coulomb", elastic_strain, moduli, strengths, stress, into, wanted)


@numba.njit(cache=True)
def _return_all(mohr_coulomb, strain, moduli, strengths, stress, tangent, wanted):  # type: ignore[no-untyped-def]
    matrix = np.empty((6, 6))
    for point in range(len(strain)):
        shear, bulk = moduli[point]
        tension, compression = strengths[point]
        lame = bulk - 2.0 * shear / 3.0
        volume = strain[point, 0] + strain[point, 1] + strain[point, 2]
        trial = np.empty(6)
        for i in range(3):
            trial[i] = lame * volume + 2.0 * shear * strain[point, i]
            trial[i + 3] = shear * strain[point, i + 3]
        if not np.isfinite(compression):
            _elastic(shear, lame, matrix)
        elif mohr_coulomb:
            _mohr_coulomb(trial, shear, lame, tension, compression, matrix)
        else:
            _drucker_prager(trial, shear, bulk, tension, compression, matrix)
        stress[point] = trial
        if wanted:
            entry = 0
            for row in range(6):
                for column in range(row, 6):
                    tangent[point, entry] = matrix[row, column]
                    entry += 1


@numba.njit(cache=True)
def _elastic(shear, lame, matrix):  # type: ignore[no-untyped-def]
    matrix[:] = 0.0
    matrix[:3, :3] = lame
    for i in range(3):
        matrix[i, i] += 2.0 * shear
        matrix[i + 3, i + 3] = shear


@numba.njit(cache=True)
def _drucker_prager(stress, shear, bulk, tension, compression, matrix):  # type: ignore[no-untyped-def]
    """Return ``stress`` in place and write its tangent."""
    slope = (compression - tension) / (compression + tension)
    limit = 2.0 * compression * tension / (compression + tension)
    _elastic(shear, bulk - 2.0 * shear / 3.0, matrix)
    mean = (stress[0] + stress[1] + stress[2]) / 3.0
    deviator = stress.copy()
    deviator[:3] -= mean
    squares = 0.0
    for i in range(3):
        squares += deviator[i] ** 2 + 2.0 * deviator[i + 3] ** 2
    mises = np.sqrt(1.5 * squares)
    excess = mises + 3.0 * slope * mean - limit
    if excess <= 0.0:
        return
    hardness = 3.0 * shear + 9.0 * bulk * slope**2
    flow = excess / hardness
    if 3.0 * shear * flow >= mises:
        stress[:] = 0.0
        stress[:3] = limit / (3.0 * slope)
        matrix[:] = 0.0
        return
    direction = deviator / mises
    left = 3.0 * shear * direction
    left[:3] += 3.0 * bulk * slope
    turned = 6.0 * shear**2 * flow / mises
    for i in range(6):
        for j in range(6):
            part = 1.5 * direction[i] * direction[j]
            if i < 3 and j < 3:
                part += 1.0 / 3.0
            if i == j:
                part -= 1.0 if i < 3 else 0.5
            matrix[i, j] += turned * part - left[i] * left[j] / hardness
    stress[:] = deviator * (1.0 - 3.0 * shear * flow / mises)
    stress[:3] += mean - 3.0 * bulk * slope * flow


@numba.njit(cache=True)
def _mohr_coulomb(stress, shear, lame, tension, compression, matrix):  # type: ignore[no-untyped-def]
    """Return ``stress`` in place and write its tangent."""
    ratio = compression / tension
    trial, axes = _principal(stress)
    if ratio * trial[0] - trial[2] <= compression:
        _elastic(shear, lame, matrix)
        return
    elastic = np.full((3, 3), lame)
    for i in range(3):
        elastic[i, i] += 2.0 * shear
    plane = np.array([ratio, 0.0, -1.0])
    beside = np.empty(3)
    # One plane, then the edge s1 = s2 or s2 = s3 that the return to the plane passes, then the apex.
    found, inside = _to_plane(trial, elastic, plane, compression, _ROUND_OFF)
    returned, local = found
    if not inside:
        done = False
        for attempt in range(2):
            upper = (returned[0] < returned[1]) == (attempt == 0)
            beside[:] = 0.0
            beside[1 if upper else 0] = ratio
            beside[2 if upper else 1] = -1.0
            edge, inside = _to_edge(trial, elastic, plane, beside, compression, _ROUND_OFF)
            if inside:
                returned, local = edge
                done = True
                break
        if not done:
            returned = np.full(3, compression / (ratio - 1.0)) if ratio > 1.0 else returned
            local = np.zeros((3, 3))
    diagonal = np.empty((3, 6))
    for a in range(3):
        diagonal[a] = _dyad(axes[:, a], axes[:, a])
    stress[:] = 0.0
    matrix[:] = 0.0
    scale = abs(trial[0]) + abs(trial[2])
    for a in range(3):
        stress += returned[a] * diagonal[a]
        for b in range(3):
            for i in range(6):
                for j in range(6):
                    matrix[i, j] += local[a, b] * diagonal[a, i] * diagonal[b, j]
        for b in range(a + 1, 3):
            apart = trial[a] - trial[b]
            if apart > 1e-8 * scale:
                turning = shear * (returned[a] - returned[b]) / apart
            else:
                turning = 0.25 * (local[a, a] + local[b, b] - local[a, b] - local[b, a])
            mixed = _dyad(axes[:, a], axes[:, b])
            for i in range(6):
                for j in range(6):
                    matrix[i, j] += 4.0 * turning * mixed[i] * mixed[j]


@numba.njit(cache=True)
def _to_plane(trial, elastic, normal, compression, tolerance):  # type: ignore[no-untyped-def]
    """((principal stresses, tangent), whether their order holds) of the return to the plane of ``normal``."""
    through = elastic @ normal
    hardness = normal @ through
    returned = trial - (normal @ trial - compression) / hardness * through
    slack = tolerance * (np.abs(trial).max() + compression)
    inside = returned[0] >= returned[1] - slack and returned[1] >= returned[2] - slack
    return (returned, elastic - np.outer(through, through) / hardness), inside


@numba.njit(cache=True)
def _to_edge(trial, elastic, one, two, compression, tolerance):  # type: ignore[no-untyped-def]
    """((principal stresses, tangent), whether this edge is the place) of the return to two planes at once."""
    first, second = elastic @ one, elastic @ two
    a, b, c = one @ first, one @ second, two @ second
    determinant = a * c - b * b
    f, g = one @ trial - compression, two @ trial - compression
    u, v = (c * f - b * g) / determinant, (a * g - b * f) / determinant
    returned = trial - u * first - v * second
    slack = tolerance * (np.abs(trial).max() + compression)
    inside = u >= 0.0 and v >= 0.0 and returned[0] >= returned[1] - slack and returned[1] >= returned[2] - slack
    mixed = np.outer(first, second)
    local = elastic - (c * np.outer(first, first) - b * (mixed + mixed.T) + a * np.outer(second, second)) / determinant
    return (returned, local), inside


@numba.njit(cache=True)
def _dyad(first, second):  # type: ignore[no-untyped-def]
    """(6,) symmetric part of the dyadic product of two vectors."""
    return np.array(
        [
            first[0] * second[0],
            first[1] * second[1],
            first[2] * second[2],
            0.5 * (first[1] * second[2] + first[2] * second[1]),
            0.5 * (first[0] * second[2] + first[2] * second[0]),
            0.5 * (first[0] * second[1] + first[1] * second[0]),
        ]
    )


@numba.njit(cache=True)
def _principal(stress):  # type: ignore[no-untyped-def]
    """(3,) principal stresses, the most tensile first, and (3, 3) their axes in columns, by Jacobi's rotations."""
    tensor = np.empty((3, 3))
    tensor[0, 0], tensor[1, 1], tensor[2, 2] = stress[0], stress[1], stress[2]
    tensor[1, 2] = tensor[2, 1] = stress[3]
    tensor[0, 2] = tensor[2, 0] = stress[4]
    tensor[0, 1] = tensor[1, 0] = stress[5]
    axes = np.eye(3)
    size = np.abs(tensor).max()
    for _ in range(30):
        off = abs(tensor[0, 1]) + abs(tensor[0, 2]) + abs(tensor[1, 2])
        if off <= 1e-15 * size:
            break
        for p in range(2):
            for q in range(p + 1, 3):
                if tensor[p, q] == 0.0:
                    continue
                theta = (tensor[q, q] - tensor[p, p]) / (2.0 * tensor[p, q])
                t = 1.0 / (abs(theta) + np.sqrt(theta * theta + 1.0))
                if theta < 0.0:
                    t = -t
                c = 1.0 / np.sqrt(t * t + 1.0)
                s = t * c
                for i in range(3):
                    one, two = tensor[i, p], tensor[i, q]
                    tensor[i, p], tensor[i, q] = c * one - s * two, s * one + c * two
                for i in range(3):
                    one, two = tensor[p, i], tensor[q, i]
                    tensor[p, i], tensor[q, i] = c * one - s * two, s * one + c * two
                for i in range(3):
                    one, two = axes[i, p], axes[i, q]
                    axes[i, p], axes[i, q] = c * one - s * two, s * one + c * two
    values = np.array([tensor[0, 0], tensor[1, 1], tensor[2, 2]])
    order = np.argsort(-values)
    return values[order], axes[:, order]
