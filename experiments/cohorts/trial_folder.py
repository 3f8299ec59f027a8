"""The folder of a trial: its file and its cohort's, images of the bodies, the sweep of the cases, and the results."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from experiments.cohorts.cohort_plan import finished
from experiments.cohorts.filled_folder import fill
from experiments.cohorts.trial_file import Trial, cohort_of, read_trial
from experiments.cohorts.vertebra_rows import VertebraRows
from experiments.sweep.folder import SweepFolder
from meshes.errors import InputError


@dataclass(frozen=True)
class TrialFolder:
    """A folder that holds a trial.

    Attributes:
        path: the folder.
    """

    path: Path

    @property
    def file(self) -> Path:
        """The trial file by which the folder was filled."""
        return self.path / "trial.toml"

    @property
    def cohort_file(self) -> Path:
        """The file of its cohort."""
        return self.path / "cohort.toml"

    @property
    def bodies(self) -> Path:
        """Images of the bodies, which both arms share."""
        return self.path / "bodies"

    @property
    def sweep(self) -> SweepFolder:
        """The rows, one for each vertebra and arm."""
        return SweepFolder(self.path / "sweep")

    @property
    def results(self) -> Path:
        """What the arms have in common and what not."""
        return self.path / "trial.json"

    def open(self, source: Path) -> Trial:
        """Make the folder for a trial file, or go on in it.

        Args:
            source: trial file, which is kept in the folder with its cohort's.

        Raises:
            InputError: a file cannot be used, or the folder holds something else or a trial of other settings.
        """
        trial = read_trial(source)
        fill(
            self.path,
            "trial",
            {self.cohort_file: cohort_of(trial.settings, source.parent), self.file: source},
            lambda: self.trial().of(trial.settings.patients) == trial,
        )
        return trial

    def trial(self) -> Trial:
        """What was asked.

        Raises:
            InputError: the folder holds no trial.
        """
        if not self.file.exists():
            raise InputError(f"{self.path}: holds no trial; give the folder that 'vertebroplasty trial' wrote")
        return read_trial(self.file, self.cohort_file)

    def arms(self) -> dict[str, VertebraRows]:
        """Arm -> the vertebrae that are finished in it.

        Raises:
            InputError: the folder holds no trial.
        """
        code = self.sweep.plan()["code"]
        return {
            name: VertebraRows.of(finished(cohort, self.sweep, label_of(name)), code)
            for name, cohort in self.trial().arms.items()
        }


def label_of(arm: str) -> str:
    """What the titles of an arm's cases begin with."""
    return f"{arm}: "
