"""The trial file: one TOML document that says which patients are treated twice, and by which two surgeons."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from experiments.case.errors import explain
from experiments.case.ready_files import ReadyFiles
from experiments.case.sections.base import Section
from experiments.cohorts.cohort_file import COHORTS, LARGEST_COHORT, Cohort, read_cohort
from meshes.errors import InputError

TRIALS = ReadyFiles("trial")
"""Trial files that come with the software."""

_NAME = re.compile(r"[\w .+-]{1,40}")


class TrialSettings(Section):
    """All of a trial file but its arms."""

    title: str = Field(default="", max_length=200, description="a name for people")
    cohort: str = Field(
        min_length=1,
        description="whose population, surgeon and observation hold in both arms: a ready cohort or a file",
    )
    patients: int = Field(ge=1, le=LARGEST_COHORT, strict=True, description="number of patients")
    mesh_mm: float | None = Field(
        default=None,
        ge=1.0,
        le=4.0,
        strict=True,
        description="edge length of the meshes in mm, instead of the cohort's",
    )
    mechanics: bool = Field(default=False, strict=True, description="whether stiffness is computed, which costs")


@dataclass(frozen=True)
class Trial:
    """The same patients treated twice.

    Attributes:
        settings: of the file.
        arms: name -> the cohort as this surgeon treats it; two, of which the second is compared with the first.
    """

    settings: TrialSettings
    arms: Mapping[str, Cohort]

    def of(self, patients: int) -> Trial:
        """The trial with another number of patients."""
        return Trial(self.settings.model_copy(update={"patients": patients}), self.arms)


def read_trial(path: Path, cohort_file: Path | None = None) -> Trial:
    """Read and check a trial file.

    Args:
        path: TOML file.
        cohort_file: what its key ``cohort`` stands for; by default a ready one or a path from the file's folder.

    Raises:
        InputError: the file or its cohort is missing, is no TOML, or says something that a trial cannot be.
    """
    content = TRIALS.read(path)
    arms = content.pop("arms", None)
    try:
        settings = TrialSettings.model_validate(content)
    except ValidationError as error:
        raise explain(error, TrialSettings, path.name) from None
    cohort = read_cohort(cohort_file or cohort_of(settings, path.parent))
    given = {name: _surgeon(path.name, name, arm) for name, arm in _two(path.name, arms).items()}
    return Trial(settings, {name: _arm(path.name, name, surgeon, cohort, settings) for name, surgeon in given.items()})


def cohort_of(settings: TrialSettings, folder: Path) -> Path:
    """The cohort file that a trial file in a folder names."""
    return COHORTS.file(settings.cohort) if settings.cohort in COHORTS.names else folder / settings.cohort


def _two(file: str, arms: Any) -> dict[str, Any]:
    if not isinstance(arms, dict) or len(arms) != 2:
        raise InputError(f"{file}: a trial has two arms, as in [arms.one.surgeon.sides] and [arms.two.surgeon.sides]")
    for name in arms:
        if not _NAME.fullmatch(name):
            raise InputError(f"{file}: arms.{name}: a name has 1 to 40 letters, digits, spaces, dots, '+' or '-'")
    return arms


def _surgeon(file: str, name: str, arm: Any) -> dict[str, Any]:
    if not isinstance(arm, dict) or not set(arm) <= {"surgeon"} or not isinstance(arm.get("surgeon", {}), dict):
        raise InputError(f"{file}: arms.{name} holds the table [arms.{name}.surgeon] and nothing else")
    return dict(arm.get("surgeon", {}))


def _arm(file: str, name: str, surgeon: Mapping[str, Any], cohort: Cohort, settings: TrialSettings) -> Cohort:
    """The cohort with the keys that an arm gives its surgeon."""
    content = cohort.model_dump(exclude_unset=True)
    content["surgeon"] = {**content.get("surgeon", {}), **surgeon}
    content |= {"title": settings.title, "study": None, "patients": cohort.patients}
    if settings.mesh_mm is not None:
        content["mesh_mm"] = settings.mesh_mm
    try:
        return Cohort.model_validate(content)
    except ValidationError as error:
        raise explain(error, Cohort, f"{file}, arms.{name}") from None
