"""Noise that was put into an image is found again, whatever structure lies under it."""

import numpy as np
import pytest

from meshes.images.noise import ImageNoise

SHAPE = (24, 26, 28)
INSIDE = np.random.default_rng(9).random(SHAPE) < 0.95


def structure():
    """Steady change, waves of 20 voxels, and an edge of 200."""
    x, y, z = np.indices(SHAPE)
    return 3.0 * x + 40.0 * np.sin(2.0 * np.pi * y / 20.0) + 200.0 * (z > 14)


@pytest.mark.parametrize("sd", [10.0, 60.0])
def test_white_noise_on_structure(sd):
    noise = sd * np.random.default_rng(1).normal(size=SHAPE)
    assert ImageNoise.estimated(structure() + noise, INSIDE).sd == pytest.approx(sd, rel=0.08)


def test_noise_alone_has_no_correlation_and_structure_has():
    noise = np.random.default_rng(1).normal(size=SHAPE)
    assert ImageNoise.estimated(noise, INSIDE).correlation == pytest.approx(0.0, abs=0.02)
    assert ImageNoise.estimated(structure(), INSIDE).correlation > 0.9


def test_an_even_image_has_none():
    assert ImageNoise.estimated(np.full(SHAPE, 50.0), INSIDE) == ImageNoise(0.0, 0.0)


def test_what_lies_outside_does_not_count():
    values = np.where(INSIDE, 0.0, 1e4)
    assert ImageNoise.estimated(values, INSIDE).sd == 0.0


def test_too_few_voxels_say_nothing():
    few = np.zeros(SHAPE, dtype=bool)
    few[:3, 0, 0] = True
    assert ImageNoise.estimated(structure(), few) is None
