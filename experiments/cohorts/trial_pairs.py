"""What is finished in both arms of a trial, from its folder or from the table that is kept of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from experiments.cohorts.observed import Table
from experiments.cohorts.trial_file import Trial, read_trial
from experiments.cohorts.trial_folder import TrialFolder
from experiments.cohorts.vertebra_rows import VertebraRows, read_rows, write_rows


@dataclass(frozen=True)
class Pairs:
    """What is finished in both arms of a trial.

    Attributes:
        trial: what was asked.
        arms: name -> all vertebrae that are finished in the arm.
        file: trial file.
        cohort_file: the file of its cohort.
    """

    trial: Trial
    arms: Mapping[str, VertebraRows]
    file: Path
    cohort_file: Path

    @classmethod
    def of(cls, folder: TrialFolder) -> Pairs:
        """What is finished in the folder of a trial.

        Raises:
            InputError: the folder holds no trial.
        """
        return cls(folder.trial(), folder.arms(), folder.file, folder.cohort_file)

    @classmethod
    def read(cls, table: Path) -> Pairs:
        """A table that :meth:`keep` has written.

        Raises:
            InputError: it or one of the files beside it cannot be used.
        """
        file, cohort_file = table.with_suffix(".toml"), table.with_suffix(".cohort.toml")
        return cls(read_trial(file, cohort_file), read_rows(table), file, cohort_file)

    def keep(self, target: Path) -> None:
        """Write the table, with the files of the trial and its cohort beside it, where the page is rebuilt from.

        Args:
            target: CSV file.
        """
        write_rows(target, self.arms)
        target.with_suffix(".toml").write_bytes(self.file.read_bytes())
        target.with_suffix(".cohort.toml").write_bytes(self.cohort_file.read_bytes())

    @property
    def code(self) -> str:
        """Version of the software that computed them."""
        return next(iter(self.arms.values())).code

    @property
    def first(self) -> Table:
        """A row for each vertebra whose treatments have both been computed, treated in the first arm."""
        return self._whole[0]

    @property
    def second(self) -> Table:
        """The same vertebrae in the second."""
        return self._whole[1]

    @property
    def left_out(self) -> int:
        """Vertebrae that are finished in both arms and failed in one of them at least."""
        return len(self._both[0]) - len(self.first)

    @property
    def failed(self) -> dict[str, int]:
        """Arm -> vertebrae of which only this or also this treatment was refused or failed."""
        chosen = zip(self.arms.items(), self._both, strict=True)
        return {arm: sum(bool(rows.errors[place]) for place in places) for (arm, rows), places in chosen}

    @cached_property
    def _both(self) -> tuple[list[int], list[int]]:
        """Rows in each arm of the vertebrae that are finished in both, in the same order."""
        first, second = ({key: place for place, key in enumerate(rows.keys)} for rows in self.arms.values())
        both = [key for key in first if key in second]
        return [first[key] for key in both], [second[key] for key in both]

    @cached_property
    def _whole(self) -> tuple[Table, Table]:
        one, two = self.arms.values()
        whole = [pair for pair in zip(*self._both, strict=True) if not (one.errors[pair[0]] or two.errors[pair[1]])]
        chosen = np.array(whole, dtype=np.int64).reshape(-1, 2)
        return one.rows.rows(chosen[:, 0]), two.rows.rows(chosen[:, 1])
