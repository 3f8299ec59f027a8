"""What designs say of continuous outputs: main effects, shares of variance, pairs of inputs, elementary effects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from experiments.analysis import figures
from experiments.analysis.effects import GroupMean, group_means
from experiments.analysis.factor import MOST_LEVELS, Factor
from experiments.analysis.finding import Finding
from experiments.analysis.grid import GridEffects, grid_effects
from experiments.analysis.sample import Output, Sample
from experiments.analysis.sensitivity_indices import morris_measures, sobol_indices
from experiments.analysis.surrogate import LEAST_CASES, LEAST_SKILL, Share, fit
from experiments.analysis.table import ResultTable, Value, cell
from experiments.case.sections.base import joined

_WORTH_DRAWING = 0.001
"""Share of the variance from which on an interaction is drawn."""

_PAIRS = 8
"""Interactions in a surrogate that the terminal shows, the strongest first."""

INDEX_HEADINGS = {
    "output": "output",
    "input": "input",
    "first": "alone",
    "first_low": "95 % low",
    "first_high": "high",
    "total": "with others",
    "total_low": "95 % low",
    "total_high": "high",
}
PAIR_HEADINGS = {
    "output": "output",
    "input": "input",
    "other": "with",
    "share": "share",
    "share_low": "95 % low",
    "share_high": "high",
}


def describe(sample: Sample, outputs: Sequence[Output]) -> Iterator[Finding]:
    """The findings of an analysis that say how outputs follow the inputs.

    Raises:
        InputError: the design's points cannot be drawn again.
    """
    if not outputs:
        return
    match sample.sweep_file.design:
        case "zipped":
            yield _course(sample, outputs)
        case "grid":
            yield from _of_grid(sample, outputs)
        case "morris":
            yield from _of_morris(sample, outputs)
        case _:
            yield from _of_sample(sample, outputs)


def _of_sample(sample: Sample, outputs: Sequence[Output]) -> Iterator[Finding]:
    told = []
    if many := [factor for factor in sample.factors if factor.identity and len(factor.levels) > MOST_LEVELS]:
        told.append(f"{len(many[0].levels)} vertebrae group the cases and are not among the inputs.")
    inputs = replace(sample, factors=tuple(factor for factor in sample.factors if factor not in many))
    if inputs.factors:
        yield _means(inputs, outputs, told)
    if sample.sweep_file.design == "sobol":
        yield _of_sobol(sample, outputs)
    if inputs.factors:
        yield from _of_surrogate(inputs, outputs)


def _course(sample: Sample, outputs: Sequence[Output]) -> Finding:
    """The outputs along a zipped list."""
    headings = {
        "number": "case",
        **{factor.path: factor.label for factor in sample.factors},
        **{output.column: output.label for output in outputs},
    }
    rows: list[dict[str, Value]] = []
    for place in sample.case_indices:
        row: dict[str, Value] = {"number": int(place) + 1}
        row |= {
            factor.path: factor.levels[factor.codes[place]] if factor.numbers is None else float(factor.numbers[place])
            for factor in sample.factors
        }
        rows.append(row | {output.column: float(output.values[place]) for output in outputs})
    told = ("The values change together, so that no effect belongs to one of them.",) if len(sample.factors) > 1 else ()
    return Finding(ResultTable("course", "Results along the list", headings, rows, told))


def _of_grid(sample: Sample, outputs: Sequence[Output]) -> Iterator[Finding]:
    factors, told, decomposed, early = sample.factors, [], [], []
    for output in outputs:
        found = grid_effects([factor.codes for factor in factors], output.values)
        if found is None:
            early.append(output.name)
            continue
        if found.filled:
            told.append(
                f"{output.name}: {found.filled} of {found.values.size} cases are missing and are filled in by least "
                f"squares; leave-one-out error {cell(found.fill_error)} {output.unit}."
            )
        decomposed.append((output, found))
    if early:
        told.append(f"Too few cases are finished to tell effects apart on {joined(early)}.")
    if not decomposed:
        yield Finding(ResultTable("main_effects", "Main effects", {}, [], tuple(told)))
        return
    means = {
        (row, column): _grid_means(found, column, factor)
        for row, (_, found) in enumerate(decomposed)
        for column, factor in enumerate(factors)
    }
    shown = [output for output, _ in decomposed]
    title = "Main effects: mean over all values of the other inputs"
    table = _effects_table(title, factors, shown, means, tuple(told))
    yield Finding(table, {"main_effects": figures.main_effects(factors, shown, means, points=False)})
    rows: list[dict[str, Value]] = []
    shares = {}
    for output, found in decomposed:
        bars = [
            [(effect(axis), np.nan, np.nan) for axis in range(len(factors))] for effect in (found.first, found.total)
        ]
        shares[output.name] = (bars[0], bars[1])
        for axis, factor in enumerate(factors):
            rows.append(
                {"output": output.name, "input": factor.name, "first": bars[0][axis][0], "total": bars[1][axis][0]}
            )
    headings = {key: INDEX_HEADINGS[key] for key in ("output", "input", "first", "total")}
    title = "Shares of the variance over the grid, every value counting the same"
    remark = "They belong to these very values and carry no sampling error: other values have other shares."
    plot = figures.indices([factor.name for factor in factors], shares, "share of the variance over the grid [-]")
    yield Finding(ResultTable("indices", title, headings, rows, (remark,)), {"indices": plot})
    if len(factors) > 1:
        yield _grid_pairs(factors, decomposed)


def _grid_means(found: GridEffects, axis: int, factor: Factor) -> list[GroupMean]:
    numbers = None if factor.numbers is None else np.unique(factor.numbers)
    cases = found.values.size // len(factor.levels)
    return [
        GroupMean(name, None if numbers is None else float(numbers[level]), cases, float(mean), np.nan, np.nan)
        for level, (name, mean) in enumerate(zip(factor.levels, found.means(axis), strict=True))
    ]


def _grid_pairs(factors: Sequence[Factor], decomposed: Sequence[tuple[Output, GridEffects]]) -> Finding:
    rows: list[dict[str, Value]] = []
    drawn = []
    for output, found in decomposed:
        pairs = {pair: found.pair(*pair) for pair in combinations(range(len(factors)), 2)}
        for (one, other), share in pairs.items():
            rows.append(
                {"output": output.name, "input": factors[one].name, "other": factors[other].name, "share": share}
            )
        (one, other), share = max(pairs.items(), key=lambda item: item[1])
        if share > _WORTH_DRAWING:
            if len(factors[other].levels) > len(factors[one].levels) or factors[one].numbers is None:
                one, other = other, one
            means = found.means(one, other)
            drawn.append((output, factors[one], factors[other], means if one < other else means.T, share))
    headings = {key: PAIR_HEADINGS[key] for key in ("output", "input", "other", "share")}
    title = "Interactions of pairs: share of the variance beyond what each explains alone"
    return Finding(ResultTable("pairs", title, headings, rows), {"pairs": figures.interactions(drawn)} if drawn else {})


def _means(sample: Sample, outputs: Sequence[Output], told: Sequence[str]) -> Finding:
    """Means over groups of a sample."""
    means = {
        (row, column): group_means(factor, output.values, sample.clusters)
        for row, output in enumerate(outputs)
        for column, factor in enumerate(sample.factors)
    }
    title = "Main effects: mean over the lower, middle and upper third of an input, or over each of its values"
    table = _effects_table(title, sample.factors, outputs, means, tuple(told))
    return Finding(table, {"main_effects": figures.main_effects(sample.factors, outputs, means, points=True)})


def _effects_table(
    title: str,
    factors: Sequence[Factor],
    outputs: Sequence[Output],
    means: dict[tuple[int, int], list[GroupMean]],
    remarks: tuple[str, ...],
) -> ResultTable:
    headings, ends = {"input": "input", "group": "value", "cases": "cases"}, []
    for output in outputs:
        headings[output.column] = output.label
        for end in ("low", "high"):
            if np.isfinite([group.low for found in means.values() for group in found]).any():
                headings[f"{output.column}.{end}"] = f"{output.label}, 95 % {end}"
                ends.append(f"{output.column}.{end}")
    rows: list[dict[str, Value]] = []
    for column, factor in enumerate(factors):
        groups = list(dict.fromkeys(group.group for row in range(len(outputs)) for group in means[row, column]))
        for name in groups:
            line: dict[str, Value] = {"input": factor.label, "group": name}
            for row, output in enumerate(outputs):
                for group in means[row, column]:
                    if group.group == name:
                        line["cases"] = max(int(line.get("cases") or 0), group.cases)
                        line[output.column] = group.mean
                        line[f"{output.column}.low"], line[f"{output.column}.high"] = group.low, group.high
            rows.append(line)
    return ResultTable("main_effects", title, headings, rows, remarks, frozenset(ends))


def _of_sobol(sample: Sample, outputs: Sequence[Output]) -> Finding:
    varied = [vary.path for vary in sample.sweep_file.vary]
    names = {factor.path: factor.name for factor in sample.factors}
    rows: list[dict[str, Value]] = []
    told, shares = [], {}
    for output in outputs:
        found = sobol_indices(output.values, len(varied))
        if found is None:
            told.append(f"{output.name}: too few blocks of {len(varied) + 2} cases are whole for indices.")
            continue
        if found.dropped:
            told.append(
                f"{output.name}: {found.dropped} of {found.dropped + found.blocks} blocks of {len(varied) + 2} cases "
                "hold one that failed or is not run yet, and are left out as a whole."
            )
        first, total = _bars(found.first, found.first_half), _bars(found.total, found.total_half)
        kept = [index for index, path in enumerate(varied) if path in names]
        shares[output.name] = ([first[index] for index in kept], [total[index] for index in kept])
        rows.extend(_index_row(output.name, names[varied[index]], first[index], total[index]) for index in kept)
    title = "Sobol indices: share of the variance that an input explains alone, and with others"
    plot = {"indices": figures.indices(list(names.values()), shares, "share of the variance [-]")} if shares else {}
    return Finding(ResultTable("indices", title, INDEX_HEADINGS, rows, tuple(told)), plot)


def _bars(values: NDArray[np.float64], halves: NDArray[np.float64]) -> list[figures.Bar]:
    return [
        (float(value), float(value - half), float(value + half)) for value, half in zip(values, halves, strict=True)
    ]


def _index_row(output: str, name: str, first: Sequence[float], total: Sequence[float]) -> dict[str, Value]:
    keys = ("first", "first_low", "first_high", "total", "total_low", "total_high")
    return {"output": output, "input": name, **dict(zip(keys, [*first, *total], strict=True))}


def _of_surrogate(sample: Sample, outputs: Sequence[Output]) -> Iterator[Finding]:
    """How well a surrogate predicts, and the pairs and, where the design gives none itself, the indices that follow."""
    points = sample.points()
    clusters = None if len(np.unique(sample.clusters)) == sample.total else sample.clusters
    skills: list[dict[str, Value]] = []
    single: list[dict[str, Value]] = []
    pairs: list[dict[str, Value]] = []
    told, shares = [], {}
    names = [factor.name for factor in sample.factors]
    for output in outputs:
        found = fit(sample.factors, points, output.values, clusters)
        if found is None:
            told.append(f"{output.name}: no surrogate of fewer than {LEAST_CASES} drawn points.")
            continue
        skills.append(
            {
                "output": output.name,
                "unit": output.unit,
                "cases": found.cases,
                "degree": found.degree,
                "skill": found.skill,
                "error": found.error,
            }
        )
        if not found.usable:
            told.append(
                f"{output.name}: the surrogate explains less than {100 * LEAST_SKILL:.0f} % of the variance of cases "
                "that it has not seen, so that its indices are not shown."
            )
            continue
        shares[output.name] = ([_bar(share) for share in found.first], [_bar(share) for share in found.total])
        for name, first, total in zip(names, *shares[output.name], strict=True):
            single.append(_index_row(output.name, name, first, total))
        if found.degree == 1:
            told.append(f"{output.name}: the best surrogate adds up its inputs, without pairs.")
            continue
        for (one, other), share in found.pairs.items():
            ends = dict(zip(("share", "share_low", "share_high"), _bar(share), strict=True))
            pairs.append({"output": output.name, "input": names[one], "other": names[other], **ends})
    headings = {
        "output": "output",
        "unit": "unit",
        "cases": "cases",
        "degree": "degree",
        "skill": "variance explained, cross-validated",
        "error": "error, cross-validated",
    }
    title = "Surrogate: polynomials of the inputs, tested on cases that they were not fitted to"
    yield Finding(ResultTable("surrogate", title, headings, skills, tuple(told)))
    if single and sample.sweep_file.design != "sobol":
        title = "Sobol indices of the surrogate: share of its variance that an input explains alone, and with others"
        plot = {"indices": figures.indices(names, shares, "share of the surrogate's variance [-]")}
        yield Finding(ResultTable("indices", title, INDEX_HEADINGS, single), plot)
    if pairs:
        pairs.sort(key=lambda row: -float(row["share"] or 0.0))
        title = "Interactions of pairs in the surrogate: share of its variance beyond what each explains alone"
        yield Finding(ResultTable("pairs", title, PAIR_HEADINGS, pairs, listed=_PAIRS))


def _bar(share: Share) -> figures.Bar:
    return share.estimate, share.low, share.high


def _of_morris(sample: Sample, outputs: Sequence[Output]) -> Iterator[Finding]:
    points, varied = sample.design_points(), [vary.path for vary in sample.sweep_file.vary]
    kept = {varied.index(factor.path): factor.name for factor in sample.factors}
    rows: list[dict[str, Value]] = []
    told, measures = [], {}
    for output in outputs:
        found = morris_measures(points, output.values)
        if found is None:
            told.append(f"{output.name}: too few trajectories of {len(varied) + 1} cases are whole.")
            continue
        if found.dropped:
            told.append(
                f"{output.name}: {found.dropped} of {found.dropped + found.trajectories} trajectories hold a case that "
                "failed or is not run yet, and are left out as a whole."
            )
        columns = list(kept)
        measures[output.label] = (
            found.absolute[columns],
            found.absolute_half[columns],
            found.deviation[columns],
        )
        for index, name in kept.items():
            absolute, half = float(found.absolute[index]), float(found.absolute_half[index])
            rows.append(
                {
                    "output": output.label,
                    "input": name,
                    "absolute": absolute,
                    "absolute_low": absolute - half,
                    "absolute_high": absolute + half,
                    "mean": float(found.mean[index]),
                    "deviation": float(found.deviation[index]),
                }
            )
    headings = {
        "output": "output",
        "input": "input",
        "absolute": "mu*",
        "absolute_low": "95 % low",
        "absolute_high": "high",
        "mean": "mu",
        "deviation": "sigma",
    }
    title = "Elementary effects over the whole range of an input (Morris), in units of the output"
    plot = {"morris": figures.morris(list(kept.values()), measures)} if measures else {}
    yield Finding(ResultTable("morris", title, headings, rows, tuple(told)), plot)
