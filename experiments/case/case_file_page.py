"""Every key of the case file with what there is to know of it, as the page ``docs/case-file.md``.

``python -m experiments.case.case_file_page > docs/case-file.md`` writes the page anew; a test compares the two. A
section's docstring stands above the table of its keys, its ``notes`` below.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from experiments.case.keys import Key, section_keys
from experiments.case.schema import Case
from experiments.case.sections.base import Section

_INTRODUCTION = """\
# The case file

<!-- Written by `python -m experiments.case.case_file_page > docs/case-file.md`; edit that module and the sections. -->

One TOML file says everything about one simulated injection. It is in clinical units; what is left out has a default.
Unknown keys and values out of range are refused with one sentence that names the key, the range and the unit, before
any work. `vertebroplasty schema` prints the same as JSON Schema, which editors use for completion and checks.

```bash
vertebroplasty run case.toml               # results in results/case/
vertebroplasty run case.toml -o somewhere  # results in somewhere/
mpiexec -n 2 vertebroplasty run case.toml  # on two ranks
```

## A case of your own

You need a CT in HU as NIfTI or a folder with one DICOM series, and a NIfTI mask on the same grid: label numbers of
VerSe or TotalSegmentator, or one vertebra alone. Save this beside them as `case.toml`:

```toml
[patient]
ct = "ct.nii.gz"
mask = "vertebrae.nii.gz"
level = "L3"
labels = "verse"

[cement]
viscosity = "medium"

[[needles]]
side = "left"
gauge = 11

[injection]
volume_ml = 4.0
rate_ml_per_min = 3.0
```

Relative paths count from the folder of the case file. Which number stands for which level differs between conventions
(L3 is 22 in VerSe, 20 in TotalSegmentator 1, 29 in TotalSegmentator 2), so name yours with `labels`; left out, it is
inferred only where a single reading fits, and refused otherwise.

The same from Python:

```python
from pathlib import Path

from vertebroplasty import read_case, run

outcome = run(read_case(Path("case.toml")), Path("results/case"))
injection = outcome.results.injection
print(injection.leaked_ml, injection.peak_tip_pressure_kpa)
```

## Where things are in a vertebra

Plans use fractions of the body, so one plan fits every patient. They are taken through the body's centroid:

- `left`: -1 at the right wall, 0 in the middle, 1 at the left wall (the patient's left),
- `depth`: 0 at the anterior wall, 1 at the posterior wall,
- `height`: 0 at the inferior endplate, 1 at the superior endplate.

## Keys

Tags: **S** read in the cited source, **M** general knowledge not checked against it, **D** derived or a project choice.
A dash as default means that nothing is asked for; the name of a law's quantity, that the law's own default holds.
These defaults are in [theory/defaults.md](theory/defaults.md), and the manifest of every run lists them with their
sources. Headings in double brackets are tables that may occur several times; messages count them from one, so
`needles[2].gauge` is the key `gauge` of the second `[[needles]]`.
"""

_HEAD = ("| key | meaning [unit] | allowed | default | source of the default (tag) |", "|---|---|---|---|---|")

_LAWS = """\
### [laws]

Most values of the model have no key of their own: setting times, activation energy, surface tension, gaps and
lengths of paths, elastic constants, shapes of leaks. Any of them can be given in this table, by the name under
which the manifest lists it and in the unit that it gives there. Those are the units of the laws, mm, N, s and MPa
(viscosities in MPa s, 1 Pa s = 1e-6 MPa s; densities in g/cm³), not clinical ones. Names stand in quotation marks.

```toml
[laws]
"cement.activation_energy" = 50.0           # kJ/mol
"cement.setting_time" = 1080.0              # s
"front.surface_tension" = 2.5e-5            # N/mm
"needle_track.length" = 15.0                # mm
"leaks.disc_thickness" = 3.0                # mm
```

`vertebroplasty schema --laws case.toml` lists the names for a case with value, unit, range, source and tag; which
there are depends on what the case has (`lesions[2].viscosity`, `cannulas[1].length`). What a key of the case file
sets already is refused here, and so are unknown names, values out of range and, beside prescribed cement, the laws
of an injection. Given values stand under `given` in the manifest and no longer among its `defaults`. Nothing else
is adapted: a later setting time, for one, leaves the doubling time as it is. Only the density, the porosity and
the permeability of a lesion follow each other, and tumours widen the veins whose diameter is not given.
"""


def page() -> str:
    """The whole page in Markdown."""
    return "\n".join([_INTRODUCTION, *_tables(Case), _LAWS])


def _tables(section: type[Section], holder: Key | None = None) -> Iterator[str]:
    """What stands of a section and of the sections inside it, which ``holder`` holds; None for the whole file."""
    keys = section_keys(section, "" if holder is None else holder.path)
    rows = [_row(key) for key in keys.values() if key.section is None]
    about = [] if holder is None else [f"### {holder.heading}\n", f"{inspect.getdoc(section)}\n"]
    notes = ["", inspect.cleandoc(section.notes)] if section.notes else []
    yield "\n".join([*about, *_HEAD, *rows, *notes]) + "\n"
    for key in keys.values():
        if key.section is not None and issubclass(key.section, Section):
            yield from _tables(key.section, key)


def _row(key: Key) -> str:
    allowed = key.allowed or ("a path" if key.file else "text")
    source = f"{key.source} ({key.tag})" if key.tag and key.default is not None else ""
    return f"| `{key.name}` | {key.description} | {allowed} | {_default(key)} | {source} |"


def _default(key: Key) -> str:
    if key.required:
        return "required"
    if key.default is None:
        return " and ".join(f"`{name}`" for name in key.sets) or "–"
    if isinstance(key.default, bool):
        return str(key.default).lower()
    return "empty" if key.default == {} else f"{key.default}"


if __name__ == "__main__":
    print(page(), end="")
