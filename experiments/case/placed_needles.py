"""A case whose needles lie where a user has put them, and its file with everything else kept, comments included."""

from __future__ import annotations

import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import tomlkit

from experiments.case.schema import Case, build_case, read_text
from meshes.errors import InputError

PLACING = ("approach", "line", "left", "depth", "height", "camber_deg", "sagittal_deg")
"""Keys of a needle that say where it lies."""


@dataclass(frozen=True)
class NeedlePlace:
    """Where a free needle lies.

    Attributes:
        left: tip, fraction of the half width.
        depth: tip, fraction of the depth.
        height: tip, fraction of the height.
        camber_deg: angle to the sagittal plane.
        sagittal_deg: angle to the axial plane.
    """

    left: float
    depth: float
    height: float
    camber_deg: float
    sagittal_deg: float


Places = Mapping[int, NeedlePlace]
"""Number of a needle in its case, from 0 -> where it has been put."""


def with_places(case: Case, places: Places, name: str) -> Case:
    """``case`` with some of its needles elsewhere.

    Args:
        case: what is asked.
        places: where needles have been put.
        name: how messages call the file.

    Raises:
        InputError: a sentence for each value out of its range, or needles with one tip.
    """
    content = case.model_dump(exclude_unset=True)
    needles = content.setdefault("needles", ({},) * len(case.needles))
    content["needles"] = [
        _moved(dict(needle), places[number]) if number in places else needle for number, needle in enumerate(needles)
    ]
    return build_case(content, name)


@dataclass(frozen=True)
class CaseText:
    """A case file as its user has written it.

    Attributes:
        folder: from where relative paths count.
        name: of the file; of what is to become one where there is none yet.
        path: the file; None where there is none yet.
        content: tables of a case that has no file.
    """

    folder: Path
    name: str
    path: Path | None = None
    content: Mapping[str, Any] | None = None

    def text(self, places: Places) -> str:
        """The file as it is now, with needles elsewhere.

        Raises:
            InputError: the file cannot be read any more, or is no longer a case with these needles.
        """
        if self.path is None:
            document = tomlkit.item(dict(self.content or {}))
            document = tomlkit.parse(tomlkit.dumps(document))
        else:
            document = tomlkit.parse(read_text(self.path))
        if "needles" not in document:
            document["needles"] = tomlkit.aot()
            document["needles"].append(tomlkit.table())
        if len(document["needles"]) <= max(places, default=0):
            raise InputError(f"{self.name}: has fewer needles than it had; open it again")
        for number, place in places.items():
            _moved(document["needles"][number], place)
        text = tomlkit.dumps(document)
        build_case(tomllib.loads(text), self.name, self.folder)
        return text

    def write(self, name: str, places: Places, replace: bool = False) -> Path:
        """Write a case file beside this one, whole or not at all.

        Args:
            name: of the file.
            places: where needles have been put.
            replace: whether a file of this name gives way.

        Returns:
            The file.

        Raises:
            InputError: see :meth:`text`; or no such file can be written.
        """
        if not name.endswith(".toml") or Path(name).name != name or name == ".toml":
            raise InputError(f"{name or 'nothing'}: is no name of a case file; choose one such as plan.toml")
        target, text = self.folder / name, self.text(places)
        try:
            if target.exists() and not replace:
                raise InputError(f"{target}: is there already; choose another name, or tick that it may be replaced")
            with tempfile.TemporaryDirectory(prefix=f".{name}.", dir=self.folder) as work:
                made = Path(work, name)
                made.write_text(text, encoding="utf-8")
                if replace:
                    made.replace(target)
                else:
                    target.hardlink_to(made)
        except FileExistsError:
            raise InputError(f"{target}: is there already; choose another name") from None
        except OSError as error:
            raise InputError(f"{target}: cannot be written ({error.strerror}); nothing has changed") from None
        return target


def _moved(needle: Any, place: NeedlePlace) -> Any:
    """A table of a needle, changed so that it lies at a place; what it delivers stays."""
    for key in PLACING:
        needle.pop(key, None)
    needle["approach"] = "free"
    for key, value in asdict(place).items():
        needle[key] = value
    return needle
