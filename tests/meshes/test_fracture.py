"""Fractured bodies: the map against its own derivative and inverse, and the demo patient's L3 after it."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from meshes.body_heights import BodyHeights, Plates, PlateSurface, body_heights
from meshes.errors import InputError
from meshes.fracture import LEAST_JACOBIAN, BrokenPlate, Fracture, Kind, Shortening
from meshes.fractured import BreakableBody, MovedVoxels, fractured, fractured_labels
from meshes.frame import AnatomicalFrame
from meshes.vertebra import Vertebra

FRACTURES: list[tuple[Kind, BrokenPlate, float]] = [
    ("wedge", "superior", 0.4),
    ("wedge", "inferior", 0.3),
    ("biconcave", "both", 0.3),
    ("crush", "superior", 0.3),
    ("crush", "both", 0.4),
]


def block(height: float = 28.0) -> tuple[Shortening, Plates]:
    """A block of 46 x 34 mm with level endplates, and a shortening of it to be replaced."""
    frame = AnatomicalFrame(
        np.zeros(3), np.eye(3), np.array([[-23.0, 23.0], [-17.0, 17.0], [-0.5 * height, 0.5 * height]]), "landmarks"
    )
    x, y = np.meshgrid(np.linspace(-23.0, 23.0, 24), np.linspace(-17.0, 17.0, 18), indexing="ij")
    columns = np.stack([x.ravel(), y.ravel()], axis=-1)
    above, below = (
        PlateSurface.fitted(columns[:, 0], columns[:, 1], np.full(len(columns), end))
        for end in (0.5 * height, -0.5 * height)
    )
    heights = BodyHeights(height, height, height, 0.8 * 34.0)
    return Shortening("wedge", 0.3, heights, 0.3, frame, 17.0), Plates(above, below, columns)


def block_fracture(kind: Kind, plate: BrokenPlate, loss: float, extent: float | None = None) -> Fracture:
    shortening, plates = block()
    return Fracture.of_body(replace(shortening, kind=kind, loss=loss), plates, plate, extent)


def places(count: int = 4000) -> NDArray[np.float64]:
    return np.random.default_rng(3).uniform([-30.0, -25.0, -20.0], [30.0, 30.0, 20.0], (count, 3))


@pytest.mark.parametrize(("kind", "plate", "loss"), FRACTURES)
def test_map_is_one_to_one_and_its_jacobian_is_its_derivative(kind: Kind, plate: BrokenPlate, loss: float) -> None:
    fracture, points = block_fracture(kind, plate, loss), places()
    assert np.abs(fracture.before(fracture.after(points)) - points).max() < 1e-12
    assert np.abs(fracture.after(fracture.before(points)) - points).max() < 1e-12
    step = np.array([0.0, 0.0, 1e-5])
    slope = (fracture.after(points + step) - fracture.after(points - step))[:, 2] / 2e-5
    assert slope == pytest.approx(fracture.jacobian(points), abs=2e-4)
    assert np.array_equal(fracture.after(points)[:, :2], points[:, :2])
    assert slope.min() >= LEAST_JACOBIAN - 1e-9


@pytest.mark.parametrize(("kind", "plate", "loss"), FRACTURES)
def test_jacobian_adds_up_to_the_volume_that_is_lost(kind: Kind, plate: BrokenPlate, loss: float) -> None:
    """Midpoint sums over every column: mass conserved by the analytic map."""
    fracture = block_fracture(kind, plate, loss)
    _, plates = block()
    z = (np.arange(4000) + 0.5) / 4000 * 28.0 - 14.0
    for x, y in plates.columns[::37]:
        column = np.stack([np.full_like(z, x), np.full_like(z, y), z], axis=-1)
        lost = float(fracture.shortening.at(column[0]))
        assert 28.0 * (1.0 - fracture.jacobian(column).mean()) == pytest.approx(lost, abs=1e-5)


def test_the_whole_height_that_is_asked_for_is_lost_where_the_type_says() -> None:
    ends = np.array([[0.0, y, z] for y in (-13.6, -6.8, 0.0, 13.6) for z in (-14.0, 14.0)])

    def losses(kind: Kind, plate: BrokenPlate) -> list[float]:
        heights = np.diff(block_fracture(kind, plate, 0.3).after(ends)[:, 2].reshape(-1, 2))[:, 0]
        return (1.0 - heights / 28.0).tolist()

    front, deepest, middle, back = losses("wedge", "superior")
    assert [front, middle, back] == pytest.approx([0.3, 0.3 * 0.3 / 0.7, 0.0], abs=1e-12)
    assert deepest == pytest.approx(0.3 * 0.5 / 0.7)
    for plate in ("superior", "inferior", "both"):
        _, deepest, middle, back = losses("biconcave", plate)  # type: ignore[arg-type]
        assert deepest == pytest.approx(0.3)
        assert 0.1 < middle < 0.3
        assert losses("crush", plate) == pytest.approx([0.3] * 4)  # type: ignore[arg-type]


def test_losses_that_would_fold_the_bone_are_refused_with_the_range() -> None:
    with pytest.raises(InputError, match=r"height_loss = 0.69 of a crush .* choose 0.05 to 0.6\d or another type"):
        block_fracture("crush", "superior", 0.69)
    with pytest.raises(InputError, match=r"choose 0.05 to 0.26, a wider band than 0.4 \(at most 1\)"):
        block_fracture("crush", "superior", 0.3, extent=0.4)
    with pytest.raises(
        InputError, match=r"band = 0.7 leaves no room for the bands of two endplates; choose 0.1 to 0.5"
    ):
        block_fracture("crush", "both", 0.2, extent=0.7)


def test_wedge_angle_is_that_of_two_lines() -> None:
    assert BodyHeights(20.0, 22.5, 25.0, 28.0).wedge_angle == pytest.approx(10.2, abs=0.05)
    assert BodyHeights(20.0, 18.0, 25.0, 28.0).compression_ratio == pytest.approx(0.8)


@pytest.fixture(scope="module")
def body(demo_vertebra: Vertebra) -> BreakableBody:
    return BreakableBody.of(demo_vertebra)


@pytest.mark.parametrize(("kind", "plate", "loss"), [FRACTURES[0], FRACTURES[2], FRACTURES[4]])
def test_broken_l3_has_the_heights_and_the_bone_mineral_that_are_asked_for(
    body: BreakableBody, kind: Kind, plate: BrokenPlate, loss: float
) -> None:
    before, empty = body.vertebra, -30.0
    fracture = body.fracture(kind, loss, plate, 0.3)
    after = fractured(MovedVoxels.of(before, fracture, empty))
    masses = [(vertebra.ct.values[vertebra.body] - empty).sum(dtype=float) for vertebra in (before, after)]
    assert masses[1] == pytest.approx(masses[0], rel=1e-5)
    inside = before.frame.to_frame(before.ct.to_world(np.argwhere(before.body)))
    assert after.body.sum() / before.body.sum() == pytest.approx(fracture.jacobian(inside).mean(), abs=0.012)
    heights = body_heights(after.body, after.ct, before.frame)
    voxel = before.ct.voxel_volume ** (1.0 / 3.0)
    asked = {"wedge": (1.0, None, 0.0), "biconcave": (None, None, 0.0), "crush": (1.0, 1.0, 1.0)}[kind]
    for name, share in zip(("anterior", "middle", "posterior"), asked, strict=True):
        if share is not None:
            whole = getattr(body.heights, name)
            assert getattr(heights, name) == pytest.approx(whole * (1.0 - share * loss), abs=voxel)
    assert not (after.body & after.arch).any()
    assert np.array_equal(after.frame.axes, before.frame.axes)


def test_what_does_not_move_keeps_its_voxels(body: BreakableBody) -> None:
    before = body.vertebra
    after = fractured(MovedVoxels.of(before, body.fracture("wedge", 0.3, "superior", 0.3), 0.0))
    low = before.frame.to_frame(before.ct.to_world(np.indices(before.body.shape).reshape(3, -1).T))[:, 2] < -12.0
    for name in ("body", "arch"):
        assert np.array_equal(getattr(after, name).ravel()[low], getattr(before, name).ravel()[low])
    assert np.array_equal(after.ct.values.ravel()[low], before.ct.values.ravel()[low])
    assert np.array_equal(after.arch, before.arch)


def test_values_at_bone_and_far_from_it_come_from_where_the_map_says(body: BreakableBody) -> None:
    before = body.vertebra
    fracture = body.fracture("crush", 0.3, "superior", 0.3)
    voxels = MovedVoxels.of(before, fracture, -1e3)
    heights = before.frame.to_frame(before.ct.to_world(np.moveaxis(np.indices(before.body.shape), 0, -1)))[..., 2]
    after = voxels.values(heights)
    for which, low in ((voxels.far, -15.0), (voxels.near, 14.5)):
        places = before.frame.to_frame(before.ct.to_world(which))
        there = fracture.before(places)
        # beside the band bone is no denser, and in front of the arch the voxels move evenly
        away = (fracture.jacobian(there) == 1.0) & (there[:, 2] > low) & (there[:, 1] < 10.0)
        source = before.ct.to_indices(before.frame.to_scanner(there))
        known = away & (np.minimum(source, np.array(heights.shape) - 1 - source).min(axis=1) > 4.0)
        assert known.sum() > 1000
        assert after[tuple(which[known].T)] == pytest.approx(there[known, 2], abs=0.1)


def test_marks_move_with_the_bone(body: BreakableBody) -> None:
    before = body.vertebra
    fracture = body.fracture("crush", 0.3, "superior", 0.3)
    middle = before.frame.to_frame(before.ct.to_world(np.indices(before.body.shape).reshape(3, -1).T))
    ball = (np.linalg.norm(middle - [0.0, 0.0, 6.0], axis=1) < 4.0).reshape(before.body.shape)
    moved = fractured_labels(replace(before.ct, values=ball.astype(np.int32)), before, fracture)
    there = middle[moved.values.ravel() == 1].mean(axis=0)
    inside = fracture.after(middle[ball.ravel()])
    assert there == pytest.approx(np.average(inside, axis=0, weights=fracture.jacobian(middle[ball.ravel()])), abs=0.3)


def test_body_refuses_more_than_it_can_give(body: BreakableBody) -> None:
    most = body.largest_loss("crush", "superior", 0.3)
    assert body.fracture("crush", 0.999 * most, "superior", 0.3).bands[0].extent == 1.0
    with pytest.raises(InputError, match="would press this body's bone"):
        body.fracture("crush", 1.001 * most, "superior", 0.3)
