"""Measures of cement in a body from voxels, against balls whose measures are known."""

from collections.abc import Callable

import numpy as np
import pytest
from burnt_in import Solid, ball, box, burnt_scan

from experiments.scans.filling import fill_results
from experiments.scans.postoperative import PostoperativeScan
from experiments.scans.volumetry import body_before_pedicles, midline, volumetry_results
from meshes.tetmesh import TetMesh
from meshes.vertebra import Vertebra

Burn = Callable[..., PostoperativeScan]


@pytest.fixture(scope="module")
def burn(demo_vertebra: Vertebra, demo_mesh: Callable[..., TetMesh]) -> Burn:
    def burn(*solids: Solid) -> PostoperativeScan:
        return burnt_scan(demo_vertebra, demo_mesh(2.0), solids)

    return burn


def test_a_ball_in_the_body_has_the_measures_of_a_ball(burn: Burn, demo_vertebra: Vertebra) -> None:
    radius, centre = 8.5, demo_vertebra.frame.point(0.0, 0.4, 0.5) + np.array([2.0, 0.0, 0.0])
    fill = fill_results(burn(ball(centre, radius)), "left")
    volume = 4.0 / 3.0 * np.pi * radius**3
    assert fill.occupied_ml == pytest.approx(volume / 1000.0, rel=0.02)
    assert fill.occupied_fraction == pytest.approx(volume / demo_vertebra.body_volume, rel=0.02)
    assert fill.equivalent_radius_mm == pytest.approx(radius, rel=0.01)
    assert fill.largest_diameter_mm == pytest.approx(2.0 * radius, abs=0.75)
    assert fill.sphericity == pytest.approx(1.0, abs=0.04)
    np.testing.assert_allclose(fill.centroid_mm, centre, atol=0.15)
    cap = np.pi * (radius - 2.0) ** 2 * (3.0 * radius - (radius - 2.0)) / 3.0  # right of the midsagittal plane
    assert fill.occupied_by_side_ml["right"] == pytest.approx(cap / 1000.0, rel=0.05)
    assert fill.puncture_side_share == pytest.approx(1.0 - cap / volume, rel=0.02)
    assert fill.bridge_area_mm2 == pytest.approx(np.pi * (radius**2 - 4.0), rel=0.05)
    assert fill.largest_sagittal_section_mm2 == pytest.approx(np.pi * radius**2, rel=0.05)
    assert (fill.cement_ml, fill.fraction, fill.cement_by_side_ml, fill.puncture_side_ratio) == (None,) * 4
    assert fill.pattern == "confluent"
    assert sum(fill.occupied_by_third_ml.values()) == pytest.approx(fill.occupied_ml)
    back = demo_vertebra.frame.extents[1, 1]
    assert fill.posterior_distance_mm == pytest.approx(back - centre[1] - radius, abs=1.5)
    assert not fill.endplate_contact["superior_endplate"].touches


def test_two_balls_are_separated_until_a_bridge_joins_them(burn: Burn, demo_vertebra: Vertebra) -> None:
    point = demo_vertebra.frame.point
    balls = [ball(point(side, 0.4, 0.5), 6.5) for side in (-0.4, 0.4)]
    apart = fill_results(burn(*balls), None)
    assert (apart.pattern, apart.components, apart.bridge_area_mm2) == ("separated", 2, 0.0)
    assert apart.puncture_side_share is None
    joined = fill_results(burn(*balls, box(point(0.0, 0.4, 0.5), (12.0, 6.0, 6.0))), None)
    assert (joined.pattern, joined.components) == ("confluent", 1)
    assert joined.bridge_area_mm2 == pytest.approx(36.0, rel=0.3)
    one = fill_results(burn(balls[1]), "left")
    assert (one.pattern, one.components) == ("one_sided", 1)


def test_cement_that_reaches_an_endplate_touches_it(burn: Burn, demo_vertebra: Vertebra) -> None:
    top = demo_vertebra.frame.point(0.0, 0.5, 1.0)
    fill = fill_results(burn(box(top - np.array([0.0, 0.0, 5.0]), (12.0, 12.0, 12.0))), None)
    contact = fill.endplate_contact["superior_endplate"]
    assert contact.area_mm2 == pytest.approx(144.0, rel=0.25)
    assert contact.share < 0.3
    assert not fill.endplate_contact["inferior_endplate"].touches


def test_volumes_are_those_of_the_series(burn: Burn, demo_vertebra: Vertebra) -> None:
    """Body in front of the pedicles, halves by the endplates' middles: near the mask's own on the straight demo."""
    scan = burn(ball(demo_vertebra.frame.point(0.4, 0.4, 0.5), 7.0))
    told = volumetry_results(scan, "right")
    assert told.body_ml * 1000.0 == pytest.approx(demo_vertebra.body_volume, rel=0.03)
    assert told.cement_ml == pytest.approx(4.0 / 3.0 * np.pi * 0.343, rel=0.03)
    assert told.cement_ratio == pytest.approx(told.cement_ml / told.body_ml)
    assert told.cement_by_side_ml["left"] == pytest.approx(told.cement_ml, rel=0.01)
    assert told.puncture_side_ml == pytest.approx(0.0, abs=0.01)
    assert told.puncture_side_ratio == pytest.approx(told.puncture_side_ml / told.body_ml)


def test_the_midline_follows_a_body_that_leans(burn: Burn, demo_vertebra: Vertebra) -> None:
    """A slanted box: the line through the middles of its ends leans as it does."""
    scan = burn(ball(demo_vertebra.frame.point(0.0, 0.4, 0.5), 5.0))
    places = demo_vertebra.frame.to_frame(demo_vertebra.ct.to_world(np.moveaxis(np.indices(scan.own.shape), 0, -1)))
    leaning = (np.abs(places[..., 0] - 1.0 - 0.3 * places[..., 2]) < 12.0) & (np.abs(places[..., 2]) < 11.0)
    leaning &= np.abs(places[..., 1]) < 12.0
    slope, offset = midline(scan, leaning)
    assert slope == pytest.approx(0.3, abs=0.05)
    assert offset == pytest.approx(1.0, abs=0.4)
    assert body_before_pedicles(scan).sum() > 0
