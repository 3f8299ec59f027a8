"""The return to the yield surfaces: on them, at the closest point, and with the derivative of what it returns."""

import numpy as np
import pytest

from fem.mechanics.yield_surface import TANGENT_SIZE, stress_and_tangent

COUNT = 2000
SURFACES = ("mohr_coulomb", "drucker_prager")
PLACES = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
ONES = np.array([1.0, 1.0, 1.0, 0.0, 0.0, 0.0])


def tensors(vectors):
    """(n, 3, 3) of (n, 6) stresses."""
    found = np.zeros((len(vectors), 3, 3))
    for number, (i, j) in enumerate(PLACES):
        found[:, i, j] = found[:, j, i] = vectors[:, number]
    return found


def excess(surface, stress, tension, compression):
    """(n,) how far a stress lies beyond the surface, over the compressive yield stress."""
    principal = np.linalg.eigvalsh(tensors(stress))
    if surface == "mohr_coulomb":
        return principal[:, 2] / tension - principal[:, 0] / compression - 1.0
    low, middle, high = principal.T
    mises = np.sqrt(0.5 * ((low - middle) ** 2 + (middle - high) ** 2 + (high - low) ** 2))
    slope = (compression - tension) / (compression + tension)
    return (mises + slope * principal.sum(axis=1)) / (2.0 * tension * compression / (compression + tension)) - 1.0


def hooke(strain, moduli):
    shear, bulk = moduli.T[:, :, None]
    volume = strain @ ONES
    return shear * strain * [2, 2, 2, 1, 1, 1] + ((bulk - 2.0 / 3.0 * shear) * volume[:, None]) * ONES


def returned(surface, strain, moduli, strengths):
    stress = np.empty_like(strain)
    stress_and_tangent(surface, strain, moduli, strengths, stress, None)
    return stress


@pytest.fixture(scope="module")
def points():
    """Strains, a fifth of them nearly the same in all directions; moduli; yield stresses, a third of them equal."""
    random = np.random.default_rng(3)
    shear = random.uniform(50.0, 500.0, COUNT)
    tension = random.uniform(0.5, 2.0, COUNT)
    ratio = np.where(random.random(COUNT) < 0.3, 1.0, random.uniform(1.0, 2.9, COUNT))
    strain = random.normal(0.0, 0.02, (COUNT, 6))
    strain[: COUNT // 5] = strain[: COUNT // 5, :1] * ONES + 0.05 * strain[: COUNT // 5]
    return (
        strain,
        np.stack([shear, shear * random.uniform(1.0, 4.0, COUNT)], 1),
        np.stack([tension, ratio * tension], 1),
    )


@pytest.mark.parametrize("surface", SURFACES)
def test_the_stress_is_elastic_inside_and_on_the_surface_where_it_would_be_outside(surface, points):
    strain, moduli, strengths = points
    trial, stress = hooke(strain, moduli), returned(surface, *points)
    outside = excess(surface, trial, *strengths.T) > 0.0
    assert 0.5 < outside.mean() < 0.99
    assert excess(surface, stress, *strengths.T)[outside] == pytest.approx(0.0, abs=1e-9)
    assert stress[~outside] == pytest.approx(trial[~outside], rel=1e-12)


@pytest.mark.parametrize("surface", SURFACES)
def test_no_admissible_stress_would_take_more_plastic_work(surface, points):
    """The principle that defines associated flow: (stress - other) : plastic strain >= 0, corners and apex included."""
    strain, moduli, strengths = points
    stress = returned(surface, *points)
    plastic = strain - compliance(stress, moduli)
    scale = np.abs(stress).max(axis=1) * np.abs(strain).max(axis=1)
    for seed in range(5):
        other = returned(surface, np.random.default_rng(seed).normal(0.0, 0.02, strain.shape), moduli, strengths)
        assert (((stress - other) * plastic).sum(axis=1) / scale).min() > -1e-9


def compliance(stress, moduli):
    shear, bulk = moduli.T[:, :, None]
    mean = (stress @ ONES)[:, None] / 3.0
    return (stress - mean * ONES) / shear * [0.5, 0.5, 0.5, 1, 1, 1] + mean / (3.0 * bulk) * ONES


@pytest.mark.parametrize("surface", SURFACES)
def test_the_tangent_is_the_derivative(surface, points):
    strain, moduli, strengths = points
    stress, packed = np.empty_like(strain), np.empty((COUNT, TANGENT_SIZE))
    stress_and_tangent(surface, strain, moduli, strengths, stress, packed)
    tangent = np.zeros((COUNT, 6, 6))
    rows, columns = np.triu_indices(6)
    tangent[:, rows, columns] = tangent[:, columns, rows] = packed
    step = 1e-7
    for column in range(6):
        change = step * np.eye(6)[column]
        ahead, behind = (returned(surface, strain + sign * change, moduli, strengths) for sign in (1.0, -1.0))
        error = np.abs((ahead - behind) / (2.0 * step) - tangent[:, :, column]).max(axis=1) / moduli[:, 0]
        # a difference across an edge of the surface is no derivative
        assert np.quantile(error, 0.998) < 1e-6


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_bar_yields_at_its_uniaxial_strength(surface, sign):
    """Beyond yield the axial stress is the yield stress; its strain across is what leaves the sides free."""
    tension, compression, modulus, ratio = 0.7, 1.3, 100.0, 0.3
    moduli = np.array([[modulus / (2.0 * (1.0 + ratio)), modulus / (3.0 * (1.0 - 2.0 * ratio))]])
    strain, stress, tangent = np.zeros((1, 6)), np.empty((1, 6)), np.empty((1, TANGENT_SIZE))
    strain[0, 2] = sign * 0.02
    for _ in range(30):  # Newton's method for the strain across
        stress_and_tangent(surface, strain, moduli, np.array([[tension, compression]]), stress, tangent)
        across = 0.5 * (stress[0, 0] + stress[0, 1])
        strain[0, :2] -= across / (tangent[0, 0] + tangent[0, 1] + 1e-12)
    assert stress[0, 2] == pytest.approx(tension if sign > 0.0 else -compression, rel=1e-9)
    assert stress[0, :2] == pytest.approx(0.0, abs=1e-9)


def test_a_point_without_a_limit_stays_elastic(points):
    strain, moduli, _ = points
    stress = returned("mohr_coulomb", strain, moduli, np.full((COUNT, 2), np.inf))
    assert stress == pytest.approx(hooke(strain, moduli), rel=1e-12)
