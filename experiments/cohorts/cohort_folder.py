"""The folder of a cohort: its file, the images of its bodies, the sweep of its cases, and what came of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from experiments.cohorts.cohort_file import Cohort, read_cohort
from experiments.cohorts.cohort_plan import finished
from experiments.cohorts.filled_folder import fill
from experiments.cohorts.vertebra_rows import VertebraRows
from experiments.cohorts.virtual_patient import VirtualVertebra
from experiments.sweep.folder import Row, SweepFolder
from meshes.errors import InputError


@dataclass(frozen=True)
class CohortFolder:
    """A folder that holds a cohort.

    Attributes:
        path: the folder.
    """

    path: Path

    @property
    def file(self) -> Path:
        """The cohort file by which the folder was filled."""
        return self.path / "cohort.toml"

    @property
    def bodies(self) -> Path:
        """Images of the bodies."""
        return self.path / "bodies"

    @property
    def sweep(self) -> SweepFolder:
        """The rows, one for each treated vertebra."""
        return SweepFolder(self.path / "sweep")

    @property
    def comparison(self) -> Path:
        """What stands beside the study's numbers."""
        return self.path / "cohort.json"

    def open(self, source: Path) -> Cohort:
        """Make the folder for a cohort file, or go on in it.

        Args:
            source: cohort file, which is kept in the folder.

        Raises:
            InputError: the file cannot be used, or the folder holds something else or a cohort of other settings.
        """
        cohort = read_cohort(source)
        fill(
            self.path,
            "cohort",
            {self.file: source},
            lambda: read_cohort(self.file).model_copy(update={"patients": cohort.patients}) == cohort,
        )
        return cohort

    def cohort(self) -> Cohort:
        """What was asked.

        Raises:
            InputError: the folder holds no cohort.
        """
        if not self.file.exists():
            raise InputError(f"{self.path}: holds no cohort; give the folder that 'vertebroplasty cohort' wrote")
        return read_cohort(self.file)

    def finished(self) -> Iterator[tuple[VirtualVertebra, Row]]:
        """Each vertebra whose treatment has been computed or has failed, with its row, whichever version computed it.

        Raises:
            InputError: the folder holds no cohort.
        """
        return finished(self.cohort(), self.sweep)

    def vertebrae(self) -> VertebraRows:
        """What a study would have noted of these vertebrae.

        Raises:
            InputError: the folder holds no cohort.
        """
        return VertebraRows.of(self.finished(), self.sweep.plan()["code"])
