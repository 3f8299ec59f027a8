"""Cement at known places around the demo's body comes back at its site, with its volume and extent."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from burnt_in import Solid, ball, box, burnt_scan, shares
from numpy.typing import NDArray
from scipy import ndimage

from experiments.scans.leaks import find_leaks
from experiments.scans.measures import leak_results, scan_results
from experiments.scans.postoperative import PostoperativeScan
from meshes.scanned_cement import ScannedCement
from meshes.tetmesh import TetMesh
from meshes.vertebra import Vertebra

Burn = Callable[..., PostoperativeScan]


@pytest.fixture(scope="module")
def burn(demo_vertebra: Vertebra, demo_mesh: Callable[..., TetMesh]) -> Burn:
    def burn(*solids: Solid) -> PostoperativeScan:
        return burnt_scan(demo_vertebra, demo_mesh(2.0), solids)

    return burn


@pytest.fixture(scope="module")
def middle(demo_vertebra: Vertebra) -> Solid:
    return ball(demo_vertebra.frame.point(0.0, 0.35, 0.5), 8.0)


@pytest.mark.parametrize(
    ("place", "beyond", "radius", "site"),
    [
        ((0.0, 1.0, 0.5), (0, 4, 0), 3.0, "basivertebral_foramen"),
        ((0.35, 1.0, 0.85), (0, 4, 0), 3.0, "canal_posterior_wall"),
        ((0.0, 0.4, 1.0), (0, 0, 3.5), 3.0, "disc_superior"),
        ((0.3, 0.5, 0.0), (0, 0, -4), 3.0, "disc_inferior"),
        ((1.0, 0.5, 0.5), (4.5, 0, 0), 4.0, "paravertebral_left"),
        ((-1.0, 0.5, 0.5), (-4.5, 0, 0), 4.0, "paravertebral_right"),
        ((0.0, 0.0, 0.5), (0, -4.5, 0), 3.5, "paravertebral_anterior"),
    ],
)
def test_a_ball_outside_is_a_leak_of_the_wall_behind_it(
    burn: Burn, middle: Solid, demo_vertebra: Vertebra, place: tuple, beyond: tuple, radius: float, site: str
) -> None:
    centre = demo_vertebra.frame.point(*place) + np.array(beyond)
    solid = ball(centre, radius)
    (leak,) = find_leaks(burn(middle, solid)).leaks
    assert leak.site == site
    outside = shares(demo_vertebra.ct, demo_vertebra.frame, [solid])[~demo_vertebra.body].sum()
    assert leak.volume == pytest.approx(outside * demo_vertebra.ct.voxel_volume, rel=0.1)
    assert leak.size == pytest.approx(2.0 * radius, abs=1.5)


@pytest.mark.parametrize(
    ("place", "beyond", "edges", "site"),
    [
        ((1.0, 0.5, 0.5), (8.5, 0, 0), (15.0, 3.2, 3.2), "segmental_veins_left"),
        ((-1.0, 0.5, 0.5), (-8.5, 0, 0), (15.0, 3.2, 3.2), "segmental_veins_right"),
        ((0.0, 0.0, 0.5), (0, -2.5, 0), (15.0, 3.2, 3.2), "anterior_veins"),
    ],
)
def test_a_slender_leak_at_the_side_or_in_front_is_that_of_a_vein(
    burn: Burn, middle: Solid, demo_vertebra: Vertebra, place: tuple, beyond: tuple, edges: tuple, site: str
) -> None:
    centre = demo_vertebra.frame.point(*place) + np.array(beyond)
    leaks = find_leaks(burn(middle, box(centre, edges))).leaks
    assert [leak.site for leak in leaks] == [site]


def test_cement_in_a_pedicle_came_along_the_needle(burn: Burn, middle: Solid, demo_vertebra: Vertebra) -> None:
    arch = demo_vertebra.frame.to_frame(demo_vertebra.ct.to_world(np.argwhere(demo_vertebra.arch)))
    back = demo_vertebra.frame.extents[1, 1]
    pedicle = arch[(arch[:, 0] > 8.0) & (np.abs(arch[:, 1] - back - 4.0) < 1.5)].mean(axis=0)
    (leak,) = find_leaks(burn(middle, ball(pedicle, 3.0))).leaks
    assert leak.site == "needle_track"


def test_cement_behind_the_arch_came_along_the_needle(burn: Burn, middle: Solid, demo_vertebra: Vertebra) -> None:
    arch = demo_vertebra.frame.to_frame(demo_vertebra.ct.to_world(np.argwhere(demo_vertebra.arch)))
    lamina = arch[(np.abs(arch[:, 0] - 8.0) < 2.0) & (arch[:, 1] > demo_vertebra.frame.extents[1, 1] + 12.0)]
    behind = lamina[lamina[:, 1].argmax()] + np.array([0.0, 4.0, 0.0])
    leaks = find_leaks(burn(middle, ball(behind, 3.0))).leaks
    assert [leak.site for leak in leaks] == ["needle_track"]


def test_several_leaks_are_told_apart_and_graded(burn: Burn, middle: Solid, demo_vertebra: Vertebra) -> None:
    point = demo_vertebra.frame.point
    scan = burn(
        middle,
        ball(point(0.0, 0.4, 1.0) + np.array([0.0, 0.0, 3.5]), 3.0),
        ball(point(1.0, 0.5, 0.5) + np.array([4.5, 0.0, 0.0]), 4.0),
        box(point(0.0, 1.0, 0.5) + np.array([0.0, 4.0, 1.0]), (4.0, 5.0, 24.0)),
    )
    outside = find_leaks(scan)
    leaks = leak_results(scan, outside)
    assert {site for site, leak in leaks.items() if leak.observed} == {
        *("disc_superior", "paravertebral_left", "canal_posterior_wall")
    }
    assert leaks["disc_superior"].severity == "punctual"
    assert leaks["canal_posterior_wall"].severity == "massive"
    told = scan_results(scan, outside, 1500.0, 3071.0)
    assert told.leak_severity == "massive"
    assert sum(told.leak_classes.values()) == pytest.approx(told.leaked_ml)
    assert told.leak_classes_yeom == {"B": 0.0, "S": 0.0, "C": pytest.approx(told.leaked_ml)}
    volumes = [threshold.body_ml for threshold in told.thresholds]
    assert volumes == sorted(volumes, reverse=True)
    assert volumes[2] == pytest.approx(told.body_ml)


def test_cement_that_fills_the_body_to_its_wall_is_no_leak(burn: Burn, demo_vertebra: Vertebra) -> None:
    """Voxels at the wall are half cement, and those of the mask end a voxel off; no more of them is a leak."""
    wall = demo_vertebra.frame.point(1.0, 0.5, 0.5)
    outside = find_leaks(burn(ball(wall - np.array([8.0, 0.0, 0.0]), 8.5)))
    assert outside.leaks == ()
    assert outside.rim > 0.0


def test_dense_bone_apart_is_no_leak(burn: Burn, middle: Solid, demo_vertebra: Vertebra) -> None:
    """A spur of the demo above its L3 reaches 1961 HU."""
    assert demo_vertebra.ct.values.max() > 1900.0
    outside = find_leaks(burn(middle))
    assert outside.leaks == ()
    assert outside.small > 0.0


def test_a_leak_that_turns_a_corner_counts_once(burn: Burn, middle: Solid, demo_vertebra: Vertebra) -> None:
    """Three fourths in front of the side, the rest above the endplate."""
    edge = demo_vertebra.frame.point(1.0, 0.5, 0.75)
    leaks = find_leaks(burn(middle, box(edge + np.array([4.0, 0.0, 1.0]), (6.0, 8.0, 9.0)))).leaks
    assert [leak.site for leak in leaks] == ["paravertebral_left"]


def test_what_hangs_together_with_cement_of_another_vertebra_is_divided(burn: Burn, demo_vertebra: Vertebra) -> None:
    point = demo_vertebra.frame.point
    scan = burn(
        ball(point(0.0, 0.4, 0.5), 8.0),
        box(point(0.0, 0.4, 1.0), (5.0, 5.0, 24.0)),
    )
    alone = find_leaks(scan).volume
    places = demo_vertebra.frame.to_frame(demo_vertebra.ct.to_world(np.moveaxis(np.indices(scan.own.shape), 0, -1)))
    above = places[..., 2] > demo_vertebra.frame.extents[2, 1] + 7.0
    shared = replace(scan, others=above)
    assert 0.1 * alone < find_leaks(shared).volume < 0.6 * alone


def test_a_mask_counts_as_it_is(burn: Burn, middle: Solid, demo_vertebra: Vertebra) -> None:
    scan = burn(middle, ball(demo_vertebra.frame.point(1.0, 0.5, 0.5) + np.array([4.5, 0.0, 0.0]), 4.0))
    masked = replace(scan, cement=ScannedCement(scan.cement.voxels, scan.cement.inside, 0.0, "mask", "a mask"))
    assert [leak.volume for leak in find_leaks(masked).leaks][-1] == find_leaks(scan).leaks[0].volume
    assert scan_results(masked, find_leaks(masked), None, None).thresholds == ()


def finer(vertebra: Vertebra) -> Vertebra:
    """The vertebra on voxels of half the width."""
    old, size = vertebra.ct, 2 * np.array(vertebra.ct.values.shape)
    affine = old.affine.copy()
    affine[:3, :3] *= 0.5
    affine[:3, 3] = old.to_world(np.full(3, -0.25))
    index = 0.5 * np.indices(size) - 0.25

    def seen(values: NDArray) -> NDArray:
        return ndimage.map_coordinates(values.astype(np.float32), index, order=1, mode="nearest")

    body, arch = seen(vertebra.body) >= 0.5, seen(vertebra.arch) >= 0.5
    return replace(vertebra, ct=replace(old, values=seen(old.values), affine=affine), body=body, arch=arch)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("beside", "solid", "site", "within"),
    [
        ((0.0, 0.4, 1.0), lambda place: ball(place + np.array([0.0, 0.0, 3.5]), 3.0), "disc_superior", 0.03),
        ((1.0, 0.5, 0.5), lambda place: ball(place + np.array([5.0, 0.0, 0.0]), 4.0), "paravertebral_left", 0.03),
        ((0.0, 1.0, 0.5), lambda place: ball(place + np.array([0.0, 3.5, 0.0]), 1.5), "basivertebral_foramen", 0.1),
        ((-1.0, 0.5, 0.5), lambda place: box(place - np.array([8.5, 0, 0]), (15, 3, 3)), "segmental_veins_right", 0.03),
        ((-1.0, 0.5, 0.5), lambda place: box(place - np.array([8.5, 0, 0]), (15, 2, 2)), "segmental_veins_right", 0.12),
        ((-1.0, 0.5, 0.5), lambda place: box(place - np.array([8.5, 0, 0]), (15, 1, 1)), "segmental_veins_right", 0.12),
    ],
)
def test_voxels_of_three_fourths_of_a_mm_show_leaks_from_1_mm_on(
    demo_vertebra: Vertebra,
    demo_mesh: Callable[..., TetMesh],
    beside: tuple,
    solid: Callable[..., Solid],
    site: str,
    within: float,
) -> None:
    """With noise of 30 HU: every site is found, and no other."""
    vertebra, frame = finer(demo_vertebra), demo_vertebra.frame
    noise = np.random.default_rng(1).normal(0.0, 30.0, vertebra.ct.values.shape).astype(np.float32)
    noisy = replace(vertebra, ct=replace(vertebra.ct, values=vertebra.ct.values + noise))
    leaked = solid(frame.point(*beside))
    scan = burnt_scan(noisy, demo_mesh(2.0), [ball(frame.point(0.0, 0.35, 0.5), 8.0), leaked])
    assert scan.cement.inside == pytest.approx(4.0 / 3.0 * np.pi * 8.0**3, rel=0.01)
    outside = find_leaks(scan)
    assert {leak.site for leak in outside.leaks} == {site}
    truth = shares(vertebra.ct, frame, [leaked])[~vertebra.body].sum() * vertebra.ct.voxel_volume
    assert outside.volume == pytest.approx(truth, rel=within)
