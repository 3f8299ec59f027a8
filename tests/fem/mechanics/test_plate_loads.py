"""Loads on the superior plate: the reactions to the motions that they cause are the loads."""

import numpy as np
import pytest
from phantoms import box
from test_stiffness import PLATES, random_modulus

from fem.mechanics.elastic_material import ElasticMaterial
from fem.mechanics.plate_loads import FreePlate, GuidedPlate
from fem.mechanics.plates import PlateProblem
from fem.mechanics.rigid_body import fitted_motion, rigid_displacement
from fem.mechanics.stiffness import stiffness_matrix
from fem.partition import Partition


@pytest.fixture(scope="module")
def reaction():
    """What the plate bears when it moves as a load moves it, about the centroid of the plate."""
    partition = Partition.build(box((40.0, 30.0, 27.0), 10.0))
    with PlateProblem(partition, 2, **PLATES) as problem:
        problem.assemble(ElasticMaterial.isotropic(random_modulus(partition.source), 0.3))
        matrix = stiffness_matrix(problem)
        yield lambda load: problem.solve(load.motion(matrix)).reaction_superior


FORCE = 500.0


@pytest.mark.parametrize(
    ("load", "expected"),
    [
        (FreePlate(FORCE), (0.0, 0.0)),
        (FreePlate(FORCE, flexion=7500.0), (7500.0, 0.0)),
        (FreePlate(FORCE, lateral=-7500.0), (0.0, -7500.0)),
        # 5 mm to the left and 4 mm in front of the centroid: the left and the anterior rim go down
        (FreePlate(FORCE, (25.0, 11.0)), (FORCE * 4.0, FORCE * 5.0)),
    ],
)
def test_a_free_plate_bears_the_load_and_no_other(reaction, load, expected):
    np.testing.assert_allclose(reaction(load), [0.0, 0.0, -FORCE, *expected, 0.0], atol=1e-4 * FORCE)


def test_a_guided_plate_takes_the_moments_that_keep_it_level(reaction):
    found = reaction(GuidedPlate(FORCE))
    assert found[2] == pytest.approx(-FORCE)
    assert np.abs(found[3:5]).max() > 10.0


def test_a_fitted_motion_is_the_rigid_part():
    random = np.random.default_rng(8)
    points, weights = random.normal(size=(30, 3)), random.uniform(0.5, 2.0, 30)
    motion = random.normal(size=6)
    centre = np.average(points, axis=0, weights=weights)
    moved = rigid_displacement(points, motion, centre)
    np.testing.assert_allclose(fitted_motion(points, moved, weights), motion, rtol=1e-12)
    # what is orthogonal to all rigid motions does not change it
    rigid = np.array([rigid_displacement(points, unit, centre).ravel() for unit in np.eye(6)]).T
    other, heavy = random.normal(size=90), np.repeat(weights, 3)
    other -= rigid @ np.linalg.solve(rigid.T @ (heavy[:, None] * rigid), rigid.T @ (heavy * other))
    np.testing.assert_allclose(fitted_motion(points, moved + other.reshape(-1, 3), weights), motion, rtol=1e-10)
