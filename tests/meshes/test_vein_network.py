"""Networks of veins, and the lengths of their segments in the cells of a mesh."""

from itertools import permutations, product

import numpy as np
import pytest
from phantoms import box
from scipy.spatial import Delaunay

from meshes.tetmesh import TetMesh
from meshes.vein_network import VeinNetwork, cross
from meshes.volume_mesh import tetmesh_from_arrays


def line(*nodes: tuple[float, float, float]) -> VeinNetwork:
    """One vein through some points."""
    count = len(nodes) - 1
    return VeinNetwork(np.array(nodes), np.stack([np.arange(count), np.arange(count) + 1], axis=1), np.ones(count))


@pytest.fixture(scope="module")
def cube() -> TetMesh:
    """A cube of 2 mm in six cells around its diagonal."""
    corners = np.array(list(product((0.0, 2.0), repeat=3)))
    paths = [np.concatenate([[0], np.cumsum(np.array([4, 2, 1])[list(order)])]) for order in permutations(range(3))]
    return tetmesh_from_arrays(corners, np.array(paths))


@pytest.mark.parametrize(
    ("first", "last", "inside"),
    [
        ((0.3, 0.5, 0.9), (1.7, 1.2, 0.4), 1.0),  # within
        ((-1.0, -1.0, -1.0), (3.0, 3.0, 3.0), 0.5),  # along the edge that all cells share
        ((-1.0, 1.0, 1.0), (3.0, 1.0, 1.0), 0.5),  # in a face that two cells share, then through the edge
        ((0.0, 0.0, -2.0), (0.0, 0.0, 2.0), 0.5),  # along an edge of the body
        ((1.0, -1.0, 0.0), (1.0, 1.0, 0.0), 0.5),  # in a wall
        ((-1.0, 1.0, 2.5), (3.0, 1.0, 2.5), 0.0),  # past the body
        ((2.0, 2.0, 2.0), (4.0, 4.0, 5.0), 0.0),  # from a corner outwards
    ],
)
@pytest.mark.parametrize("backwards", [False, True])
def test_a_segment_is_counted_once_wherever_it_runs(cube, first, last, inside, backwards) -> None:
    network = line(last, first) if backwards else line(first, last)
    pieces = cross(network, cube)
    assert pieces.length.sum() == pytest.approx(inside * network.lengths[0], abs=1e-9)
    assert (pieces.start[1:] >= pieces.start[:-1] + pieces.length[:-1] - 1e-12).all()


def test_pieces_of_a_known_cut_are_exact(cube) -> None:
    # Along x at y = 0.5, z = 1.5 the cells change where x passes y and z.
    pieces = cross(line((-1.0, 0.5, 1.5), (3.0, 0.5, 1.5)), cube)
    np.testing.assert_allclose(pieces.start, [1.0, 1.5, 2.5], atol=1e-12)
    np.testing.assert_allclose(pieces.length, [0.5, 1.0, 0.5], atol=1e-12)
    middles = np.array([-1.0, 0.5, 1.5]) + (pieces.start + 0.5 * pieces.length)[:, None] * [1.0, 0.0, 0.0]
    for cell, middle in zip(pieces.cell, middles, strict=True):
        assert Delaunay(cube.points[cube.cells[cell]]).find_simplex(middle) == 0


def test_random_lines_keep_their_length_and_their_cells() -> None:
    mesh = box((10.0, 8.0, 6.0), 1.5)
    random = np.random.default_rng(5)
    ends = random.uniform(0.01, 0.99, (40, 2, 3)) * [10.0, 8.0, 6.0]
    network = VeinNetwork(ends.reshape(-1, 3), np.arange(80).reshape(-1, 2), np.ones(40))
    pieces = cross(network, mesh)
    sums = np.bincount(pieces.segment, weights=pieces.length, minlength=40)
    np.testing.assert_allclose(sums, network.lengths, rtol=1e-12)
    along = (pieces.start + random.uniform(0.0, 1.0, len(pieces.length)) * pieces.length) / network.lengths[
        pieces.segment
    ]
    places = ends[pieces.segment, 0] + along[:, None] * (ends[:, 1] - ends[:, 0])[pieces.segment]
    corners = mesh.points[mesh.cells[pieces.cell]]
    inner = np.linalg.solve(np.moveaxis(corners[:, 1:] - corners[:, :1], 1, 2), (places - corners[:, 0])[:, :, None])
    assert inner.min() > -1e-9
    assert inner.sum(axis=1).max() < 1.0 + 1e-9
    assert len(np.unique(np.stack([pieces.segment, pieces.cell]), axis=1).T) == len(pieces.cell)


@pytest.mark.parametrize(
    ("nodes", "segments", "diameters", "exits", "message"),
    [
        ([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [(0, 1), (1, 2), (2, 0)], [1, 1, 1], {}, "loop"),
        ([(0, 0, 0), (1, 0, 0)], [(0, 1), (1, 0)], [1, 1], {}, "loop"),
        ([(0, 0, 0), (0, 0, 0)], [(0, 1)], [1], {}, "length"),
        ([(0, 0, 0), (1, 0, 0)], [(0, 1)], [0], {}, "diameter"),
        ([(0, 0, 0), (1, 0, 0)], [(0, 1)], [1], {1: "nowhere"}, "leak site"),
        ([(0, 0, 0), (1, 0, 0), (2, 0, 0)], [(0, 1), (1, 2)], [1, 1], {1: "needle_track"}, "end of a vein"),
    ],
)
def test_what_is_no_tree_of_veins_is_refused(nodes, segments, diameters, exits, message) -> None:
    with pytest.raises(ValueError, match=message):
        VeinNetwork(np.array(nodes, float), np.array(segments), np.array(diameters, float), exits)
