"""Plates and the discs under them, against columns with exact stiffness and against their limits."""

import numpy as np
import pytest
from phantoms import box

from fem.mechanics.elastic_material import ElasticMaterial
from fem.mechanics.plates import PlateProblem, area_centroid, axial_stiffness
from fem.mechanics.stiffness import stiffness_matrix
from fem.partition import Partition
from meshes.discs import DISC_PLATES, with_discs
from meshes.tetmesh import TetMesh

WIDTH, DEPTH, HEIGHT, THICKNESS = 20.0, 16.0, 18.0, 4.0
MODULUS = 250.0


def named(mesh: TetMesh, points: np.ndarray) -> TetMesh:
    regions = {"superior_endplate": mesh.facet_regions["z_max"], "inferior_endplate": mesh.facet_regions["z_min"]}
    return TetMesh(points, mesh.cells, mesh.facets).with_regions(regions, mesh.cell_regions)


@pytest.fixture(scope="module")
def column() -> TetMesh:
    mesh = box((WIDTH, DEPTH, HEIGHT), 4.0)
    return named(mesh, mesh.points)


@pytest.fixture(scope="module")
def dished(column) -> TetMesh:
    """A body with hollow endplates."""
    x, y, z = column.points.T
    hollow = 0.02 * ((x - 0.5 * WIDTH) ** 2 + (y - 0.5 * DEPTH) ** 2) + 0.1 * x
    return TetMesh(
        np.column_stack([x, y, z + (2.0 * z / HEIGHT - 1.0) * hollow]),
        column.cells,
        column.facets,
        column.facet_regions,
        column.cell_regions,
    )


def material(body: TetMesh, whole: TetMesh, modulus: float, ratio: float = 0.3, bone_ratio: float = 0.3):
    bone = np.arange(len(whole.cells)) < len(body.cells)
    return ElasticMaterial.isotropic(np.where(bone, MODULUS, modulus), np.where(bone, bone_ratio, ratio))


@pytest.mark.parametrize("degree", [1, 2])
@pytest.mark.parametrize(("modulus", "frictionless", "ratio"), [(MODULUS, True, 0.3), (2500.0, False, 0.0)])
def test_discs_and_column_in_series(column, degree, modulus, frictionless, ratio):
    whole = with_discs(column, THICKNESS)
    superior, inferior = DISC_PLATES
    elastic = material(column, whole, modulus, ratio, ratio)
    found = axial_stiffness(Partition.build(whole), elastic, degree, superior, inferior, frictionless)
    exact = WIDTH * DEPTH / (HEIGHT / MODULUS + 2.0 * THICKNESS / modulus)
    for stiffness in (found.stiffness, found.stiffness_inferior, found.stiffness_energy):
        assert stiffness == pytest.approx(exact, rel=1e-7)


def matrix(mesh: TetMesh, elastic: ElasticMaterial, regions=("superior_endplate", "inferior_endplate"), pole=None):
    with PlateProblem(Partition.build(mesh), 2, *regions, pole=pole) as problem:
        problem.assemble(elastic)
        return stiffness_matrix(problem)


def test_stiff_discs_are_rigid_plates(dished):
    whole = with_discs(dished, THICKNESS)
    pole = area_centroid(dished, "superior_endplate")
    rigid = matrix(dished, material(dished, dished, MODULUS))
    previous = np.inf
    for modulus in (1e4, 1e6):
        held = matrix(whole, material(dished, whole, modulus), DISC_PLATES, pole)
        scale = np.sqrt(np.outer(np.diag(rigid.matrix), np.diag(rigid.matrix)))
        error = np.abs((held.matrix - rigid.matrix) / scale).max()
        assert error < 0.05 * previous
        previous = error
        assert held.axial_stiffness < rigid.axial_stiffness
    assert previous < 1e-3


def test_soft_discs_decide_in_series(dished):
    whole = with_discs(dished, THICKNESS)
    stiffness = [
        matrix(whole, material(dished, whole, modulus, 0.45), DISC_PLATES).axial_stiffness for modulus in (0.8, 8.0)
    ]
    assert 0.1 * stiffness[1] < stiffness[0] < 0.12 * stiffness[1]


def test_the_pole_can_be_given(dished):
    elastic, pole = material(dished, dished, MODULUS), np.array([3.0, -2.0, 5.0])
    given = matrix(dished, elastic, pole=pole)
    default = matrix(dished, elastic)
    np.testing.assert_allclose(default.pole, area_centroid(dished, "superior_endplate"))
    np.testing.assert_allclose(given.pole, pole)
    scale = np.sqrt(np.outer(np.diag(given.matrix), np.diag(given.matrix)))
    assert np.abs((given.matrix - default.about(pole).matrix) / scale).max() < 1e-7
