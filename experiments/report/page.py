"""The report as one HTML file that needs nothing beside it: numbers, pictures, scene and quality page.

Text from files is data: the templates escape it, and the page forbids every script but its own, and the network.
"""

from __future__ import annotations

import base64
import hashlib
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from experiments.compare.comparison import Comparison, shown
from experiments.pictures.catalogue import pictures_of
from experiments.report.content import Picture, Table, picture
from experiments.report.outcome import headlines, outcome_tables
from experiments.report.quality import quality_tables
from experiments.report.request import TAG_NOTE, case_tables, law_tables, plan_table
from experiments.report.scene import scene_page
from experiments.results.finished_case import PICTURES, FinishedCase
from experiments.results.wording import NOTICE, duration, heading, number, words

REPORT = "report.html"
"""Name of the report in the directory of a case or a comparison."""

GENERATOR = '<meta name="generator" content="vertebroplasty">'
"""What every report has near its beginning."""

SCRIPT = re.compile(r"<script(?: type=\"module\")?>(.*?)</script>", re.DOTALL)
"""Scripts that a browser runs; data in scripts of another type is not run."""


def case_report(case: FinishedCase) -> str:
    """The report of a finished case."""
    environment = page_environment()
    content = {
        "headlines": headlines(case),
        "plan": plan_table(case),
        "outcome": outcome_tables(case),
        "asked": case_tables(case),
        "laws": law_tables(case),
        "quality": quality_tables(case),
    }
    return report_page(
        environment,
        "case.html",
        scene=scene_page([case], environment),
        title=case.title,
        effort=duration(sum(case.manifest.seconds.values())),
        command=_without_folders(case.manifest.command),
        case=case,
        pictures=_pictures(case),
        tag_note=TAG_NOTE,
        **content,
    )


def comparison_report(comparison: Comparison, drawn: Path | None = None, agreement: Path | None = None) -> str:
    """The report of a comparison.

    Args:
        comparison: the cases and what they are compared by.
        drawn: the picture of the comparison, if there is one.
        agreement: that of the runs over a measured CT, if there is one.
    """
    environment = page_environment()
    cases = comparison.cases
    names = [words(case.name) for case in cases]
    told, plans = {}, {}
    for name, case in zip(names, cases, strict=True):
        told[name], plans[name] = headlines(case), plan_table(case)
    return report_page(
        environment,
        "comparison.html",
        scene=scene_page(cases, environment),
        title="Comparison: " + ", ".join(names),
        cases=cases,
        names=names,
        headlines=told,
        table=_comparison_table(comparison),
        plans=plans,
        remarks=comparison.remarks,
        pictures=[
            picture(path, title, caption)
            for path, title, caption in (
                (agreement, "Simulated and measured cement", "Their edges over the CT, in three planes."),
                (drawn, "Cement side by side", "The cement in each translucent body, by one camera on one scale."),
            )
            if path is not None
        ],
        versions=Table(
            "Where the cases come from",
            ("case", "folder", "code", "identity (SHA-256)"),
            tuple(
                (name, str(case.folder), case.manifest.identity.code, case.identity)
                for name, case in zip(names, cases, strict=True)
            ),
        ),
    )


def _without_folders(command: str) -> str:
    """A command line without the folders of its files, which are nobody's business when the page is passed on."""
    return shlex.join(Path(word).name or word for word in shlex.split(command))


def _pictures(case: FinishedCase) -> list[Picture]:
    """The pictures that the case directory holds, plots as vectors; none where they were switched off."""
    found = []
    for entry in pictures_of(case):
        files = [case.folder / PICTURES / name for name in entry.files]
        if there := [file for file in files if file.is_file()]:
            found.append(picture(there[-1], entry.title, entry.caption))
    return found


def _comparison_table(comparison: Comparison) -> Table:
    """Every quantity that says something, with its ratio to the first case."""
    first, *others = (words(case.name) for case in comparison.cases)
    rows = tuple(
        (
            heading(line.name, line.unit),
            *(shown(value) for value in line.values),
            *(number(ratio) for ratio in line.ratios[1:]),
        )
        for line in comparison.quantities
        if line.says_something and not line.detail
    )
    columns = ("quantity", first, *others, *(f"{name} / {first}" for name in others))
    return Table("All quantities", columns, rows, numeric=frozenset(range(1, len(columns))))


def page_environment() -> Environment:
    """Where the templates of pages are; text in them is escaped."""
    return Environment(
        loader=PackageLoader("experiments.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def report_page(environment: Environment, template: str, scene: str, **content: Any) -> str:
    """A page with a scene, of which no script but those of the scene may run.

    Args:
        environment: where the templates are.
        template: of the page.
        scene: what :mod:`experiments.report.scene` gives.
        content: what the template asks for.
    """
    return environment.get_template(template).render(
        generator=Markup(GENERATOR), notice=NOTICE, scene=scene, policy=page_policy(SCRIPT.findall(scene)), **content
    )


def page_policy(scripts: Sequence[str]) -> str:
    """A content security policy that lets these scripts run and nothing be loaded; frames of the page inherit it."""
    digests = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii") for script in scripts)
    return "; ".join(
        (
            "default-src 'none'",
            "img-src data:",
            "style-src 'unsafe-inline'",
            "script-src " + " ".join(f"'sha256-{digest}'" for digest in digests),
        )
    )
