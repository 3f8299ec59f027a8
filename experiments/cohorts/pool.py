"""A pool: the vertebrae of a cohort that are finished, from its folder or from the table that is kept of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from experiments.cohorts.cohort_file import Cohort, read_cohort
from experiments.cohorts.cohort_folder import CohortFolder
from experiments.cohorts.vertebra_rows import VertebraRows, read_rows, write_rows
from materials.vein_distributions import VeinDistributions
from meshes.errors import InputError

CALIBRE = "vein_distributions.calibre"
"""The law that stage B calibrates."""


@dataclass(frozen=True)
class Pool:
    """The vertebrae of a cohort.

    Attributes:
        cohort: what was asked.
        vertebrae: a row for each that is finished.
        file: cohort file.
        path: where it comes from.
    """

    cohort: Cohort
    vertebrae: VertebraRows
    file: Path
    path: Path

    @classmethod
    def of(cls, folder: CohortFolder) -> Pool:
        """What is finished in the folder of a cohort.

        Raises:
            InputError: the folder holds no cohort.
        """
        return cls(folder.cohort(), folder.vertebrae(), folder.file, folder.path)

    @classmethod
    def read(cls, table: Path) -> Pool:
        """A table that :meth:`keep` has written.

        Raises:
            InputError: it or the cohort file beside it cannot be used.
        """
        file = table.with_suffix(".toml")
        return cls(read_cohort(file), read_rows(table)[""], file, table)

    @classmethod
    def at(cls, path: Path) -> Pool:
        """Of a folder, or of a kept table."""
        return cls.read(path) if path.suffix == ".csv" else cls.of(CohortFolder(path))

    def keep(self, folder: Path) -> Path:
        """Write the table, with the cohort file beside it, where pages are rebuilt from.

        Raises:
            InputError: nothing is finished yet.
        """
        if not self.vertebrae.errors:
            raise InputError(f"{self.path}: none of its vertebrae is finished; go on with 'vertebroplasty cohort'")
        stage = self.cohort.stage + (f"-{self.calibre:g}" if self.cohort.stage == "B" else "")
        target = folder / f"{self.cohort.study}-{stage}.csv"
        write_rows(target, {"": self.vertebrae})
        target.with_suffix(".toml").write_bytes(self.file.read_bytes())
        return target

    @property
    def calibre(self) -> float:
        """Median calibre of the veins' branches in mm."""
        return self.cohort.laws.get(CALIBRE, VeinDistributions().calibre)

    @property
    def patients(self) -> int:
        """To whom the vertebrae belong that finished."""
        return len(set(self.vertebrae.table["patient"].tolist()))
