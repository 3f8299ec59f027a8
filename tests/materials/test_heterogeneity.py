"""The random field of trabecular heterogeneity: its statistics, and that it is a function of the place alone."""

import numpy as np
import pytest
from phantoms import box

from materials.bone import BoneModel
from materials.heterogeneity import TrabecularHeterogeneity

EDGE = 60.0
"""mm of the cube that statistics are taken over: thousands of correlation volumes."""

FIELD_OF_SEED_1 = [0.393819612, 0.07290695]


def points(count, seed=1):
    return np.random.default_rng(seed).uniform(-0.5 * EDGE, 0.5 * EDGE, (count, 3))


def test_a_place_has_its_value_whatever_stands_beside_it():
    law, places = TrabecularHeterogeneity(), points(20000)
    field = law.standard_field(places)
    order = np.random.default_rng(2).permutation(len(places))
    np.testing.assert_allclose(law.standard_field(places[order]), field[order], rtol=0.0, atol=1e-12)
    np.testing.assert_allclose(law.standard_field(places[5:6]), field[5:6], rtol=0.0, atol=1e-12)


def test_the_field_of_a_seed_stays():
    """What patients of earlier versions had, worked out once; a change of the generator would show here."""
    field = TrabecularHeterogeneity(seed=1).standard_field(np.array([[0.0, 0.0, 0.0], [10.0, -5.0, 3.0]]))
    assert field == pytest.approx(FIELD_OF_SEED_1, abs=1e-9)


def test_seeds_are_patients_of_their_own():
    places = points(5000)
    first, second = (TrabecularHeterogeneity(seed=seed).standard_field(places) for seed in (1, 2))
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.05


@pytest.mark.parametrize("length", [1.5, 2.5, 4.0])
def test_normal_with_the_correlation_of_its_length(length):
    places, direction = points(20000), np.random.default_rng(3).normal(size=(20000, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    law = TrabecularHeterogeneity(length=length)
    field = law.standard_field(places)
    assert field.mean() == pytest.approx(0.0, abs=0.05)
    assert field.std() == pytest.approx(1.0, abs=0.03)
    assert np.mean(np.abs(field) < 1.0) == pytest.approx(0.6827, abs=0.02)
    for distance in (0.5, 1.0, 2.0):
        beside = law.standard_field(places + distance * length * direction)
        assert np.corrcoef(field, beside)[0, 1] == pytest.approx(np.exp(-(distance**2)), abs=0.04)


@pytest.mark.parametrize("size", [3.0, 1.5])
def test_cells_of_every_size_scatter_alike(size):
    mesh = box((24.0, 24.0, 24.0), size)
    factor = np.log(TrabecularHeterogeneity(sd=0.8).factor(mesh.cell_centroids))
    mean = np.average(factor, weights=mesh.cell_volumes)
    assert np.average((factor - mean) ** 2, weights=mesh.cell_volumes) == pytest.approx(0.64, rel=0.08)


def test_no_scatter_is_no_factor():
    np.testing.assert_array_equal(TrabecularHeterogeneity(sd=0.0).factor(points(10)), np.ones(10))


def test_it_scales_the_permeability_alone():
    voxels, weights = np.full(8, 50.0), np.eye(8)
    centroids = points(8)
    law = BoneModel()
    solid = voxels[:, None]
    plain, varied = (law.evaluate(voxels, weights, solid, centroids=given) for given in (None, centroids))
    factor = law.heterogeneity.factor(centroids)
    assert varied.permeability_axial == pytest.approx(factor * plain.permeability_axial)
    assert varied.permeability_transverse == pytest.approx(factor * plain.permeability_transverse)
    for name in ("bmd", "porosity", "modulus"):
        np.testing.assert_array_equal(getattr(varied, name), getattr(plain, name))
    assert varied.bound_shares == plain.bound_shares
