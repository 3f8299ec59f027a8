"""The bone inside: averages that know no outside and no voxel size, and the mantle that takes what lies behind it."""

from dataclasses import replace

import numpy as np
import pytest
from imaged_ball import RADIUS, imaged_ball

from meshes.interior import averaged, blurred_mantle, interior_values, noise_left


def uniform(points):
    return np.full(points.shape[:-1], 50.0)


def radius(vertebra):
    index = np.argwhere(np.ones(vertebra.body.shape, dtype=bool))
    return np.linalg.norm(vertebra.ct.to_world(index), axis=1).reshape(vertebra.body.shape)


class TestAveraged:
    def test_nothing_from_outside_bleeds_in(self):
        inside = np.random.default_rng(1).random((12, 13, 14)) < 0.3
        values = np.where(inside, 70.0, np.random.default_rng(2).normal(0.0, 1e4, inside.shape))
        found = averaged(values, inside, np.array([0.5, 1.0, 1.5]), 1.5)
        np.testing.assert_allclose(found[inside], 70.0, rtol=1e-12)
        np.testing.assert_array_equal(found[~inside], values[~inside])

    def test_length_zero_leaves_single_voxels(self):
        values = np.random.default_rng(1).normal(size=(5, 6, 7))
        np.testing.assert_array_equal(averaged(values, values > 0.0, np.ones(3), 0.0), values)

    @pytest.mark.parametrize("width", [0.25, 0.5, 1.0, 1.5])
    def test_an_edge_is_as_wide_at_every_voxel_size(self, width):
        """A plane step anywhere in a voxel, averaged over it and drawn as voxels, has the variance of the length."""
        count = 2 * round(12.0 / width) + 1
        edges = width * (np.arange(1, count) - count / 2)
        variances = []
        for phase in (np.arange(8) + 0.5) / 8:
            share = (np.arange(count) > count // 2).astype(float)
            share[count // 2] = phase
            values = np.broadcast_to(share[:, None, None], (count, 3, 3))
            weight = np.diff(averaged(values, np.ones(values.shape, dtype=bool), np.full(3, width), 1.5)[:, 1, 1])
            assert weight.sum() == pytest.approx(1.0, abs=1e-6)
            variances.append(weight @ edges**2 - (weight @ edges) ** 2)
        assert np.mean(variances) == pytest.approx(1.5**2, rel=0.01)

    @pytest.mark.parametrize(("spacing", "length"), [((1.0, 1.0, 1.0), 1.5), ((0.5, 0.5, 2.0), 1.5), ((1.5,) * 3, 0.0)])
    def test_noise_left(self, spacing, length):
        noise = np.random.default_rng(1).normal(size=(60, 60, 60))
        spacing = np.array(spacing)
        found = averaged(noise, np.ones(noise.shape, dtype=bool), spacing, length)[10:-10, 10:-10, 10:-10].std()
        assert noise_left(spacing, length) == pytest.approx(found, rel=0.1)


class TestMantle:
    @pytest.mark.parametrize("voxel", [0.75, 1.5, (0.75, 0.75, 2.0)])
    def test_depth(self, voxel):
        vertebra = imaged_ball(uniform, voxel)
        depth, width = RADIUS - radius(vertebra), np.max(vertebra.ct.spacing)
        mantle = blurred_mantle(vertebra, np.full(3, 3.0))
        assert not mantle[~vertebra.body].any()
        assert mantle[vertebra.body & (depth < 3.0 - width)].all()
        assert not mantle[depth > 3.0 + width].any()

    def test_no_reach_no_mantle(self):
        assert not blurred_mantle(imaged_ball(uniform), np.zeros(3)).any()

    def test_a_thin_body_keeps_a_core(self):
        vertebra = imaged_ball(uniform, 1.0)
        index = np.indices(vertebra.body.shape)[2]
        thin = replace(vertebra, body=vertebra.body & (abs(index - vertebra.body.shape[2] // 2) <= 1))
        core = thin.body & ~blurred_mantle(thin, np.full(3, 3.0))
        assert core.any()
        assert np.isfinite(interior_values(thin, 1.5, np.full(3, 3.0))).all()

    def test_there_is_none_towards_the_arch(self):
        vertebra = imaged_ball(uniform, 1.0)
        behind = np.indices(vertebra.body.shape)[1] > vertebra.body.shape[1] // 2
        cut = replace(vertebra, body=vertebra.body & ~behind, arch=vertebra.body & behind)
        mantle = blurred_mantle(cut, np.full(3, 3.0))
        np.testing.assert_array_equal(mantle, blurred_mantle(vertebra, np.full(3, 3.0)) & ~behind)


class TestInteriorValues:
    def test_a_mantle_holds_what_lies_behind_it(self):
        vertebra = imaged_ball(uniform, 1.5)
        values = interior_values(vertebra, 1.5, np.full(3, 3.0))
        assert vertebra.ct.values[vertebra.body].max() > 250.0
        assert values[vertebra.body] == pytest.approx(50.0, abs=1.0)

    def test_a_side_keeps_its_own_bone(self):
        """Half of the ball is denser: each half of the mantle takes its own half's bone."""
        vertebra = imaged_ball(lambda points: np.where(points[..., 0] > 0.0, 120.0, 20.0), 1.0)
        values = interior_values(vertebra, 1.5, np.full(3, 3.0))
        index = np.argwhere(vertebra.body)
        x = vertebra.ct.to_world(index)[:, 0]
        assert values[vertebra.body][x > 6.0] == pytest.approx(120.0, abs=2.0)
        assert values[vertebra.body][x < -6.0] == pytest.approx(20.0, abs=2.0)

    def test_the_arch_is_averaged_by_itself(self):
        vertebra = imaged_ball(uniform, 1.0)
        behind = np.indices(vertebra.body.shape)[1] > vertebra.body.shape[1] // 2
        cut = replace(vertebra, body=vertebra.body & ~behind, arch=vertebra.body & behind)
        values = interior_values(cut, 1.5, np.full(3, 3.0))
        alone = averaged(vertebra.ct.values.astype(float), cut.arch, cut.ct.spacing, 1.5)
        np.testing.assert_array_equal(values[cut.arch], alone[cut.arch])
        raw = interior_values(cut, 0.0, np.full(3, 3.0))
        np.testing.assert_array_equal(raw[cut.arch], vertebra.ct.values[cut.arch])
