"""The course of the injections as lines of small charts: volumes and pressures over time, as the page draws them."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from experiments.pictures.style import CEMENT_COLOR
from experiments.results.wording import number
from experiments.viewer.body_fields import Course

WIDTH, HEIGHT = 260.0, 70.0
"""Of a chart in pixels."""

DASHES = ("none", "5 3")
"""Lines of the first case, and of the second."""

CHARTS = (
    ("volume [ml]", (("injected_ml", "injected", CEMENT_COLOR), ("leaked_ml", "leaked", "#D55E00"))),
    ("pressure [kPa]", (("syringe_pressure_kpa", "in the syringe", "#CC79A7"),)),
    ("pressure [kPa]", (("tip_pressure_kpa", "at the tip", "#009E73"),)),
)
"""Title -> the courses that a chart shows: name, words and colour."""


def charts_of(courses: Sequence[Course]) -> list[dict[str, Any]]:
    """The charts, each with its picture, its lines' names and the upper end of its axis; none without an injection."""
    if not courses:
        return []
    end = duration_of(courses)
    found = []
    for title, shown in CHARTS:
        top = max(max(getattr(course, name)) for course in courses for name, _, _ in shown) or 1.0
        lines = [
            f'<polyline points="{_points(course.time_s, getattr(course, name), end, top)}" fill="none" '
            f'stroke="{color}" stroke-width="2" stroke-dasharray="{dash}"/>'
            for course, dash in zip(courses, DASHES, strict=False)
            for name, _, color in shown
        ]
        picture = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 -2 {WIDTH:g} {HEIGHT + 4.0:g}">{"".join(lines)}'
            f'<path d="M0 0V{HEIGHT:g}H{WIDTH:g}" fill="none" stroke="#808080"/></svg>'
        )
        found.append(
            {
                "title": title,
                "top": number(top, digits=3),
                "names": [{"name": words, "color": color} for _, words, color in shown],
                "picture": f"data:image/svg+xml;base64,{b64encode(picture.encode()).decode()}",
            }
        )
    return found


def duration_of(courses: Sequence[Course]) -> float:
    """Time in s at which the last injection ends; 0 where nothing was injected."""
    return max((course.time_s[-1] for course in courses), default=0.0)


def _points(times: Sequence[float], values: Sequence[float], end: float, top: float) -> str:
    """Points of an SVG line."""

    def told() -> Iterator[str]:
        for time, value in zip(np.asarray(times), np.asarray(values), strict=True):
            yield f"{WIDTH * time / max(end, 1e-9):.1f},{HEIGHT * (1.0 - value / top):.1f}"

    return " ".join(told())
