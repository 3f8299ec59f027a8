"""Orders of convergence of the elastic solve against smooth exact solutions without body force on the unit cube.

The displacement is prescribed on the whole surface. Isotropic: the field of a point force outside of the cube (Kelvin).
Transversely isotropic: u = (f_x - g_y, f_y + g_x, k f_z) with f and g each sin(a x) sin(b y) exp(c z) and m^2 = a^2 +
b^2, where equilibrium asks for c^2 = C66 m^2 / C44 of g, and of f for C11 m^2 = c^2 (C44 + k (C13 + C44)) and
m^2 (C13 + C44 + k C44) = k C33 c^2 (Elliott 1948, 10.1017/S0305004100024531; tag M). Graded: E = E_0 exp(b z) without
Poisson's effect holds u = (sin(a y) exp(c z), 0, (1 - exp(-b z)) / b) in balance, where c^2 + b c = a^2.
"""

import dolfinx_solver  # noqa: F401
from mpi4py import MPI

import numpy as np
import pytest
import ufl
from dolfinx import fem

from fem.mechanics.constraints import FacetConstraint
from fem.mechanics.elastic_material import ElasticMaterial
from fem.mechanics.elasticity import ElasticProblem
from fem.mechanics.integration import integration_points
from fem.partition import Partition

DIVISIONS = (2, 4, 8)
WAVES = (2.0, 1.5)
SOURCE, FORCE = (1.7, -0.9, 1.6), (1.0, -0.7, 0.4)


def kelvin(ratio):
    """Displacement of a point force, for x given as three numbers, arrays or UFL expressions."""

    def field(x, _):
        arms = [x[i] - SOURCE[i] for i in range(3)]
        radius = sum(arm * arm for arm in arms) ** 0.5
        along = sum(arm * part for arm, part in zip(arms, FORCE, strict=True)) / radius**3
        return [(3.0 - 4.0 * ratio) * FORCE[i] / radius + arms[i] * along for i in range(3)]

    return field


def elliott(material):
    """The field of the module's text."""
    c12, c13, c33, c44, c66 = material.constants[0]
    c11, (a, b) = c12 + 2.0 * c66, WAVES
    m2, pair = a * a + b * b, c13 + c44
    roots = np.roots([pair * c44, pair**2 + c44**2 - c33 * c11, pair * c44])
    assert np.isrealobj(roots)
    k = roots.max()
    c = float(np.sqrt(c11 * m2 / (c44 + k * pair)))
    assert m2 * (pair + k * c44) == pytest.approx(k * c33 * c * c)
    d = float(np.sqrt(c66 * m2 / c44))

    def field(x, of):
        sx, cx, sy, cy = of.sin(a * x[0]), of.cos(a * x[0]), of.sin(b * x[1]), of.cos(b * x[1])
        f, g = of.exp(c * (x[2] - 1.0)), of.exp(d * (x[2] - 1.0))
        return [a * cx * sy * f - b * sx * cy * g, b * sx * cy * f + a * cx * sy * g, k * c * sx * sy * f]

    return field


GRADE = 2.5
"""b of the graded material in 1/mm."""


def graded(x, of):
    """The field of the module's text."""
    a = WAVES[0]
    c = float(np.sqrt(0.25 * GRADE**2 + a * a)) - 0.5 * GRADE
    return [of.sin(a * x[1]) * of.exp(c * x[2]), 0.0 * x[0], (1.0 - of.exp(-GRADE * x[2])) / GRADE]


def uniform_cells(material):
    """The same constants in all cells of a mesh."""
    return lambda mesh: ElasticMaterial(*(np.full(len(mesh.cells), value[0]) for value in vars(material).values()))


def graded_cells(mesh):
    """The graded material at the integration points of a mesh."""
    return ElasticMaterial.isotropic(200.0 * np.exp(GRADE * integration_points(mesh)[..., 2]), 0.0)


ISOTROPIC = ElasticMaterial.isotropic(np.full(1, 200.0), 0.3)
BONE = ElasticMaterial(*(np.array([value]) for value in (300.0, 100.0, 0.3, 0.25, 55.0)))
CASES = {
    "isotropic": (uniform_cells(ISOTROPIC), kelvin(0.3)),
    "transversely isotropic": (uniform_cells(BONE), elliott(BONE)),
    "graded": (graded_cells, graded),
}

SOURCES = {
    "isotropic": "Kelvin's point force",
    "transversely isotropic": "Elliott 1948, 10.1017/S0305004100024531 (M)",
    "graded": "balance by hand",
}


def errors(structured_box, material, field, divisions, degree):
    """Error of the displacement in L2 and of its gradient in L2."""
    partition = Partition.build(structured_box((1.0, 1.0, 1.0), 3 * (divisions,)))
    surface = FacetConstraint(
        np.concatenate([partition.facets_of_region(name) for name in partition.source.facet_regions])
    )
    with ElasticProblem(partition, [surface], degree) as problem:
        problem.assemble(material(partition.source))
        solution = problem.solve(np.column_stack(field(problem.points.T, np)))
    x = ufl.SpatialCoordinate(partition.mesh)
    difference = solution.displacement - ufl.as_vector(field([x[0], x[1], x[2]], ufl))
    measure = ufl.dx(metadata={"quadrature_degree": 8})
    found = [fem.assemble_scalar(fem.form(ufl.inner(w, w) * measure)) for w in (difference, ufl.grad(difference))]
    return np.sqrt(partition.comm.allreduce(np.array(found), op=MPI.SUM))


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("degree", "orders"), [(1, (1.8, 0.9)), (2, (2.9, 1.9))])
def test_orders(evidence, structured_box, case, degree, orders):
    material, field = CASES[case]
    found = np.array([errors(structured_box, material, field, divisions, degree) for divisions in DIVISIONS])
    fitted = -np.polyfit(np.log(DIVISIONS), np.log(found), 1)[0]
    lengths = 1.0 / np.array(DIVISIONS)
    evidence.curve(
        case="elastic solve",
        title=f"Elastic solve of degree {degree}, {case}",
        x_label="edge length over that of the cube [-]",
        y_label="error in L2 [mm] or [-]",
        series=[
            ("displacement", lengths, found[:, 0]),
            ("gradient", lengths, found[:, 1]),
            *(
                (f"order {degree + 1 - i}", lengths, 0.7 * found[0, i] * (lengths / lengths[0]) ** (degree + 1 - i))
                for i in range(2)
            ),
        ],
        log=True,
    )
    for name, expected, order, least in zip(
        ("displacement", "gradient"), (degree + 1.0, float(degree)), fitted, orders, strict=True
    ):
        evidence.check(
            case=f"elastic solve of degree {degree}, {case}",
            quantity=f"order of the {name} in L2 [-]",
            expected=expected,
            computed=order,
            low=least,
            high=least + 0.4,
            source="fitted order; " + SOURCES[case],
            kind="order",
        )
