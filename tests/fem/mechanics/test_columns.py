"""Several right-hand sides at once: the products of blocks, the tolerance of every column, a first guess, ranks."""

import dolfinx_solver  # noqa: F401
from petsc4py import PETSc

import numpy as np
import pytest
from phantoms import box
from scipy import sparse

from fem import solver_options
from fem.mechanics.block_products import multiply
from fem.mechanics.elastic_material import ElasticMaterial
from fem.mechanics.plates import PlateProblem
from fem.mechanics.two_level import RELATIVE_TOLERANCE
from fem.partition import Partition

PLATES = {"superior": "z_max", "inferior": "z_min"}


def stiff(mesh, factor=1.0):
    """Moduli of soft to dense bone, without order; those of one half times a factor."""
    modulus = np.exp(np.random.default_rng(4).uniform(np.log(10.0), np.log(1500.0), len(mesh.cells)))
    return ElasticMaterial.isotropic(np.where(mesh.cell_centroids[:, 0] > 20.0, factor, 1.0) * modulus, 0.3)


@pytest.fixture(scope="module")
def bone():
    return Partition.build(box((40.0, 30.0, 27.0), 7.0))


@pytest.mark.parametrize("columns", [1, 2, 6])
@pytest.mark.parametrize("precision", [np.float32, np.float64])
def test_a_product_is_that_of_the_matrix(columns, precision):
    rng = np.random.default_rng(1)
    pattern = sparse.random_array((40, 50), density=0.2, rng=rng, format="csr")
    data = rng.normal(size=(pattern.nnz, 3, 3)).astype(precision)
    x, y = rng.normal(size=(150, columns)).astype(precision), np.full((120, columns), np.nan, dtype=precision)
    indices = pattern.indices.astype(np.int32)
    flat = y.ravel()
    multiply(pattern.indptr.astype(np.int64), indices, data.ravel(), x.ravel(), flat, (0,) * columns)
    expected = sparse.bsr_array((data, indices, pattern.indptr), shape=(120, 150)) @ x
    assert flat.reshape(y.shape) == pytest.approx(expected, rel=0.0, abs=100.0 * float(np.finfo(precision).eps))


def load_of_the_plates(problem, response):
    """Norm of the right-hand side: the prescribed displacements, and the forces that they alone take elsewhere."""
    elastic = problem._elastic
    prescribed = np.where(elastic.constrained, response.displacement.x.array.reshape(-1, 3), 0.0)
    elastic._displacement.x.array[:] = prescribed.ravel()
    return np.linalg.norm(np.where(elastic.constrained, prescribed, elastic._nodal_forces()))


@pytest.mark.parametrize("degree", [1, 2])
def test_every_column_is_as_exact_as_alone(bone, degree):
    """Turning by 1 rad takes far more force than moving by 1e-3 mm, which must not hide the residual of the latter."""
    motions = np.array([[0.0, 0.0, 0.0, 1.0, 0.0, 0.0], [0.0, 0.0, -1e-3, 0.0, 0.0, 0.0], np.zeros(6)])
    with PlateProblem(bone, degree, **PLATES) as problem:
        problem.assemble(stiff(bone.source))
        free = ~problem._elastic.constrained
        together, alone = problem.solve_all(motions), [problem.solve(motion) for motion in motions]
        loads = [load_of_the_plates(problem, response) for response in together]
    for response, other, load in zip(together, alone, loads, strict=True):
        largest = np.abs(other.displacement.x.array).max()
        assert response.displacement.x.array == pytest.approx(other.displacement.x.array, abs=1e-7 * largest)
        assert np.linalg.norm(response.forces[free]) <= 1.1 * RELATIVE_TOLERANCE * load
    assert together[2].energy == 0.0


def test_the_displacements_of_another_material_are_a_start(bone):
    motions = np.eye(6)
    with PlateProblem(bone, **PLATES) as problem:
        problem.assemble(stiff(bone.source))
        intact = problem.solve_all(motions)
        problem.assemble(stiff(bone.source, 1.05))
        begun, fresh = problem.solve_all(motions, start=intact), problem.solve_all(motions)
    assert begun[0].iterations < fresh[0].iterations
    for response, other in zip(begun, fresh, strict=True):
        assert response.energy == pytest.approx(other.energy, rel=1e-9)


def energies_of_a_box(comm):
    partition = Partition.build(box((40.0, 30.0, 27.0), 5.0) if comm.rank == 0 else None, comm)
    with PlateProblem(partition, **PLATES) as problem:
        problem.assemble(stiff(partition.source))
        responses = problem.solve_all(np.eye(6))
        return problem.mutual_energies(responses), responses[0].iterations


@pytest.mark.mpi
def test_ranks_agree_on_all_columns(on_ranks):
    (one, steps), (two, others), (three, _) = (on_ranks(ranks, energies_of_a_box) for ranks in (1, 2, 3))
    scale = np.sqrt(np.outer(np.diag(one), np.diag(one)))
    assert np.abs((two - one) / scale).max() < 1e-8
    assert np.abs((three - one) / scale).max() < 1e-8
    assert abs(steps - others) <= 2


def test_the_cycle_over_the_multigrid_is_as_good_as_that_of_petsc(bone):
    """PETSc solves the linear elements itself where it is given an option of theirs, even one that stands anyway."""
    found = []
    for text in ("", "-vp_elasticity_nodes_pc_type gamg"):
        solver_options.add(text)
        with PlateProblem(bone, **PLATES) as problem:
            problem.assemble(stiff(bone.source))
            assert (problem._elastic._solver._linear.hierarchy is None) == bool(text)
            found.append(problem.solve_all(np.eye(6)))
    PETSc.Options().delValue("vp_elasticity_nodes_pc_type")
    own, other = found
    assert own[0].iterations <= other[0].iterations + 2
    for response, reference in zip(own, other, strict=True):
        assert response.energy == pytest.approx(reference.energy, rel=1e-9)
