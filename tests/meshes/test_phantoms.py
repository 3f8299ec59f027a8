import numpy as np
import pytest
from phantoms import ball, box, cylinder, shell

from meshes.errors import InputError
from meshes.quality import gamma
from meshes.tetmesh import TetMesh


def assert_sound(mesh: TetMesh) -> None:
    assert (mesh.cell_volumes > 0.0).all()
    assert gamma(mesh).min() > 0.15
    facets = np.concatenate(list(mesh.facet_regions.values()))
    np.testing.assert_array_equal(np.sort(facets), np.arange(len(mesh.facets)))
    flux = (mesh.facet_centroids * mesh.facet_normals).sum(axis=1) @ mesh.facet_areas
    assert flux == pytest.approx(3.0 * mesh.volume, rel=1e-10)


def edge(mesh: TetMesh) -> np.ndarray:
    """Edge of the regular cell of the same volume, per cell."""
    return (6.0 * np.sqrt(2.0) * mesh.cell_volumes) ** (1.0 / 3.0)


def test_a_ball_has_its_boundary_on_the_sphere():
    mesh = ball(10.0, 1.5)
    assert_sound(mesh)
    radius = np.linalg.norm(mesh.points[np.unique(mesh.facets)], axis=1)
    np.testing.assert_allclose(radius, 10.0, rtol=1e-9)
    assert mesh.volume == pytest.approx(4.0 / 3.0 * np.pi * 1000.0, rel=0.01)


def test_a_ball_can_be_finer_at_its_centre():
    mesh = ball(10.0, 2.0, size_centre=0.4)
    assert_sound(mesh)
    radius = np.linalg.norm(mesh.cell_centroids, axis=1)
    assert edge(mesh)[radius < 1.0].mean() < 0.4 * edge(mesh)[radius > 8.0].mean()


def test_a_shell_has_two_named_spheres():
    mesh = shell(2.0, 10.0, 0.5, 2.0)
    assert_sound(mesh)
    for name, radius in (("inner", 2.0), ("outer", 10.0)):
        points = mesh.points[np.unique(mesh.facets[mesh.facet_regions[name]])]
        np.testing.assert_allclose(np.linalg.norm(points, axis=1), radius, rtol=1e-9)
        assert mesh.facet_areas[mesh.facet_regions[name]].sum() == pytest.approx(4.0 * np.pi * radius**2, rel=0.02)


def test_a_box_has_six_named_sides():
    mesh = box((4.0, 3.0, 2.0), 0.8)
    assert_sound(mesh)
    assert mesh.volume == pytest.approx(24.0, rel=1e-12)
    for axis, area in enumerate((6.0, 8.0, 12.0)):
        for side, position in (("min", 0.0), ("max", (4.0, 3.0, 2.0)[axis])):
            facets = mesh.facet_regions[f"{'xyz'[axis]}_{side}"]
            assert mesh.facet_areas[facets].sum() == pytest.approx(area, rel=1e-12)
            np.testing.assert_allclose(mesh.facet_centroids[facets, axis], position, atol=1e-12)


def test_a_cylinder_has_bottom_top_and_side():
    mesh = cylinder(5.0, 8.0, 1.0)
    assert_sound(mesh)
    np.testing.assert_allclose(mesh.facet_centroids[mesh.facet_regions["bottom"], 2], 0.0, atol=1e-12)
    np.testing.assert_allclose(mesh.facet_centroids[mesh.facet_regions["top"], 2], 8.0)
    area = mesh.facet_areas[mesh.facet_regions["side"]].sum()
    assert area == pytest.approx(2.0 * np.pi * 5.0 * 8.0, rel=0.01)
    assert mesh.volume == pytest.approx(np.pi * 25.0 * 8.0, rel=0.02)


def test_lengths_must_be_positive():
    with pytest.raises(InputError, match="radius"):
        ball(-1.0, 1.0)
    with pytest.raises(InputError, match="outer_radius"):
        shell(3.0, 2.0, 0.5, 0.5)
