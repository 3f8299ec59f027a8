"""The surrogate of a leak's probability: what it explains, of which group, and when it is refused."""

import numpy as np
import pytest
from scipy.special import expit

from experiments.cohorts.observed import Table
from experiments.cohorts.sensitivity import GROUPS, Sensitivity, sensitivity

COUNT = 700


def pool(slope: float, curve: float = 0.0, seed: int = 3) -> Table:
    """Leaks hang on the tip's depth, bent by ``curve``, and twice over on two columns that go together."""
    rng = np.random.default_rng(seed)
    columns = {name: np.zeros(COUNT) for names in GROUPS.values() for name in names}
    depth, density, minutes = rng.uniform(-1.0, 1.0, COUNT), rng.standard_normal(COUNT), rng.standard_normal(COUNT)
    width = density + 0.3 * rng.standard_normal(COUNT)
    odds = slope * (depth + curve * depth**2 + 0.6 * density) - slope * curve / 3.0
    return Table(
        {
            **columns,
            "patient": np.arange(COUNT) // 2.0,
            "finish_line": np.full(COUNT, np.nan),
            "tip_depth": depth,
            "density": density,
            "width_mm": width,
            "minutes": minutes,
            "leak": (rng.random(COUNT) < expit(odds)).astype(float),
            "chance": expit(odds),
        }
    )


@pytest.fixture(scope="module")
def found() -> Sensitivity:
    known = sensitivity(pool(2.0), "leak")
    assert known is not None
    return known


def test_the_surrogate_explains_what_can_be_explained(found: Sensitivity) -> None:
    known = pool(2.0)
    possible = 1.0 - ((known["chance"] - known["leak"]) ** 2).mean() / known["leak"].var()
    assert found.usable
    assert possible - 0.04 < found.skill < possible + 0.01
    assert found.low < found.skill < found.high
    assert found.slope == pytest.approx(1.0, abs=0.25)
    assert found.auc > 0.75


def test_groups_that_carry_nothing_have_nothing_and_twins_share(found: Sensitivity) -> None:
    groups = {one.group: one for one in found.groups}
    assert set(groups) == {"needles and tips", "sex, age and density", "level and size", "cement and its age"}
    tips, density, size, cement = (
        groups[name] for name in ("needles and tips", "sex, age and density", "level and size", "cement and its age")
    )
    assert tips.lost > 5.0 * tips.lost_error
    assert tips.lost == pytest.approx(tips.alone, abs=0.06)
    assert (tips.strongest, tips.upwards) == ("tip_depth", True)
    assert abs(cement.lost) < 3.0 * cement.lost_error + 0.01
    assert cement.alone < 0.01
    # The width only goes with the density: alone it explains much, and nothing is lost without it.
    assert size.alone > 0.5 * density.alone > 0.02
    assert size.lost < 0.01 < density.lost


def test_curves_are_followed() -> None:
    bent = sensitivity(pool(3.0, curve=4.0), "leak")
    assert bent is not None
    tips = next(one for one in bent.groups if one.group == "needles and tips")
    assert tips.lost > 0.2


def test_a_surrogate_no_better_than_the_share_is_not_usable() -> None:
    found = sensitivity(pool(0.0), "leak")
    assert found is not None
    assert not found.usable
    assert found.groups == ()


def test_few_events_have_no_surrogate() -> None:
    known = pool(1.0)
    known["leak"][:] = 0.0
    known["leak"][:9] = 1.0
    assert sensitivity(known, "leak") is None
