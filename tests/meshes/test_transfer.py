import numpy as np
import pytest
from phantoms import box

from meshes.tetmesh import TetMesh
from meshes.transfer import CellTransfer


@pytest.fixture(scope="module")
def meshes() -> tuple[TetMesh, TetMesh]:
    """A box of 6 x 5 x 4 mm, and a longer one that holds it."""
    return box((6.0, 5.0, 4.0), 0.9), box((10.0, 5.0, 4.0), 1.1)


@pytest.fixture(scope="module")
def transfer(meshes) -> CellTransfer:
    return CellTransfer.between(*meshes)


def test_a_mesh_onto_itself_is_the_identity(meshes):
    source, _ = meshes
    shares = CellTransfer.between(source, source).shares
    np.testing.assert_allclose(shares.diagonal(), 1.0)
    assert shares.nnz == len(source.cells)


def test_volume_is_kept(meshes, transfer):
    source, target = meshes
    assert target.cell_volumes @ transfer.content(np.ones(len(source.cells))) == pytest.approx(source.volume, rel=0.01)
    ball = (np.linalg.norm(source.cell_centroids - [3.0, 2.5, 2.0], axis=1) < 1.6).astype(float)
    assert target.cell_volumes @ transfer.content(ball) == pytest.approx(source.cell_volumes @ ball, rel=0.02)


def test_a_linear_field_arrives_where_it_was(meshes, transfer):
    source, target = meshes
    inside = transfer.shares.sum(axis=1) > 0.999
    heights = transfer.content(source.cell_centroids[:, 0])
    error = heights[inside] - target.cell_centroids[inside, 0]
    assert np.abs(error.mean()) < 0.02
    assert np.abs(error).max() < 0.6


def test_overlay_leaves_the_rest_alone(meshes, transfer):
    source, target = meshes
    own = np.full(len(target.cells), 100.0)
    none = np.zeros(len(source.cells), dtype=bool)
    np.testing.assert_array_equal(transfer.overlay(np.zeros(len(none)), none, own), own)
    over = transfer.overlay(np.full(len(none), 7.0), ~none, own)
    beyond = target.points[target.cells][..., 0].min(axis=1) > 6.0
    within = target.points[target.cells][..., 0].max(axis=1) < 6.0
    np.testing.assert_array_equal(over[beyond], 100.0)
    np.testing.assert_allclose(over[within], 7.0)
    between = ~beyond & ~within
    assert over[between].min() > 7.0 - 1e-9
    assert over[between].max() < 100.0 + 1e-9
