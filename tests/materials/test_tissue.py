"""Tumours, clefts and cavities."""

import math

import numpy as np
import pytest

from materials.bone import KozenyCarmanMartin, LinearPorosity
from materials.leak_path import LeakPath
from materials.marrow import NewtonianMarrow
from materials.provenance import describe
from materials.tissue import (
    GROWTH_POINTS,
    BalloonCavity,
    Cleft,
    DefectCavity,
    Obstacle,
    TumourTissue,
    mixed_viscosity,
    tumour_tissue,
)


@pytest.mark.parametrize("kind", ["osteolytic", "osteoblastic"])
def test_diseased_bone_agrees_with_the_bone_laws(kind):
    tissue = tumour_tissue(kind)
    assert tissue.porosity == pytest.approx(float(LinearPorosity().porosity(np.array(tissue.density))), abs=0.005)
    assert tissue.permeability == pytest.approx(float(KozenyCarmanMartin().axial(np.array(tissue.porosity))), rel=0.03)


def test_tumour_tissue_is_far_more_viscous_than_marrow():
    assert tumour_tissue("osteolytic").viscosity / NewtonianMarrow().viscosity == pytest.approx(300.0)


def test_growth_follows_the_points_of_tomita():
    tissues = [tumour_tissue("osteolytic", growth) for growth in ("slow", "moderate", "rapid")]
    assert list(GROWTH_POINTS.values()) == [1.0, 2.0, 4.0]
    assert [tissue.interstitial_pressure for tissue in tissues] == pytest.approx([0.5e-3, 1e-3, 2e-3])
    assert [tissue.vascular_conductance for tissue in tissues] == pytest.approx([0.0125, 0.025, 0.05])
    # Murray: the blood carried goes with the cube of the diameter
    assert [tissue.vein_calibre_factor**3 for tissue in tissues] == pytest.approx([0.5, 1.0, 2.0])


def test_vascular_conductance_is_that_of_the_rim_of_a_tumour_with_baxters_and_jains_tissue():
    # Lp = 2.8e-7 cm/(mmHg s), S/V = 200 1/cm, K = 4.13e-8 cm2/(mmHg s)
    vessels, tissue = 2.8e-9 / 133.322 * 2e4, 4.13e-12 / 133.322
    rim = (tissue / vessels) ** 0.5
    assert rim == pytest.approx(0.27e-3, rel=0.02)
    assert tumour_tissue("osteolytic").vascular_conductance == pytest.approx(
        3.0 * tissue / (14e-3 * rim) * 1e6, rel=0.03
    )


def test_values_of_a_preset_are_defaults_and_changes_the_users():
    assert "user" not in {entry["tag"] for entry in describe(tumour_tissue("osteoblastic", "rapid")).values()}
    changed = TumourTissue("osteolytic", "moderate", viscosity=1e-4)
    assert [name for name, entry in describe(changed).items() if entry["tag"] == "user"] == ["viscosity"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "mixed"}, "kind = 'mixed' is not one of osteolytic, osteoblastic"),
        ({"growth": "fast"}, "growth = 'fast' is not one of slow, moderate, rapid"),
        ({"porosity": 1.2}, r"TumourTissue\.porosity"),
    ],
)
def test_unknown_tumours_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        TumourTissue(**changes)


@pytest.mark.parametrize(
    ("law", "changes"),
    [
        (Obstacle, {"permeability_factor": -1.0}),
        (Cleft, {"viscosity": 0.0}),
        (BalloonCavity, {"shell_thickness": -1.0}),
        (DefectCavity, {"porosity": 1.1}),
    ],
)
def test_values_out_of_range(law, changes):
    with pytest.raises(ValueError, match=f"{law.__name__}.{next(iter(changes))}"):
        law(**changes)


def test_voids_conduct_as_slots_and_tubes():
    # k L / mu per area of a void of its own width is that of the conduit
    assert Cleft().permeability(3.0) == pytest.approx(LeakPath("slot", 3.0, 1.0).conductance_per_area)
    assert BalloonCavity().permeability(2.0) == pytest.approx(LeakPath("tube", 4.0, 1.0).conductance_per_area)
    assert DefectCavity().permeability(8.0) == pytest.approx(LeakPath("tube", 8.0, 1.0).conductance_per_area)
    assert Cleft().permeability(10.0) == BalloonCavity().permeability(10.0) == 1.0


class TestCompactedShell:
    RADIUS = 9.0

    def test_bone_volume_is_conserved(self):
        balloon = BalloonCavity()
        shell = 4.0 / 3.0 * math.pi * ((self.RADIUS + balloon.shell_thickness) ** 3 - self.RADIUS**3)
        cavity = 4.0 / 3.0 * math.pi * self.RADIUS**3
        random = np.random.default_rng(1)
        before, volumes = random.uniform(0.8, 0.95, 50), random.uniform(0.5, 1.5, 50)
        volumes *= shell / volumes.sum()
        after = balloon.compacted_porosity(before, 0.12 * cavity, shell)
        bone_before = 0.12 * cavity + volumes @ (1.0 - before)
        assert volumes @ (1.0 - after) == pytest.approx(bone_before)
        assert after.min() > balloon.lowest_porosity

    def test_bone_that_does_not_fit_leaves_the_lowest_porosity(self):
        after = BalloonCavity().compacted_porosity(np.array([0.9, 0.4, 0.2]), 50.0, 100.0)
        assert after == pytest.approx([0.4, 0.3, 0.2])


class TestMixedViscosity:
    def test_pure_fluids_and_the_geometric_mean(self):
        shares = np.array([[1.0, 0.0, 0.0, 0.5, 0.25], [0.0, 1.0, 0.0, 0.0, 0.25]])
        mixed = mixed_viscosity(shares, np.array([1e-5, 1e-9]), 1e-7)
        assert mixed == pytest.approx([1e-5, 1e-9, 1e-7, 1e-6, 1e-7])

    def test_marrow_alone(self):
        assert mixed_viscosity(np.empty((0, 4)), np.empty(0), 1e-7) == pytest.approx(np.full(4, 1e-7))
