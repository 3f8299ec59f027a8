"""Cement that no run has made goes through the scanner and comes back at its sites."""

import numpy as np
import pytest

from benchmarks.leak_phantoms import BODY, leak_phantoms
from benchmarks.scanned_cement import CHOSEN, PLAIN, Scans
from experiments.scans.postoperative import REACH
from meshes.demo_patient import demo_patient
from meshes.vertebra import Vertebra, read_vertebra

SEEN = 100.0
"""mm3 from which on every leak is seen in voxels of 0.75 mm."""


@pytest.fixture(scope="module")
def patient() -> Vertebra:
    demo = demo_patient()
    return read_vertebra(demo.ct, demo.mask, demo.level, demo.labels, demo.subregions, margin=REACH)


@pytest.mark.parametrize("volume", [10.0, 100.0])
def test_phantoms_have_the_volume_that_they_say(patient: Vertebra, volume: float) -> None:
    for phantom in leak_phantoms(patient, volume):
        way = np.random.default_rng(0).uniform(-phantom.reach, phantom.reach, (1_000_000, 3))
        inside = phantom.contains(way).mean() * (2.0 * phantom.reach) ** 3
        known = 4.0 / 3.0 * np.pi * 8.0**3 if phantom.site == BODY else volume
        assert inside == pytest.approx(known, rel=0.03), phantom.shape


@pytest.mark.slow
def test_leaks_of_a_tenth_of_a_millilitre_are_seen_at_their_sites(patient: Vertebra) -> None:
    trip = Scans(patient, PLAIN).of_phantoms(SEEN)[CHOSEN]
    assert trip.share(BODY) == pytest.approx(1.0, abs=0.03)
    assert trip.invented == {}
    for site in trip.known:
        assert 0.5 < trip.share(site) < 1.05, site
