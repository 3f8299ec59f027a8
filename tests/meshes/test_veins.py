import numpy as np
import pytest
from phantoms import box

from meshes.errors import InputError
from meshes.mouths import REACH
from meshes.parametric import parametric_body
from meshes.regions import FORAMEN_HEIGHT, FORAMEN_WIDTH
from meshes.sizing import Refinement
from meshes.tetmesh import TetMesh
from meshes.veins import CHANNEL_DEPTH, basivertebral_channel, segmental_mouths
from meshes.wall_damage import cells_behind


@pytest.fixture(scope="module")
def body(demo_mesh) -> TetMesh:
    return demo_mesh(2.0)


@pytest.fixture(scope="module")
def refined(demo_mesh) -> TetMesh:
    """The demo body at 2 mm with cells of 0.8 mm along the channel."""
    return demo_mesh(2.0, (Refinement((0.0, 15.0, 0.5), (0.0, 2.0, 0.5), 4.0, 0.8),))


@pytest.fixture(scope="module")
def lumbar() -> TetMesh:
    return parametric_body("L3", 2.0)


def test_the_channel_is_a_funnel_from_the_foramen(refined):
    cells = basivertebral_channel(refined)
    foramen = refined.facet_regions["basivertebral_foramen"]
    centre = np.average(refined.facet_centroids[foramen], axis=0, weights=refined.facet_areas[foramen])
    cone = np.pi / 12.0 * FORAMEN_WIDTH * FORAMEN_HEIGHT * CHANNEL_DEPTH
    assert refined.cell_volumes[cells].sum() == pytest.approx(cone, rel=0.12)
    assert set(cells_behind(refined, foramen)) <= set(cells)
    offset = refined.cell_centroids[cells] - centre
    assert offset[:, 1].min() == pytest.approx(-CHANNEL_DEPTH, abs=1.5)
    assert abs(np.average(offset[:, 0], weights=refined.cell_volumes[cells])) < 0.4
    halfway = np.abs(offset[:, 1] + 0.5 * CHANNEL_DEPTH) < 1.0
    assert np.ptp(offset[halfway, 0]) == pytest.approx(0.5 * FORAMEN_WIDTH, abs=1.0)


def test_every_cell_of_a_coarse_channel_leads_to_the_foramen(body):
    cells = basivertebral_channel(body)
    border = cells_behind(body, body.facet_regions["basivertebral_foramen"]).tolist()
    joined = set(border)
    corners = {int(cell): set(body.cells[cell].tolist()) for cell in cells}
    while border:
        here = corners[border.pop()]
        new = [cell for cell, there in corners.items() if cell not in joined and len(here & there) == 3]
        joined.update(new)
        border += new
    assert joined == set(cells.tolist())


def test_a_wider_channel_holds_the_narrower(body):
    usual = set(basivertebral_channel(body).tolist())
    wide = set(basivertebral_channel(body, width=11.0, height=8.0, depth=16.0).tolist())
    assert usual < wide


def test_channels_that_cannot_be_are_refused(body):
    with pytest.raises(InputError, match="width = 0 mm"):
        basivertebral_channel(body, width=0.0)
    with pytest.raises(InputError, match=r"must stay below the 3\d\.\d mm"):
        basivertebral_channel(body, depth=50.0)
    with pytest.raises(InputError, match="basivertebral_foramen"):
        basivertebral_channel(box((5.0, 5.0, 5.0), 2.0))


def middle(mesh, mouth):
    return mouth.shares @ mesh.facet_centroids[mouth.facets]


@pytest.mark.parametrize("number", [1, 2, 3])
def test_segmental_veins_leave_the_lateral_walls_at_the_waist(lumbar, number):
    for side, sign in (("left", 1.0), ("right", -1.0)):
        wall = lumbar.facet_centroids[lumbar.facet_regions[f"{side}_wall"]]
        front, back = wall[:, 1].min(), wall[:, 1].max()
        mouths = segmental_mouths(lumbar, f"{side}_wall", number)
        assert len(mouths) == number
        for vein, mouth in enumerate(mouths):
            assert set(mouth.facets) <= set(lumbar.facet_regions[f"{side}_wall"])
            assert mouth.shares.sum() == pytest.approx(1.0)
            x, y, z = middle(lumbar, mouth)
            assert sign * x > 10.0
            assert z == pytest.approx(0.0, abs=0.7)
            assert y == pytest.approx(front + (vein + 0.5) / number * (back - front), abs=0.7)
            corners = lumbar.points[lumbar.facets[mouth.facets]] - [x, y, z]
            assert np.linalg.norm(corners, axis=2).min(axis=1).max() < REACH + 0.7


def test_segmental_veins_of_the_demo_body(body):
    for side, sign in (("left", 1.0), ("right", -1.0)):
        front, back = (middle(body, mouth) for mouth in segmental_mouths(body, f"{side}_wall", 2))
        assert sign * front[0] > 17.0
        assert sign * back[0] > 17.0
        assert front[1] < -4.0 < 4.0 < back[1]
        assert abs(front[2]) < 3.0
        assert abs(back[2]) < 3.0


def test_veins_of_the_anterior_wall_leave_it_along_its_width(lumbar):
    wall = lumbar.facet_centroids[lumbar.facet_regions["anterior_wall"]]
    right, left = wall[:, 0].min(), wall[:, 0].max()
    for vein, mouth in enumerate(segmental_mouths(lumbar, "anterior_wall", 2)):
        x, y, z = middle(lumbar, mouth)
        assert x == pytest.approx(right + (vein + 0.5) / 2 * (left - right), abs=0.7)
        assert y < -10.0
        assert z == pytest.approx(0.0, abs=0.7)


def test_veins_share_no_facet_and_always_have_one(body):
    for wall in ("left_wall", "right_wall", "anterior_wall"):
        facets = [mouth.facets for mouth in segmental_mouths(body, wall, 5)]
        assert all(len(opening) >= 1 for opening in facets)
        together = np.concatenate(facets)
        assert len(np.unique(together)) == len(together)


def test_veins_that_cannot_be_are_refused(body):
    with pytest.raises(InputError, match="at least 1"):
        segmental_mouths(body, "left_wall", 0)
    with pytest.raises(InputError, match="closer together than the facets of the left_wall"):
        segmental_mouths(body, "left_wall", 300)
