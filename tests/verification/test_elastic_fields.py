"""Stress, strain and energy of bars under tension, bending and torsion, in closed form."""

import numpy as np
import pytest
from phantoms import cylinder

from fem.mechanics.elastic_material import ElasticMaterial
from fem.mechanics.plates import PlateProblem
from fem.mechanics.stiffness import stiffness_matrix
from fem.mechanics.stress import elastic_fields, superposed
from fem.partition import Partition

LENGTHS = (6.0, 5.0, 12.0)
MODULUS = 150.0
PLATES = {"superior": "z_max", "inferior": "z_min"}


@pytest.fixture(scope="module")
def bar(structured_box):
    return Partition.build(structured_box(LENGTHS, (4, 3, 6)))


@pytest.mark.parametrize("degree", [1, 2])
@pytest.mark.parametrize("anisotropic", [False, True])
def test_uniaxial_compression(evidence, bar, degree, anisotropic):
    """Between frictionless plates: s_zz = -E strain, all else free; across, the strain is nu times that."""
    mesh, shortening = bar.source, 0.03
    cells = np.ones(len(mesh.cells))
    material = (
        ElasticMaterial(MODULUS * cells, 60.0 * cells, 0.35 * cells, 0.2 * cells, 40.0 * cells)
        if anisotropic
        else ElasticMaterial.isotropic(MODULUS * cells, 0.35)
    )
    with PlateProblem(bar, degree, frictionless=True, **PLATES) as problem:
        problem.assemble(material)
        response = problem.solve([0.0, 0.0, -shortening, 0.0, 0.0, 0.0])
    fields = elastic_fields(bar, response.displacement, material)
    strain = shortening / LENGTHS[2]
    stress = MODULUS * strain
    force = -response.reaction_superior[2]
    assert stress == pytest.approx(force / (LENGTHS[0] * LENGTHS[1]))
    close = {"rel": 1e-8, "abs": 1e-8 * stress}
    case = "uniaxial compression between frictionless plates"
    error = np.abs(fields.stress - np.diag([0.0, 0.0, -stress])).max() / stress
    evidence.check_error(case, "largest error of the stress over the stress", error, 1e-8)
    assert fields.von_mises == pytest.approx(stress * cells, **close)
    assert fields.principal_stresses == pytest.approx(np.outer(cells, [0.0, 0.0, -stress]), **close)
    across = 0.35 * strain
    assert fields.principal_strains == pytest.approx(np.outer(cells, [across, across, -strain]), rel=1e-7)
    error = np.abs(fields.energy_density / (0.5 * stress * strain) - 1.0).max()
    evidence.check_error(case, "largest relative error of the energy density", error, 1e-8)
    assert fields.effective_strain(material) == pytest.approx(strain * cells, rel=1e-8)
    moved = fields.displacement - mesh.points * [across, across, -strain]  # what is left is a rigid motion
    lever = np.column_stack([np.ones(len(moved)), -mesh.points[:, 1], mesh.points[:, 0]])
    (slide, turn, none), *_ = np.linalg.lstsq(lever, moved[:, 0], rcond=None)
    assert none == pytest.approx(0.0, abs=1e-9)
    assert moved[:, 0] == pytest.approx(slide - turn * mesh.points[:, 1], abs=1e-8)
    assert moved[:, 1] - turn * mesh.points[:, 0] == pytest.approx(moved[0, 1] * np.ones(len(moved)), abs=1e-8)
    assert moved[:, 2] == pytest.approx(np.zeros(len(moved)), abs=1e-9)


def test_pure_bending(evidence, bar):
    """Without lateral strain: s_zz = M x / I, linear across the bar, from the superposition of unit motions."""
    mesh = bar.source
    material = ElasticMaterial.isotropic(np.full(len(mesh.cells), MODULUS), 0.0)
    moment = 20.0
    with PlateProblem(bar, 2, **PLATES) as problem:
        problem.assemble(material)
        stiffness = stiffness_matrix(problem)
        responses = [problem.solve(motion) for motion in np.eye(6)]
    motion = stiffness.compliance @ [0.0, 0.0, 0.0, 0.0, moment, 0.0]
    fields = elastic_fields(bar, superposed([each.displacement for each in responses], motion), material)
    inertia = LENGTHS[1] * LENGTHS[0] ** 3 / 12.0
    slope = moment / inertia
    exact = np.zeros_like(fields.stress)
    exact[:, 2, 2] = -slope * (mesh.cell_centroids[:, 0] - 0.5 * LENGTHS[0])  # to the left: compressed there
    peak = 0.5 * slope * LENGTHS[0]
    error = np.abs(fields.stress - exact).max() / peak
    evidence.check_error("pure bending", "largest error of the stress over its peak", error, 1e-7, "exact; M x / I")
    energy = 0.5 * moment**2 * LENGTHS[2] / (MODULUS * inertia)
    error = abs(fields.energy_density @ mesh.cell_volumes / energy - 1.0)
    evidence.check_error("pure bending", "relative error of the energy", error, 1e-8, "exact; M² H / (2 E I)")


def test_torsion_of_a_round_bar(evidence):
    """s_tz = G r angle / length about the axis and nothing else; within 1 % of the peak."""
    radius, length, angle, shear = 5.0, 8.0, 0.02, 60.0
    mesh = cylinder(radius, length, 1.2)
    partition = Partition.build(mesh)
    material = ElasticMaterial.isotropic(np.full(len(mesh.cells), 2.0 * shear * 1.25), 0.25)
    with PlateProblem(partition, 2, "top", "bottom") as problem:
        problem.assemble(material)
        response = problem.solve([0.0, 0.0, 0.0, 0.0, 0.0, angle])
    fields = elastic_fields(partition, response.displacement, material)
    twist = shear * angle / length
    exact = np.zeros_like(fields.stress)
    x, y, _ = mesh.cell_centroids.T
    exact[:, 0, 2] = exact[:, 2, 0] = -twist * y
    exact[:, 1, 2] = exact[:, 2, 1] = twist * x
    peak = twist * radius
    difference = np.linalg.norm(fields.stress - exact, axis=(1, 2)) / peak
    # the sides of the mesh are chords, across which the exact stress is not free: one cell deep only
    assert difference[np.hypot(x, y) < 0.8 * radius].max() < 0.01
    evidence.check_error(
        "torsion of a round bar",
        "error of the stress in L2 over its peak",
        np.sqrt(np.average(difference**2, weights=mesh.cell_volumes)),
        0.01,
        "exact; G r θ / H",
    )
    evidence.check(
        case="torsion of a round bar",
        quantity="moment [N mm]",
        expected=0.5 * np.pi * radius**3 * peak,
        computed=response.reaction_superior[5],
        within=0.03,
        source="exact; G J θ / H",
        kind="verification",
    )
    inner = np.hypot(x, y) < 0.8 * radius
    assert fields.von_mises[inner] == pytest.approx(np.sqrt(3.0) * twist * np.hypot(x, y)[inner], abs=0.01 * peak)


@pytest.mark.parametrize("degree", [1, 2])
def test_energies_of_the_cells_add_up(evidence, bar, degree):
    """To that of the body, whatever the material."""
    random = np.random.default_rng(3)
    modulus = np.exp(random.uniform(np.log(10.0), np.log(2000.0), len(bar.source.cells)))
    material = ElasticMaterial(modulus, random.uniform(0.3, 1.0) * modulus, 0.3, 0.25, modulus / 4.0)
    with PlateProblem(bar, degree, **PLATES) as problem:
        problem.assemble(material)
        response = problem.solve([0.1, -0.2, -1.0, 0.02, 0.01, 0.05])
    fields = elastic_fields(bar, response.displacement, material)
    error = abs(fields.energy_density @ bar.source.cell_volumes / (0.5 * response.energy) - 1.0)
    evidence.check_error("bar of random moduli", "relative defect of the sum of the cells' energies", error, 1e-10)
