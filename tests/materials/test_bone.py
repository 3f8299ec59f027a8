"""Bone laws against values worked out by hand from their sources and against plain loops over voxels."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from materials.bone import (
    BoneModel,
    KozenyCarmanMartin,
    LinearCalibration,
    LinearPorosity,
    martin_specific_surface,
)


def test_density_of_a_ct_number():
    assert LinearCalibration().density(np.array([150.0, -50.0])) == pytest.approx([0.12, -0.04])
    assert LinearCalibration(1e-3, 0.01).density(np.array(100.0)) == pytest.approx(0.11)


def test_porosity_without_marrow_deficit_is_one_minus_the_solid_share():
    law = LinearPorosity(marrow_deficit=0.0)
    assert law.porosity(np.array([0.11, 0.22, 0.44, 1.0, 0.0, -0.1])) == pytest.approx([0.9, 0.8, 0.6, 0.6, 0.98, 0.98])


def test_a_voxel_of_pure_marrow_is_the_zero_of_bone():
    law = LinearPorosity(high=1.0)
    assert law.porosity(np.array(-law.marrow_deficit)) == pytest.approx(1.0)
    for porosity in (0.65, 0.8, 0.9):  # a voxel of bone and marrow by volume has the mean of their densities
        mixture = (1.0 - porosity) * law.solid_density - porosity * law.marrow_deficit
        assert law.porosity(np.array(mixture)) == pytest.approx(porosity)


@pytest.mark.parametrize(
    ("porosity", "published_m2", "tolerance"),
    [(0.75, 1.1e-8, 0.05), (0.80, 1.8e-8, 0.05), (0.85, 3.2e-8, 0.05), (0.90, 7.1e-8, 0.05), (0.95, 2.4e-7, 0.05)],
)
def test_kozeny_carman_with_martin_surface(porosity, published_m2, tolerance):
    law = KozenyCarmanMartin(factor=1.0, cap=10.0)
    assert law.axial(np.array(porosity)) * 1e-6 == pytest.approx(published_m2, rel=tolerance)


def test_default_permeability_lies_between_nauman_and_baroud():
    law = KozenyCarmanMartin()
    axial = law.axial(np.array([0.85, 0.90, 0.95, 0.98])) * 1e-6
    assert axial[:3] == pytest.approx([1e-8, 2e-8, 7e-8], rel=0.06)
    assert axial[3] == pytest.approx(1e-7)
    assert law.transverse(np.array(0.9)) == pytest.approx(0.78 * law.axial(np.array(0.9)))


def test_permeability_grows_with_porosity_and_scales_with_its_multiplier_beyond_the_cap():
    porosity = np.linspace(0.5, 0.98, 200)
    assert np.all(np.diff(KozenyCarmanMartin(cap=10.0).axial(porosity)) > 0.0)
    assert KozenyCarmanMartin(multiplier=10.0).axial(porosity) == pytest.approx(
        10.0 * KozenyCarmanMartin().axial(porosity)
    )


def test_specific_surface_of_solid_and_void_vanishes():
    assert martin_specific_surface(np.array([0.0, 1.0])) == pytest.approx([0.0, 0.2])


@pytest.mark.parametrize(
    ("law", "changes", "name"),
    [
        (LinearCalibration, {"slope": 0.8}, "slope"),
        (LinearPorosity, {"high": 1.2}, "high"),
        (LinearPorosity, {"low": 0.9, "high": 0.8}, "low"),
        (KozenyCarmanMartin, {"multiplier": 20.0}, "multiplier"),
        (KozenyCarmanMartin, {"transverse_factor": 1.5}, "transverse_factor"),
        (BoneModel, {"poisson_ratio": 0.5}, "poisson_ratio"),
    ],
)
def test_values_out_of_range_are_refused(law, changes, name):
    with pytest.raises(ValueError, match=name):
        law(**changes)


class TestBoneModel:
    @pytest.fixture
    def voxels(self):
        return np.random.default_rng(1).uniform(-80.0, 400.0, 60)

    @pytest.fixture
    def weights(self):
        rows = np.random.default_rng(2).uniform(size=(25, 60)) * (np.random.default_rng(3).uniform(size=(25, 60)) < 0.1)
        rows[:, 0] += 0.1
        return rows / rows.sum(axis=1, keepdims=True)

    def test_agrees_with_a_loop_over_cells_and_voxels(self, voxels, weights):
        solid = np.random.default_rng(4).uniform(-80.0, 400.0, (25, 4))
        bone = BoneModel().evaluate(voxels.reshape(3, 4, 5), csr_array(weights), solid)
        for cell in range(25):
            density = sum(weights[cell, v] * 0.8e-3 * voxels[v] for v in range(60))
            moduli = [max(3230.0 * 0.8e-3 * number - 34.7, 10.0) for number in solid[cell]]
            assert bone.bmd[cell] == pytest.approx(density)
            assert bone.modulus[cell] == pytest.approx(moduli)
            assert bone.transverse_modulus[cell] == pytest.approx(moduli)
            assert bone.porosity[cell] == pytest.approx(min(max(1.0 - (density + 0.056) / 1.156, 0.6), 0.98))
        assert bone.permeability_transverse == pytest.approx(0.78 * bone.permeability_axial)
        assert bone.poisson_ratio == 0.3

    def test_the_modulus_is_that_of_every_point_not_of_the_mean_density(self):
        # half fat, half bone: the mean density is at the lower bound of the law, the dense point is not
        points = np.array([[-200.0, 200.0]])
        bone = BoneModel().evaluate(points[0], csr_array(np.array([[0.5, 0.5]])), points)
        assert bone.modulus[0] == pytest.approx([10.0, 3230.0 * 0.16 - 34.7])
        assert bone.bound_shares["modulus_low"] == 0.5

    def test_counts_the_cells_at_each_bound(self):
        voxels = np.array([-100.0, -20.0, 100.0, 1000.0])
        shares = BoneModel().evaluate(voxels, csr_array(np.eye(4)), voxels[:, None]).bound_shares
        # -100 HU: porosity, permeability and modulus at bounds; -20 HU: permeability and modulus; 1000 HU: porosity
        assert shares == {"porosity_low": 0.25, "porosity_high": 0.25, "permeability_cap": 0.5, "modulus_low": 0.5}
