"""What only random samples of declared distributions say: probabilities, odds, cut-offs, and pairs over patients."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from experiments.analysis import figures, laterality, roc
from experiments.analysis.finding import Finding
from experiments.analysis.incidence import Incidence, incidence
from experiments.analysis.laterality import Pairs, pairs_of
from experiments.analysis.leaks import Leaks
from experiments.analysis.logistic import logistic, predictors
from experiments.analysis.sample import Output, Sample
from experiments.analysis.table import ResultTable, Value
from experiments.results.probability import Probability
from experiments.results.wording import words

_STEPS = 6
"""Volumes at which the terminal shows the share that has leaked."""


def describe(sample: Sample, outputs: Sequence[Output]) -> Iterator[Finding]:
    """The findings of an analysis that are about leaks and about needles from one side or two."""
    leaks, refusal = Leaks.of(sample), sample.why_no_probabilities()
    if leaks is not None:
        yield _endings(sample, leaks, refusal)
    if (pairs := pairs_of(sample)) is not None:
        yield from _paired(sample, outputs, leaks, pairs, refusal)
    if leaks is not None and refusal is None:
        yield _probabilities(sample, leaks)
        yield _odds(sample, leaks)
        yield _discrimination(sample, leaks)
        yield _first_leak(sample, leaks)


def _endings(sample: Sample, leaks: Leaks, refusal: str | None) -> Finding:
    """What ended the injections; counts, not probabilities."""
    rows: list[dict[str, Value]] = []
    for reason in dict.fromkeys(sorted(leaks.reasons)):
        inside = np.array([other == reason for other in leaks.reasons])
        leaked = int(leaks.leaked[inside].sum())
        rows.append({"reason": words(reason), "cases": int(inside.sum()), "leaked": leaked})
    told = [] if refusal is None else [f"{refusal}."]
    if dry := sample.finished - len(leaks.rows):
        told.append(f"{dry} cases injected nothing and count nowhere below.")
    headings = {"reason": "injection ended by", "cases": "cases", "leaked": "of them leaked"}
    return Finding(ResultTable("endings", "What ended the injections", headings, rows, tuple(told)))


def _arms(sample: Sample, leaks: Leaks) -> dict[str, NDArray[np.bool_]]:
    """Arm -> (n,) which of the leaks' rows are in it."""
    return {name: rows[leaks.rows] for name, rows in sample.arms().items()}


def _probabilities(sample: Sample, leaks: Leaks) -> Finding:
    rows: list[dict[str, Value]] = []
    for arm, inside in _arms(sample, leaks).items():
        seen = {f"{words(name)} leak": leaked for name, leaked in leaks.classes.items() if leaked.any()}
        events = {"any leak": leaks.leaked, **seen}
        for name, happened in events.items():
            found = Probability.of(int(happened[inside].sum()), int(inside.sum()))
            rows.append(
                {
                    "arm": arm,
                    "event": name,
                    "events": found.events,
                    "cases": found.cases,
                    "probability": found.estimate,
                    "low": found.low,
                    "high": found.high,
                }
            )
    headings = {"arm": "cases of", "event": "event", "events": "in", "cases": "of", "probability": "probability"}
    headings |= {"low": "95 % low", "high": "high"}
    told = ["They are probabilities under the distributions that the sweep file declares, not those of a clinic."]
    if sample.table.failed:
        share = sample.table.failed / (sample.table.failed + sample.finished)
        told.append(f"{sample.table.failed} failed cases are left out; they could move a probability by {share:.2g}.")
    return Finding(ResultTable("probabilities", "Probabilities with Wilson's interval", headings, rows, tuple(told)))


def _clusters(sample: Sample, leaks: Leaks) -> NDArray[np.int64] | None:
    """(n,) the vertebra of each row, where there are several; the drawn point where each is crossed; or None."""
    if sample.different_vertebrae > 1:
        return sample.vertebrae[leaks.rows]
    drawn = sample.clusters[sample.case_indices[leaks.rows]]
    return drawn if len(np.unique(drawn)) < len(drawn) else None


def _odds(sample: Sample, leaks: Leaks) -> Finding:
    columns = predictors(sample.factors, sample.case_indices[leaks.rows])
    of = "vertebrae" if sample.different_vertebrae > 1 else "sampled patients"
    found = logistic(columns, leaks.leaked, _clusters(sample, leaks), of)
    rows: list[dict[str, Value]] = [
        {
            "input": ratio.predictor.name,
            "per": ratio.predictor.per,
            "ratio": ratio.estimate,
            "low": ratio.low,
            "high": ratio.high,
            "p_value": ratio.p_value,
        }
        for ratio in found.ratios
    ]
    headings = {"input": "input", "per": "change", "ratio": "odds ratio", "low": "95 % low", "high": "high"}
    headings["p_value"] = "p"
    title = "Odds of any leak: logistic regression, numbers per standard deviation of the sample"
    plots = {"odds": figures.odds_ratios(found.ratios)} if found.ratios else {}
    return Finding(ResultTable("odds", title, headings, rows, found.remarks), plots, "vertebrae")


def _discrimination(sample: Sample, leaks: Leaks) -> Finding:
    events, places = leaks.leaked, sample.case_indices[leaks.rows]
    known = _clusters(sample, leaks)
    groups = np.arange(len(events)) if known is None else known
    columns = predictors(sample.factors, places)
    scorers = {}
    if len(columns) > 1:
        scorers["all inputs, logistic"] = roc.regression(np.column_stack([c.values for c in columns]), events)
    numeric = {f.name: (f, f.numbers[places]) for f in sample.factors if f.numbers is not None and not f.identity}
    scorers |= {name: roc.marker(values, events) for name, (_, values) in numeric.items()}
    rows: list[dict[str, Value]] = []
    curves = {}
    for name, scorer in scorers.items():
        found = roc.cross_validated(scorer, events, groups)
        if found is None:
            continue
        curves[name] = found
        row: dict[str, Value] = {
            "score": name,
            "auc": found.auc,
            "low": found.low,
            "high": found.high,
            "apparent": found.apparent,
            "sensitivity": found.sensitivity,
            "specificity": found.specificity,
        }
        if name in numeric and found.low > 0.5:
            factor, values = numeric[name]
            cut = roc.cut_off(values, events, groups)
            row |= {"cut": cut.value, "cut_low": cut.low, "cut_high": cut.high, "unit": factor.unit.replace("1", "-")}
            row["side"] = "above" if cut.above else "below"
        rows.append(row)
    headings = {
        "score": "leak told by",
        "auc": "AUC, out of sample",
        "low": "95 % low",
        "high": "high",
        "apparent": "AUC, fitted cases",
        "sensitivity": "sensitivity",
        "specificity": "specificity",
        "side": "leaks",
        "cut": "cut-off (Youden)",
        "cut_low": "95 % low",
        "cut_high": "high",
        "unit": "unit",
    }
    told: tuple[str, ...] = ()
    if not rows:
        told = (f"Fewer than {roc.LEAST_EVENTS} cases or groups with or without a leak: no ROC curve.",)
    elif sample.different_vertebrae == 1:
        told = ("Out of sample means other draws for the same vertebra, not other patients.",)
    else:
        told = (f"Intervals draw {sample.different_vertebrae} vertebrae again.",)
    plots = {"roc": figures.roc(dict(sorted(curves.items(), key=lambda item: -item[1].auc)))} if curves else {}
    return Finding(
        ResultTable("roc", "Telling leaks beforehand, cross-validated", headings, rows, told), plots, "vertebrae"
    )


def _first_leak(sample: Sample, leaks: Leaks) -> Finding:
    curves: dict[str, Incidence] = {
        arm: incidence(leaks.volume[inside], leaks.status[inside]) for arm, inside in _arms(sample, leaks).items()
    }
    rows: list[dict[str, Value]] = []
    largest = float(leaks.volume.max())
    for arm, found in curves.items():
        if not found.leaks:
            continue
        for volume in np.linspace(0.0, largest, _STEPS + 1)[1:]:
            share, low, high = found.at(float(volume))
            rows.append({"arm": arm, "volume": float(volume), "share": share, "low": low, "high": high})
    headings = {"arm": "cases of", "volume": "injected [ml]", "share": "have leaked", "low": "95 % low", "high": "high"}
    told = []
    for arm, found in curves.items():
        of = f"{arm}: " if len(curves) > 1 else ""
        told.append(
            f"{of}{found.method}; {found.leaks} leaked, {found.fronts} ended by the front's limit (competing), "
            f"{found.censored} ended otherwise (right-censored)."
        )
    table = ResultTable("first_leak", "Share that has leaked by the injected volume", headings, rows, tuple(told))
    return Finding(table, {"first_leak": figures.first_leak(curves)} if any(f.leaks for f in curves.values()) else {})


def _paired(
    sample: Sample, outputs: Sequence[Output], leaks: Leaks | None, pairs: Pairs, refusal: str | None
) -> Iterator[Finding]:
    """Bilateral minus unilateral; intervals and tests for random samples alone."""
    rows: list[dict[str, Value]] = []
    patients = len(np.unique(pairs.patients))
    for output in outputs:
        found = laterality.difference(pairs, output.values[sample.case_indices])
        if found is None:
            continue
        row: dict[str, Value] = {"output": output.label, "pairs": found.pairs, "mean": found.mean}
        if refusal is None:
            row |= {"low": found.low, "high": found.high}
        rows.append(row | {"least": found.least, "largest": found.largest})
    headings = {"output": "output", "pairs": "pairs", "mean": "mean difference"}
    headings |= {} if refusal else {"low": "95 % low", "high": "high"}
    headings |= {"least": "smallest", "largest": "largest"}
    told = []
    if pairs.unpaired:
        told.append(f"{pairs.unpaired} finished cases have no finished partner and are left out.")
    if refusal is None and patients < laterality.LEAST_PATIENTS:
        told.append(f"{patients} patients are too few for intervals over patients.")
    elif refusal is None:
        of = "vertebrae" if sample.different_vertebrae > 1 else "sampled patients"
        told.append(f"Intervals draw {patients} {of} again.")
    title = "Bilateral minus unilateral, over pairs that differ in nothing else that varies"
    values = [output.values[sample.case_indices] for output in outputs]
    plot = figures.paired(
        [output.label for output in outputs],
        [value[pairs.one_sided] for value in values],
        [value[pairs.two_sided] for value in values],
    )
    plots = {"laterality": plot} if rows else {}
    yield Finding(ResultTable("laterality", title, headings, rows, tuple(told)), plots, "vertebrae")
    if leaks is not None:
        yield _leaks_of_pairs(sample, leaks, pairs, refusal)


def _leaks_of_pairs(sample: Sample, leaks: Leaks, pairs: Pairs, refusal: str | None) -> Finding:
    leaked = np.zeros(sample.finished, dtype=bool)
    leaked[leaks.rows] = leaks.leaked
    dry = np.setdiff1d(np.arange(sample.finished), leaks.rows)
    kept = ~(np.isin(pairs.one_sided, dry) | np.isin(pairs.two_sided, dry))
    found = laterality.discordance(leaked[pairs.one_sided[kept]], leaked[pairs.two_sided[kept]])
    row: dict[str, Value] = {
        "both": found.both,
        "one_only": found.one_only,
        "two_only": found.two_only,
        "neither": found.neither,
    }
    headings = {
        "both": "both leak",
        "one_only": "unilateral alone",
        "two_only": "bilateral alone",
        "neither": "neither",
    }
    told: tuple[str, ...] = ()
    if refusal is None:
        headings["p_value"], row["p_value"] = "p (McNemar, exact)", found.p_value
        if sample.different_vertebrae > 1:
            told = ("The test takes pairs for independent, although several are of the same vertebra.",)
    return Finding(ResultTable("laterality_leaks", "Leaks of the pairs", headings, [row], told))
