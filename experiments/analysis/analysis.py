"""The whole analysis of a sweep, and the folder that it is kept in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from experiments.analysis import designs, leak_probability, random_sample
from experiments.analysis.figures import save
from experiments.analysis.finding import Finding
from experiments.analysis.sample import Sample
from experiments.results.store import case_directory, check_target, write_json, write_manifest
from experiments.results.wording import NOTICE
from meshes.errors import InputError


@dataclass(frozen=True)
class Analysis:
    """What the table of a sweep says.

    Attributes:
        title: of the sweep.
        about: what kind of sample it is, in sentences.
        findings: the tables, with their plots.
        remarks: what else a reader must know.
        code: version of the software that computed the cases.
    """

    title: str
    about: tuple[str, ...]
    findings: tuple[Finding, ...]
    remarks: tuple[str, ...]
    code: str

    def write(self, out: Path) -> None:
        """Write ``analysis.json``, and the folders ``tables`` (CSV) and ``plots`` (PNG and SVG), whole or not at all.

        Raises:
            InputError: ``out`` cannot be used.
        """
        with case_directory(out) as folder:
            (folder / "tables").mkdir()
            (folder / "plots").mkdir()
            for finding in self.findings:
                finding.table.write(folder / "tables" / f"{finding.table.name}.csv")
                for name, figure in finding.plots.items():
                    save(figure, folder / "plots", name)
            content = {finding.table.name: finding.table.content() for finding in self.findings}
            about = {"title": self.title, "about": self.about, "remarks": self.remarks, "notice": NOTICE}
            write_json(folder / "analysis.json", {**about, "tables": content})
            write_manifest(folder, {"analysis": {"title": self.title, "code": self.code}})


def analyse_sample(sample: Sample, columns: Sequence[str] = ()) -> Analysis:
    """Analyse a sweep by what its kind of sample allows.

    Args:
        sample: the sweep.
        columns: outputs that are asked for; by default the headlines of the results.

    Raises:
        InputError: an output that is asked for is unknown or constant, or nothing varies.
    """
    if not sample.factors:
        raise InputError("the sweep varies nothing: all its cases have the same values; vary an input and run it again")
    outputs, remarks = sample.outputs(columns)
    found = [
        *designs.describe(sample, outputs),
        *random_sample.describe(sample, outputs),
        *leak_probability.describe(sample),
    ]
    findings = [finding.over(sample.different_vertebrae) for finding in found]
    return Analysis(sample.table.title, tuple(sample.about()), tuple(findings), tuple(remarks), sample.table.code)


def analyse_sweep(folder: Path, columns: Sequence[str] = ()) -> Analysis:
    """Analyse the folder of a sweep, which may be running; see :func:`analyse_sample`.

    Raises:
        InputError: it holds no sweep or no finished case, or cannot be analysed.
    """
    return analyse_sample(Sample.read(folder), columns)


def analyse_and_store(folder: Path, out: Path, columns: Sequence[str] = ()) -> Analysis:
    """Analyse the folder of a sweep and write tables and plots to ``out``, whole or not at all.

    Raises:
        InputError: the folder cannot be analysed, or ``out`` cannot be used.
    """
    sample = Sample.read(folder)
    check_target(out)
    analysis = analyse_sample(sample, columns)
    analysis.write(out)
    return analysis
