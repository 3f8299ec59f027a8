"""Published temperatures of curing cement beside the model, with nothing fitted: moulds, goats, pigs.

What the abstracts do not say is assumed and stated here; the verdicts of such lines stay open. The real vertebra with 6
and 10 ml stands in ``tests/validation/test_heat_body.py``.
"""

from functools import cache

import numpy as np
import pytest
from heat_boxes import box_medium, heat_of, rod

from fem.heat.injection_heat import syringe_conversion
from materials.curing import CURINGS
from meshes.box_grid import BoxGrid

LI_SCHMID = "Li & Schmid: PTFE and PU moulds, ASTM F451 (S)"
GOAT = "goat in vivo, 0.8 ml, 22 %: 10.1002/jbm.b.20002 (S)"
PIG = "porcine vertebrae in saline of 37 degC: BMC Musculoskelet Disord 2011 12:116 (S)"

PTFE = (0.25, 2.2)
FOAM = (0.03, 0.06)
"""Conductivity in W/(m K) and capacity in MPa/K of the moulds' walls (tag M)."""

ROOM = 23.0
CAPACITY = 2.0


def mould_peak(thickness, wall, name):
    """Peak in the middle of a slab of cement between two walls of 25 mm, from room temperature; half of it."""
    cells = int(np.ceil(0.5 * thickness + 25.0))
    grid = rod(2 * cells, cells, 0.5)
    height = grid.centres[:, 2]
    medium = box_medium(grid, conductivity=wall[0], capacity=wall[1], sides=(0.0, 0.0, 0.0, 0.0, 0.0, np.inf))
    medium = medium.__class__(**{**medium.__dict__, "body_temperature": ROOM})
    curing = CURINGS[name]
    cement = np.where(height < 0.5 * thickness, medium.room, 0.0)
    heat = heat_of(medium, curing=curing)
    start = heat.start(np.full(grid.count, ROOM), cement, np.where(cement > 0.0, curing.start, 0.0))
    return float(heat.rest(start, 7200.0).exposure.peak[0])


HEAT = "the published sets set free 1.1e8 J/m3, two thirds of the monomer's heat"


@pytest.mark.parametrize("kinetics", ["borzacchiello_1", "li"])
@pytest.mark.parametrize(
    ("wall", "name", "published"),
    [
        pytest.param(
            PTFE, "PTFE", 75.0, marks=pytest.mark.xfail(strict=True, reason=f"30 and 31 K beside 75 K: {HEAT}")
        ),
        pytest.param(
            FOAM, "PU foam", 28.0, marks=pytest.mark.xfail(strict=True, reason=f"5 and 3 K beside 28 K: {HEAT}")
        ),
    ],
)
def test_moulds(wall, name, published, kinetics, evidence):
    thin, thick = (mould_peak(thickness, wall, kinetics) for thickness in (6.0, 40.0))
    evidence.check(
        case=f"heat: moulds of {name}, {kinetics}; walls of 25 mm, from 23 degC",
        quantity="peak at 40 mm above that at 6 mm [K]",
        expected=published,
        computed=thick - thin,
        within=0.25,
        source=LI_SCHMID,
        kind="published",
    )


def test_thin_cement_stays_cooler_in_a_mould_that_conducts(evidence):
    conducting, foam = (mould_peak(6.0, wall, "li") for wall in (PTFE, FOAM))
    evidence.check(
        case="heat: moulds of 6 mm, li; walls of 25 mm, from 23 degC",
        quantity="peak in PU foam above that in PTFE [K]",
        expected=50.0,
        computed=foam - conducting,
        low=20.0,
        high=65.0,
        source=f"{LI_SCHMID}; about 50 K, and two thirds of the heat",
        kind="published",
        about="open",
    )


@cache
def buried_ball(volume, body_radius, perfusion, *, spacing=1.0, bath=False, age=300.0, kinetics="borzacchiello_1"):
    """A ball of plain cement in the middle of a ball of cancellous bone, in soft tissue or in a bath."""
    half = body_radius + 8.0
    # an eighth of it, between planes of symmetry
    grid = BoxGrid(np.zeros(3), spacing, (int(np.ceil(half / spacing)),) * 3)
    distance = np.linalg.norm(grid.centres, axis=1)
    radius = (0.75 * volume / np.pi) ** (1.0 / 3.0)
    medium = box_medium(grid, conductivity=0.24, capacity=2.4, sides=(0.0, np.inf) * 3)
    bone, cavity = (distance < body_radius) & (distance >= radius), distance < radius
    strut = np.where(bone, 0.15 * grid.voxel_volume, 0.0)
    outside = distance >= body_radius
    stirred = 0.5 if bath else 0.0007 * 3.8
    values = {
        **medium.__dict__,
        "strut": strut,
        "room": grid.voxel_volume - strut,
        "tissue_conductivity": np.where(outside, 0.49, 0.24),
        "tissue_capacity": np.where(outside, 3.7, 2.4),
        "tissue_exchange": np.where(outside, stirred, perfusion * 3.8),
    }
    medium = medium.__class__(**values)
    curing = CURINGS[kinetics]
    heat = heat_of(medium, curing=curing)
    cement = np.where(cavity, medium.room, 0.0)
    start = heat.start(
        np.where(cavity, ROOM, 37.0), cement, np.where(cavity, syringe_conversion(curing, age, ROOM), 0.0)
    )
    end = heat.rest(start, 1800.0)
    beside = bone & (distance < radius + 1.5 * spacing)
    surface = bone & (distance > body_radius - 1.2 * spacing)
    return {
        "centre": float(end.exposure.peak.max()),
        "interface": float(end.exposure.peak[beside].mean()),
        "surface": float(end.exposure.peak[surface].mean()),
        "seconds_45": float(end.exposure.seconds_above[0].max()),
    }


def test_goat(evidence):
    """0.8 ml are 22 % of a body of 3.6 ml, taken as a ball; perfusion as of young marrow."""
    found = buried_ball(800.0, (0.75 * 3640.0 / np.pi) ** (1.0 / 3.0), 0.003)
    evidence.check(
        case="heat: goat, 0.8 ml in a cavity",
        quantity="peak at the interface of bone and cement [degC]",
        expected=44.6,
        computed=found["interface"],
        low=42.0,
        high=50.0,
        source=f"{GOAT}; a band, for the abstract has no spread and no place of the probe",
        kind="published",
        about="open",
    )
    evidence.check(
        case="heat: goat, 0.8 ml in a cavity",
        quantity="peak at the surface of the body [degC]",
        expected=37.5,
        computed=found["surface"],
        low=37.0,
        high=39.5,
        source=GOAT,
        kind="published",
        about="open",
    )


TOO_LONG = pytest.mark.xfail(strict=True, reason="320 s at 2 ml: plain cement as one ball, and its volume is unknown")


@pytest.mark.parametrize(
    ("name", "quantity", "expected", "spread"),
    [
        ("centre", "peak in the centre [degC]", 68.1, 2.0 * 3.4),
        ("surface", "peak at the surface of the body [degC]", 40.0, 2.0 * 2.5),
        pytest.param("seconds_45", "time above 45 degC in the centre [s]", 223.0, 0.3 * 223.0, marks=TOO_LONG),
    ],
)
def test_pig(name, quantity, expected, spread, evidence):
    """A body taken as a ball of 15 mm, without perfusion, in a stirred bath; 2 ml, for the abstract has no volume."""
    evidence.check(
        case="heat: porcine body in a bath, 2 ml",
        quantity=quantity,
        expected=expected,
        computed=buried_ball(2000.0, 15.0, 0.0, bath=True)[name],
        low=expected - spread,
        high=expected + spread,
        source=PIG,
        kind="published",
        about="open",
    )
