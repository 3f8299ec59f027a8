"""Elastic-plastic bars between plates against closed answers: limit loads, the plastic moment, the twisted shaft."""

import numpy as np
import pytest

from fem.mechanics.elastic_material import ElasticMaterial
from fem.mechanics.plastic_material import PlasticMaterial
from fem.mechanics.plasticity import PlasticPlates
from fem.partition import Partition

MODULUS, RATIO = 100.0, 0.3
STRENGTH = 0.77
PLATES = {"superior": "z_max", "inferior": "z_min"}
SURFACES = (pytest.param("mohr_coulomb", marks=pytest.mark.slow), "drucker_prager")
_BOOK = "Hill 1950, The mathematical theory of plasticity (M)"


def plastic(mesh, surface, tension=STRENGTH, compression=STRENGTH):
    count = len(mesh.cells)
    elastic = ElasticMaterial.isotropic(np.full(count, MODULUS), RATIO)
    return PlasticMaterial(elastic, np.full(count, tension), np.full(count, compression), surface, 0.001)


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize(("sense", "sign"), [("tension", 1.0), ("compression", -1.0)])
def test_a_bar_bears_its_uniaxial_strength(evidence, structured_box, surface, sense, sign):
    """The middle of the bar flows freely, so that its held ends do not matter to the limit load."""
    length = 20.0
    bar = structured_box((4.0, 4.0, length), (2, 2, 8))
    strengths = {"tension": 0.7 * STRENGTH, "compression": STRENGTH}
    motion = sign * np.eye(6)[2]
    with PlasticPlates(Partition.build(bar), plastic(bar, surface, **strengths), **PLATES, motion=motion) as body:
        for part in (0.8, 1.0, 1.1, 1.3, 1.6, 2.0):
            body.move(part * length * strengths[sense] / MODULUS)
            if part < 1.0:
                assert body.force == pytest.approx(body.stiffness * body.position, rel=1e-2)
        evidence.check(
            case=f"perfectly plastic bar in {sense}, {surface.replace('_', '-')}",
            quantity="limit load [N]",
            expected=16.0 * strengths[sense],
            computed=body.force,
            within=0.005,
            source=f"exact; {_BOOK}",
            kind="verification",
        )


@pytest.mark.parametrize("surface", SURFACES)
def test_the_plastic_moment_is_one_and_a_half_times_the_moment_at_first_yield(evidence, structured_box, surface):
    """The plate turns by phi and goes along by phi L / 2, which bends the bar alike over its whole length."""
    width, length = 4.0, 24.0
    bar = structured_box((width, width, length), (2, 4, 6))
    with PlasticPlates(
        Partition.build(bar), plastic(bar, surface), **PLATES, motion=[0.0, -0.5 * length, 0.0, 1.0, 0.0, 0.0]
    ) as body:
        curvature_at_yield = 2.0 * STRENGTH / (MODULUS * width)
        for times in (1.5, 2.5, 4.0):
            body.move(times * curvature_at_yield * length)
        evidence.check(
            case=f"square bar bent to four times the curvature at first yield, {surface.replace('_', '-')}",
            quantity="moment over that at first yield [-]",
            expected=1.5 * (1.0 - 1.0 / (3.0 * 4.0**2)),
            computed=body.force / (STRENGTH * width**3 / 6.0),
            within=0.02,
            source=f"exact; {_BOOK}",
            kind="verification",
        )


def shaft(structured_box, half):
    """A round bar of radius 1 and height 1, cut into ``2 half`` bricks across; a square drawn onto the disc."""
    bar = structured_box((2.0, 2.0, 1.0), (2 * half, 2 * half, half))
    x, y, z = bar.points.T
    x, y = x - 1.0, y - 1.0
    points = np.stack([x * np.sqrt(1.0 - 0.5 * y**2), y * np.sqrt(1.0 - 0.5 * x**2), z], axis=1)
    return type(bar)(points, bar.cells, bar.facets, bar.facet_regions)


@pytest.mark.parametrize(
    ("surface", "shear"), [("mohr_coulomb", 0.5 * STRENGTH), ("drucker_prager", STRENGTH / 3**0.5)]
)
def test_a_twisted_shaft(evidence, structured_box, surface, shear):
    """T = 2 pi k / 3 (1 - (t_y / t)^3 / 4) of the twist t, Tresca's k or von Mises'; sections stay plane and round."""
    modulus = MODULUS / (2.0 * (1.0 + RATIO))
    at_yield = shear / modulus
    errors = []
    for half in (1, 2, 3):
        bar = shaft(structured_box, half)
        with PlasticPlates(Partition.build(bar), plastic(bar, surface), **PLATES, motion=np.eye(6)[5]) as body:
            worst = 0.0
            for times in (1.2, 1.6, 2.4):
                body.move(times * at_yield)
                exact = 2.0 * np.pi * shear / 3.0 * (1.0 - 0.25 / times**3)
                worst = max(worst, abs(body.force / exact - 1.0))
            errors.append(worst)
    order = np.polyfit(np.log([1.0, 1.0 / 2.0, 1.0 / 3.0]), np.log(errors), 1)[0]
    evidence.check(
        case=f"twisted elastic-plastic shaft, {surface.replace('_', '-')}",
        quantity="order of the error of the torque in the size of the cells [-]",
        expected=2.0,
        computed=order,
        within=0.15,
        source=f"exact; {_BOOK}; straight edges of a round bar are of second order",
        kind="verification",
    )
    assert errors[-1] < 0.05
