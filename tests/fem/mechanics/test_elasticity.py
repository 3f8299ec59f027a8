"""Elastic solves between plates: duality of motions and reactions, several moduli and ranks, failure."""

import dolfinx_solver  # noqa: F401
from petsc4py import PETSc

import numpy as np
import pytest
from phantoms import box

from fem.errors import ConvergenceError
from fem.mechanics import two_level
from fem.mechanics.constraints import FacetConstraint
from fem.mechanics.elastic_material import ElasticMaterial
from fem.mechanics.elasticity import ElasticProblem
from fem.mechanics.plates import AXIAL_COMPRESSION, PlateProblem, axial_stiffness
from fem.mechanics.rigid_body import resultant, rigid_displacement
from fem.partition import Partition

PLATES = {"superior": "z_max", "inferior": "z_min"}


def random_material(mesh):
    """Moduli of soft to dense bone, without order."""
    modulus = np.exp(np.random.default_rng(4).uniform(np.log(10.0), np.log(1500.0), len(mesh.cells)))
    return ElasticMaterial.isotropic(modulus, 0.3)


@pytest.fixture(scope="module")
def bone():
    return Partition.build(box((40.0, 30.0, 27.0), 7.0))


@pytest.fixture(scope="module")
def material(bone):
    return random_material(bone.source)


def test_forces_do_the_work_of_their_resultant_on_rigid_motions():
    rng = np.random.default_rng(0)
    points, forces = rng.normal(size=(2, 20, 3))
    motion, pole = rng.normal(size=6), rng.normal(size=3)
    work = (rigid_displacement(points, motion, pole) * forces).sum()
    assert resultant(points, forces, pole) @ motion == pytest.approx(work)


def test_rotation_is_right_handed_about_the_pole():
    moved = rigid_displacement(np.array([[1.0, 5.0, 1.0]]), [0.0, 0.0, 0.0, 0.1, 0.0, 0.0], [1.0, 3.0, 1.0])
    assert moved == pytest.approx(np.array([[0.0, 0.0, 0.2]]))


@pytest.mark.parametrize("degree", [1, 2])
def test_six_motions_on_one_assembly_give_a_symmetric_positive_stiffness(bone, material, degree):
    with PlateProblem(bone, degree, **PLATES) as problem:
        problem.assemble(material)
        responses = [problem.solve(motion) for motion in np.eye(6)]
    stiffness = np.array([response.reaction_superior for response in responses])
    scale = np.sqrt(np.outer(np.diag(stiffness), np.diag(stiffness)))
    assert np.abs(stiffness - stiffness.T).max() < 1e-6 * scale.min()
    assert np.linalg.eigvalsh(stiffness).min() > 0.0
    for motion, response in enumerate(responses):
        assert response.energy == pytest.approx(stiffness[motion, motion], rel=1e-6)
        assert np.abs((response.reaction_superior + response.reaction_inferior) / scale[motion]).max() < 1e-6


def test_a_new_material_replaces_the_old_one(bone, material):
    with PlateProblem(bone, **PLATES) as problem:
        problem.assemble(ElasticMaterial.isotropic(np.full(material.cells, 1000.0), 0.3))
        problem.solve(AXIAL_COMPRESSION)
        problem.assemble(material)
        response = problem.solve(AXIAL_COMPRESSION)
    fresh = axial_stiffness(bone, material, **PLATES)
    assert response.energy == pytest.approx(fresh.stiffness, rel=1e-9)
    assert abs(response.iterations - fresh.iterations) <= 1  # bounds of the smoothers come from random vectors


def test_stiffness_scales_with_the_modulus_and_falls_with_a_richer_space(bone, material):
    quadratic, doubled = (
        axial_stiffness(bone, ElasticMaterial.isotropic(factor * material.axial_modulus, 0.3), **PLATES)
        for factor in (1.0, 2.0)
    )
    linear = axial_stiffness(bone, material, degree=1, **PLATES)
    assert doubled.stiffness == pytest.approx(2.0 * quadratic.stiffness)
    assert quadratic.stiffness < linear.stiffness
    assert quadratic.unknowns > linear.unknowns


def test_multigrid_knows_six_motions_that_take_no_force(bone, material):
    """Between constraints of no facet the body is free, so a rigid motion is held by nothing."""
    with ElasticProblem(bone, [FacetConstraint(np.empty(0, dtype=np.int32))], degree=1) as problem:
        problem.assemble(material)
        matrix = problem._solver._linear.matrix
        modes = matrix.getNearNullSpace().getVecs()
        products = np.array([[mode.dot(other) for other in modes] for mode in modes])
        assert products == pytest.approx(np.eye(6), abs=1e-12)
        force = matrix.createVecLeft()
        stiffness = matrix.getDiagonal().max()[1]
        for mode in modes:
            matrix.mult(mode, force)
            assert force.norm() < 1e-12 * stiffness


def test_running_out_of_iterations_raises_and_leaves_no_options_behind(bone, material, monkeypatch):
    before = PETSc.Options().getAll()
    monkeypatch.setitem(two_level.QUADRATIC_OPTIONS, "ksp_max_it", 2)
    with pytest.raises(ConvergenceError, match="elastic solve did not converge"):
        axial_stiffness(bone, material, **PLATES)
    assert PETSc.Options().getAll() == before


def test_wrong_arguments(bone, material):
    plate = FacetConstraint(bone.facets_of_region("z_min"))
    with pytest.raises(ValueError, match="degree = 3"):
        ElasticProblem(bone, [plate], degree=3)
    with ElasticProblem(bone, [plate], degree=1) as problem:
        for cells in (material.cells - 1, 1):
            with pytest.raises(ValueError, match=f"the material has {cells} cells, the mesh {material.cells}"):
                problem.assemble(ElasticMaterial.isotropic(np.full(cells, 1000.0), 0.3))


def responses_of_a_box(comm):
    partition = Partition.build(box((40.0, 30.0, 27.0), 5.0) if comm.rank == 0 else None, comm)
    numbers = []
    motions = ((False, (0.1, 0.2, -1.0, 0.01, 0.02, 0.03)), (True, (0.0, 0.0, -1.0, 0.01, 0.0, 0.0)))
    for frictionless, motion in motions:
        with PlateProblem(partition, 2, "z_max", "z_min", frictionless) as problem:
            problem.assemble(random_material(partition.source))
            response = problem.solve(motion)
            numbers += [response.energy, *response.reaction_superior.tolist(), *response.reaction_inferior.tolist()]
    return numbers


@pytest.mark.mpi
def test_one_two_and_three_ranks_agree(on_ranks):
    results = [on_ranks(ranks, responses_of_a_box) for ranks in (1, 2, 3)]
    scale = np.abs(results[0]).max()
    assert results[1] == pytest.approx(results[0], rel=1e-6, abs=1e-9 * scale)
    assert results[2] == pytest.approx(results[0], rel=1e-6, abs=1e-9 * scale)
