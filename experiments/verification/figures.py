"""Plots of the page of evidence: computed curves beside exact ones, and published numbers with their bands."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

import matplotlib
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FormatStrFormatter, LogLocator, NullFormatter

from experiments.pictures.style import TEXT_COLOR
from experiments.verification.suite import Curve, Line

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Okabe & Ito (2008), with a mark of its own for each."""

MARKS = "osD^vX"
REFERENCES = ("exact", "order")
"""Beginnings of the labels of curves that are drawn as lines without marks."""

_LINE_STYLES = ("--", ":", "-.")
_TITLE_WIDTH = 50
"""Letters of a title in one line."""

_BAND_COLOR = "#CCCCCC"
_VERDICTS = {
    "holds": ("#0072B2", "o"),
    "miss": ("#D55E00", "X"),
    "undecided": ("#E69F00", "D"),
    "rejected": ("#999999", "x"),
    "not rejected": ("#999999", "o"),
    "failed": ("#000000", "s"),
}
_TICKS = {100.0: (1.0,), 8.0: (1.0, 2.0, 5.0), 0.0: (1.0, 1.3, 1.6, 2.0, 3.0, 5.0, 7.0)}
"""Least ratio of the ends of a logarithmic axis -> where it has numbers in each decade."""

_AXIS = (0.05, 20.0)
"""Ends of the axis of published numbers, where values and bands beyond it are drawn."""


def draw_curve(curve: Curve, path: Path) -> Path:
    """Draw the curves of one plot."""
    figure = Figure(figsize=(5.0, 4.0), layout="constrained")
    axes = figure.add_subplot()
    computed = [series for series in curve.series if not series[0].startswith(REFERENCES)]
    references = [series for series in curve.series if series[0].startswith(REFERENCES)]
    for i, (label, x, y) in enumerate(computed):
        color, mark = COLORS[i % len(COLORS)], MARKS[i % len(MARKS)]
        axes.plot(x, y, color=color, marker=mark, markersize=5.0, markerfacecolor="none", linewidth=1.2, label=label)
    for i, (label, x, y) in enumerate(references):
        axes.plot(x, y, color=TEXT_COLOR, linestyle=_LINE_STYLES[i % len(_LINE_STYLES)], linewidth=1.0, label=label)
    if curve.log:
        axes.set(xscale="log", yscale="log")
        for axis in (axes.xaxis, axes.yaxis):
            _label_decades(axis)
    axes.set(xlabel=curve.x_label, ylabel=curve.y_label)
    axes.set_title(textwrap.fill(curve.title, _TITLE_WIDTH), fontsize="medium")
    figure.legend(loc="outside lower center", ncols=2, fontsize="small")
    return _save(figure, path)


def draw_published(lines: Sequence[Line], path: Path) -> Path | None:
    """Draw the published numbers that are known, computed over expected with the band; None where there are none."""
    known = [line for line in lines if line.expected and line.computed / line.expected > 0.0]
    if not known:
        return None
    figure = Figure(figsize=(9.0, 1.0 + 0.19 * len(known)), layout="constrained")
    axes = figure.add_subplot()
    least, largest = _AXIS
    for place, line in enumerate(known):
        expected = line.expected or 1.0
        ends = [
            least if line.low is None else line.low / expected,
            largest if line.high is None else line.high / expected,
        ]
        low, high = (min(max(end, least), largest) for end in sorted(ends))
        color, mark = _VERDICTS[line.verdict]
        axes.plot([low, high], [place, place], color=_BAND_COLOR, linewidth=6.0, solid_capstyle="butt", zorder=1)
        axes.plot(
            min(max(line.computed / expected, least), largest), place, mark, color=color, markersize=5.0, zorder=2
        )
    axes.axvline(1.0, color=TEXT_COLOR, linewidth=0.8, zorder=0)
    axes.set(xscale="log", xlim=_AXIS, ylim=(len(known) - 0.5, -0.5), xlabel="computed over expected [-]")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(FormatStrFormatter("%g"))
    axes.set_yticks(
        range(len(known)), [f"{line.case}: {line.quantity.partition(' [')[0]}" for line in known], fontsize=6
    )
    axes.set_title(
        "grey band: accepted; circle: holds; cross: miss; diamond: undecided; grey mark: alternative or control",
        fontsize="medium",
    )
    return _save(figure, path)


def _label_decades(axis: Axis) -> None:
    """Plain numbers, and enough of them where the axis spans little."""
    least, largest = axis.get_view_interval()
    subs = next(subs for span, subs in _TICKS.items() if largest > span * least)
    axis.set_major_locator(LogLocator(subs=subs))
    axis.set_major_formatter(FormatStrFormatter("%g"))
    axis.set_minor_formatter(NullFormatter())


def _save(figure: Figure, path: Path) -> Path:
    """Letters stay text, and the same drawing gives the same file."""
    with matplotlib.rc_context({"svg.hashsalt": "vertebroplasty", "svg.fonttype": "none"}):
        figure.savefig(path, metadata={"Date": None})
    return path
