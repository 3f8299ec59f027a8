"""Patch test: a linear displacement on the whole boundary of an irregular mesh is reproduced inside, exactly."""

import numpy as np
import pytest
from phantoms import ball

from fem.mechanics.constraints import FacetConstraint
from fem.mechanics.elastic_material import ElasticMaterial
from fem.mechanics.elasticity import ElasticProblem
from fem.partition import Partition

GRADIENT = np.array([[1.0, -0.4, 0.3], [0.7, -2.0, 0.5], [-0.2, 0.9, 0.6]]) * 1e-3


def check_exact(evidence, material, quantity, error, high):
    evidence.check(
        case=f"patch test on a ball, {material}",
        quantity=quantity,
        expected=0.0,
        computed=error,
        high=high,
        source="exact; linear displacement",
        kind="verification",
    )


@pytest.fixture(scope="module")
def irregular():
    return Partition.build(ball(10.0, 4.0))


@pytest.mark.parametrize("degree", [1, 2])
@pytest.mark.parametrize("poisson_ratio", [0.0, 0.3, 0.45])
def test_linear_displacement_is_exact(evidence, irregular, degree, poisson_ratio):
    modulus = 250.0
    boundary = FacetConstraint(irregular.facets_of_region("surface"))
    with ElasticProblem(irregular, [boundary], degree) as problem:
        assert not problem.constrained.all()
        problem.assemble(ElasticMaterial.isotropic(np.full(len(irregular.source.cells), modulus), poisson_ratio))
        exact = problem.points @ GRADIENT.T + [0.1, -0.2, 0.3]
        solution = problem.solve(np.where(problem.constrained, exact, np.nan))
        error = np.abs(solution.displacement.x.array.reshape(-1, 3) - exact).max()
        check_exact(evidence, "isotropic", "largest error of the displacement [mm]", error, 1e-8)
        # no force inside, and the work of constant stress on constant strain
        strain = 0.5 * (GRADIENT + GRADIENT.T)
        stress = modulus / (1.0 + poisson_ratio) * strain
        stress += np.eye(3) * stress.trace() * poisson_ratio / (1.0 - 2.0 * poisson_ratio)
        work = (stress * strain).sum() * irregular.source.volume
        check_exact(evidence, "isotropic", "relative error of the energy [-]", abs(solution.energy / work - 1.0), 1e-8)
        inside = np.abs(solution.forces[~problem.constrained]).max() / np.abs(solution.forces).max()
        check_exact(evidence, "isotropic", "largest force inside over that on the surface [-]", inside, 1e-7)


@pytest.mark.parametrize("degree", [1, 2])
def test_linear_displacement_is_exact_in_transversely_isotropic_material(evidence, irregular, degree):
    axial, transverse, axial_ratio, transverse_ratio, shear = 300.0, 90.0, 0.35, 0.2, 60.0
    compliance = np.diag([1.0 / transverse, 1.0 / transverse, 1.0 / axial, *(2 * [0.5 / shear])])
    compliance = np.pad(compliance, (0, 1))
    compliance[5, 5] = (1.0 + transverse_ratio) / transverse
    compliance[0, 1] = compliance[1, 0] = -transverse_ratio / transverse
    compliance[:2, 2] = compliance[2, :2] = -axial_ratio / axial
    strain = 0.5 * (GRADIENT + GRADIENT.T)
    components = strain[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]
    weights = np.array([1.0, 1.0, 1.0, 2.0, 2.0, 2.0])
    work = (np.linalg.solve(compliance, components) * components) @ weights
    boundary = FacetConstraint(irregular.facets_of_region("surface"))
    with ElasticProblem(irregular, [boundary], degree) as problem:
        modulus = np.full(len(irregular.source.cells), axial)
        problem.assemble(ElasticMaterial(modulus, transverse, axial_ratio, transverse_ratio, shear))
        exact = problem.points @ GRADIENT.T
        solution = problem.solve(exact)
    error = np.abs(solution.displacement.x.array.reshape(-1, 3) - exact).max()
    check_exact(evidence, "transversely isotropic", "largest error of the displacement [mm]", error, 1e-8)
    error = abs(solution.energy / (work * irregular.source.volume) - 1.0)
    check_exact(evidence, "transversely isotropic", "relative error of the energy [-]", error, 1e-8)
