from dataclasses import replace

import gmsh
import numpy as np
import pytest
from phantoms import ball, box

from meshes.frame import AnatomicalFrame
from meshes.images.image import Image
from meshes.quality import edge_lengths, gamma, measure_quality, surface_distances
from meshes.surface import Surface
from meshes.tetmesh import TetMesh
from meshes.vertebra import Vertebra
from meshes.volume_mesh import gmsh_session, tetmesh_from_arrays


@pytest.fixture(scope="module")
def brick() -> Vertebra:
    """A body of 10 x 8 x 6 voxels of 2 mm about the origin."""
    body = np.zeros((14, 12, 10), dtype=bool)
    body[2:12, 2:10, 2:8] = True
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    affine[:3, 3] = -2.0 * (np.array(body.shape) - 1) / 2
    ct = Image(np.zeros(body.shape, dtype=np.float32), affine)
    frame = AnatomicalFrame(np.zeros(3), np.eye(3), np.array([[-10.0, 10.0], [-8.0, 8.0], [-6.0, 6.0]]), "landmarks")
    return Vertebra("L3", 22, "verse", ct, body, np.zeros_like(body), frame)


def brick_mesh(grown: float = 0.0) -> TetMesh:
    mesh = box((20.0 + 2 * grown, 16.0 + 2 * grown, 12.0 + 2 * grown), 2.0)
    return replace(mesh, points=mesh.points - np.array([10.0, 8.0, 6.0]) - grown)


def test_a_regular_cell_has_gamma_one_and_a_flat_one_nearly_zero():
    regular = np.array([[1.0, 1.0, 1.0], [1.0, -1.0, -1.0], [-1.0, 1.0, -1.0], [-1.0, -1.0, 1.0]])
    mesh = tetmesh_from_arrays(regular, np.array([[0, 1, 2, 3]]))
    np.testing.assert_allclose(gamma(mesh), 1.0, rtol=1e-12)
    np.testing.assert_allclose(edge_lengths(mesh), np.full(6, np.sqrt(8.0)))
    flat = tetmesh_from_arrays(regular * [1.0, 1.0, 1e-4], np.array([[0, 1, 2, 3]]))
    assert 0.0 < gamma(flat)[0] < 1e-3


def test_gamma_agrees_with_gmsh():
    mesh = ball(5.0, 1.5)
    with gmsh_session():
        gmsh.model.add("check")
        entity = gmsh.model.addDiscreteEntity(3, 1)
        gmsh.model.mesh.addNodes(3, entity, np.arange(1, len(mesh.points) + 1), mesh.points.ravel())
        tags = np.arange(1, len(mesh.cells) + 1)
        gmsh.model.mesh.addElementsByType(entity, 4, tags, (mesh.cells + 1).ravel())
        expected = gmsh.model.mesh.getElementQualities(tags, "gamma")
    np.testing.assert_allclose(gamma(mesh), expected, rtol=1e-9)


def test_an_exact_mesh_of_a_brick_lies_nowhere_off(brick):
    quality = measure_quality(brick_mesh(), brick)
    assert quality.volume == pytest.approx(20.0 * 16.0 * 12.0)
    assert quality.volume_error == pytest.approx(0.0, abs=1e-12)
    assert quality.centroid_offset == pytest.approx(0.0, abs=1e-9)
    assert quality.hausdorff == pytest.approx(0.0, abs=1e-9)


def test_a_grown_brick_is_off_by_its_growth(brick):
    mesh = brick_mesh(grown=0.5)
    (outward, outward_areas), (inward, inward_areas) = surface_distances(Surface(mesh.points, mesh.facets), brick)
    np.testing.assert_allclose(inward, 0.5, atol=1e-9)
    assert inward_areas.sum() == pytest.approx(2 * (20 * 16 + 20 * 12 + 16 * 12))
    assert outward_areas.sum() == pytest.approx(mesh.facet_areas.sum())
    assert np.median(outward) == pytest.approx(0.5)
    assert outward.max() <= 0.5 * np.sqrt(3.0) + 1e-9
    quality = measure_quality(mesh, brick)
    assert quality.surface_distance_p95 == pytest.approx(0.5, abs=0.08)  # its edges are farther off
    assert quality.volume_error == pytest.approx(21 * 17 * 13 / (20 * 16 * 12) - 1.0)


def test_a_shifted_brick_has_a_centroid_offset(brick):
    mesh = brick_mesh()
    quality = measure_quality(replace(mesh, points=mesh.points + np.array([0.3, 0.0, -0.4])), brick)
    assert quality.centroid_offset == pytest.approx(0.5)


@pytest.mark.parametrize("size", [2.0, 1.5, 1.0])
def test_the_demo_vertebra_is_met_within_half_a_voxel(demo_vertebra, demo_mesh, size):
    quality = measure_quality(demo_mesh(size), demo_vertebra)
    assert quality.mask_volume == pytest.approx(39258.0)
    assert abs(quality.volume_error) < 1e-6
    assert quality.centroid_offset < 0.05
    assert quality.surface_distance_p95 < 0.75
    assert quality.gamma_min > 0.15
    assert quality.gamma_p05 > 0.45
    assert quality.edge_length_mean == pytest.approx(1.38 * size, rel=0.05)
