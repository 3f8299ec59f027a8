from dataclasses import replace

import numpy as np
import pytest

from meshes.body_mesh import Refinement
from meshes.body_surface import body_surface
from meshes.sampling import equal_parts, voxel_weights
from meshes.tetmesh import TetMesh
from meshes.vertebra import Vertebra
from meshes.volume_mesh import mesh_volume


@pytest.fixture(scope="module")
def mesh(demo_vertebra) -> TetMesh:
    """The demo body at 2 mm, with cells much smaller than a voxel in one place."""
    refinements = (Refinement((0.0, 0.0, 0.0), (0.0, 0.0, 0.0), 2.0, 0.4),)
    surface = body_surface(demo_vertebra, 2.0, refinements)
    return mesh_volume(surface.points, surface.triangles, 2.0, refinements)


@pytest.fixture(scope="module")
def solid(demo_vertebra) -> Vertebra:
    """The demo vertebra with a mask that fills the image: no voxel is left out."""
    return replace(demo_vertebra, body=np.ones_like(demo_vertebra.body))


def voxel_centres(vertebra: Vertebra) -> np.ndarray:
    """(voxels, 3) mm in the anatomical frame, in the order of ``ravel()``."""
    index = np.argwhere(np.ones(vertebra.body.shape, dtype=bool))
    return vertebra.frame.to_frame(vertebra.ct.to_world(index))


@pytest.mark.parametrize("count", [1, 2, 3, 6])
def test_equal_parts_average_like_the_tetrahedron(count):
    parts = equal_parts(count)
    assert parts.shape == (count**3, 4)
    assert (parts > 0.0).all()
    np.testing.assert_allclose(parts.sum(axis=1), 1.0)
    np.testing.assert_allclose(parts.mean(axis=0), 0.25)
    # The mean square of a barycentric coordinate is 1/10; the parts' own spread is what their centroids miss.
    np.testing.assert_allclose((parts**2).mean(axis=0), 0.1 - (0.1 - 1 / 16) / count**2, rtol=0.02)


def test_rows_sum_to_one(mesh, demo_vertebra):
    weights = voxel_weights(mesh, demo_vertebra)
    assert weights.shape == (len(mesh.cells), demo_vertebra.body.size)
    assert (weights.data > 0.0).all()
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, rtol=1e-12)


def test_a_linear_field_is_sampled_at_the_centroids(mesh, solid):
    error = voxel_weights(mesh, solid) @ voxel_centres(solid) - mesh.cell_centroids
    assert np.abs(error).max() < 0.5 * 1.5 * np.sqrt(3.0)  # a cell inside one voxel sees its centre alone
    np.testing.assert_allclose(np.average(error, axis=0, weights=mesh.cell_volumes), 0.0, atol=5e-3)
    large = mesh.cell_volumes > 3.0
    assert error[large].std() < 0.1


def test_shares_agree_with_random_points(mesh, solid):
    weights = voxel_weights(mesh, solid)
    random = np.random.default_rng(1)
    to_index = np.linalg.inv(solid.frame.matrix @ solid.ct.affine)
    missed = []
    for cell in random.choice(len(mesh.cells), 40, replace=False):
        points = random.dirichlet(np.ones(4), 20000) @ mesh.points[mesh.cells[cell]]
        index = np.rint(points @ to_index[:3, :3].T + to_index[:3, 3]).astype(int)
        voxel = np.ravel_multi_index(tuple(index.T), solid.body.shape)
        expected = np.bincount(voxel, minlength=solid.body.size) / len(points)
        shares = weights[[int(cell)]].toarray()[0]
        missed.append(0.5 * np.abs(shares - expected).sum())  # share of the volume given to a wrong voxel
    assert np.mean(missed) < 0.05
    assert np.max(missed) < 0.15


def test_cells_at_the_wall_take_their_values_from_inside_the_mask(mesh, demo_vertebra):
    weights = voxel_weights(mesh, demo_vertebra)
    inside = demo_vertebra.body.ravel().astype(float)
    share = weights @ inside
    touched = voxel_weights(mesh, replace(demo_vertebra, body=np.ones_like(demo_vertebra.body))) @ inside > 0.0
    np.testing.assert_allclose(share[touched], 1.0)
    np.testing.assert_array_equal(share[~touched], 0.0)
    assert touched.mean() > 0.98
