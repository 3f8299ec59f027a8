"""Intravertebral pressure beside a simulated metastasis, with and without a void: Li 2015.

The tissue is posed as a fluid that cement pushes ahead, and as an obstacle, which needs a tip beside it. The reading
with a void is no test of its own: the conductance of the outlets was set so that 3 ml/min raise the pressure by 1 kPa.
What is tested is the rise without a void, and the ratio.

The ratio lies near the lower end of the band, and assumptions decide on which side: the fluid in the void (blood,
0.004 Pa s; mixed with marrow, 0.04 Pa s, it falls to 1.7), the size of the core (1.3 at 10 % of the body), where the
tip lies (1.2 in bone beside the core) and the paste (1.8 at 3 Pa s). With edges of 3 and 2 mm it is 2.08 and 1.97, so
that the mesh decides as well. So acceptance of the ratio is weak evidence for the model.
"""

from __future__ import annotations

from typing import Any

import pytest
from evidence import Evidence
from simulated_metastasis import Metastasis, measure

LI = "Li 2015, 10.1186/s13018-015-0160-5 (S)"
NO_VOID, VOID = 5.09, 1.20
SLOW = (pytest.mark.slow,)
BESIDE: dict[str, Any] = {"tip": "beside"}
MODEL = ("mobile", "mobile, edges of 2 mm", "mobile, outlets x1")
"""The model as it is; the other poses are alternatives to it."""

OBSTACLE: dict[str, Any] = {"mobile": False, "tip": "beside"}


def missed(*values: Any, figure: str, marks: tuple[Any, ...] = ()) -> Any:
    return pytest.param(*values, marks=(pytest.mark.xfail(strict=True, raises=AssertionError, reason=figure), *marks))


def compare_ratio(evidence: Evidence, name: str, place: str, **pose: Any) -> None:
    pressures = [getattr(measure(Metastasis(filled, **pose)), place) for filled in (1.0, 0.3)]
    evidence.check(
        case=f"V8 simulated metastasis, {name}",
        quantity=f"peak pressure without over with a void, mean of the {place} [-]",
        expected=NO_VOID / VOID,
        computed=pressures[0] / pressures[1],
        low=2.0,
        high=8.0,
        source=LI,
        kind="published",
        about="model" if name in MODEL else "alternative",
    )


def compare_pressure(evidence: Evidence, name: str, measured: float, computed: float) -> None:
    void = measured == VOID
    evidence.check(
        case=f"V8 simulated metastasis, {name}",
        quantity=f"peak pressure at the probe, {'with' if void else 'without'} a void [kPa]",
        expected=measured,
        computed=computed,
        low=measured / 3.0,
        high=3.0 * measured,
        source=f"{LI}; the conductance of the outlets was derived from it" if void else LI,
        kind="by construction" if void else "published",
        about="model" if name in MODEL else "alternative",
    )


@pytest.mark.parametrize(
    ("name", "pose", "filled", "measured"),
    [
        ("mobile", {}, 1.0, NO_VOID),
        ("mobile", {}, 0.3, VOID),
        missed("mobile, tip beside", BESIDE, 1.0, NO_VOID, figure="1.25 kPa, below 1.70", marks=SLOW),
        pytest.param("mobile, tip beside", BESIDE, 0.3, VOID, marks=SLOW),
        missed("obstacle, tip beside", OBSTACLE, 1.0, NO_VOID, figure="1.20 kPa, below 1.70"),
        ("obstacle, tip beside", OBSTACLE, 0.3, VOID),
    ],
)
def test_pressure_at_the_probe(evidence, name, pose, filled, measured):
    compare_pressure(evidence, name, measured, measure(Metastasis(filled, **pose)).probe)


@pytest.mark.parametrize(
    ("name", "pose", "place"),
    [
        ("mobile", {}, "probe"),
        ("mobile", {}, "body"),
        missed("mobile, tip beside", BESIDE, "probe", figure="1.24", marks=SLOW),
        missed("mobile, tip beside", BESIDE, "body", figure="1.66", marks=SLOW),
        missed("obstacle, tip beside", OBSTACLE, "probe", figure="1.19"),
        ("obstacle, tip beside", OBSTACLE, "body"),
        missed("mobile, blood and marrow in the void", {"void_viscosity": 4e-8}, "probe", figure="1.69"),
    ],
)
def test_ratio(evidence, name, pose, place):
    compare_ratio(evidence, name, place, **pose)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "pose"),
    [
        missed("edges of 2 mm", {"size": 2.0}, figure="1.97; it was 2.08 with a source beside the tip"),
        missed("paste of 3 Pa s", {"viscosity": 3e-6}, figure="1.78"),
        ("paste of 300 Pa s", {"viscosity": 3e-4}),
        ("outlets x10", {"outlet_multiplier": 10.0}),
        missed("core of 10 % of the body", {"core_share": 0.1}, figure="1.30"),
        missed("paste mixed with the blood", {"spread": True}, figure="1.58"),
    ],
)
def test_ratio_under_other_assumptions(evidence, name, pose):
    compare_ratio(evidence, f"mobile, {name}", "probe", **pose)


@pytest.mark.slow
@pytest.mark.parametrize(
    "factor", [missed(0.1, figure="20.7 kPa, above 15.3"), 1.0, missed(10.0, figure="0.24 kPa, below 1.70")]
)
def test_pressure_without_void_by_the_outlets(evidence, factor):
    computed = measure(Metastasis(1.0, outlet_multiplier=factor)).probe
    compare_pressure(evidence, f"mobile, outlets x{factor:g}", NO_VOID, computed)
