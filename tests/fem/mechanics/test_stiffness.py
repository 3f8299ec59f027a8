"""The stiffness matrix: its checks, its poles and frames, the signs of what follows from it, ranks."""

from dataclasses import replace

import numpy as np
import pytest
from phantoms import box

from fem.errors import ConvergenceError
from fem.mechanics import two_level
from fem.mechanics.elastic_material import ElasticMaterial
from fem.mechanics.plates import PlateProblem
from fem.mechanics.rigid_body import rigid_displacement
from fem.mechanics.stiffness import COMPONENTS, TOLERANCE, StiffnessErrors, StiffnessMatrix, stiffness_matrix
from fem.partition import Partition

PLATES = {"superior": "z_max", "inferior": "z_min"}


def random_modulus(mesh):
    """Moduli of soft to dense bone, without order."""
    return np.exp(np.random.default_rng(4).uniform(np.log(10.0), np.log(1500.0), len(mesh.cells)))


def solve(partition, modulus, degree=2, pole=None):
    with PlateProblem(partition, degree, **PLATES) as problem:
        problem.assemble(ElasticMaterial.isotropic(modulus, 0.3))
        if pole is not None:
            problem.pole = np.asarray(pole)
        return stiffness_matrix(problem)


def relative(matrix, other):
    """Largest difference of two entries (i, j) over sqrt(K_ii K_jj)."""
    scale = np.sqrt(np.diag(other))
    return (np.abs(matrix - other) / np.outer(scale, scale)).max()


@pytest.fixture(scope="module")
def bone():
    return Partition.build(box((40.0, 30.0, 27.0), 7.0))


@pytest.fixture(scope="module")
def stiffness(bone):
    return solve(bone, random_modulus(bone.source))


@pytest.mark.parametrize("degree", [1, 2])
def test_the_matrix_passes_its_checks_and_is_positive_definite(bone, degree):
    stiffness = solve(bone, random_modulus(bone.source), degree)
    assert max(vars(stiffness.errors).values()) < 1e-2 * TOLERANCE
    assert np.linalg.eigvalsh(0.5 * (stiffness.matrix + stiffness.matrix.T)).min() > 0.0
    assert len(stiffness.iterations) == len(COMPONENTS) == 6
    assert stiffness.pole == pytest.approx([20.0, 15.0, 27.0])


def test_a_loose_solver_fails_the_checks(bone, monkeypatch):
    monkeypatch.setitem(two_level.QUADRATIC_OPTIONS, "ksp_rtol", 1e-2)
    with pytest.raises(ConvergenceError, match=r"fails its check of balance: relative error .*, allowed 1e-06"):
        solve(bone, random_modulus(bone.source))


@pytest.mark.parametrize("damage", ["energy", "asymmetry"])
def test_each_check_finds_its_own_fault(bone, monkeypatch, damage):
    """Energies that differ from the reactions, and reactions that balance but are not symmetric."""
    energies, moved = PlateProblem.mutual_energies, PlateProblem.solve_all

    def wrong_solve(self, motions):
        extras = [np.concatenate([np.roll(motion[:3], 1), np.zeros(3)]) for motion in motions]
        return [
            replace(
                response,
                reaction_superior=response.reaction_superior + extra,
                reaction_inferior=response.reaction_inferior - extra,
            )
            for response, extra in zip(moved(self, motions), extras, strict=True)
        ]

    if damage == "energy":
        monkeypatch.setattr(PlateProblem, "mutual_energies", lambda self, all_: 1.00001 * energies(self, all_))
    else:
        monkeypatch.setattr(PlateProblem, "solve_all", wrong_solve)
        monkeypatch.setattr(
            PlateProblem,
            "mutual_energies",
            lambda _, all_: np.column_stack([response.reaction_superior for response in all_]),
        )
    with pytest.raises(ConvergenceError, match=f"check of {damage}"):
        solve(bone, random_modulus(bone.source))


def test_frictionless_plates_have_no_stiffness_matrix(bone):
    with (
        PlateProblem(bone, 1, frictionless=True, **PLATES) as problem,
        pytest.raises(ValueError, match="frictionless plates bear neither shear nor torsion"),
    ):
        stiffness_matrix(problem)


def test_another_pole_is_a_rigid_transformation(bone, stiffness):
    pole = [3.0, -8.0, 5.0]
    direct = solve(bone, random_modulus(bone.source), pole=pole)
    moved = stiffness.about(pole)
    assert moved.pole == pytest.approx(direct.pole)
    assert relative(moved.matrix, direct.matrix) < 1e-7
    assert relative(moved.about(stiffness.pole).matrix, stiffness.matrix) < 1e-12


def test_stiffnesses_against_pure_moments_and_the_centre_do_not_depend_on_the_pole(stiffness):
    moved = stiffness.about(stiffness.pole + np.array([7.0, 4.0, -9.0]))
    for name in ("flexion_stiffness", "lateral_bending_stiffness", "torsional_stiffness"):
        assert getattr(moved, name) == pytest.approx(getattr(stiffness, name), rel=1e-9)
    assert moved.axial_stiffness == pytest.approx(stiffness.axial_stiffness, rel=1e-12)
    assert moved.axial_stiffness_free != pytest.approx(stiffness.axial_stiffness_free, rel=1e-3)
    in_sagittal_plane = stiffness.about(stiffness.pole + np.array([0.0, 4.0, -9.0]))
    assert in_sagittal_plane.flexion_centre == pytest.approx(stiffness.flexion_centre, abs=1e-9)


def test_the_centre_of_flexion_stays_where_it_is(stiffness):
    motion = stiffness.compliance @ [0.0, 0.0, 0.0, 1.0, 0.0, 0.0]
    moved = rigid_displacement(stiffness.flexion_centre[None], motion, stiffness.pole)
    assert moved[0, 1:] == pytest.approx([0.0, 0.0], abs=1e-9 * motion[3])
    assert motion[3] > 0.0


@pytest.mark.parametrize(("component", "rim"), [(3, [0.0, -10.0, 0.0]), (4, [10.0, 0.0, 0.0])])
def test_positive_rotations_lower_the_anterior_and_the_left_rim(component, rim):
    motion = np.eye(6)[component]
    assert rigid_displacement(np.array([rim]), motion, np.zeros(3))[0, 2] < 0.0


def test_a_turned_mesh_has_the_turned_stiffness(bone, stiffness):
    """A quarter turn about z takes x to y and y to -x."""
    turn = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    source = replace(bone.source, points=bone.source.points @ turn.T)
    turned = solve(Partition.build(source), random_modulus(source))
    both = np.kron(np.eye(2), turn)
    assert turned.pole == pytest.approx(turn @ stiffness.pole)
    assert relative(turned.matrix, both @ stiffness.matrix @ both.T) < 1e-7
    assert turned.lateral_bending_stiffness == pytest.approx(stiffness.flexion_stiffness, rel=1e-7)
    assert turned.tilt_under_pressure[0] == pytest.approx(-stiffness.tilt_under_pressure[1], rel=1e-5)


@pytest.mark.parametrize(("axis", "rotation", "sign"), [(0, 1, 1.0), (1, 0, -1.0)])
def test_the_free_plate_sinks_towards_the_softer_side(bone, axis, rotation, sign):
    """Soft where x or y is large: down to the left (ry > 0), or down at the back (rx < 0)."""
    centroids = bone.source.cell_centroids[:, axis]
    tilt = solve(bone, np.where(centroids > centroids.mean(), 100.0, 1000.0), degree=1).tilt_under_pressure
    assert sign * tilt[rotation] > 5.0 * abs(tilt[1 - rotation])


def test_condensation_frees_the_others_of_load(stiffness):
    kept = (0, 2, 4)
    free = [i for i in range(6) if i not in kept]
    whole = stiffness.matrix
    block = whole[np.ix_(kept, kept)]
    coupling = whole[np.ix_(kept, free)] @ np.linalg.solve(whole[np.ix_(free, free)], whole[np.ix_(free, kept)])
    assert stiffness.condensed(kept) == pytest.approx(block - coupling, rel=1e-8)
    assert stiffness.axial_stiffness_free == pytest.approx(stiffness.condensed([2])[0, 0])
    stages = ("axial_stiffness_free", "axial_stiffness_free_rotation", "axial_stiffness")
    values = [getattr(stiffness, name) for name in stages]
    assert values == sorted(values)
    assert values[0] < 0.999 * values[2]


def test_derived_quantities_of_a_known_matrix():
    """A plate on upright springs: 10 N/mm at each corner (+-2, +-1) and 30 N/mm more at the left (2, 0)."""
    matrix = np.diag([5.0, 5.0, 70.0, 40.0, 280.0, 9.0])  # sum k, sum k y2, sum k x2
    matrix[2, 4] = matrix[4, 2] = -60.0  # -sum k x
    errors = StiffnessErrors(0.0, 0.0, 0.0)
    stiffness = StiffnessMatrix(matrix, np.zeros(3), errors, (1,) * 6)
    determinant = 70.0 * 280.0 - 60.0**2
    assert stiffness.axial_stiffness_free == pytest.approx(determinant / 280.0)
    assert stiffness.axial_stiffness_free_rotation == pytest.approx(determinant / 280.0)
    assert stiffness.lateral_bending_stiffness == pytest.approx(determinant / 70.0)
    assert stiffness.flexion_stiffness == pytest.approx(40.0)
    assert stiffness.torsional_stiffness == pytest.approx(9.0)
    assert stiffness.flexion_centre == pytest.approx(np.zeros(3))
    assert stiffness.tilt_under_pressure == pytest.approx([0.0, -60.0 / determinant])  # down on the soft right


def matrix_of_a_box(comm):
    partition = Partition.build(box((40.0, 30.0, 27.0), 7.0) if comm.rank == 0 else None, comm)
    return solve(partition, random_modulus(partition.source)).matrix


@pytest.mark.mpi
def test_two_ranks_agree_with_one(stiffness, on_ranks):
    assert relative(on_ranks(2, matrix_of_a_box), stiffness.matrix) < 1e-8
