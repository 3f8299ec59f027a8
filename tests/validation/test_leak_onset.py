"""V14: volume at which veins begin to leak, and how far cement comes across the midline: Heini & Allred 2002."""

from __future__ import annotations

from typing import Any

import pytest
from evidence import Evidence
from veined_body import CANNULA, READINGS, Approach, fill

HEINI = "Heini & Allred 2002 (S)"
SLOW = (pytest.mark.slow,)
BEHIND = (0.2, 0.4, 0.0)
"""A tip at 0.7 of the depth."""

NO_LEAK = 0.02
"""Most in ml that counts as none."""


def missed(*values: Any, figure: str, marks: tuple[Any, ...] = ()) -> Any:
    return pytest.param(*values, marks=(pytest.mark.xfail(strict=True, raises=AssertionError, reason=figure), *marks))


@pytest.mark.parametrize(
    ("name", "approach"),
    [
        missed("tip ahead of the middle", Approach("T10"), figure="no leak within 8 ml"),
        missed("tip ahead of the middle", Approach("T11"), figure="no leak within 8 ml", marks=SLOW),
        missed("tip at 0.7 of the depth", Approach("T10", tip=BEHIND), figure="7.7 ml", marks=SLOW),
        pytest.param(
            "tip at 0.7 of the depth, cement of 1 min", Approach("T10", tip=BEHIND, start_age=60.0), marks=SLOW
        ),
    ],
)
def test_veins_leak_between_2_and_5_ml(evidence: Evidence, name: str, approach: Approach) -> None:
    onset = fill(approach).onset
    evidence.check(
        case=f"V14 {approach.level}, {CANNULA.gauge}G, front opening, {name}",
        quantity="injected when veins begin to leak, or 8 where they do not [ml]",
        expected=3.5,
        computed=min(onset, 1e-3 * READINGS[-1]),
        low=2.0,
        high=5.0,
        source=HEINI,
        kind="published",
    )


@pytest.mark.parametrize("level", ["T10", pytest.param("T11", marks=SLOW)])
def test_no_leak_through_a_side_opening(evidence: Evidence, level: str) -> None:
    """It shows nothing about the opening where none leaks through the front one either."""
    front, side = (fill(Approach(level, opening)) for opening in ("front", "side"))
    dry = front.leaked <= NO_LEAK
    evidence.check(
        case=f"V14 {level}, {CANNULA.gauge}G, side opening",
        quantity="leaked into veins of 8 ml [ml]",
        expected=0.0,
        computed=side.leaked,
        high=NO_LEAK,
        source=f"{HEINI}; here the front opening does not leak either" if dry else HEINI,
        kind="by construction" if dry else "published",
    )


@pytest.mark.parametrize(
    ("level", "volume"),
    [
        ("T10", 2.0),
        ("T10", 4.0),
        missed("T10", 8.0, figure="0.09 of the half width less far than from the front opening"),
        pytest.param("T11", 2.0, marks=SLOW),
        pytest.param("T11", 4.0, marks=SLOW),
        missed("T11", 8.0, figure="0.04 of the half width less far than from the front opening", marks=SLOW),
    ],
)
def test_a_side_opening_leads_cement_farther_across_the_midline(evidence: Evidence, level: str, volume: float) -> None:
    """Cement of both openings comes into the third of four zones, as it did in 3 and 6 of 8 bodies."""
    front, side = (fill(Approach(level, opening)).across[volume] for opening in ("front", "side"))
    assert front > 0.0
    evidence.check(
        case=f"V14 {level}, {CANNULA.gauge}G, {volume:g} ml",
        quantity="farther across the midline through a side than through a front opening, of the half width [-]",
        computed=side - front,
        low=0.01,
        source=HEINI,
        kind="published",
    )
