"""A skin on a body adds its own stiffness to that of a bar, and its own energy to that of any linear displacement."""

import numpy as np
import pytest
from phantoms import ball, box

from fem.mechanics.elastic_material import ElasticMaterial
from fem.mechanics.elasticity import ElasticProblem
from fem.mechanics.membrane import Membrane
from fem.mechanics.plates import PlateProblem
from fem.mechanics.stiffness import stiffness_matrix
from fem.mechanics.two_level import FacetConstraint
from fem.partition import Partition

WIDTH, DEPTH, HEIGHT = 6.0, 5.0, 12.0
MODULUS, SKIN = 150.0, 900.0  # MPa, N/mm
PLATES = {"superior": "z_max", "inferior": "z_min"}
SIDES = ("x_min", "x_max", "y_min", "y_max")
GRADIENT = np.array([[1.0, -0.4, 0.3], [0.7, -2.0, 0.5], [-0.2, 0.9, 0.6]]) * 1e-3


def check(evidence, case, quantity, computed, exact, within):
    evidence.check(
        case=case,
        quantity=quantity,
        expected=exact,
        computed=computed,
        within=within,
        source="exact; bar and skin add up",
        kind="verification",
    )


def skin_on(mesh, sides):
    stiffness = np.zeros(len(mesh.facets))
    for side in sides:
        stiffness[mesh.facet_regions[side]] = SKIN
    return stiffness


@pytest.mark.parametrize("degree", [1, 2])
@pytest.mark.parametrize("sides", [SIDES, ("x_min",), (*SIDES, *PLATES.values())])
def test_the_axial_stiffness_of_bar_and_skin_adds_up(evidence, structured_box, degree, sides):
    """Without lateral strain; skin under the rigid plates has no strain and takes no part."""
    column = Partition.build(structured_box((WIDTH, DEPTH, HEIGHT), (3, 3, 4)))
    widths = {"x_min": DEPTH, "x_max": DEPTH, "y_min": WIDTH, "y_max": WIDTH}
    with PlateProblem(column, degree, **PLATES, membrane=Membrane(skin_on(column.source, sides), 0.0)) as problem:
        problem.assemble(ElasticMaterial.isotropic(np.full(len(column.source.cells), MODULUS), 0.0))
        found = problem.solve([0.0, 0.0, 1.0, 0.0, 0.0, 0.0]).reaction_superior[2]
    perimeter = sum(widths.get(side, 0.0) for side in sides)
    exact = (MODULUS * WIDTH * DEPTH + SKIN * perimeter) / HEIGHT
    check(evidence, f"bar with a skin on {len(sides)} of 6 sides", "axial stiffness [N/mm]", found, exact, 1e-8)


def test_the_bending_stiffness_of_bar_and_skin_adds_up(evidence, structured_box):
    """E I of the skin about x: both sides in y at half the depth, both sides in x over the depth."""
    column = Partition.build(structured_box((WIDTH, DEPTH, HEIGHT), (3, 3, 4)))
    bar = MODULUS * WIDTH * DEPTH**3 / 12.0
    skin = SKIN * (2.0 * WIDTH * (0.5 * DEPTH) ** 2 + 2.0 * DEPTH**3 / 12.0)
    with PlateProblem(column, **PLATES, membrane=Membrane(skin_on(column.source, SIDES), 0.0)) as problem:
        material = ElasticMaterial.isotropic(np.full(len(column.source.cells), MODULUS), 0.0)
        problem.assemble(material)
        whole = stiffness_matrix(problem).flexion_stiffness
        problem.assemble(material, 0.5)
        half = stiffness_matrix(problem).flexion_stiffness
    quantity = "flexion stiffness [N mm/rad]"
    check(evidence, "bar with a skin on 4 of 6 sides", quantity, whole, (bar + skin) / HEIGHT, 1e-7)
    check(evidence, "bar with half of that skin", quantity, half, (bar + 0.5 * skin) / HEIGHT, 1e-7)


@pytest.mark.parametrize("degree", [1, 2])
def test_the_energy_of_a_linear_displacement_on_a_curved_surface(evidence, degree):
    """Against the sum over facets of E t / (1 - nu^2) ((1 - nu) e : e + nu tr(e)^2) with the tangential strain e."""
    ratio, body = 0.3, Partition.build(ball(10.0, 4.0))
    mesh = body.source
    stiffness = np.random.default_rng(1).uniform(0.0, SKIN, len(mesh.facets))
    surface = FacetConstraint(body.facets_of_region("surface"))
    energies = []
    for membrane in (None, Membrane(stiffness, ratio)):
        with ElasticProblem(body, [surface], degree, membrane) as problem:
            problem.assemble(ElasticMaterial.isotropic(np.full(len(mesh.cells), MODULUS), ratio))
            energies.append(problem.solve(problem.points @ GRADIENT.T).energy)
    tangent = np.eye(3) - mesh.facet_normals[:, :, None] * mesh.facet_normals[:, None]
    strain = tangent @ (0.5 * (GRADIENT + GRADIENT.T)) @ tangent
    trace = np.trace(strain, axis1=1, axis2=2)
    density = ((1.0 - ratio) * (strain**2).sum(axis=(1, 2)) + ratio * trace**2) / (1.0 - ratio**2)
    exact = (stiffness * mesh.facet_areas) @ density
    check(evidence, "ball with a skin", "energy of the skin [N mm]", energies[1] - energies[0], exact, 1e-7)


def test_impossible_membranes_are_refused(structured_box):
    column = Partition.build(structured_box((WIDTH, DEPTH, HEIGHT), (1, 1, 1)))
    with pytest.raises(ValueError, match="stiffness of a membrane"):
        Membrane(np.array([1.0, -1.0]), 0.3)
    with pytest.raises(ValueError, match=r"poisson_ratio = 1\.0"):
        Membrane(np.array([1.0]), 1.0)
    with pytest.raises(ValueError, match="the membrane has 3 facets, the mesh 12"):
        PlateProblem(column, **PLATES, membrane=Membrane(np.ones(3), 0.3))


def stiffness_of_a_box(comm):
    partition = Partition.build(box((20.0, 15.0, 14.0), 4.0) if comm.rank == 0 else None, comm)
    mesh = partition.source
    rng = np.random.default_rng(3)
    stiffness = rng.uniform(0.0, 900.0, len(mesh.facets)) * (rng.uniform(size=len(mesh.facets)) < 0.7)
    with PlateProblem(partition, 2, "z_max", "z_min", membrane=Membrane(stiffness, 0.3)) as problem:
        axial = rng.uniform(100.0, 500.0, len(mesh.cells))
        problem.assemble(ElasticMaterial.transversely_isotropic(axial, axial / rng.uniform(1.0, 4.0, len(axial)), 0.3))
        return stiffness_matrix(problem).matrix


@pytest.mark.mpi
def test_one_two_and_three_ranks_agree(evidence, on_ranks):
    matrices = [on_ranks(ranks, stiffness_of_a_box) for ranks in (1, 2, 3)]
    scale = np.sqrt(np.diag(matrices[0]))
    for ranks, matrix in zip((2, 3), matrices[1:], strict=True):
        evidence.check(
            case=f"box with a skin on {ranks} ranks, against one",
            quantity="largest difference in the scaled stiffness matrix [-]",
            expected=0.0,
            computed=np.abs((matrix - matrices[0]) / np.outer(scale, scale)).max(),
            high=1e-8,
            source="cross-check",
            kind="cross-check",
        )
