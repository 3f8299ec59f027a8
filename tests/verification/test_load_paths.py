"""Who carries the load, the pressure on endplates, and strength: against exact answers."""

import numpy as np
import pytest
from phantoms import box

from fem.mechanics.elastic_material import ElasticMaterial
from fem.mechanics.endplate_pressure import endplate_pressure
from fem.mechanics.integration import POINTS
from fem.mechanics.load_share import load_share
from fem.mechanics.plates import PlateProblem
from fem.mechanics.stiffness import stiffness_matrix
from fem.mechanics.strength import failure_factor
from fem.mechanics.stress import corner_forces, elastic_fields
from fem.partition import Partition
from materials.strength import OverstrainedVolume

WIDTH, DEPTH, HEIGHT = 6.0, 5.0, 12.0
AREA = WIDTH * DEPTH
PLATES = {"superior": "z_max", "inferior": "z_min"}


@pytest.fixture(scope="module")
def column(structured_box):
    return Partition.build(structured_box((WIDTH, DEPTH, HEIGHT), (6, 5, 7)))


def loaded(partition, modulus, poisson_ratio, motion, degree=2):
    """Response, fields and material of a column whose upper end moves."""
    material = ElasticMaterial.isotropic(modulus, poisson_ratio)
    with PlateProblem(partition, degree, **PLATES) as problem:
        problem.assemble(material)
        response = problem.solve(motion)
    return response, elastic_fields(partition, response.displacement, material), material


def test_columns_side_by_side_share_by_their_axial_rigidity(evidence, column):
    """Three columns of 1, 2 and 3 mm with E = 2000, 100 and 500 MPa: shares E_i A_i / sum, at every level."""
    x = column.source.cell_centroids[:, 0]
    parts = {"cement": x < 1.0, "cancellous": (x > 1.0) & (x < 3.0), "cortex": x > 3.0}
    modulus = np.select(list(parts.values()), [2000.0, 100.0, 500.0])
    response, fields, _ = loaded(column, modulus, 0.0, [0.0, 0.0, -0.1, 0.0, 0.0, 0.0])
    share = load_share(column.source, fields.stress, parts, **PLATES)
    rigidity = {"cement": 2000.0, "cancellous": 200.0, "cortex": 1500.0}
    assert share.force == pytest.approx(-response.reaction_superior[2] * np.ones(9), rel=1e-9)
    for name, product in rigidity.items():
        error = np.abs(share.shares[name] / (product / 3700.0) - 1.0).max()
        quantity = "largest relative error of the share of load at nine levels"
        evidence.check_error("three columns side by side", quantity, error, 1e-8, "exact; E_i A_i / Σ E A")


def test_a_plug_takes_load_only_where_it_is(column):
    """Cement in the lower half: its share there is large, and nothing above."""
    x, _, z = column.source.cell_centroids.T
    cement = (z < 0.45 * HEIGHT) & (np.abs(x - 0.5 * WIDTH) < 1.0)
    _, fields, _ = loaded(column, np.where(cement, 2000.0, 100.0), 0.3, [0.0, 0.0, -0.1, 0.0, 0.0, 0.0])
    share = load_share(column.source, fields.stress, {"cement": cement, "bone": ~cement}, **PLATES).shares["cement"]
    assert share[0] > 0.7
    assert share[6:] == pytest.approx(np.zeros(3), abs=1e-12)


@pytest.mark.parametrize("degree", [1, 2])
def test_every_level_and_both_endplates_bear_the_load(evidence, degree):
    """In a body without any order: forces vanish where it is free; the balance holds to the solver's residual."""
    mesh = box((WIDTH, DEPTH, HEIGHT), 1.5)
    partition = Partition.build(mesh)
    modulus = np.exp(np.random.default_rng(2).uniform(np.log(10.0), np.log(2000.0), len(mesh.cells)))
    response, fields, _ = loaded(partition, modulus, 0.3, [0.0, 0.0, -0.1, 0.0, 0.002, 0.0], degree)
    force = -response.reaction_superior[2]
    halves = mesh.cell_centroids[:, 0] > 0.5 * WIDTH
    share = load_share(mesh, fields.stress, {"left": halves, "right": ~halves}, **PLATES)
    case = "box of random moduli"
    error = np.abs(share.force / force - 1.0).max()
    evidence.check_error(case, "largest relative error of the force at nine levels", error, 1e-8)
    assert sum(share.shares.values()) == pytest.approx(np.ones(9))
    for region in PLATES.values():
        pressure = endplate_pressure(mesh, fields.stress, region)
        assert pressure.force == pytest.approx(force, rel=1e-8)
        assert pressure.mean == pytest.approx(force / AREA, rel=1e-8)
    forces = np.zeros_like(mesh.points)
    np.add.at(forces, mesh.cells, corner_forces(mesh, fields.stress))
    free = (mesh.points[:, 2] > 1e-6) & (mesh.points[:, 2] < HEIGHT - 1e-6)
    error = np.abs(forces[free]).max() / force
    evidence.check_error(case, "largest force at free nodes over the load", error, 1e-7)


@pytest.mark.parametrize("degree", [1, 2])
@pytest.mark.parametrize("region", PLATES.values())
def test_pressure_of_a_uniform_column(evidence, column, degree, region):
    """Without lateral strain it is F / A everywhere."""
    modulus = np.full(len(column.source.cells), 150.0)
    response, fields, _ = loaded(column, modulus, 0.0, [0.0, 0.0, -0.1, 0.0, 0.0, 0.0], degree)
    pressure = endplate_pressure(column.source, fields.stress, region)
    uniform = -response.reaction_superior[2] / AREA
    values = np.array([pressure.mean, pressure.percentile_95, pressure.percentile_99, pressure.largest])
    error = np.abs(values / uniform - 1.0).max()
    evidence.check_error("uniform column", "largest relative error of the endplate's pressure", error, 1e-8)
    assert pressure.area == pytest.approx(AREA)
    assert (pressure.left_share, pressure.anterior_share) == pytest.approx((0.5, 0.5), abs=1e-8)


def test_pressure_under_a_load_off_the_centre(evidence, structured_box):
    """F at x = e: p = F / A (1 + 12 e x / w^2); the left half bears 1/2 + 3 e / (2 w)."""
    partition = Partition.build(structured_box((WIDTH, DEPTH, HEIGHT), (16, 5, 4)))
    mesh, force, arm = partition.source, 60.0, 0.9
    material = ElasticMaterial.isotropic(np.full(len(mesh.cells), 150.0), 0.0)
    with PlateProblem(partition, 2, **PLATES) as problem:
        problem.assemble(material)
        compliance = stiffness_matrix(problem).compliance
        response = problem.solve(compliance @ [0.0, 0.0, -force, 0.0, force * arm, 0.0])
    fields = elastic_fields(partition, response.displacement, material)
    for region in PLATES.values():
        pressure = endplate_pressure(mesh, fields.stress, region)
        assert pressure.force == pytest.approx(force)
        evidence.check(
            case=f"load off the centre, {'upper' if region == PLATES['superior'] else 'lower'} endplate",
            quantity="share of the left half [-]",
            expected=0.5 + 1.5 * arm / WIDTH,
            computed=pressure.left_share,
            within=0.01,
            source="exact; bar theory",
            kind="verification",
        )
        assert pressure.anterior_share == pytest.approx(0.5, abs=0.01)
        largest = force / AREA * (1.0 + 6.0 * arm / WIDTH)
        # the lumped value at the rim is that of a point two thirds of the way from the next column
        assert largest * 0.95 < pressure.largest <= largest
        assert pressure.percentile_95 == pytest.approx(force / AREA * (1.0 + 6.0 * arm / WIDTH * 0.9), rel=0.04)


def test_strength_of_a_bent_bar(evidence, structured_box):
    """Strain is linear across the bar, so that the share beyond s times the largest is 1 - s."""
    partition = Partition.build(structured_box((WIDTH, DEPTH, HEIGHT), (60, 1, 1)))
    mesh, moment, modulus = partition.source, 30.0, 150.0
    material = ElasticMaterial.isotropic(np.full(len(mesh.cells), modulus), 0.0)
    with PlateProblem(partition, 2, **PLATES) as problem:
        problem.assemble(material)
        compliance = stiffness_matrix(problem).compliance
        response = problem.solve(compliance @ [0.0, 0.0, 0.0, 0.0, moment, 0.0])
    strain = elastic_fields(partition, response.displacement, material).effective_strain(material)
    largest = moment * 0.5 * WIDTH / (modulus * DEPTH * WIDTH**3 / 12.0)
    for share in (0.02, 0.1, 0.4):
        factor = failure_factor(strain, mesh.cell_volumes, OverstrainedVolume(0.008, share))
        evidence.check(
            case=f"strength of a bent bar, {100 * share:g} % of its volume beyond 0.8 % strain",
            quantity="load factor [-]",
            expected=0.008 / ((1.0 - share) * largest),
            computed=factor,
            within=0.02,
            source="exact; strain linear across the bar",
            kind="verification",
        )


def test_strength_weighs_volumes():
    """Strains k = 1 to 100 of cells of volume k: 2 % of 5050 are the cells 100 and, in part, 99."""
    numbers = np.arange(1.0, 101.0)
    assert failure_factor(1e-4 * numbers, numbers, OverstrainedVolume()) == pytest.approx(0.007 / 0.0099)
    assert failure_factor(1e-4 * numbers, np.ones(100), OverstrainedVolume()) == pytest.approx(0.007 / 0.0098)


@pytest.mark.parametrize("degree", [1, 2])
def test_a_body_whose_stiffness_varies_inside_its_cells_is_in_balance(evidence, degree):
    """Of random stiffness at its points, in any motion: forces vanish where it is free, and cells hold all energy."""
    mesh = box((WIDTH, DEPTH, HEIGHT), 1.8)
    partition = Partition.build(mesh)
    random = np.random.default_rng(5)
    material = ElasticMaterial.isotropic(np.exp(random.uniform(3.0, 7.0, (len(mesh.cells), POINTS))), 0.3)
    with PlateProblem(partition, degree, **PLATES) as problem:
        problem.assemble(material)
        response = problem.solve([0.05, -0.02, -0.1, 0.001, 0.003, 0.01])
    fields = elastic_fields(partition, response.displacement, material)
    error = abs(fields.energy_density @ mesh.cell_volumes / (0.5 * response.energy) - 1.0)
    evidence.check_error("random body", "relative defect of the sum of energies", error, 1e-9)
    forces = np.zeros_like(mesh.points)
    np.add.at(forces, mesh.cells, corner_forces(mesh, fields.stress))
    free = (mesh.points[:, 2] > 1e-6) & (mesh.points[:, 2] < HEIGHT - 1e-6)
    scale = np.abs(response.reaction_superior[:3]).max()
    error = np.abs(forces[free]).max() / scale
    evidence.check_error("random body", "largest force at free nodes over the load", error, 1e-7)
    assert forces[mesh.points[:, 2] > HEIGHT - 1e-6].sum(axis=0) == pytest.approx(
        response.reaction_superior[:3], abs=1e-8 * scale
    )
    for region in PLATES.values():
        pressure = endplate_pressure(mesh, fields.stress, region)
        assert pressure.force == pytest.approx(-response.reaction_superior[2], rel=1e-7)
