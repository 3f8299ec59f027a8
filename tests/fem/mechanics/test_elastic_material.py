"""Elastic constants against the compliance matrix written out, and the refusal of what would yield energy."""

from dataclasses import replace

import numpy as np
import pytest

from fem.mechanics.elastic_material import CONSTANTS, ElasticMaterial


def compliance(axial, transverse, axial_ratio, transverse_ratio, shear):
    """(6, 6) in (xx, yy, zz, yz, xz, xy) with engineering shear strains."""
    matrix = np.zeros((6, 6))
    matrix[:3, :3] = [
        [1.0 / transverse, -transverse_ratio / transverse, -axial_ratio / axial],
        [-transverse_ratio / transverse, 1.0 / transverse, -axial_ratio / axial],
        [-axial_ratio / axial, -axial_ratio / axial, 1.0 / axial],
    ]
    matrix[3:, 3:] = np.diag([1.0 / shear, 1.0 / shear, 2.0 * (1.0 + transverse_ratio) / transverse])
    return matrix


def stiffness(material, cell):
    """(6, 6) in the same order."""
    c = dict(zip(CONSTANTS, material.constants[cell], strict=True))
    c11 = c["C12"] + 2.0 * c["C66"]
    matrix = np.diag([c11, c11, c["C33"], c["C44"], c["C44"], c["C66"]])
    for row, column, name in ((0, 1, "C12"), (0, 2, "C13"), (1, 2, "C13")):
        matrix[row, column] = matrix[column, row] = c[name]
    return matrix


def random_constants(count):
    """Constants possible and impossible."""
    rng = np.random.default_rng(7)
    return np.column_stack(
        [
            np.exp(rng.uniform(0.0, 8.0, count)),
            np.exp(rng.uniform(0.0, 8.0, count)),
            rng.uniform(-0.9, 0.9, count),
            rng.uniform(-1.2, 1.2, count),
            np.exp(rng.uniform(0.0, 8.0, count)),
        ]
    )


def test_the_stiffness_is_the_inverse_of_the_compliance_and_just_the_definite_ones_pass():
    passed = 0
    for constants in random_constants(300):
        matrix = compliance(*constants)
        if np.linalg.eigvalsh(matrix).min() > 0.0:
            material = ElasticMaterial(*(np.array([value]) for value in constants))
            assert stiffness(material, 0) @ matrix == pytest.approx(np.eye(6), abs=1e-9)
            assert np.linalg.eigvalsh(stiffness(material, 0)).min() > 0.0
            passed += 1
        else:
            with pytest.raises(ValueError, match="of 1 sets of elastic constants are impossible"):
                ElasticMaterial(*(np.array([value]) for value in constants))
    assert 50 < passed < 250


def test_isotropic_cells_have_the_constants_of_lame():
    modulus, ratio = np.array([10.0, 200.0, 3000.0]), np.array([0.0, 0.3, 0.45])
    lame = modulus * ratio / ((1.0 + ratio) * (1.0 - 2.0 * ratio))
    shear = modulus / (2.0 * (1.0 + ratio))
    exact = np.column_stack([lame, lame, lame + 2.0 * shear, shear, shear])
    assert ElasticMaterial.isotropic(modulus, ratio).constants == pytest.approx(exact, rel=1e-13)
    assert ElasticMaterial.transversely_isotropic(modulus, modulus, ratio).constants == pytest.approx(exact, rel=1e-13)


def test_saint_venant_shear_modulus_lies_between_those_of_both_moduli():
    material = ElasticMaterial.transversely_isotropic([400.0], [100.0], 0.3)
    assert material.axial_shear_modulus == pytest.approx(1.0 / (1.0 / 100.0 + 1.6 / 400.0))
    assert 100.0 / 2.6 < material.axial_shear_modulus < 400.0 / 2.6
    assert material.transverse_poisson_ratio == pytest.approx([0.3])


def test_numbers_spread_over_all_cells():
    material = ElasticMaterial(np.full(4, 300.0), 100.0, 0.3, 0.2, 60.0)
    assert material.cells == 4
    assert material.constants.shape == (4, len(CONSTANTS))
    with pytest.raises(ValueError, match="shape"):
        replace(material, transverse_modulus=np.full(3, 100.0))


@pytest.mark.parametrize(
    ("modulus", "ratio", "message"),
    [
        ([100.0, 0.0], 0.3, "1 of 2 sets of elastic constants are impossible: axial_modulus"),
        ([100.0, np.nan], 0.3, "1 of 2 sets of elastic constants are impossible: axial_modulus"),
        ([100.0, 100.0], 0.5, "below 0.5"),
        ([100.0, 100.0], [0.3, -1.0], "1 of 2 sets of elastic constants are impossible"),
        ([100.0, 100.0], np.nan, "2 of 2 sets of elastic constants are impossible"),
    ],
)
def test_impossible_isotropic_cells_are_refused(modulus, ratio, message):
    with pytest.raises(ValueError, match=message):
        ElasticMaterial.isotropic(modulus, ratio)
