"""The files of a kind, sweeps, cohorts or trials, that come with the software, and how any file of it is read."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.case.schema import CASES
from experiments.case.sections.base import joined
from meshes.errors import InputError


@dataclass(frozen=True)
class ReadyFiles:
    """TOML files of one kind.

    Attributes:
        kind: what such a file holds, as in "sweep".
    """

    kind: str

    @property
    def folder(self) -> Path:
        """Where those are that come with the software."""
        return CASES / f"{self.kind}s"

    @property
    def names(self) -> list[str]:
        """Names of those that come with the software."""
        return sorted(path.stem for path in self.folder.glob("*.toml"))

    def file(self, name: str) -> Path:
        """One that comes with the software.

        Raises:
            InputError: there is none of this name.
        """
        if name not in self.names:
            raise InputError(f"--ready {name}: there is no such {self.kind}; choose {joined(self.names, 'or')}")
        return self.folder / f"{name}.toml"

    def read(self, path: Path) -> dict[str, Any]:
        """Content of a file of this kind, not checked yet.

        Raises:
            InputError: it is missing, cannot be read, or is no TOML.
        """
        try:
            return tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            ready = f"ready ones are {joined(self.names)}, with --ready"
            raise InputError(f"{path}: no such {self.kind} file; {ready}") from None
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{path}: cannot be read as a text file ({error})") from None
        except tomllib.TOMLDecodeError as error:
            raise InputError(f"{path}: not valid TOML: {error}") from None
