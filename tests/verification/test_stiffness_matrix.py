"""Stiffness matrices of columns without lateral strain (nu = 0), against beam theory where it is exact or a bound."""

import numpy as np
import pytest

from fem.mechanics.elastic_material import ElasticMaterial
from fem.mechanics.plates import PlateProblem
from fem.mechanics.stiffness import stiffness_matrix
from fem.partition import Partition

WIDTH, DEPTH, HEIGHT = 6.0, 5.0, 12.0
AREA = WIDTH * DEPTH
INERTIA = {"x": WIDTH * DEPTH**3 / 12.0, "y": DEPTH * WIDTH**3 / 12.0}
MODULUS = 150.0
PLATES = {"superior": "z_max", "inferior": "z_min"}
AXIAL, FLEXION, LATERAL = (
    "axial stiffness [N/mm]",
    "flexion stiffness [N mm/rad]",
    "lateral bending stiffness [N mm/rad]",
)


def saint_venant(long, short):
    """J of a rectangle in mm4 (Timoshenko & Goodier, Theory of Elasticity, article 109; tag M)."""
    odd = np.arange(1, 200, 2)
    series = (np.tanh(odd * np.pi * long / (2.0 * short)) / odd**5).sum()
    return long * short**3 / 3.0 * (1.0 - 192.0 * short / (np.pi**5 * long) * series)


def check(evidence, case, quantity, computed, exact, within=1e-8):
    evidence.check(
        case=case,
        quantity=quantity,
        expected=exact,
        computed=computed,
        within=within,
        source="exact; beam theory",
        kind="verification",
    )


@pytest.fixture(scope="module")
def column(structured_box):
    return Partition.build(structured_box((WIDTH, DEPTH, HEIGHT), (4, 4, 6)))


def solve(column, modulus, poisson_ratio=0.0, degree=2):
    with PlateProblem(column, degree, **PLATES) as problem:
        problem.assemble(ElasticMaterial.isotropic(modulus, poisson_ratio))
        return stiffness_matrix(problem)


@pytest.fixture(scope="module")
def uniform(column):
    return solve(column, np.full(len(column.source.cells), MODULUS))


def test_uniform_column_under_axial_load(evidence, uniform):
    """Without lateral strain the bonded column is a bar: free or held, it shortens by F H / (E A) and does not tilt."""
    exact = MODULUS * AREA / HEIGHT
    check(evidence, "uniform column without lateral strain", AXIAL, uniform.axial_stiffness, exact)
    assert uniform.axial_stiffness_free == pytest.approx(exact, rel=1e-8)
    assert uniform.axial_stiffness_free_rotation == pytest.approx(exact, rel=1e-8)
    assert uniform.matrix[[0, 1, 3, 4, 5], 2] == pytest.approx(np.zeros(5), abs=1e-7 * exact)
    assert uniform.tilt_under_pressure == pytest.approx(np.zeros(2), abs=1e-9 / exact)


def test_uniform_column_under_pure_moments(evidence, uniform):
    """A pure moment bends to a circle: the upper end turns by M H / (E I) about the middle of the column."""
    case = "uniform column without lateral strain"
    check(evidence, case, FLEXION, uniform.flexion_stiffness, MODULUS * INERTIA["x"] / HEIGHT)
    check(evidence, case, LATERAL, uniform.lateral_bending_stiffness, MODULUS * INERTIA["y"] / HEIGHT)
    assert uniform.flexion_centre == pytest.approx([WIDTH / 2.0, DEPTH / 2.0, HEIGHT / 2.0], abs=1e-6)
    # bending forward carries the upper end to the front (-y), bending to the left carries it to the left (+x)
    motion = uniform.compliance[:, 3] / uniform.compliance[3, 3]
    assert motion == pytest.approx([0.0, -HEIGHT / 2.0, 0.0, 1.0, 0.0, 0.0], abs=1e-6)
    motion = uniform.compliance[:, 4] / uniform.compliance[4, 4]
    assert motion == pytest.approx([HEIGHT / 2.0, 0.0, 0.0, 0.0, 1.0, 0.0], abs=1e-6)


@pytest.mark.parametrize(("across", "bending", "about"), [(0, 4, "y"), (1, 3, "x")])
def test_uniform_column_under_shear(uniform, across, bending, about):
    """Energy bounds: plane sections from above (shear area A), parabolic shear stress from below (5 A / 6)."""
    shear_modulus, inertia = MODULUS / 2.0, INERTIA[about]
    bent = HEIGHT**3 / (3.0 * MODULUS * inertia)
    sheared = HEIGHT / (shear_modulus * AREA)
    assert bent + sheared < 1.005 * uniform.compliance[across, across]
    assert uniform.compliance[across, across] < bent + 1.2 * sheared
    # with the motion held across, turning adds the shear that takes the end back from M H^2 / (2 E I)
    held = MODULUS * inertia / HEIGHT + uniform.matrix[across, across] * HEIGHT**2 / 4.0
    assert uniform.matrix[bending, bending] == pytest.approx(held, rel=1e-8)


def test_uniform_column_under_torsion(evidence, uniform):
    """Energy bounds: sections that stay plane from above, sections that warp freely from below."""
    warping, plane = saint_venant(WIDTH, DEPTH), INERTIA["x"] + INERTIA["y"]
    evidence.check(
        case="uniform column without lateral strain",
        quantity="torsional stiffness [N mm/rad]",
        computed=uniform.torsional_stiffness,
        low=MODULUS / 2.0 * warping / HEIGHT,
        high=MODULUS / 2.0 * plane / HEIGHT,
        source="exact bounds; Timoshenko & Goodier (M)",
        kind="verification",
    )


def section_stiffness(modulus_at, pole):
    """(3, 3) of (uz, rx, ry) to (Fz, Mx, My) for plane sections, whose strain is (uz + rx y - ry x) / H."""
    abscissas, weights = np.polynomial.legendre.leggauss(2)  # exact on each half for the quadratic integrand
    on_halves = np.concatenate([0.25 * (abscissas + 1.0), 0.25 * (abscissas + 3.0)])
    x, y = np.meshgrid(WIDTH * on_halves, DEPTH * on_halves, indexing="ij")
    areas = AREA * np.outer(np.tile(weights, 2), np.tile(weights, 2)) / 16.0
    arms = np.stack([np.ones_like(x), y - pole[1], pole[0] - x])
    return np.einsum("ixy,jxy,xy->ij", arms, arms, modulus_at(x, y) * areas) / HEIGHT


def halves(x, _):
    """Left half (x large) soft, right half stiff."""
    return np.where(x > WIDTH / 2.0, 50.0, 800.0)


def quarters(x, y):
    """Four different moduli."""
    return np.where(x > WIDTH / 2.0, np.where(y > DEPTH / 2.0, 50.0, 120.0), np.where(y > DEPTH / 2.0, 300.0, 800.0))


@pytest.fixture(scope="module", params=[halves, quarters])
def composite(request, column):
    centroids = column.source.cell_centroids
    return request.param, solve(column, request.param(centroids[:, 0], centroids[:, 1]))


def test_columns_side_by_side_are_exact_composite_beams(evidence, composite):
    """Axial load and bending of parallel columns of different moduli: plane sections are exact without lateral strain.

    Axial motion without tilt is exact in the matrix; bending is exact where the plate may slide, in the compliance.
    """
    modulus_at, stiffness = composite
    exact = section_stiffness(modulus_at, stiffness.pole)
    scale = np.sqrt(np.outer(np.diag(exact), np.diag(exact)))
    assert stiffness.matrix[2:5, 2] / scale[:, 0] == pytest.approx(exact[:, 0] / scale[:, 0], abs=1e-8)
    bending = np.linalg.inv(exact)
    assert stiffness.compliance[2:5, 2:5] * scale == pytest.approx(bending * scale, abs=1e-7)
    case = f"column of {modulus_at.__name__} of different moduli"
    check(evidence, case, "axial stiffness, free [N/mm]", stiffness.axial_stiffness_free, 1.0 / bending[0, 0])
    check(evidence, case, FLEXION, stiffness.flexion_stiffness, 1.0 / bending[1, 1])
    check(evidence, case, LATERAL, stiffness.lateral_bending_stiffness, 1.0 / bending[2, 2])
    assert stiffness.tilt_under_pressure == pytest.approx(-bending[1:, 0], rel=1e-6, abs=1e-12)
    # the neutral axis is where the axial motion and the turning cancel; the column bends about its middle
    centre = [WIDTH / 2.0, DEPTH / 2.0 - bending[0, 1] / bending[1, 1], HEIGHT / 2.0]
    assert stiffness.flexion_centre == pytest.approx(centre, abs=1e-6)


def test_two_halves_in_closed_form(evidence, column):
    """F = sum E A / H and M_y = -sum E A x / H: pushed down without tilt, the stiff right half wants to turn it left.

    Left free, it therefore tilts to the soft left side, ry > 0.
    """
    centroids = column.source.cell_centroids
    stiffness = solve(column, halves(centroids[:, 0], centroids[:, 1]))
    half = AREA / 2.0 / HEIGHT
    case = "column of halves of different moduli"
    check(evidence, case, AXIAL, stiffness.axial_stiffness, (50.0 + 800.0) * half)
    arm = WIDTH / 4.0
    exact = -(50.0 * arm - 800.0 * arm) * half
    check(evidence, case, "moment M_y of an axial motion [N mm/mm]", stiffness.matrix[4, 2], exact)
    assert stiffness.matrix[3, 2] == pytest.approx(0.0, abs=1e-7 * stiffness.matrix[4, 2])
    assert stiffness.tilt_under_pressure[1] > 0.0
    assert stiffness.axial_stiffness_free < stiffness.axial_stiffness
    assert stiffness.axial_stiffness_free <= stiffness.axial_stiffness_free_rotation <= stiffness.axial_stiffness


def test_layers_add_their_compliances(evidence, column):
    """Soft below, stiff above: the rotations under pure moments add, and the centre moves down to the soft layer."""
    soft, stiff, layer = 50.0, 800.0, 0.5 * HEIGHT
    stiffness = solve(column, np.where(column.source.cell_centroids[:, 2] < layer, soft, stiff))
    bent = layer / soft + layer / stiff
    case = "column of two layers"
    check(evidence, case, AXIAL, stiffness.axial_stiffness, AREA / bent)
    check(evidence, case, FLEXION, stiffness.flexion_stiffness, INERTIA["x"] / bent)
    check(evidence, case, LATERAL, stiffness.lateral_bending_stiffness, INERTIA["y"] / bent)
    centre = (0.5 * layer * layer / soft + 1.5 * layer * layer / stiff) / bent
    assert stiffness.flexion_centre[2] == pytest.approx(centre, abs=1e-6)
