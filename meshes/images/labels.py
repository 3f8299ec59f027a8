"""Which number of a label mask is which vertebra.

Conventions number vertebrae differently and their numbers collide (22 is L3 in VerSe and L1 in TotalSegmentator 1), so
the level a user asks for is never taken as evidence for a convention.
"""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path

from meshes.errors import InputError
from meshes.images.segments import level_of_name

BINARY_VALUES = (1, 255)
"""Values that, alone in a mask, mean inside rather than a vertebra's number."""
FIRST_ORGANS = range(1, 18)
"""Numbers that are organs in both versions of TotalSegmentator: a whole-body result holds some of them."""
LEVELS = tuple([f"C{k}" for k in range(1, 8)] + [f"T{k}" for k in range(1, 14)] + [f"L{k}" for k in range(1, 7)])
"""Names of the vertebrae that can be asked for, in cranio-caudal order."""


@dataclass(frozen=True)
class LabelMap:
    """Numbers of the vertebrae in one labelling convention.

    Attributes:
        name: name in case files.
        title: name for people.
        source: publication that defines it.
        levels: level -> number, in cranio-caudal order.
        sacrum: numbers of the sacrum and coccyx, in cranio-caudal order.
        spine: further numbers that may stand in a mask of the spine alone, such as ribs and discs.
        other: numbers of everything else the convention may hold.
    """

    name: str
    title: str
    source: str
    levels: Mapping[str, int]
    sacrum: tuple[int, ...]
    spine: frozenset[int]
    other: frozenset[int]

    def vertebrae_in(self, present: Iterable[int]) -> dict[str, int]:
        """Level -> number of the vertebrae among ``present``, in cranio-caudal order."""
        numbers = set(present)
        return {level: number for level, number in self.levels.items() if number in numbers}

    def fits(self, heights: Mapping[int, float]) -> bool:
        """Whether a mask can be read in this convention.

        It can where every number is known to it, vertebrae are among them, the column stands in cranio-caudal order,
        and numbers that are no spine occur only in a result that holds organs.

        Args:
            heights: label -> height of its centroid above an arbitrary level in mm.
        """
        present = set(heights)
        column = [number for number in (*self.levels.values(), *self.sacrum) if number in present]
        rest = present - set(column) - self.spine
        if not self.vertebrae_in(present) or rest - self.other or (rest and not rest & set(FIRST_ORGANS)):
            return False
        return all(heights[upper] > heights[lower] for upper, lower in itertools.pairwise(column))


@dataclass(frozen=True)
class PartLabels:
    """Numbers of the parts of a vertebra.

    Attributes:
        body: numbers of the body.
        arch: numbers of the rest of the vertebra; empty where the user names none.
    """

    body: tuple[int, ...]
    arch: tuple[int, ...] = ()

    def check(self, present: Iterable[int], file: str) -> None:
        """Refuse numbers that do not occur.

        Args:
            present: numbers in the file.
            file: how messages call it.

        Raises:
            InputError: a number is missing.
        """
        there = set(present) - {0}
        for part, numbers in (("body", self.body), ("arch", self.arch)):
            if missing := [number for number in numbers if number not in there]:
                raise InputError(
                    f"{part}_labels: {_listed(missing)} {'is' if len(missing) == 1 else 'are'} not in {file}, which "
                    f"holds {_listed(there)}; choose among these"
                )


CORPUS = PartLabels(body=(49, 50))
"""TPTBox numbers of the body, its border and its inside; whatever else a vertebra has is its arch."""


@dataclass(frozen=True)
class LabelChoice:
    """The vertebra chosen in a mask.

    Attributes:
        level: name of the vertebra.
        labels: its numbers in the mask; several only where the user names those of its parts.
        label_map: convention, ``"number"`` where the user named the number, ``"parts"`` where the user named those of
            body and arch, ``"named"`` where the user named those of vertebrae, ``"segments"`` where the file does, or
            ``"binary"``.
        reason: why it was read so, for the manifest.
        column: level -> number of all vertebrae that are known in the mask.
    """

    level: str
    labels: tuple[int, ...]
    label_map: str
    reason: str
    column: Mapping[str, int] = field(default_factory=dict)

    @property
    def label(self) -> int:
        """The number, or the first of them."""
        return self.labels[0]

    def __str__(self) -> str:
        """Level and numbers, for messages."""
        return f"{self.level} ({_listed(self.labels)})"


@cache
def label_maps() -> dict[str, LabelMap]:
    """The known conventions by name."""
    document = tomllib.loads(files("meshes.images").joinpath("label_maps.toml").read_text(encoding="utf-8"))
    return {
        name: LabelMap(
            name,
            entry["title"],
            entry["source"],
            entry["levels"],
            tuple(entry["sacrum"]),
            _numbers(entry["spine"]),
            _numbers(entry["other"]),
        )
        for name, entry in document.items()
    }


def choose_label(
    heights: Mapping[int, float],
    path: Path,
    level: str | None = None,
    labels: str | int | Mapping[str, int | str] | None = None,
    names: Mapping[int, str] | None = None,
) -> LabelChoice:
    """Find the number of a vertebra in a mask.

    Args:
        heights: label -> height of its centroid in mm, for every label in the mask except 0.
        path: file of the mask, for messages; a name such as ``vertebrae_L3.nii.gz`` gives the level of a binary mask.
        level: vertebra asked for, such as ``"L3"``; may be left out where the mask holds one vertebra.
        labels: name of the convention, the vertebra's number, or level -> number or name of a segment; None to take
            the names of the segments, or to infer the convention where these name no vertebra.
        names: number -> name of the segment, where the file names its segments.

    Raises:
        InputError: unknown level or convention, level or number not in the mask, a mask that fits several conventions,
            or names that contradict each other, the numbers or the order of the vertebrae.
    """
    level = None if level is None else _checked_level(level)
    names = {number: name for number, name in (names or {}).items() if number in heights}
    by_name = _levels_of_names(names, path)
    if isinstance(labels, str) and labels.strip().isdecimal():
        labels = int(labels)
    if isinstance(labels, int):
        choice = _by_number(heights, path, level, labels)
    elif isinstance(labels, Mapping):
        given = {_checked_level(key): _number_of(key, value, heights, names, path) for key, value in labels.items()}
        choice = _by_levels(heights, path, level, given, "named", "numbers as named by the user")
    elif labels is not None:
        if labels not in label_maps():
            raise InputError(
                f"labels = {labels!r} is not known; use one of {', '.join(label_maps())}, or the vertebra's number in "
                "the mask"
            )
        chosen = label_maps()[labels]
        choice = _by_map(heights, path, level, chosen, f"{chosen.title} as given")
    elif by_name:
        choice = _by_levels(heights, path, level, by_name, "segments", "names of the file's segments")
    elif len(heights) == 1 and (next(iter(heights)) in BINARY_VALUES or not _readings(heights)):
        choice = _binary(next(iter(heights)), path, level)
    else:
        choice = _inferred(heights, path, level)
    other = next((name for name, number in by_name.items() if number == choice.label), choice.level)
    if other != choice.level and not isinstance(labels, Mapping):
        raise InputError(
            f"label {choice.label} of mask {path} is {choice.level} by its number, but its segment has the name "
            f"{names[choice.label]!r}; leave labels out, or correct the name"
        )
    return choice


def choose_parts(present: Iterable[int], path: Path, level: str | None, parts: PartLabels) -> LabelChoice:
    """The vertebra whose body and arch have numbers of their own in a mask.

    Args:
        present: every label in the mask.
        path: file of the mask, for messages.
        level: name of the vertebra.
        parts: the numbers.

    Raises:
        InputError: the level is missing or unknown, or a number does not occur.
    """
    parts.check(present, f"mask {path}")
    if level is None:
        raise InputError(f"body_labels of mask {path} need the name of their vertebra; give the level, such as L3")
    arch = f", {_listed(parts.arch)} as arch" if parts.arch else ""
    reason = f"{_listed(parts.body)} as body{arch}, as given"
    return LabelChoice(_checked_level(level), (*parts.body, *parts.arch), "parts", reason)


def _by_number(heights: Mapping[int, float], path: Path, level: str | None, label: int) -> LabelChoice:
    if label not in heights:
        raise InputError(f"label {label} is not in mask {path}, which holds {_listed(heights)}; choose one of these")
    if level is None:
        raise InputError(f"label {label} of mask {path} needs the name of its vertebra; give the level, such as L3")
    return LabelChoice(level, (label,), "number", f"number {label} as given")


def _by_map(heights: Mapping[int, float], path: Path, level: str | None, chosen: LabelMap, reason: str) -> LabelChoice:
    there = chosen.vertebrae_in(heights)
    if not there:
        raise InputError(
            f"mask {path} holds no vertebra in the numbers of {chosen.title} but {_listed(heights)}; choose another "
            "label map or give the vertebra's number"
        )
    if level is None:
        if len(there) > 1:
            raise InputError(f"mask {path} holds {_named(there)}; choose one with the level")
        level = next(iter(there))
    if level not in there:
        raise InputError(
            f"level {level} is not in mask {path}, which holds {_named(there)} in the numbers of {chosen.title}; "
            "choose one of these or another label map, or turn the mask over if it lies upside down"
        )
    return LabelChoice(level, (there[level],), chosen.name, reason, there)


def _levels_of_names(names: Mapping[int, str], path: Path) -> dict[str, int]:
    """Level -> number of the segments whose names mean vertebrae."""
    found: dict[str, int] = {}
    for number, name in names.items():
        if (level := level_of_name(name)) in LEVELS and level is not None:
            if level in found:
                raise InputError(
                    f"mask {path} has two segments of {level}, {names[found[level]]!r} and {name!r}; rename one of them"
                )
            found[level] = number
    return found


def _number_of(level: str, given: int | str, heights: Mapping[int, float], names: Mapping[int, str], path: Path) -> int:
    """The number that a user names by itself or by its segment."""
    if isinstance(given, int):
        return given
    found = [number for number, name in names.items() if name == given]
    if len(found) != 1:
        known = (
            f"its segments are {', '.join(names.values())}" if names else f"it holds {_listed(heights)} without names"
        )
        raise InputError(
            f"labels.{level} = {given!r}: mask {path} has {'several' if found else 'no'} segments of this name; {known}"
        )
    return found[0]


def _by_levels(
    heights: Mapping[int, float], path: Path, level: str | None, levels: Mapping[str, int], label_map: str, reason: str
) -> LabelChoice:
    """The vertebra among those whose numbers or segments somebody has named."""
    there = {name: levels[name] for name in LEVELS if levels.get(name) in heights}
    for upper, lower in itertools.pairwise(there):
        if heights[there[upper]] <= heights[there[lower]]:
            raise InputError(
                f"mask {path} has {upper} ({there[upper]}) below {lower} ({there[lower]}) by its "
                f"{reason}; correct their names, or the image's orientation"
            )
    if level is None and len(there) == 1:
        level = next(iter(there))
    if level is None or level not in there:
        missing = "holds" if level is None else f"has no {level} but holds"
        known = _named(there) if there else f"{_listed(heights)}, none of which is named"
        raise InputError(f"mask {path} {missing} {known}; choose a level that it has, or name its number with labels")
    return LabelChoice(level, (there[level],), label_map, reason, there)


def _binary(label: int, path: Path, level: str | None) -> LabelChoice:
    in_name = re.search(r"vertebrae?_([CTL]\d{1,2})(?!\d)", path.name, flags=re.IGNORECASE)
    named = in_name.group(1).upper() if in_name else None
    if named and level and named != level:
        raise InputError(
            f"mask {path} holds {named} by its name but level {level} is asked for; give the file of {level}"
        )
    if named or level:
        source = "the file's name" if level is None else "as given"
        return LabelChoice(_checked_level(level or named or ""), (label,), "binary", f"binary mask, level {source}")
    raise InputError(f"mask {path} holds the single value {label}; give the level of its vertebra, such as L3")


def _inferred(heights: Mapping[int, float], path: Path, level: str | None) -> LabelChoice:
    readings = _readings(heights)
    if not readings:
        raise InputError(
            f"mask {path} holds {_listed(heights)}, which fits no label map ({', '.join(label_maps())}) in numbers and "
            "cranio-caudal order; give labels as the vertebra's number in the mask"
        )
    if len(readings) > 1:
        options = " or ".join(f"{reading.name} ({_named(reading.vertebrae_in(heights))})" for reading in readings)
        raise InputError(f"mask {path} can be read as {options}; choose one with labels")
    reason = f"{readings[0].title}, inferred: the only map that fits {_listed(heights)} in their cranio-caudal order"
    return _by_map(heights, path, level, readings[0], reason)


def _readings(heights: Mapping[int, float]) -> list[LabelMap]:
    return [chosen for chosen in label_maps().values() if chosen.fits(heights)]


def _checked_level(level: str) -> str:
    name = level.strip().upper()
    if name not in LEVELS:
        raise InputError(f"level {level!r} is not a vertebra; use C1 to C7, T1 to T13 or L1 to L6")
    return name


def _numbers(ranges: Iterable[tuple[int, int]]) -> frozenset[int]:
    return frozenset(number for first, last in ranges for number in range(first, last + 1))


def _named(vertebrae: Mapping[str, int]) -> str:
    names = [f"{level} = {number}" for level, number in vertebrae.items()]
    return ", ".join(names)


def _listed(heights: Iterable[int]) -> str:
    numbers = sorted(heights)
    word = "label" if len(numbers) == 1 else "labels"
    shown = ", ".join(map(str, numbers[:12]))
    return f"{word} {shown}" + (f" and {len(numbers) - 12} more" if len(numbers) > 12 else "")
