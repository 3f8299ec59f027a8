import math

import numpy as np
import pytest
from block_grid import SIDES, block_grid, filled, frame_of
from phantoms import ball, box

from fem.measures.fill import measure_fill
from meshes.tetmesh import TetMesh

LENGTHS, CORNER = np.array([20.0, 15.0, 9.0]), np.array([7.0, 5.0, 4.0])


@pytest.fixture(scope="module")
def grid() -> TetMesh:
    return block_grid((12, 9, 6), edge=2.0)


@pytest.fixture(scope="module")
def body() -> TetMesh:
    """An unstructured box whose planes x = 0 and of the thirds pass through cells."""
    mesh = box((20.0, 15.0, 9.0), 1.7)
    regions = dict(zip(SIDES, mesh.facet_regions.values(), strict=True))
    return TetMesh(mesh.points - CORNER, mesh.cells, mesh.facets, regions, mesh.cell_regions)


def test_sides_and_thirds_of_a_full_box_are_exact(body: TetMesh):
    ones = np.ones(len(body.cells))
    fill = measure_fill(body, frame_of(body), ones, 0.8 * ones, "left")
    cement = 0.8 * 20.0 * 15.0 * 9.0
    assert fill.body_volume == pytest.approx(2700.0, rel=1e-12)
    assert fill.cement_volume == pytest.approx(cement, rel=1e-12)
    assert fill.occupied_volume == pytest.approx(2700.0, rel=1e-12)
    assert fill.cement_fraction == pytest.approx(0.8, rel=1e-12)
    assert fill.occupied_fraction == pytest.approx(1.0, rel=1e-12)
    assert fill.cement_by_side == pytest.approx({"left": cement * 13.0 / 20.0, "right": cement * 7.0 / 20.0}, rel=1e-12)
    assert fill.occupied_by_side == pytest.approx({"left": 1755.0, "right": 945.0}, rel=1e-12)
    thirds = dict.fromkeys(("anterior", "middle", "posterior"), cement / 3.0)
    assert fill.cement_by_third == pytest.approx(thirds, rel=1e-12)
    assert fill.puncture_side_ratio == pytest.approx(0.8 * 13.0 / 20.0, rel=1e-12)
    assert fill.puncture_side_occupied_ratio == pytest.approx(13.0 / 20.0, rel=1e-12)
    assert fill.puncture_side_share == pytest.approx(13.0 / 20.0, rel=1e-12)
    assert fill.centroid == pytest.approx(tuple(0.5 * LENGTHS - CORNER), rel=1e-12)
    assert fill.distribution.bridge_area == pytest.approx(135.0, rel=1e-12)
    assert fill.distribution.largest_section == pytest.approx(135.0, rel=1e-12)
    assert fill.posterior_distance == 0.0
    assert fill.equivalent_radius == pytest.approx((2700.0 * 0.75 / math.pi) ** (1.0 / 3.0), rel=1e-12)
    assert fill.largest_diameter == pytest.approx(np.linalg.norm(LENGTHS), rel=1e-9)


def test_thirds_follow_the_frame(body: TetMesh):
    """The planes lie in the frame's extents, which need not be those of the mesh."""
    frame = frame_of(body)
    frame.extents[1] = (-2.0, 4.0)
    ones = np.ones(len(body.cells))
    fill = measure_fill(body, frame, ones, ones)
    expected = {"anterior": 180.0 * 5.0, "middle": 180.0 * 2.0, "posterior": 180.0 * 8.0}
    assert fill.cement_by_third == pytest.approx(expected, rel=1e-12)


def test_half_filled_pores_count_half_and_are_not_occupied(grid: TetMesh):
    saturation = np.where(filled(grid, ((-12.0, 0.0), (-9.0, 9.0), (-6.0, 6.0))) > 0.0, 0.5, 0.0)
    fill = measure_fill(grid, frame_of(grid), saturation, np.full(len(grid.cells), 0.6), "right")
    assert fill.cement_volume == pytest.approx(0.6 * 0.5 * 2592.0, rel=1e-12)
    assert fill.puncture_side_share == pytest.approx(1.0, rel=1e-12)
    assert fill.occupied_volume == 0.0
    assert fill.equivalent_radius == 0.0
    assert fill.sphericity is None
    assert fill.posterior_distance is None
    assert fill.distribution.pattern is None


def test_the_endplate_that_the_cement_touches(grid: TetMesh):
    block = filled(grid, ((-4.0, 6.0), (-3.0, 5.0), (-2.0, 6.0)))
    contact = measure_fill(grid, frame_of(grid), block, np.ones(len(grid.cells))).endplate_contact
    assert contact["superior_endplate"].touches
    assert contact["superior_endplate"].area == pytest.approx(80.0, rel=1e-12)
    assert contact["superior_endplate"].share == pytest.approx(80.0 / 432.0, rel=1e-12)
    assert not contact["inferior_endplate"].touches
    assert contact["inferior_endplate"].share == 0.0


def test_the_distance_to_the_posterior_wall(body: TetMesh):
    """A front across y at 3.2 mm from the wall, smooth over 5 mm."""
    ones = np.ones(len(body.cells))
    saturation = np.clip(0.5 + (10.0 - 3.2 - body.cell_centroids[:, 1]) / 5.0, 0.0, 1.0)
    fill = measure_fill(body, frame_of(body), saturation, ones)
    assert fill.posterior_distance == pytest.approx(3.2, abs=0.02)
    assert measure_fill(body, frame_of(body), ones, ones).posterior_distance == 0.0
    without = body.with_regions(facet_regions={name: body.facet_regions[name] for name in SIDES[:3]})
    assert measure_fill(without, frame_of(body), saturation, ones).posterior_distance is None


def test_a_ball_of_cement():
    mesh = ball(12.0, 1.0)
    radius = np.linalg.norm(mesh.cell_centroids, axis=1)
    saturation = np.clip(0.5 + (7.0 - radius) / 4.0, 0.0, 1.0)
    fill = measure_fill(mesh, frame_of(mesh), saturation, np.full(len(mesh.cells), 0.7), "right")
    assert fill.equivalent_radius == pytest.approx(7.0, rel=5e-3)
    assert fill.sphericity == pytest.approx(1.0, abs=2.5e-3)
    assert fill.largest_diameter == pytest.approx(14.0, rel=0.02)
    assert fill.puncture_side_share == pytest.approx(0.5, abs=1e-3)
    np.testing.assert_allclose(fill.centroid, 0.0, atol=0.02)
    # S falls linearly from 1 at 5 to 0 at 9 mm: the integral of 4 pi r^2 S is pi (9^4 - 5^4) / 12.
    assert fill.cement_volume == pytest.approx(0.7 * math.pi * (9.0**4 - 5.0**4) / 12.0, rel=0.01)
    assert fill.distribution.pattern == "confluent"
    assert fill.distribution.bridge_area == pytest.approx(math.pi * 49.0, rel=0.02)


def test_two_balls_are_separated_and_a_mirror_swaps_sides():
    mesh = box((44.0, 20.0, 20.0), 1.6)
    mesh = TetMesh(mesh.points - [22.0, 10.0, 10.0], mesh.cells, mesh.facets)
    large = np.linalg.norm(mesh.cell_centroids - [11.0, 0.0, 0.0], axis=1) < 8.0
    small = np.linalg.norm(mesh.cell_centroids - [-11.0, 0.0, 0.0], axis=1) < 5.0
    saturation, porosity = (large | small).astype(float), np.full(len(mesh.cells), 0.8)
    fill = measure_fill(mesh, frame_of(mesh), saturation, porosity, "left")
    assert fill.distribution.pattern == "separated"
    assert fill.distribution.components == 2
    assert fill.cement_by_side["left"] == pytest.approx(0.8 * 4.0 / 3.0 * math.pi * 512.0, rel=0.03)
    assert fill.distribution.largest_section == pytest.approx(math.pi * 64.0, rel=0.05)
    mirror = TetMesh(mesh.points * [-1.0, 1.0, 1.0], mesh.cells[:, [1, 0, 2, 3]], mesh.facets[:, [1, 0, 2]])
    seen = measure_fill(mirror, frame_of(mesh), saturation, porosity, "right")
    assert seen.cement_by_side["right"] == pytest.approx(fill.cement_by_side["left"], rel=1e-12)
    assert seen.puncture_side_ratio == pytest.approx(fill.puncture_side_ratio, rel=1e-12)
    assert seen.sphericity == pytest.approx(fill.sphericity, rel=1e-9)
    assert seen.distribution.largest_section == pytest.approx(fill.distribution.largest_section, rel=1e-9)


def test_no_cement_at_all(grid: TetMesh):
    nothing = np.zeros(len(grid.cells))
    fill = measure_fill(grid, frame_of(grid), nothing, np.ones(len(grid.cells)), "left")
    assert fill.cement_volume == fill.occupied_volume == fill.equivalent_radius == 0.0
    assert fill.puncture_side_ratio == 0.0
    for undefined in (
        fill.puncture_side_share,
        fill.posterior_distance,
        fill.sphericity,
        fill.largest_diameter,
        fill.centroid,
        fill.distribution.pattern,
        fill.distribution.bridge_share,
    ):
        assert undefined is None


def test_needles_on_both_sides_have_no_puncture_side(grid: TetMesh):
    ones = np.ones(len(grid.cells))
    fill = measure_fill(grid, frame_of(grid), ones, ones)
    assert fill.puncture_side_ratio is None
    assert fill.puncture_side_occupied_ratio is None
    assert fill.puncture_side_share is None


def test_arrays_must_fit_the_mesh(grid: TetMesh):
    ones = np.ones(len(grid.cells))
    with pytest.raises(ValueError, match="saturation"):
        measure_fill(grid, frame_of(grid), ones[:-1], ones)
    with pytest.raises(ValueError, match="porosity"):
        measure_fill(grid, frame_of(grid), ones, ones[:, None])
