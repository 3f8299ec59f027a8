"""Columns of area A = 1200 mm2 and height H = 27 mm against their exact stiffness.

The load-bearing tests: the uniform column (EA/H, also in the reaction of the other plate and in the energy), the
columns of two materials one over the other and side by side, and the bent column, whose quadratic displacement only
quadratic elements with correct rotations and moments reproduce.
"""

import numpy as np
import pytest

from fem.mechanics.elastic_material import ElasticMaterial
from fem.mechanics.plates import PlateProblem, axial_stiffness
from fem.partition import Partition

WIDTH, DEPTH, HEIGHT = 40.0, 30.0, 27.0
AREA = WIDTH * DEPTH
PLATES = {"superior": "z_max", "inferior": "z_min"}


def check_exact(evidence, case, quantity, computed, exact):
    """The largest error of some values relative to the largest exact one."""
    evidence.check(
        case=f"V5 {case}",
        quantity=f"largest relative error of {quantity} [-]",
        expected=0.0,
        computed=np.abs(np.array(computed) - exact).max() / np.abs(exact).max(),
        high=1e-6,
        source="exact; bar theory",
        kind="verification",
    )


@pytest.fixture(scope="module")
def column(structured_box):
    return Partition.build(structured_box((WIDTH, DEPTH, HEIGHT), (4, 3, 4)))


@pytest.mark.parametrize("degree", [1, 2])
@pytest.mark.parametrize(("poisson_ratio", "frictionless"), [(0.3, True), (0.0, True), (0.0, False)])
@pytest.mark.parametrize("modulus", [60.0, 300.0])
def test_uniform_column(evidence, column, degree, poisson_ratio, frictionless, modulus):
    material = ElasticMaterial.isotropic(np.full(len(column.source.cells), modulus), poisson_ratio)
    result = axial_stiffness(column, material, degree, **PLATES, frictionless=frictionless)
    exact = modulus * AREA / HEIGHT
    computed = [result.stiffness, result.stiffness_inferior, result.stiffness_energy]
    check_exact(evidence, "uniform column", "E A / H from both reactions and the energy", computed, exact)


@pytest.mark.parametrize("degree", [1, 2])
def test_layers_one_over_the_other(evidence, column, degree):
    modulus = np.where(column.source.cell_centroids[:, 2] < 0.25 * HEIGHT, 50.0, 800.0)
    result = axial_stiffness(column, ElasticMaterial.isotropic(modulus, 0.0), degree, **PLATES)
    exact = AREA / (0.25 * HEIGHT / 50.0 + 0.75 * HEIGHT / 800.0)
    check_exact(evidence, "layers one over the other", "the axial stiffness", result.stiffness, exact)


@pytest.mark.parametrize("degree", [1, 2])
def test_layers_side_by_side(evidence, column, degree):
    modulus = np.where(column.source.cell_centroids[:, 0] < 0.25 * WIDTH, 50.0, 800.0)
    material = ElasticMaterial.isotropic(modulus, 0.3)
    result = axial_stiffness(column, material, degree, **PLATES, frictionless=True)
    exact = (0.25 * 50.0 + 0.75 * 800.0) * AREA / HEIGHT
    check_exact(evidence, "layers side by side", "the axial stiffness", result.stiffness, exact)


def test_bonded_column_lies_between_free_and_confined_compression(column):
    modulus, ratio = 300.0, 0.3
    free = modulus * AREA / HEIGHT
    confined = free * (1.0 - ratio) / ((1.0 + ratio) * (1.0 - 2.0 * ratio))
    material = ElasticMaterial.isotropic(np.full(len(column.source.cells), modulus), ratio)
    linear, quadratic = (axial_stiffness(column, material, degree, **PLATES).stiffness for degree in (1, 2))
    assert free < quadratic < linear < confined


@pytest.mark.parametrize(("axis", "inertia"), [(0, WIDTH * DEPTH**3 / 12.0), (1, DEPTH * WIDTH**3 / 12.0)])
def test_bent_column(evidence, column, axis, inertia):
    """u_z = a y z / H and u_y = -a z^2 / (2 H) bend the column about x by the angle a with the moment E I a / H."""
    modulus, angle = 150.0, 0.01
    motion = np.zeros(6)
    motion[3 + axis] = angle
    motion[1 - axis] = (-1.0 if axis == 0 else 1.0) * angle * HEIGHT / 2.0
    with PlateProblem(column, 2, **PLATES) as problem:
        assert problem.pole == pytest.approx([WIDTH / 2.0, DEPTH / 2.0, HEIGHT])
        problem.assemble(ElasticMaterial.isotropic(np.full(len(column.source.cells), modulus), 0.0))
        response = problem.solve(motion)
    exact = np.zeros(6)
    exact[3 + axis] = modulus * inertia * angle / HEIGHT
    reactions = np.array([response.reaction_superior, -response.reaction_inferior])
    check_exact(evidence, "bent column", "forces and moments of both plates", reactions, exact)
    check_exact(evidence, "bent column", "the energy", response.energy, exact.max() * angle)
