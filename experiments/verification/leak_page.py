"""The page on how leaks of the model compare with published contrasts and series, in Markdown."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

from experiments.analysis.table import ResultTable, cell
from experiments.results.probability import Probability
from experiments.verification import contrasts, procedures
from experiments.verification.arms import Arm, Finished
from experiments.verification.contrasts import CONTRASTS, LINKED, Contrast
from experiments.verification.leak_statistics import Estimate
from experiments.verification.procedures import SERIES

COMMANDS = """```bash
uv run python -m experiments.verification.leak_acceptance contrasts      # results/leak-contrasts/
uv run python -m experiments.verification.leak_acceptance procedures     # results/leak-procedures/
uv run vertebroplasty sweep --ready leak-sensitivity                     # results/leak-sensitivity/
uv run python -m experiments.verification.leak_acceptance page           # this page, from what is there
```"""

ABOUT = (
    "Whether the veins, walls and cement of the model leak as published series and experiments say. Bands, sources and "
    "tags were declared before the runs (`experiments/verification/contrasts.py`); nothing was fitted to them, and "
    "defaults that change after the first runs are named in the changelog with what was known by then. All of it is "
    "one osteoporotic L3, so the intervals are those of networks of veins and of the scatter of the bone, not of "
    "patients.",
    "Every arm is run on the same patients, each with a random network of veins and a random scatter of its bone, on a "
    "mesh of 3 mm without mechanics; 96 are planned, and where the tables have fewer the runs have not gone farther. "
    "Leaks count where the modality of `[observation]` shows them. **met**: the whole 95 % interval lies in the "
    "accepted band; **missed**: the whole interval lies outside; **undecided**: it straddles an end, or fewer than 10 "
    "patients are finished. Shares have Wilson's interval, ratios a bootstrap over paired patients, odds a logistic "
    "regression. *By construction*: a default was derived from the figure; *seen*: a prototype or an earlier run "
    "had shown how the model answers before a default was chosen; *predicted*: neither. Only the last counts as "
    "prediction.",
)


def page(
    of_contrasts: Finished, of_procedures: Finished, decided: Sequence[ResultTable], verification: Path, day: date
) -> str:
    """The whole page.

    Args:
        of_contrasts: what the folder of the contrasts holds.
        of_procedures: what the folder of the procedures holds.
        decided: what decides a leak, by the analysis of the sensitivity; empty where it was not run.
        verification: the other suite's page, whose verdicts are linked.
        day: of the page.
    """
    codes = " and ".join(dict.fromkeys(found.code for found in (of_contrasts, of_procedures) if found.code))
    written = f"Written on {day.isoformat()}" + (
        f" from runs of vertebroplasty {codes}." if codes else "; not run yet."
    )
    blocks = ["# Leaks against published contrasts", written, ABOUT[0], COMMANDS, ABOUT[1]]
    blocks += ["## Contrasts", counts(of_contrasts), _contrast_table(of_contrasts)]
    blocks += ["What the figures stand on:", _remarks(of_contrasts)]
    blocks += ["## Arms", _arm_table(contrasts.ARMS, of_contrasts), *_failures(of_contrasts)]
    blocks += ["## Cases posed elsewhere", _linked(verification)]
    blocks += [
        "## Procedures of five series",
        "Dose and tip are each series' own, the bodies the demo's L3, scaled where a series gives the volume of its "
        "bodies; the fractured ones are wedges of 43 % with fissures. "
        f"{procedures.NETWORKS} patients each; leaks as the series' modality shows them. Series mix levels, fractures, "
        "tumours and operators, which the model does not: the table compares, and nothing in it was asked to agree.",
        _procedure_table(of_procedures),
        *_failures(of_procedures),
        "## What decides a leak",
        "The ready sweep `leak-sensitivity` ([ready sweeps](ready-sweeps.md)): eight inputs at random over declared "
        "ranges, each point through the same random networks.",
        *(block for table in decided for block in _decided(table)),
    ]
    return "\n\n".join(blocks) + "\n"


def counts(found: Finished) -> str:
    """How many contrasts of which tag are met."""
    verdicts = Counter((contrast.tag, estimate.verdict(contrast.band)) for contrast, estimate in _estimates(found))
    parts = []
    for tag in ("predicted", "seen", "by construction"):
        told = [f"{count} {verdict}" for (of, verdict), count in sorted(verdicts.items()) if of == tag]
        parts.append(f"{tag}: {', '.join(told)}")
    return f"**{'; '.join(parts)}.**"


def _estimates(found: Finished) -> list[tuple[Contrast, Estimate]]:
    return [(contrast, contrast.statistic.of(found.injected)) for contrast in CONTRASTS]


def _contrast_table(found: Finished) -> str:
    header = ("contrast", "published", "accepted", "patients", "model (95 %)", "verdict", "tag", "source")
    lines = []
    for contrast, estimate in _estimates(found):
        verdict = estimate.verdict(contrast.band)
        unit = "" if contrast.unit == "-" else f" {contrast.unit}"
        cases = str(estimate.cases) if contrast.statistic.arms else ""
        lines.append(
            (
                contrast.name,
                contrast.published,
                f"{contrast.band}{unit}",
                cases,
                _interval(estimate),
                f"**{verdict}**" if verdict == "missed" else verdict,
                contrast.tag,
                contrast.source,
            )
        )
    return _table(header, lines)


def _remarks(found: Finished) -> str:
    lines = []
    for contrast, estimate in _estimates(found):
        arms = ", ".join(contrast.statistic.arms)
        told = "; ".join(part.rstrip(".") for part in (estimate.remark, contrast.about) if part)
        lines.append(f"- {contrast.name}{f' ({arms})' if arms else ''}: {told}.")
    return "\n".join(lines)


def _arm_table(arms: Sequence[Arm], found: Finished) -> str:
    header = ("arm", "what it is", "finished", "failed", "any leak", "B", "S", "cortical", "leaked, mean (ml)")
    lines = []
    for arm in arms:
        patients = list(found.injected.get(arm.name, {}).values())
        shares = [
            _share(sum(one.leaks_at(place) for one in patients), len(patients))
            for place in ("anywhere", "B", "S", "cortical")
        ]
        leaked = [sum(one.leaked.values()) for one in patients]
        mean = f"{sum(leaked) / len(leaked):.3f}" if leaked else ""
        failed = len(found.failed.get(arm.name, {}))
        lines.append((arm.name, arm.about, str(len(patients)), str(failed), *shares, mean))
    return _table(header, lines)


def _failures(found: Finished) -> list[str]:
    """One line for each different error, with the arms that it befell."""
    arms: dict[str, list[str]] = {}
    for arm, errors in found.failed.items():
        for error in errors.values():
            arms.setdefault(error.partition("\n")[0], []).append(arm)
    lines = [
        f"- {error} ({', '.join(f'{arm} {count} times' for arm, count in Counter(of).items())})"
        for error, of in arms.items()
    ]
    return ["Cases that failed and count nowhere:", "\n".join(lines)] if lines else []


def _decided(table: ResultTable) -> list[str]:
    lines = [[cell(row.get(key)) for key in table.headings] for row in table.rows]
    return [f"**{table.title}.**", *([_table(tuple(table.headings.values()), lines)] if lines else []), *table.remarks]


def _linked(verification: Path) -> str:
    text = verification.read_text(encoding="utf-8") if verification.exists() else ""
    lines = []
    for case, about in LINKED.items():
        rows = [row for row in text.splitlines() if row.startswith(f"| {case} ")]
        verdicts = Counter(row.rstrip(" |").rpartition("|")[2].strip(" *") for row in rows)
        told = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.items())
        lines.append((case, about, f"{told} ([verification.md](verification.md))" if told else "not run"))
    return _table(("case", "what it asks", "verdicts"), lines)


def _procedure_table(found: Finished) -> str:
    header = ("series", "dose and tip", "seen by", "leak", "series", "model, whole body", "model, fractured body")
    lines = []
    for series in SERIES:
        for number, (place, leaks) in enumerate(series.published.items()):
            about = (series.name, series.about, f"{series.modality}: {series.why}") if number == 0 else ("", "", "")
            told = _share(leaks, series.vertebrae)
            lines.append((*about, place, told, *(_of_arm(arm, place, found) for arm in series.arms())))
        if not {"B", "S"} & series.published.keys():
            for place in ("B", "S", "cortical"):
                lines.append(("", "", "", place, "", *(_of_arm(arm, place, found) for arm in series.arms())))
    return _table(header, lines)


def _of_arm(arm: Arm, place: str, found: Finished) -> str:
    patients = list(found.injected.get(arm.name, {}).values())
    return _share(sum(one.leaks_at(place) for one in patients), len(patients))


def _share(events: int, cases: int) -> str:
    if not cases:
        return "not run"
    found = Probability.of(events, cases)
    return f"{found.estimate:.2f} ({found.low:.2f} to {found.high:.2f})"


def _interval(estimate: Estimate) -> str:
    if not math.isfinite(estimate.value):
        return ""
    if estimate.low == estimate.high:
        return f"{estimate.value:.3g}"
    return f"{estimate.value:.3g} ({estimate.low:.3g} to {estimate.high:.3g})"


def _table(header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rows = ["| " + " | ".join(cells) + " |" for cells in (header, *lines)]
    return "\n".join([rows[0], "|" + len(header) * "---|", *rows[1:]])
