"""The part of a study's page that tells which of the drawn attributes carry a leak."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from experiments.cohorts.number_cells import digits
from experiments.cohorts.observed import Table
from experiments.cohorts.sensitivity import EVENTS, GROUPS, Carried, Sensitivity, sensitivity
from experiments.cohorts.verdict import LEAST_RARER

CLEAR = 2.0
"""Standard deviations from which on the strongest attribute of a group is named."""


def lines(table: Table) -> Iterator[str]:
    """The lines in Markdown.

    Args:
        table: the pool of stage A.
    """
    found = {name: sensitivity(table, event) for name, event in EVENTS.items()}
    yield "## What carries a leak"
    yield ""
    yield "By a surrogate of the probability of a leak on what was drawn of these patients, their veins and operations,"
    yield "but not on where veins, lines of fractures and dense places lie, checked on patients that it had not seen"
    yield "([how](../how-to/cohorts.md#what-carries-a-leak)). Groups: share of the variance that is explained alone;"
    yield "that is lost without the group; where either is clear the attribute that tells the leak best, ↑ if larger"
    yield "values leak more."
    yield ""
    yield f"| | {' | '.join(found)} |"
    yield f"|{'---|' * (len(found) + 1)}"
    for name, cells in _checks(found).items():
        yield f"| {name} | {' | '.join(cells)} |"
    shown = {name: {one.group: one for one in known.groups} if known else {} for name, known in found.items()}
    for group in GROUPS:
        if any(group in groups for groups in shown.values()):
            yield f"| {group} | {' | '.join(_cell(groups.get(group)) for groups in shown.values())} |"
    yield ""


def _checks(found: Mapping[str, Sensitivity | None]) -> dict[str, list[str]]:
    known = list(found.values())
    return {
        "share": ["–" if one is None else digits(one.share) for one in known],
        "area under the ROC curve": ["–" if one is None else digits(one.auc) for one in known],
        "slope of calibration": ["–" if one is None else digits(one.slope) for one in known],
        "variance explained (95 %)": [
            "–" if one is None else f"{digits(one.skill)} ({digits(one.low)} to {digits(one.high)})" for one in known
        ],
        "surrogate": [_usable(one) for one in known],
    }


def _usable(one: Sensitivity | None) -> str:
    if one is None:
        return f"none: fewer than {LEAST_RARER} of either"
    return "usable" if one.usable else "not usable: no better than the share"


def _cell(one: Carried | None) -> str:
    if one is None:
        return "–"
    told = f"{one.alone:.3f} ± {one.alone_error:.3f}; {one.lost:.3f} ± {one.lost_error:.3f}".replace("-", "−")
    if one.alone > CLEAR * one.alone_error or one.lost > CLEAR * one.lost_error:
        told += f"; `{one.strongest}` {'↑' if one.upwards else '↓'}"
    return told
