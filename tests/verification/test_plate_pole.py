"""The stiffness matrix of a uniform column about another pole: the axial force then has a lever arm.

Without lateral contraction a unit axial motion of the plate gives the force E A / H through the centroid c, which about
the pole p has the moment (c - p) x F.
"""

import numpy as np
import pytest

from fem.mechanics.elastic_material import ElasticMaterial
from fem.mechanics.plates import PlateProblem
from fem.mechanics.stiffness import stiffness_matrix
from fem.partition import Partition

LENGTHS, MODULUS = (40.0, 30.0, 27.0), 150.0
OFFSET = np.array([7.0, 4.0, -9.0])
"""mm from the centroid to the pole."""


@pytest.fixture(scope="module")
def column(structured_box):
    partition = Partition.build(structured_box(LENGTHS, (4, 3, 4)))
    with PlateProblem(partition, 2, superior="z_max", inferior="z_min") as problem:
        problem.assemble(ElasticMaterial.isotropic(np.full(len(partition.source.cells), MODULUS), 0.0))
        return stiffness_matrix(problem)


@pytest.mark.parametrize(("axis", "arm"), [("x", -OFFSET[1]), ("y", OFFSET[0])])
def test_moment_of_an_axial_motion(column, axis, arm, evidence):
    moved = column.about(column.pole + OFFSET)
    evidence.check(
        case="uniform column, pole (7, 4, -9) mm off the centroid",
        quantity=f"moment about {axis} of a unit axial motion [N mm/mm]",
        expected=arm * MODULUS * LENGTHS[0] * LENGTHS[1] / LENGTHS[2],
        computed=moved.matrix["xyz".index(axis) + 3, 2],
        within=1e-6,
        source="exact; lever arm",
        kind="verification",
    )
