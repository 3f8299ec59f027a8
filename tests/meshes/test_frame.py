import warnings

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from meshes.axes import find_axes, mirror_agreement
from meshes.endplates import fit_endplates
from meshes.errors import InputError
from meshes.frame import AnatomicalFrame, FrameError, frame_of_body, orthonormal_axes
from meshes.images.image import Image, read_mask


def angle(first: np.ndarray, second: np.ndarray) -> float:
    """Angle between two vectors in degrees."""
    cosine = first @ second / np.linalg.norm(first) / np.linalg.norm(second)
    return float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))


def wedge(rotation: np.ndarray, spacing: np.ndarray, tilts: tuple[float, float]) -> tuple[np.ndarray, Image]:
    """A block 44 x 30 mm across whose upper and lower faces lean by ``tilts`` degrees about the left axis."""
    size = np.ceil(np.array([60.0, 60.0, 60.0]) / spacing).astype(int)
    grid = Image(np.zeros(size), np.diag([*spacing, 1.0]))
    centre = grid.to_world((size - 1) / 2)
    points = (np.moveaxis(np.indices(size), 0, -1) * spacing - centre) @ rotation
    x, y, z = np.moveaxis(points, -1, 0)
    upper = 12.0 + np.tan(np.radians(tilts[0])) * y
    lower = -12.0 + np.tan(np.radians(tilts[1])) * y
    return (np.abs(x) < 22) & (np.abs(y) < 15) & (z < upper) & (z > lower), grid


@pytest.mark.parametrize("degrees", [0.0, 15.0, 30.0])
def test_endplates_of_a_wedge(degrees):
    rotation = Rotation.from_rotvec(np.radians(degrees) * np.array([0.8, 0.6, 0.0])).as_matrix()
    spacing = np.array([0.8, 0.8, 1.0])
    body, _ = wedge(rotation, spacing, (-6.0, 4.0))
    endplates = fit_endplates(body, spacing, np.array([0.0, 0.0, 1.0]))
    superior = rotation @ [0, np.sin(np.radians(6)), np.cos(np.radians(6))]
    inferior = rotation @ [0, np.sin(np.radians(4)), -np.cos(np.radians(4))]
    assert angle(endplates.superior, superior) < 0.7
    assert angle(endplates.inferior, inferior) < 0.7
    assert endplates.wedge_angle == pytest.approx(10.0, abs=1.0)
    assert endplates.residual < 0.4


def test_axes_are_a_right_handed_triad_that_keeps_the_superior_direction():
    axes = orthonormal_axes(np.array([2.0, 0.3, 0.4]), np.array([0.1, -0.2, 3.0]))
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(axes) == pytest.approx(1.0)
    assert angle(axes[2], np.array([0.1, -0.2, 3.0])) < 1e-5


def test_frame_of_a_box_is_exact():
    grid = Image(np.zeros((40, 30, 20)), np.array([[0, 1.0, 0, 5], [1.5, 0, 0, -7], [0, 0, -2.0, 3], [0, 0, 0, 1]]))
    body = np.zeros((40, 30, 20), dtype=bool)
    body[10:30, 5:25, 4:16] = True
    frame = frame_of_body(body, grid, np.eye(3), "landmarks")
    np.testing.assert_allclose(frame.origin, grid.to_world(np.array([19.5, 14.5, 9.5])), atol=1e-12)
    np.testing.assert_allclose(frame.extents, [[-10, 10], [-15, 15], [-12, 12]], atol=1e-9)
    assert mirror_agreement(body, grid, frame.origin, frame.axes[0]) == 1.0


@pytest.mark.parametrize("upwards", [1, -1])
def test_extents_of_a_body_that_caves_in_beyond_its_centroid(upwards):
    """A cup with a floor of 4 mm: its centroid lies in the hollow, and the line through it meets the floor alone."""
    grid = Image(np.zeros((30, 30, 30)), np.eye(4))
    body = np.zeros((30, 30, 30), dtype=bool)
    body[5:25, 5:25, 5:25] = True
    body[7:23, 7:23, 9:25] = False
    frame = frame_of_body(body[:, :, ::upwards], grid, np.eye(3), "landmarks")
    floor = np.array([4.5, 8.5] if upwards > 0 else [20.5, 24.5])
    np.testing.assert_allclose(frame.extents[:2], [[-10, 10], [-10, 10]], atol=1e-9)
    np.testing.assert_allclose(frame.extents[2], floor - frame.origin[2], atol=1e-9)
    assert frame.extents[2].prod() > 0.0
    assert frame.fractions(frame.point(0.3, 0.2, 0.9)) == pytest.approx((0.3, 0.2, 0.9))


def test_a_body_beside_its_centroid_has_no_frame():
    grid = Image(np.zeros((30, 30, 30)), np.eye(4))
    body = np.zeros((30, 30, 30), dtype=bool)
    body[5:25, 5:25, 5:25] = True
    body[9:25, 7:23, :] = False
    with pytest.raises(FrameError, match="its centroid lies outside of it"):
        frame_of_body(body, grid, np.eye(3), "landmarks")


def test_points_and_fractions():
    axes = Rotation.from_euler("xyz", [10, -20, 30], degrees=True).as_matrix()
    frame = AnatomicalFrame(np.array([1.0, 2.0, 3.0]), axes, np.array([[-20.0, 22], [-18, 15], [-10, 12]]), "landmarks")
    np.testing.assert_allclose(frame.point(0, 0, 0), [0, -18, -10])
    np.testing.assert_allclose(frame.point(1, 1, 1), [22, 15, 12])
    np.testing.assert_allclose(frame.point(-0.5, 0.5, 0.5), [-10, -1.5, 1])
    for fractions in ((0.3, 0.2, 0.9), (-0.7, 1.2, -0.1)):
        np.testing.assert_allclose(frame.fractions(frame.point(*fractions)), fractions)
    points = np.random.default_rng(0).normal(size=(5, 3))
    np.testing.assert_allclose(frame.to_frame(frame.to_scanner(points)), points)
    np.testing.assert_allclose(frame.to_scanner(np.array([0, 0, 1.0])), frame.origin + axes[2])
    homogeneous = np.column_stack([points, np.ones(5)])
    np.testing.assert_allclose((homogeneous @ frame.matrix.T)[:, :3], frame.to_frame(points))


def test_left_is_the_patients_left(demo_vertebra, demo_files):
    frame, grid = demo_vertebra.frame, demo_vertebra.ct
    assert frame.method == "landmarks"
    subregions = read_mask(demo_files.subregions)
    mask = read_mask(demo_files.mask)
    for left, right in ((43, 44), (45, 46), (47, 48)):
        for number, side in ((left, 1), (right, -1)):
            voxels = np.argwhere((subregions.values == number) & (mask.values == demo_vertebra.label))
            assert side * frame.to_frame(mask.to_world(voxels)).mean(axis=0)[0] > 8.0
    # Pedicles are the arch just behind the body: one on each side.
    arch = frame.to_frame(grid.to_world(np.argwhere(demo_vertebra.arch)))
    pedicles = arch[(arch[:, 1] > frame.extents[1, 1]) & (arch[:, 1] < frame.extents[1, 1] + 6) & (arch[:, 2] > 0)]
    assert (pedicles[:, 0] > 5).sum() > 50
    assert (pedicles[:, 0] < -5).sum() > 50
    assert arch.mean(axis=0)[1] > 30.0


def test_the_demo_frame_stands_on_its_endplates_and_on_its_mirror_plane(demo_vertebra):
    body, grid, frame = demo_vertebra.body, demo_vertebra.ct, demo_vertebra.frame
    endplates = fit_endplates(body, grid.spacing, np.array([0.0, 0.0, 1.0]))
    assert angle(endplates.superior, frame.axes[2]) == pytest.approx(endplates.wedge_angle / 2, abs=0.01)
    assert angle(-endplates.inferior, frame.axes[2]) == pytest.approx(endplates.wedge_angle / 2, abs=0.01)
    overlaps = []
    for yaw in np.radians([-6.0, 0.0, 6.0]):
        turned = np.cos(yaw) * frame.axes[0] + np.sin(yaw) * frame.axes[1]
        overlaps.append(mirror_agreement(body, grid, frame.origin, turned))
    assert overlaps[1] == max(overlaps) > 0.95


@pytest.mark.filterwarnings("ignore")
def test_tptbox_landmarks_agree(demo_vertebra, demo_files, monkeypatch):
    """Its corners of the endplates, found by other means, are a voxel (1.5 mm) exact over some 22 mm."""
    # TPTBox replaces the formatting of warnings for the whole process when it is imported.
    monkeypatch.setattr(warnings, "formatwarning", warnings.formatwarning)
    from TPTBox import NII, calc_poi_from_subreg_vert
    from TPTBox.core.vert_constants import Location

    masks = [NII.load(str(path), seg=True) for path in (demo_files.mask, demo_files.subregions)]
    for mask in masks:
        mask.set_dtype_(np.uint16)
    rows = {1: (101, 109, 117), -1: (103, 111, 119)}, {1: (102, 110, 118), -1: (104, 112, 120)}
    wanted = [Location(number) for side in rows for row in side.values() for number in row]
    points = calc_poi_from_subreg_vert(*masks, subreg_id=wanted).to_global(itk_coords=True)
    corner = {
        location.value: demo_vertebra.frame.to_frame(np.array(points[demo_vertebra.label, location.value]))
        for location in wanted
    }
    anterior, posterior = rows
    backward = np.mean(
        [corner[b] - corner[a] for k in (1, -1) for a, b in zip(anterior[k], posterior[k], strict=True)], axis=0
    )
    assert angle(backward, np.array([0.0, 1.0, 0.0])) < 5.0
    upward = np.mean([corner[a] - corner[b] for side in rows for a, b in zip(side[1], side[-1], strict=True)], axis=0)
    assert angle(upward, np.array([0.0, 0.0, 1.0])) < 6.0
    leftward = np.mean([corner[row[1]] - corner[row[2]] for side in rows for row in side.values()], axis=0)
    assert angle(leftward, np.array([1.0, 0.0, 0.0])) < 5.0


def test_mirrored_subregions_are_refused(demo_vertebra, demo_files):
    parts = read_mask(demo_files.subregions).values
    swapped = parts.copy()
    for left, right in ((43, 44), (45, 46), (47, 48)):
        swapped[parts == left], swapped[parts == right] = right, left
    with pytest.raises(InputError, match=r"left processes .* lie on the patient's right"):
        find_axes(demo_vertebra.body, demo_vertebra.arch, demo_vertebra.ct, swapped)
