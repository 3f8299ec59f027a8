"""Every entry of ``results.json`` and ``manifest.json`` with its unit and meaning, as the page ``docs/results.md``.

``python -m experiments.results.parts.page > docs/results.md`` writes the page anew; a test compares the two.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from experiments.results.parts.base import Part
from experiments.results.parts.manifest import Manifest
from experiments.results.parts.quantities import given_kind, kind_of_values
from experiments.results.parts.results import Results

_INTRODUCTION = """\
# Results

Written by `python -m experiments.results.parts.page > docs/results.md`; do not edit it by hand. A folder of a finished
run, or of a measured CT, holds its numbers in `results.json`, and in `manifest.json` what they come from.
`vertebroplasty schema results` and `vertebroplasty schema manifest` print the same as JSON Schema. Python reads them as
attributes:

```python
import vertebroplasty

case = vertebroplasty.open_case("results/demo")
print(case.results.injection.leaked_ml, case.results.injection.leaks["disc_superior"].volume_ml)
print(case.results.plain()["injection"]["leaked_ml"])  # plain data, as the file holds it
```

The table of a sweep has the same names for its columns, with dots: `injection.leaks.disc_superior.volume_ml`. Below,
`<name>` stands for a site, a wall or another name, `<state>` for `intact`, `fractured` (where the bone is damaged) or
`augmented`, and `[n]` counts the entries of a list. A unit of 1 is left out. Both files hold `format_version`; a folder
of another version is refused with the name of the software that reads it.
"""


def page() -> str:
    """The whole page in Markdown."""
    sections = [
        "\n".join([_INTRODUCTION, "## results.json\n", *_sections(Results)]),
        "\n".join(["## manifest.json\n", *_sections(Manifest)]),
    ]
    return "\n".join(sections)


def _sections(root: type[Part]) -> Iterator[str]:
    """One table for each kind of part, under the names by which it is reached."""
    places: dict[type[Part], list[str]] = {}
    for place, part in _reached(root, ""):
        if place not in (known := places.setdefault(part, [])):
            known.append(place)
    for part, found in places.items():
        heading = [f"### {', '.join(f'`{place}`' for place in found)}\n"] if found != [""] else []
        about = " ".join((part.__doc__ or "").split("\n\n")[0].split())
        rest = ["", " ".join((part.__doc__ or "").split("\n\n")[1].split())] if "\n\n" in (part.__doc__ or "") else []
        yield "\n".join([*heading, about, *rest, "", "| name | read as | unit | meaning |", "|---|---|---|---|"])
        yield "\n".join(_rows(part)) + "\n"


def _reached(part: type[Part], place: str) -> Iterator[tuple[str, type[Part]]]:
    yield place, part
    for name, field in part.model_fields.items():
        step = "<state>" if part.quantity(name).holds_state else name
        path, kind = f"{place}.{step}" if place else step, given_kind(field.annotation)
        if (values := kind_of_values(kind)) is not None:
            path, kind = f"{path}.<name>", values
        elif get_args(kind):
            path, kind = f"{path}[n]", get_args(kind)[0]
        if isinstance(kind, type) and issubclass(kind, Part):
            yield from _reached(kind, path)


def _rows(part: type[Part]) -> Iterator[str]:
    for name, field in part.model_fields.items():
        known = part.quantity(name)
        missing = "" if field.is_required() else " May be missing."
        unit = "" if known.unit == "1" else known.unit
        yield f"| `{name}` | {known.label} | {unit} | {known.description}{missing} |"


if __name__ == "__main__":
    print(page(), end="")
