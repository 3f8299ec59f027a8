"""The folder of a sweep: its plan, one file per finished case, the failed cases' own files, and the table of all.

Only whole files have the names by which they are read, so that a killed sweep loses the cases under way and no more.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.results.format import FORMAT_VERSION, check_format_version
from experiments.results.store import json_text
from experiments.sweep.cases import Plan, SweepCase
from meshes.errors import InputError

FORMAT = "vertebroplasty-sweep"
"""How ``format`` begins in the ``sweep.json`` of every version."""

ROW_BYTES = 20_000
"""Rough size of what is kept of one case."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class SweepFolder:
    """A folder that holds a sweep.

    Attributes:
        path: the folder.
    """

    path: Path

    @property
    def meshes(self) -> Path:
        """Where meshes are kept that cases share."""
        return self.path.resolve() / "meshes"

    def fields(self, number: int) -> Path:
        """The folder of a case whose fields are kept, as a single run writes it, without pictures."""
        return self.path.resolve() / "cases" / f"{number:06d}"

    @property
    def table(self) -> Path:
        """The Parquet file of all finished cases."""
        return self.path / "results.parquet"

    @classmethod
    def check(cls, path: Path) -> None:
        """Refuse a place that holds something else.

        Raises:
            InputError: it is a file, or a folder with other content or the sweep of another version.
        """
        if path.exists() and not path.is_dir():
            raise InputError(f"{path}: is a file, not a folder; choose another folder with -o")
        if path.is_dir() and any(path.iterdir()):
            if cls(path)._content() is None:
                raise InputError(f"{path}: is not empty and holds no sweep; choose another folder with -o")
            cls(path).plan()

    def check_plan(self, plan: Plan) -> None:
        """Refuse a sweep without the finished cases of the folder's own: they would fall out of its table.

        Raises:
            InputError: the folder holds such cases, or its rows cannot be read.
        """
        if not (self.path / "sweep.json").exists():
            return
        before = self.plan()
        try:
            own, code = {case["identity"] for case in before["cases"]}, before["code"]
        except (KeyError, TypeError):
            raise InputError(f"{self.path}: its sweep.json is damaged; choose another folder with -o") from None
        dropped = own.difference(plan.different)
        if count := sum("outcome" in row for row in self.rows(dropped.__contains__).values()):
            by = "" if code == plan.code else f", computed by vertebroplasty {code}, this is {plan.code}"
            raise InputError(
                f"{self.path}: holds {count} finished {'case' if count == 1 else 'cases'} that this sweep does not "
                f"have{by}; choose another folder with -o, or move that one away"
            )

    @contextmanager
    def open(self, plan: Plan) -> Iterator[None]:
        """Make the folder, or go on in it, for as long as the block lasts; its plan becomes ``plan``.

        Raises:
            InputError: it holds something else or another sweep, nothing can be written there, the disk is too full, or
                another process runs a sweep in it.
        """
        self.check(self.path)
        with self._writing():
            for folder in (self.path, self.path / "rows"):
                folder.mkdir(parents=True, exist_ok=True)
            needed, free = ROW_BYTES * len(plan.different), shutil.disk_usage(self.path).free
            if free < needed:
                raise InputError(
                    f"{self.path}: {needed / 1e6:.0f} MB are needed there but {free / 1e6:.0f} MB are free; make room "
                    "or choose another folder with -o"
                )
            lock = (self.path / "sweep.lock").open("w")
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InputError(f"{self.path}: another process runs a sweep there; wait for it or stop it") from None
            for part in [*self.path.glob("*.part"), *self.path.glob("*/*.part")]:
                part.unlink(missing_ok=True)
            self.check_plan(plan)
            self.write("sweep.json", json_text(describe(plan), indent=1))
            yield

    def plan(self) -> dict[str, Any]:
        """What ``sweep.json`` says: the sweep file, the version of the software, units, and the cases by number.

        Raises:
            InputError: the folder holds no sweep, or one of another version.
        """
        if (plan := self._content()) is None:
            raise InputError(f"{self.path}: holds no sweep; give the folder that 'vertebroplasty sweep' wrote")
        check_format_version(self.path, plan, plan.get("code"))
        return plan

    def _content(self) -> dict[str, Any] | None:
        """Content of the ``sweep.json`` of any version; None where there is none."""
        try:
            plan = json.loads((self.path / "sweep.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return plan if isinstance(plan, dict) and str(plan.get("format", "")).startswith(FORMAT) else None

    def rows(self, wanted: Callable[[str], bool] = lambda identity: True) -> dict[str, Row]:
        """Identity -> what is known of every finished or failed case, of earlier plans and versions too.

        A file that somebody has damaged counts as missing, so that its case runs again.

        Args:
            wanted: tells of an identity whether its row is asked for.

        Raises:
            InputError: a file is there and cannot be read, so that nobody knows what is in it.
        """
        known: dict[str, Row] = {}
        for path in (self.path / "rows").glob("*.json"):
            if wanted(path.stem):
                try:
                    row = json.loads(path.read_text(encoding="utf-8"))
                except (ValueError, RecursionError):
                    continue
                except OSError as error:
                    raise InputError(
                        f"{path}: cannot be read ({error.strerror}); make it readable or move it away, and the same "
                        "command goes on"
                    ) from None
                if _is_row(row):
                    known[path.stem] = row
        return known

    def rows_until(self, file: Path) -> set[str]:
        """Identities of the cases whose rows are older than a file."""
        moment = file.stat().st_mtime_ns
        with os.scandir(self.path / "rows") as entries:
            older = [entry.name for entry in entries if entry.stat().st_mtime_ns < moment]
        return {name.removesuffix(".json") for name in older if name.endswith(".json")}

    def keep(self, case: SweepCase, row: Row) -> None:
        """Keep what came of a case, and the case file of one that failed.

        Raises:
            InputError: the folder cannot be written; what was kept earlier is whole.
        """
        if error := row.get("error"):
            with self._writing():
                (self.path / "failed").mkdir(exist_ok=True)
            self.write(f"failed/{case.number:06d}.toml", case.case_file(f"{error['kind']}: {error['message']}"))
        self.write(f"rows/{case.identity}.json", json_text({**row, "case": dict(case.content)}))

    def case_file(self, number: int) -> str:
        """The case file of a case that has run, with what varies in it as a comment above.

        Args:
            number: of the case, from 1.

        Raises:
            InputError: there is no such case, or it has not run.
        """
        cases = {case["number"]: case for case in self.plan()["cases"]}
        if number not in cases:
            raise InputError(f"--case {number}: {self.path} has no such case; choose 1 to {max(cases, default=0)}")
        identity, values = cases[number]["identity"], cases[number]["values"]
        row = self.rows(identity.__eq__).get(identity, {})
        if "case" not in row:
            raise InputError(
                f"--case {number}: has not run in {self.path} yet, or by an older version; go on with the sweep"
            )
        told = "\n".join([f"case {number} of {self.path}", *(f"{path} = {value}" for path, value in values.items())])
        return SweepCase(number, identity, values, row["case"]).case_file(told)

    def forget_failures(self) -> None:
        """Remove the rows of failed cases, so that they are missing and run again."""
        for identity, row in self.rows().items():
            if row.get("error"):
                (self.path / "rows" / f"{identity}.json").unlink()
        shutil.rmtree(self.path / "failed", ignore_errors=True)

    def write(self, name: str, content: str | Callable[[Path], object]) -> None:
        """Write a file of the folder, whole or not at all.

        Args:
            name: relative to the folder.
            content: a text, or what writes the file to a path.

        Raises:
            InputError: the folder cannot be written.
        """
        part = self.path / f"{name}.part"
        with self._writing():
            try:
                if isinstance(content, str):
                    part.write_text(content, encoding="utf-8")
                else:
                    content(part)
                with part.open("rb") as file:
                    os.fsync(file.fileno())
                part.replace(self.path / name)
            except BaseException:
                part.unlink(missing_ok=True)
                raise

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise InputError(
                f"{self.path}: cannot write there ({error.strerror or error}); finished cases are whole, and the same "
                "command goes on once there is room, or choose another folder with -o"
            ) from None


def _is_row(row: Any) -> bool:
    """Whether this is what :meth:`SweepFolder.keep` writes, as far as a sweep and its table build on it."""
    match row:
        case {"inputs": dict(), "error": {"kind": str(), "message": str()}, "seconds": None | float() | int()}:
            return True
        case {"inputs": dict(), "outcome": {"results": dict(results)}, "seconds": float() | int()}:
            injection = results.get("injection", {})
            return isinstance(injection, dict) and isinstance(injection.get("mass_balance_error", 0.0), float | int)
    return False


def identity_of(folder: Path) -> str | None:
    """Identity of the case whose folder this is; None where there is none."""
    try:
        return str(json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["identity"]["case"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def describe(plan: Plan) -> dict[str, Any]:
    """Content of ``sweep.json``."""
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "code": plan.code,
        "study": plan.sweep_file.model_dump(mode="json", exclude_none=True),
        "units": dict(plan.units),
        "cases": [
            {"number": case.number, "identity": case.identity, "values": dict(case.values)} for case in plan.cases
        ],
    }
