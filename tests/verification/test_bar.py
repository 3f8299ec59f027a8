"""Slender square bars of isotropic and of transversely isotropic material, clamped at both ends, against bar theory.

Clamped ends hold the warping and the lateral strain back, which stiffens about one width of the bar. So the compliance
of a bar of 12 widths less that of a bar of 6 widths is that of 6 widths of free bar.
"""

import numpy as np
import pytest

from fem.mechanics.elastic_material import ElasticMaterial
from fem.mechanics.plates import PlateProblem
from fem.mechanics.stiffness import stiffness_matrix
from fem.partition import Partition

WIDTH, SHORT, LONG = 4.0, 24.0, 48.0
TORSION = 0.140577 * WIDTH**4
"""J of a square (Timoshenko & Goodier, Theory of Elasticity, article 109; tag M)."""
PLATES = {"superior": "z_max", "inferior": "z_min"}
MATERIALS = {
    "isotropic": (150.0, 150.0, 0.3, 0.3, 150.0 / 2.6),
    "stiff along its axis": (300.0, 100.0, 0.3, 0.25, 45.0),
}


@pytest.fixture(scope="module", params=MATERIALS)
def bars(request, structured_box):
    constants = MATERIALS[request.param]
    matrices = []
    for length in (SHORT, LONG):
        bar = Partition.build(structured_box((WIDTH, WIDTH, length), (4, 4, round(length))))
        with PlateProblem(bar, **PLATES) as problem:
            problem.assemble(ElasticMaterial(np.full(len(bar.source.cells), constants[0]), *constants[1:]))
            matrices.append(stiffness_matrix(problem))
    return request.param, constants, *matrices


@pytest.mark.parametrize(
    ("quantity", "unit", "exact"),
    [
        ("axial_stiffness_free", "N/mm", lambda axial, shear: axial * WIDTH**2),
        ("flexion_stiffness", "N mm/rad", lambda axial, shear: axial * WIDTH**4 / 12.0),
        ("lateral_bending_stiffness", "N mm/rad", lambda axial, shear: axial * WIDTH**4 / 12.0),
        ("torsional_stiffness", "N mm/rad", lambda axial, shear: shear * TORSION),
    ],
)
def test_free_length_follows_bar_theory(evidence, bars, quantity, unit, exact):
    material, constants, short, long = bars
    free = (LONG - SHORT) / (1.0 / getattr(long, quantity) - 1.0 / getattr(short, quantity))
    evidence.check(
        case=f"free length of a clamped bar, {material}",
        quantity=f"{quantity.replace('_', ' ')} [{unit}]",
        expected=exact(constants[0], constants[-1]),
        computed=free,
        within=0.005,
        source="exact; bar theory, Timoshenko & Goodier (M)",
        kind="verification",
    )
    # the ends of the long bar alone make it stiffer than theory, by less than 3 %
    assert 0.0 < getattr(long, quantity) * LONG / exact(constants[0], constants[-1]) - 1.0 < 0.03
