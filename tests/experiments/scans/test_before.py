"""A known motion of the demo comes back from its masks, and what cement lies in former bone."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from burnt_in import ball, box, burnt_scan
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

from experiments.scans.before import before_results
from experiments.scans.leaks import find_leaks
from experiments.scans.registration import RigidMotion, register_bodies
from meshes.axes import find_axes
from meshes.errors import InputError
from meshes.frame import frame_of_body
from meshes.images.image import Image
from meshes.tetmesh import TetMesh
from meshes.vertebra import Vertebra


def moved(vertebra: Vertebra, motion: RigidMotion, spacing: NDArray[np.float64]) -> Vertebra:
    """The vertebra as another scan would show it after a motion: on another grid, with a frame found anew."""
    old, size = vertebra.ct, np.array(vertebra.ct.values.shape) * vertebra.ct.spacing
    affine = np.eye(4)
    affine[:3, :3] = np.diag(spacing)
    affine[:3, 3] = motion(old.to_world(0.5 * np.array(old.values.shape))) - 0.7 * size
    grid = Image(np.zeros(np.ceil(1.4 * size / spacing).astype(int)), affine)
    points = motion.inverse(grid.to_world(np.moveaxis(np.indices(grid.values.shape), 0, -1)))
    index = np.moveaxis(old.to_indices(points), -1, 0)

    def seen(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        return ndimage.map_coordinates(mask.astype(np.float32), index, order=1) >= 0.5

    body, arch = seen(vertebra.body), seen(vertebra.arch)
    values = ndimage.map_coordinates(old.values, index, order=1, mode="nearest")
    found = find_axes(body, arch, grid, None)
    frame = frame_of_body(body, grid, found.axes, found.method)
    return replace(vertebra, ct=replace(old, values=values, affine=affine), body=body, arch=arch, frame=frame)


@pytest.fixture(scope="module")
def motion(demo_vertebra: Vertebra) -> RigidMotion:
    """15 degrees about an oblique axis through the body, and 18 mm."""
    turn = Rotation.from_rotvec(np.radians(15.0) * np.array([0.4, -0.5, 0.768])).as_matrix()
    origin, matrix = demo_vertebra.frame.origin, np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = turn, origin + np.array([6.0, -14.0, 9.5]) - turn @ origin
    return RigidMotion(matrix)


@pytest.fixture(scope="module")
def elsewhere(demo_vertebra: Vertebra, motion: RigidMotion) -> Vertebra:
    """The demo after the motion, on other voxels."""
    return moved(demo_vertebra, motion, np.array([1.25, 1.25, 1.25]))


@pytest.mark.parametrize("arch", [True, False])
def test_a_known_motion_comes_back(
    demo_vertebra: Vertebra, elsewhere: Vertebra, motion: RigidMotion, arch: bool
) -> None:
    second = elsewhere if arch else replace(elsewhere, arch=np.zeros_like(elsewhere.arch))
    found = register_bodies(demo_vertebra, second)
    points = demo_vertebra.ct.to_world(np.argwhere(demo_vertebra.body))
    errors = np.linalg.norm(found(points) - motion(points), axis=1)
    assert errors.max() < 0.25
    assert RigidMotion(found.matrix @ motion.inverse.matrix).angle < 0.3
    assert found.angle == pytest.approx(15.0, abs=0.3)


def test_before_and_after_are_one_body_with_cement_in_former_bone(
    demo_vertebra: Vertebra, demo_mesh: Callable[..., TetMesh], elsewhere: Vertebra
) -> None:
    """The demo is the body after; a fourth of its cement is burnt in outside of the bone."""
    frame, beside = demo_vertebra.frame, np.array([5.5, 0.0, 0.0])
    inside, outside = ball(frame.point(0.0, 0.4, 0.5), 8.0), box(frame.point(1.0, 0.5, 0.5) + beside, [9, 9, 9])
    scan = burnt_scan(demo_vertebra, demo_mesh(2.0), [inside, outside])
    leaks = find_leaks(scan)
    told = before_results(elsewhere, scan, leaks)
    assert told.body_dice > 0.97
    assert told.rotation_deg == pytest.approx(15.0, abs=0.3)
    assert told.translation_mm == pytest.approx(18.0, abs=0.3)
    assert told.surface_distance_mm < 0.3
    for change in told.height_change_mm.values():
        assert abs(change) < 0.6
    assert told.cement_in_bone_share == pytest.approx(
        scan.cement.inside / (scan.cement.inside + leaks.volume), abs=0.02
    )


def test_a_body_that_lost_height_has_that_much_less(demo_vertebra: Vertebra, demo_mesh: Callable[..., TetMesh]) -> None:
    """3 mm of the upper endplate are gone before: the body was lower, and cement now stands where no bone was."""
    frame = demo_vertebra.frame
    places = frame.to_frame(demo_vertebra.ct.to_world(np.moveaxis(np.indices(demo_vertebra.body.shape), 0, -1)))
    shift = demo_vertebra.ct.to_indices(frame.to_scanner(places + np.array([0.0, 0.0, 3.0])))
    upper = places[..., 2] > 0.0
    lowered = ndimage.map_coordinates(demo_vertebra.body.astype(float), np.moveaxis(shift, -1, 0), order=1) >= 0.5
    before = replace(demo_vertebra, body=np.where(upper, lowered & demo_vertebra.body, demo_vertebra.body))
    top = frame.point(0.0, 0.5, 1.0)
    scan = burnt_scan(demo_vertebra, demo_mesh(2.0), [box(top - np.array([0.0, 0.0, 3.5]), (12.0, 12.0, 7.0))])
    told = before_results(before, scan, find_leaks(scan))
    for change in told.height_change_mm.values():
        assert change == pytest.approx(3.0, abs=0.2)
    assert told.translation_mm < 0.2  # the arch holds it; the bodies alone would meet halfway
    assert told.cement_in_bone_share == pytest.approx(before.body[scan.inside].mean(), abs=0.05)
    assert told.cement_in_bone_share < 0.9


def test_another_body_is_refused(demo_vertebra: Vertebra, demo_mesh: Callable[..., TetMesh]) -> None:
    scan = burnt_scan(demo_vertebra, demo_mesh(2.0), [ball(demo_vertebra.frame.point(0.0, 0.4, 0.5), 8.0)])
    places = demo_vertebra.frame.to_frame(
        demo_vertebra.ct.to_world(np.moveaxis(np.indices(demo_vertebra.body.shape), 0, -1))
    )
    small = replace(demo_vertebra, body=demo_vertebra.body & (np.linalg.norm(places, axis=-1) < 9.0))
    with pytest.raises(InputError, match="same vertebra"):
        before_results(small, scan, find_leaks(scan))
