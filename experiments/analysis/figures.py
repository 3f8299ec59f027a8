"""Plots of an analysis: white, print-ready, safe for colour-blind readers, units on every axis."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter
from numpy.typing import NDArray

from experiments.analysis.effects import GroupMean
from experiments.analysis.factor import Factor
from experiments.analysis.incidence import Incidence
from experiments.analysis.logistic import OddsRatio
from experiments.analysis.roc import Discrimination
from experiments.analysis.sample import Output

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe & Ito (2008), with a mark of its own for each."""

TEXT_COLOR = "black"
CASE_COLOR = "#BBBBBB"
"""Of single cases."""

MARKS = "osD^vXP"
_LINES = ("-", "--", "-.", ":")
_GRID = "#DDDDDD"
_LABEL_WIDTH = 22
"""Letters of a label in one line."""

Bar = tuple[float, float, float]
"""An estimate and the ends of its interval, NaN where it has none."""


def save(figure: Figure, folder: Path, name: str) -> None:
    """Write ``name.png`` and ``name.svg``; letters stay text in SVG, and the same plot gives the same file."""
    for text in figure.findobj(Text):
        text.set_parse_math(False)  # names may hold dollar signs
    with matplotlib.rc_context({"svg.hashsalt": "vertebroplasty", "svg.fonttype": "none", "text.parse_math": False}):
        figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
        figure.savefig(folder / f"{name}.png", dpi=150)


def main_effects(
    factors: Sequence[Factor],
    outputs: Sequence[Output],
    means: Mapping[tuple[int, int], Sequence[GroupMean]],
    points: bool,
) -> Figure:
    """Mean of every output against every input, over the cases themselves where these are a sample.

    Args:
        factors: the inputs, one column each.
        outputs: the outputs, one row each.
        means: place of output and input -> the means.
        points: whether to draw the cases.
    """
    figure, panels = _panels(len(outputs), len(factors), 2.7, 2.2, sharex="col", sharey="row")
    for row, output in enumerate(outputs):
        for column, factor in enumerate(factors):
            axes, found = panels[row, column], means[row, column]
            places = _places(factor, axes)
            if points:
                axes.plot(places, output.values, ".", color=CASE_COLOR, markersize=3.0, zorder=1)
            at = _group_places(factor, found)
            mean = np.array([group.mean for group in found])
            ends = np.array([[group.mean - group.low, group.high - group.mean] for group in found]).T
            axes.errorbar(at, mean, np.nan_to_num(ends), fmt="o-", color=COLORS[0], capsize=3.0, markersize=5.0)
            _finish(axes)
            axes.yaxis.set_major_locator(MaxNLocator(4))
            if row == len(outputs) - 1:
                axes.set_xlabel(_wrapped(factor.label))
            if column == 0:
                axes.set_ylabel(_wrapped(output.label))
    return figure


def indices(names: Sequence[str], shares: Mapping[str, tuple[Sequence[Bar], Sequence[Bar]]], title: str) -> Figure:
    """First-order and total shares of the variance as bars, one panel for each output.

    Args:
        names: of the inputs.
        shares: output -> first-order and total share of every input.
        title: what the shares are of.
    """
    figure, panels = _panels(1, len(shares), 3.0, 0.9 + 0.5 * len(names), sharey="row", sharex="row")
    for axes, (output, pair) in zip(panels[0], shares.items(), strict=True):
        for number, (bars, label) in enumerate(zip(pair, ("alone", "with others"), strict=True)):
            value, low, high = np.array(bars, dtype=float).T
            at = np.arange(len(names)) + (-0.18, 0.18)[number]
            face = COLORS[0] if number == 0 else "white"
            axes.barh(at, value, 0.34, color=face, edgecolor=COLORS[0], label=label)
            ends = np.nan_to_num(np.maximum([value - low, high - value], 0.0))
            if np.any(ends):
                axes.errorbar(value, at, xerr=ends, fmt="none", color=TEXT_COLOR, capsize=2.5, linewidth=1.0)
        axes.set_yticks(range(len(names)), [_wrapped(name) for name in names])
        axes.set(
            title=_wrapped(output),
            xlabel=_wrapped(title),
            xlim=(min(0.0, axes.get_xlim()[0]), max(1.0, axes.get_xlim()[1])),
        )
        axes.title.set_fontsize("medium")
        axes.axvline(0.0, color=TEXT_COLOR, linewidth=0.8)
        _finish(axes, grid="x")
    panels[0, 0].invert_yaxis()
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False, fontsize="small")
    return figure


def interactions(lines: Sequence[tuple[Output, Factor, Factor, NDArray[np.float64], float]]) -> Figure:
    """Mean of an output against one input for every level of another: parallel lines do not interact.

    Args:
        lines: output, input along the axis, input of the lines, (levels, levels) means, and the share of the variance
            that both explain together.
    """
    figure, panels = _panels(1, len(lines), 3.4, 3.6)
    for axes, (output, along, of, means, share) in zip(panels[0], lines, strict=True):
        at = _level_places(along, axes)
        for level, name in enumerate(of.levels):
            style = {"color": COLORS[level % len(COLORS)], "marker": MARKS[level % len(MARKS)]}
            axes.plot(at, means[:, level], linestyle=_LINES[level % len(_LINES)], label=name, **style)
        axes.set(xlabel=_wrapped(along.label), ylabel=_wrapped(output.label))
        axes.set_title(f"interaction {100.0 * share:.1f} % of variance", fontsize="medium")
        below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.22), "ncols": 3}
        axes.legend(title=of.label, frameon=False, fontsize="small", title_fontsize="small", **below)
        _finish(axes)
    return figure


def morris(
    names: Sequence[str], measures: Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]]
) -> Figure:
    """Sigma against mu* with its interval, one panel for each output.

    Args:
        names: of the inputs.
        measures: label of the output -> mu*, half width of its interval and sigma of every input.
    """
    figure, panels = _panels(1, len(measures), 3.4, 3.8)
    for axes, (output, (absolute, half, deviation)) in zip(panels[0], measures.items(), strict=True):
        for number, name in enumerate(names):
            axes.errorbar(
                absolute[number],
                deviation[number],
                xerr=half[number],
                fmt=MARKS[number % len(MARKS)],
                color=COLORS[number % len(COLORS)],
                capsize=3.0,
                label=name,
            )
        largest = 1.1 * float(np.nanmax([absolute + half, deviation])) or 1.0
        axes.plot([0.0, largest], [0.0, largest], color=_GRID, linestyle="--", zorder=0)
        axes.set(
            xlabel="mean effect, absolute (mu*)", ylabel="its deviation (sigma)", xlim=(0.0, None), ylim=(0.0, None)
        )
        axes.set_title(_wrapped(output), fontsize="medium")
        _finish(axes)
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False, fontsize="small")
    return figure


def odds_ratios(ratios: Sequence[OddsRatio]) -> Figure:
    """Odds ratios of a leak with their intervals on a logarithmic axis."""
    figure, panels = _panels(1, 1, 6.5, 1.0 + 0.45 * len(ratios))
    axes = panels[0, 0]
    for place, ratio in enumerate(ratios):
        if np.isfinite([ratio.low, ratio.high]).all():
            axes.plot([ratio.low, ratio.high], [place, place], color=COLORS[0])
        axes.plot(ratio.estimate, place, "o", color=COLORS[0])
    axes.axvline(1.0, color=TEXT_COLOR, linewidth=0.8)
    axes.set_yticks(range(len(ratios)), [f"{ratio.predictor.name}, {ratio.predictor.per}" for ratio in ratios])
    axes.set(xscale="log", xlabel="odds ratio of a leak [-]", ylim=(len(ratios) - 0.5, -0.5))
    _plain_decades(axes)
    _finish(axes, grid="x")
    return figure


def roc(curves: Mapping[str, Discrimination]) -> Figure:
    """ROC curves out of sample."""
    figure, panels = _panels(1, 1, 5.0, 5.2)
    axes = panels[0, 0]
    for number, (name, found) in enumerate(curves.items()):
        label = f"{name}: AUC {found.auc:.2f} ({found.low:.2f} to {found.high:.2f})"
        axes.step(
            found.false_positive,
            found.true_positive,
            where="post",
            color=COLORS[number % len(COLORS)],
            linestyle=_LINES[number % len(_LINES)],
            label=label,
        )
    axes.plot([0.0, 1.0], [0.0, 1.0], color=CASE_COLOR, linewidth=0.8)
    axes.set(xlabel="1 - specificity [-]", ylabel="sensitivity [-]", aspect="equal", xlim=(0.0, 1.0), ylim=(0.0, 1.0))
    _finish(axes)
    figure.legend(loc="outside lower center", frameon=False, fontsize="small")
    return figure


def first_leak(curves: Mapping[str, Incidence]) -> Figure:
    """Share of cases that have leaked against the injected volume, with pointwise intervals."""
    figure, panels = _panels(1, 1, 6.0, 4.2)
    axes = panels[0, 0]
    for number, (name, found) in enumerate(curves.items()):
        color, line = COLORS[number % len(COLORS)], _LINES[number % len(_LINES)]
        volume = np.concatenate([[0.0], found.volume])
        label = name if len(curves) > 1 else "leaked"
        axes.step(volume, np.concatenate([[0.0], found.share]), where="post", color=color, linestyle=line, label=label)
        low, high = (np.concatenate([[np.nan], ends]) for ends in (found.low, found.high))
        axes.fill_between(volume, low, high, step="post", color=color, alpha=0.15, linewidth=0.0)
        if found.fronts:
            competing = np.concatenate([[0.0], found.competing])
            ended = f"{name}: ended by the front" if len(curves) > 1 else "ended by the front"
            axes.step(volume, competing, where="post", color=color, linestyle=":", linewidth=1.0, label=ended)
    axes.set(xlabel="cement injected [ml]", ylabel="share of cases [-]", ylim=(0.0, 1.0), xlim=(0.0, None))
    axes.legend(frameon=False)
    _finish(axes)
    return figure


def paired(labels: Sequence[str], one: Sequence[NDArray[np.float64]], two: Sequence[NDArray[np.float64]]) -> Figure:
    """Each pair as a line from its unilateral to its bilateral case, one panel for each output."""
    figure, panels = _panels(1, len(labels), 2.4, 3.4)
    for axes, label, first, second in zip(panels[0], labels, one, two, strict=True):
        axes.plot([0.0, 1.0], np.array([first, second]), color=CASE_COLOR, linewidth=0.8, zorder=1)
        known = np.isfinite(first) & np.isfinite(second)
        axes.plot([0.0, 1.0], [first[known].mean(), second[known].mean()], "o-", color=COLORS[0], linewidth=2.0)
        axes.set_xticks([0.0, 1.0], ["unilateral", "bilateral"])
        axes.set(ylabel=_wrapped(label), xlim=(-0.25, 1.25))
        _finish(axes, grid="y")
    return figure


def _panels(rows: int, columns: int, width: float, height: float, **shared: Any) -> tuple[Figure, NDArray[np.object_]]:
    figure = Figure(
        figsize=(max(width * columns, 4.5), max(height * rows, 2.6)), layout="constrained", facecolor="white"
    )
    return figure, np.asarray(figure.subplots(rows, columns, squeeze=False, **shared))


def _finish(axes: Axes, grid: str = "both") -> None:
    axes.grid(color=_GRID, axis=grid, linewidth=0.6)  # type: ignore[arg-type]
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _places(factor: Factor, axes: Axes) -> NDArray[np.float64]:
    """(cases,) where the cases stand on the axis of an input."""
    _level_places(factor, axes)
    return factor.codes.astype(float) if factor.numbers is None else factor.numbers


def _group_places(factor: Factor, groups: Sequence[GroupMean]) -> NDArray[np.float64]:
    if factor.numbers is None:
        return np.array([float(factor.levels.index(group.group)) for group in groups])
    return np.array([np.nan if group.centre is None else group.centre for group in groups])


def _level_places(factor: Factor, axes: Axes) -> NDArray[np.float64]:
    """Where the levels stand on the axis; it becomes logarithmic where ratios count, and gets names for words."""
    if factor.numbers is None:
        places = np.arange(len(factor.levels), dtype=float)
        axes.set_xticks(places, [textwrap.fill(name, 12) for name in factor.levels], fontsize="small")
        axes.set_xlim(-0.4, len(places) - 0.6)
        return places
    if factor.logarithmic:
        axes.set_xscale("log")
        _plain_decades(axes)
    elif np.array_equal(factor.numbers, np.round(factor.numbers)):
        axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    return np.unique(factor.numbers)


def _plain_decades(axes: Axes) -> None:
    """Plain numbers on a logarithmic axis, more of them where it spans little."""
    low, high = axes.get_xlim()
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0,) if high > 100.0 * low else (1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, place: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _wrapped(label: str) -> str:
    return textwrap.fill(label, _LABEL_WIDTH)
