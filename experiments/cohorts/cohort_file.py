"""The cohort file: one TOML document that says who is treated, how, and how leaks are looked for."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from experiments.case.errors import explain
from experiments.case.ready_files import ReadyFiles
from experiments.case.sections.base import Section
from experiments.cohorts.population import Population
from experiments.cohorts.surgeon import Surgeon

COHORTS = ReadyFiles("cohort")
"""Cohort files that come with the software."""

LARGEST_COHORT = 20_000
"""Patients."""


class Looking(Section):
    """How the study looked for leaks."""

    modality: Literal["ct", "radiograph", "volume"] = Field(default="ct", description="as in [observation] of a case")
    source: str = Field(default="not told", description="where that is from")
    tag: Literal["S", "M", "D"] = Field(default="D", description="provenance of that")


class Cohort(Section):
    """A cohort: a population, the surgeon's rules, and what is looked at."""

    title: str = Field(default="", max_length=200, description="a name for people")
    study: str | None = Field(default=None, description="clinical study whose findings stand beside, of those known")
    seed: int = Field(default=1, ge=0, le=2**31 - 1, strict=True, description="of all random numbers")
    patients: int = Field(ge=1, le=LARGEST_COHORT, strict=True, description="number of patients")
    mesh_mm: float = Field(default=2.5, ge=1.0, le=4.0, strict=True, description="edge length of the meshes in mm")
    population: Population = Field(default_factory=Population, description="who is treated")
    surgeon: Surgeon = Field(default_factory=Surgeon, description="how")
    observation: Looking = Field(default_factory=Looking, description="how leaks are looked for")
    stage: Literal["A", "B"] = Field(
        default="A", description="A: everything from literature or a declared choice; B: the calibre of veins is fitted"
    )
    laws: dict[str, float] = Field(
        default_factory=dict, description="values of laws that hold for all cases, as in [laws] of a case"
    )


def read_cohort(path: Path) -> Cohort:
    """Read and check a cohort file.

    Args:
        path: TOML file.

    Raises:
        InputError: the file is missing, is no TOML, or says something that a cohort cannot be.
    """
    content = COHORTS.read(path)
    try:
        return Cohort.model_validate(content)
    except ValidationError as error:
        raise explain(error, Cohort, path.name) from None
