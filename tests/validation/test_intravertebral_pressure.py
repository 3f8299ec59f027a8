"""Intravertebral pressure beside a simulated metastasis, with and without a void: Li 2015.

The tissue is posed as a fluid that cement pushes ahead, and as an obstacle, which needs a tip beside it. The reading
with a void is no test of its own: the conductance of the outlets was set so that 3 ml/min raise the pressure by 1 kPa.
What is tested is the rise without a void, and the ratio.

The ratio lies near the lower end of the band, and assumptions decide on which side: the fluid in the void (blood,
0.004 Pa s; mixed with marrow, 0.04 Pa s, it falls to 1.8), the size of the core (1.4 at 10 % of the body), where the
tip lies (1.2 in bone beside the core) and the paste (1.8 at 3 Pa s). With edges of 3, 2.5 and 2 mm it is 2.10, 2.33
and 2.08. So acceptance of the ratio is weak evidence for the model.
"""

from __future__ import annotations

from typing import Any

import pytest
from published import Comparison
from simulated_metastasis import Metastasis, measure

LI = "Li 2015 (S)"
NO_VOID, VOID = 5.09, 1.20
SLOW = (pytest.mark.slow,)
BESIDE: dict[str, Any] = {"tip": "beside"}
OBSTACLE: dict[str, Any] = {"mobile": False, "tip": "beside"}


def missed(*values: Any, figure: str, marks: tuple[Any, ...] = ()) -> Any:
    return pytest.param(*values, marks=(pytest.mark.xfail(strict=True, reason=figure), *marks))


def compare_ratio(name: str, place: str, **pose: Any) -> None:
    pressures = [getattr(measure(Metastasis(filled, **pose)), place) for filled in (1.0, 0.3)]
    print(f"V8 {name}, mean of the {place}: {pressures[0]:.2f} kPa without and {pressures[1]:.2f} kPa with a void")
    ratio = pressures[0] / pressures[1]
    Comparison(f"V8 pressure without over with void, {name}, {place}", NO_VOID / VOID, LI, ratio, 2.0, 8.0).check()


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
def test_pressure_at_the_probe(name, pose, filled, measured):
    computed = measure(Metastasis(filled, **pose)).probe
    what = f"V8 peak pressure in kPa, paste {filled:.0%}, {name}"
    Comparison(what, measured, LI, computed, measured / 3.0, 3.0 * measured).check()


@pytest.mark.parametrize(
    ("name", "pose", "place"),
    [
        ("mobile", {}, "probe"),
        ("mobile", {}, "body"),
        missed("mobile, tip beside", BESIDE, "probe", figure="1.24", marks=SLOW),
        missed("mobile, tip beside", BESIDE, "body", figure="1.71", marks=SLOW),
        missed("obstacle, tip beside", OBSTACLE, "probe", figure="1.19"),
        ("obstacle, tip beside", OBSTACLE, "body"),
        missed("mobile, blood and marrow in the void", {"void_viscosity": 4e-8}, "probe", figure="1.79"),
    ],
)
def test_ratio(name, pose, place):
    compare_ratio(name, place, **pose)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "pose"),
    [
        ("edges of 2 mm", {"size": 2.0}),
        missed("paste of 3 Pa s", {"viscosity": 3e-6}, figure="1.77"),
        ("paste of 300 Pa s", {"viscosity": 3e-4}),
        ("outlets x10", {"outlet_multiplier": 10.0}),
        missed("core of 10 % of the body", {"core_share": 0.1}, figure="1.40"),
        missed("paste mixed with the blood", {"spread": True}, figure="1.65"),
    ],
)
def test_ratio_under_other_assumptions(name, pose):
    compare_ratio(f"mobile, {name}", "probe", **pose)


@pytest.mark.slow
@pytest.mark.parametrize(
    "factor", [missed(0.1, figure="20.9 kPa, above 15.3"), 1.0, missed(10.0, figure="0.24 kPa, below 1.70")]
)
def test_pressure_without_void_by_the_outlets(factor):
    computed = measure(Metastasis(1.0, outlet_multiplier=factor)).probe
    what = f"V8 peak pressure in kPa, paste 100 %, mobile, outlets x{factor:g}"
    Comparison(what, NO_VOID, LI, computed, NO_VOID / 3.0, 3.0 * NO_VOID).check()
