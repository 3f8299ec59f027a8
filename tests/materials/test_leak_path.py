"""Conduits against the exact power-law flow of tubes and slots, once by formula and once by integrating the profile."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import quad

from materials.cannula import Cannula, tube_pressure_drop
from materials.leak_path import (
    BasivertebralVeins,
    CementFront,
    CorticalShell,
    Fissures,
    LeakPath,
    NeedleTrack,
    SegmentalVeins,
)
from materials.marrow import NewtonianMarrow
from materials.outlets import MarrowOutlets

CONSISTENCY, DROP = 1e-4, 2e-3  # MPa s, MPa
WIDE = (1e-12, 1e12)


def speed_through(path: LeakPath, index: float) -> float:
    """Mean speed at which the drop over the apparent viscosity gives the speed itself."""
    speed = 1.0
    for _ in range(500):
        viscosity = float(path.apparent_viscosity(speed, CONSISTENCY, index, *WIDE))
        speed = math.sqrt(speed * path.conductance_per_area * DROP / viscosity)
    return speed


@pytest.mark.parametrize("index", [0.3, 0.5, 0.8, 1.0])
class TestPowerLaw:
    def test_tube_against_the_formula_for_rate_and_pressure(self, index):
        path = LeakPath("tube", 2.0, 12.4)
        rate = speed_through(path, index) * math.pi * 1.0**2
        assert tube_pressure_drop(rate, CONSISTENCY, index, 2.0, 12.4) == pytest.approx(DROP, rel=1e-9)

    def test_tube_against_its_profile(self, index):
        radius, path = 1.0, LeakPath("tube", 2.0, 12.4)

        def flow_of_ring(r):
            # Q = pi int r^2 |du/dr| dr, with K |du/dr|^n = r dp / (2 L)
            return math.pi * r**2 * (r * DROP / (2.0 * path.length * CONSISTENCY)) ** (1.0 / index)

        rate = quad(flow_of_ring, 0.0, radius, epsrel=1e-12)[0]
        assert speed_through(path, index) == pytest.approx(rate / (math.pi * radius**2), rel=1e-9)

    def test_slot_against_the_formula_for_rate_and_pressure(self, index):
        # Q per width = 2 n / (2 n + 1) (dp / (K L))^(1 / n) (h / 2)^(2 + 1 / n)
        opening, length = 0.8, 0.35
        gradient = (DROP / (CONSISTENCY * length)) ** (1.0 / index)
        rate = 2.0 * index / (2.0 * index + 1.0) * gradient * (0.5 * opening) ** (2.0 + 1.0 / index)
        assert speed_through(LeakPath("slot", opening, length), index) == pytest.approx(rate / opening, rel=1e-9)

    def test_slot_against_its_profile(self, index):
        path = LeakPath("slot", 0.8, 0.35)

        def flow_of_layer(y):
            # Q per width = 2 int y |du/dy| dy over half the opening, with K |du/dy|^n = y dp / L
            return 2.0 * y * (y * DROP / (path.length * CONSISTENCY)) ** (1.0 / index)

        rate = quad(flow_of_layer, 0.0, 0.4, epsrel=1e-12)[0]
        assert speed_through(path, index) == pytest.approx(rate / 0.8, rel=1e-9)

    def test_takes_a_value_per_facet(self, index):
        path, speeds = LeakPath("slot", 0.5, 1.0), np.array([-0.1, 0.0, 3.0])
        viscosity = path.apparent_viscosity(speeds, np.full(3, CONSISTENCY), np.full(3, index), 0.01, 1000.0)
        alone = [float(path.apparent_viscosity(speed, CONSISTENCY, index, 0.01, 1000.0)) for speed in speeds]
        assert viscosity == pytest.approx(alone)


def test_apparent_viscosity_has_the_plateaus_of_the_cement():
    path = LeakPath("tube", 2.0, 10.0)
    slow, at_low, at_high, fast = path.apparent_viscosity(
        np.array([0.0, 0.25 * 0.01, 0.25 * 1000.0, 1e6]), CONSISTENCY, 0.5, 0.01, 1000.0
    )
    assert slow == at_low == pytest.approx(CONSISTENCY * 1.25**0.5 * 10.0)
    assert fast == at_high == pytest.approx(CONSISTENCY * 1.25**0.5 / math.sqrt(1000.0))


def test_entry_pressure_is_that_of_young_and_laplace_unless_given():
    # 0.03 N/m in a tube of 2 mm: 4 * 0.03 / 2e-3 = 60 Pa; in a slot of 1 mm: 2 * 0.03 / 1e-3 = 60 Pa
    assert LeakPath("tube", 2.0, 10.0).entry_pressure == pytest.approx(60e-6)
    assert LeakPath("slot", 1.0, 10.0).entry_pressure == pytest.approx(60e-6)
    assert LeakPath("slot", 1.0, 10.0, opening_pressure=0.0).entry_pressure == 0.0
    assert LeakPath("slot", 1.0, 10.0).front == CementFront(3e-5)


def test_the_barrier_is_what_a_conduit_asks_beyond_the_pores():
    # A front in pores of 0.44 mm has 2 * 0.03 / 0.44e-3 = 136.4 Pa, in pores of 0.2 mm 300 Pa.
    track, hole = NeedleTrack().path(), CorticalShell().hole(8.0)
    assert track.barrier([0.44, 0.2]) == pytest.approx([463.6e-6, 300e-6], rel=1e-4)
    assert (hole.barrier([0.44, 0.2]) == 0.0).all()
    assert hole.barrier(8.0) == pytest.approx(7.5e-6)
    assert replace(hole, front=CementFront(0.0)).barrier(8.0) == 0.0
    for default in (BasivertebralVeins().path(), SegmentalVeins().path(), Fissures().path(0.35)):
        assert default.barrier(0.44) == 0.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("ring", 1.0, 1.0), r"shape = 'ring' is neither 'tube' nor 'slot'"),
        (("tube", 0.0, 1.0), r"aperture = 0\.0 mm is outside the allowed range above 0 to 100\.0 mm"),
        (("tube", 1.0, float("nan")), r"LeakPath\.length = nan mm"),
    ],
)
def test_values_out_of_range(arguments, message):
    with pytest.raises(ValueError, match=message):
        LeakPath(*arguments)


def test_bone_on_the_way_to_a_mouth():
    """A disc at one pressure in a half-space resists 1 / (4 k a), its surface with an even flow 8 / (3 pi^2 k r)."""
    wide = LeakPath("tube", 1.0, 10.0).approach(0.25 * math.pi, 1e9, 0.02)
    assert wide == pytest.approx(1.0 / (4.0 * 0.02 * 0.5))
    vein = LeakPath("tube", 1.0, 10.0).approach(2.0 * 0.25 * math.pi, 1.5, 0.02)
    assert vein == pytest.approx((0.5 - 8.0 / (3.0 * math.pi**2 * 1.5)) / 0.02 / 2.0)

    # Two points of a strip of width 3 lie t apart with the density 2 (3 - t) / 9: even flow acts as a line does at the
    # distance of the mean of ln t; a slot at one pressure as a line does at a quarter of its opening.
    mean_log = quad(lambda t: 2.0 * (3.0 - t) / 9.0 * math.log(t), 0.0, 3.0, epsrel=1e-10)[0]
    slot = LeakPath("slot", 0.8, 0.35).approach(0.8 * 12.0, 1.5, 0.02)
    assert slot == pytest.approx((mean_log - math.log(0.2)) / (math.pi * 0.02 * 12.0), rel=1e-6)
    assert LeakPath("slot", 5.0, 0.35).approach(50.0, 1.5, 0.02) == 0.0
    assert LeakPath("tube", 8.0, 0.35).approach(50.0, 1.5, 0.02) == 0.0


def test_the_front_makes_the_capillary_pressure_of_every_conduit():
    """Twice the surface tension: twice the pressure at which cement enters; an own pressure comes on top."""
    front = CementFront(surface_tension=6e-5)
    for path in (
        CorticalShell().hole(8.0, front=front),
        Fissures().path(0.35, front),
        BasivertebralVeins().path(front),
        NeedleTrack().path(front),
    ):
        assert path.front == front
        assert path.entry_pressure == pytest.approx(2.0 * replace(path, front=CementFront()).capillary_pressure)
    assert SegmentalVeins(opening_pressure=1e-3).path(front).entry_pressure == pytest.approx(1e-3 + 4.0 * 6e-5)
    with pytest.raises(ValueError, match=r"CementFront\.surface_tension"):
        CementFront(-1e-5)


def test_hole_and_fissures_pass_the_shell():
    assert CorticalShell().hole(8.0) == LeakPath("tube", 8.0, 0.35)
    assert CorticalShell().hole(8.0, thickness=0.5) == LeakPath("tube", 8.0, 0.5)
    assert Fissures().path(0.35) == LeakPath("slot", 1.0, 0.35)
    with pytest.raises(ValueError, match=r"Fissures\.open_share"):
        Fissures(open_share=0.0)
    with pytest.raises(ValueError, match=r"CorticalShell\.thickness"):
        CorticalShell(0.0)


@pytest.mark.parametrize("veins", [BasivertebralVeins(3, 1.6), SegmentalVeins(3, 1.6)])
def test_veins_open_at_their_own_pressure_plus_the_capillary_one(veins):
    path = veins.path()
    assert (path.shape, path.aperture, path.length) == ("tube", 1.6, veins.length)
    assert path.entry_pressure == path.capillary_pressure
    stiffer = type(veins)(3, 1.6, opening_pressure=1e-3).path()
    assert stiffer.entry_pressure == pytest.approx(1e-3 + path.capillary_pressure)
    assert veins.area == pytest.approx(3.0 * math.pi * 0.8**2)
    assert veins.widened(2.0) == type(veins)(3, 3.2)
    with pytest.raises(ValueError, match="diameter"):
        veins.widened(10.0)


def test_channel_carries_what_its_veins_carry():
    # Q = n pi d^4 / (128 mu) dp / L through the veins, k A / mu dp / L through the channel
    veins = BasivertebralVeins(2, 2.0)
    assert veins.channel_permeability(33.0) * 33.0 == pytest.approx(2.0 * math.pi * 2.0**4 / 128.0)


def test_needle_track_is_the_ring_around_the_needle():
    track, outside = NeedleTrack(), Cannula(11).outer_diameter
    ring = 0.25 * math.pi * ((outside + 2.0 * track.gap) ** 2 - outside**2)
    assert track.area(outside) == pytest.approx(ring)
    assert track.path() == LeakPath("slot", 0.1, 20.0)
    with pytest.raises(ValueError, match=r"NeedleTrack\.gap"):
        NeedleTrack(0.0)


def test_default_veins_conduct_marrow_like_their_share_of_the_outlets():
    """So that the conductance of all outlets stays what it is stated to be."""
    outlets, viscosity = MarrowOutlets().group_conductances(), NewtonianMarrow().viscosity
    for veins, sides, group in (
        (BasivertebralVeins(), 1, "basivertebral_foramen"),
        (SegmentalVeins(), 2, "segmental_veins"),
    ):
        conductance = sides * veins.area * veins.path().conductance_per_area / viscosity
        assert 0.95 * outlets[group] < conductance <= outlets[group]
