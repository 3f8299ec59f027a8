"""Plots of a study's page: odds ratios and areas, ROC curves, incidence by level."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FormatStrFormatter, LogLocator, NullFormatter
from sklearn.metrics import roc_curve

from experiments.cohorts.comparison import Compared
from experiments.cohorts.drawn import LEVELS
from experiments.cohorts.observed import Table
from experiments.cohorts.statistics import Area, OddsRatio
from experiments.cohorts.study import Study
from experiments.pictures.style import TEXT_COLOR
from experiments.results.probability import Probability

PUBLISHED, SIMULATED = "#D55E00", "#0072B2"
"""Okabe & Ito (2008)."""

_AXIS = (0.02, 200.0)  # ends of the axis of odds ratios, where intervals beyond are cut
_APART = 0.16  # between the published and the simulated interval of one row


def draw_study(study: Study, table: Table, rows: Sequence[Compared], folder: Path) -> list[Path]:
    """Draw what the study's numbers allow into ``folder``; the files' names begin with the study's."""
    drawn = [
        _forest(study, [row for row in rows if isinstance(row.published.statistic, OddsRatio)], folder),
        _roc(study, table, [row for row in rows if isinstance(row.published.statistic, Area)], folder),
        _levels(study, table, folder),
    ]
    return [path for path in drawn if path is not None]


def _forest(study: Study, rows: Sequence[Compared], folder: Path) -> Path | None:
    """Odds ratios with the published interval and the band of cohorts of the study's size."""
    rows = [row for row in rows if np.isfinite([row.simulated, row.low, row.high]).all()]
    if not rows:
        return None
    figure = Figure(figsize=(8.0, 1.2 + 0.45 * len(rows)), layout="constrained")
    axes = figure.add_subplot()
    for place, row in enumerate(rows):
        one = row.published
        for value, ends, shift, color in (
            (one.estimate, (one.low, one.high), -_APART, PUBLISHED),
            (row.simulated, (row.low, row.high), _APART, SIMULATED),
        ):
            axes.plot(np.clip(ends, *_AXIS), [place + shift] * 2, color=color, linewidth=1.5)
            axes.plot(np.clip(value, *_AXIS), place + shift, "o", color=color, markersize=5.0)
    axes.plot([], [], "o-", color=PUBLISHED, label="published, 95 %")
    axes.plot([], [], "o-", color=SIMULATED, label="simulated, cohorts of the study's size")
    axes.axvline(1.0, color=TEXT_COLOR, linewidth=0.8, zorder=0)
    axes.set(xscale="log", xlim=_AXIS, ylim=(len(rows) - 0.5, -0.5), xlabel="odds ratio [-]")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
    axes.xaxis.set_major_formatter(FormatStrFormatter("%g"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_yticks(range(len(rows)), [_label(row) for row in rows], fontsize=8)
    figure.legend(loc="outside lower center", ncols=2, fontsize="small")
    return _saved(figure, folder / f"{study.name}_forest.png")


def _label(row: Compared) -> str:
    _, here, coding = row.published.remark.partition("; here ")
    return row.published.quantity + (f"\n({coding})" if here else "")


def _roc(study: Study, table: Table, rows: Sequence[Compared], folder: Path) -> Path | None:
    """The curve of each column whose area is published."""
    figure = Figure(figsize=(4.6, 4.6), layout="constrained")
    axes = figure.add_subplot()
    drawn = False
    for row in rows:
        statistic = row.published.statistic
        if not isinstance(statistic, Area) or not np.isfinite(row.simulated):
            continue
        values, events = table[statistic.column], table[statistic.event] > 0.5
        known = np.isfinite(values)
        false, true, _ = roc_curve(events[known], values[known])
        label = f"{row.published.quantity.removeprefix('AUC of ')}: {row.simulated:.2f} (published "
        axes.plot(false, true, label=f"{label}{row.published.estimate:.2f})")
        drawn = True
    if not drawn:
        return None
    axes.plot([0.0, 1.0], [0.0, 1.0], color=TEXT_COLOR, linewidth=0.8, linestyle=":")
    axes.set(xlabel="share of the others above the cut-off", ylabel="share of leakers above it", aspect="equal")
    axes.legend(loc="lower right", fontsize="small")
    return _saved(figure, folder / f"{study.name}_roc.png")


def _levels(study: Study, table: Table, folder: Path) -> Path | None:
    """Share with a leak at every level, with Wilson's intervals."""
    figure = Figure(figsize=(7.0, 3.2), layout="constrained")
    axes = figure.add_subplot()
    simulated = {
        LEVELS[int(level)]: (
            int(table[study.event][table["level"] == level].sum()),
            int((table["level"] == level).sum()),
        )
        for level in np.unique(table["level"])
    }
    for counts, shift, color, label in (
        (study.by_level, -_APART, PUBLISHED, "published"),
        (simulated, _APART, SIMULATED, "simulated"),
    ):
        for level, (events, of) in counts.items():
            found, place = Probability.of(events, of), LEVELS.index(level) + shift
            axes.plot([place, place], [found.low, found.high], color=color, linewidth=1.2)
            axes.plot(place, found.estimate, "o", color=color, markersize=4.0)
        if counts:
            axes.plot([], [], "o-", color=color, label=label)
    axes.set(ylim=(-0.02, 1.02), ylabel="share with a leak" if study.event == "leak" else "share with such a leak")
    axes.set_xticks(range(len(LEVELS)), LEVELS)
    axes.legend(fontsize="small")
    return _saved(figure, folder / f"{study.name}_levels.png")


def _saved(figure: Figure, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130, metadata={"Software": None})
    return path
