"""The page of virtual patients: every distribution with unit, source and tag.

``python -m experiments.cohorts.population_page > docs/theory/virtual-patients.md`` writes it anew; a test compares.
"""

from __future__ import annotations

from collections.abc import Iterator

from experiments.cohorts.distributions import Choice, Fixed, LogNormal, Normal, Pieces, Uniform
from experiments.cohorts.level_dimensions import SizeSpread, mean_dimensions
from experiments.cohorts.population import Population
from materials.provenance import describe

HEAD = """\
# Virtual patients

<!-- Written by `python -m experiments.cohorts.population_page > docs/theory/virtual-patients.md`; edit that module. -->

Patients of a cohort are drawn from the distributions below
([`experiments.cohorts.virtual_patient.draw_patient`](../../experiments/cohorts/virtual_patient.py)), each of which a
cohort file may override. Every property has a stream of random numbers of its own (NumPy's PCG64) for each patient and
vertebra, so that patient 17 of a seed is the same in a cohort of 20 and of 2000, on every machine, and a change of one
distribution does not shuffle the others.

Tags: **S** read in the source, **M** general knowledge not checked against it, **D** derived or a project choice.

## Who is treated
"""

CORRELATIONS = """\
## What goes together, and what does not

Men have larger bodies. Density falls with age, by sex; where a series tells T-scores, these are drawn and the density
is 146.7 mg/cm³ and 26.7 for each step, a line through (−1, 120) and (−2.5, 80) (D). Levels differ in size, pedicles
and canal, and in where the foramen of the basivertebral veins lies. Dimensions of one person correlate by
`SizeSpread.shared` within a vertebra and between two of them. The growth class of the primary is the patient's, and a
rapid one widens the veins ([Veins](veins.md)); so does age.

All else is independent, since no source tells otherwise: size and density, fracture and density, lesion and level,
calibres of veins within a patient.
"""

SHAPES = """\
## How a vertebra is made

A body is one of two shapes. **The real one** is the L3 of the demo's CT, voxels and noise included, whose spacing is
changed so that width, depth and height are those of the vertebra
([`experiments.cohorts.body_files.body_tables`](../../experiments/cohorts/body_files.py)); its density is shifted by the
intercept of the calibration. **The modelled one** is drawn on voxels of 1 mm
([`meshes.modelled_vertebra.modelled_vertebra`](../../meshes/modelled_vertebra.py)): an ellipse that narrows to 0.87
of its width and 0.95 of its depth at mid-height (all three measured on twelve public masks of one spine, S), between
endplates that sink in by 7 % of the height each (M), with a posterior wall that is hollow by 4 % of the depth (M),
pedicles at the angle of their level, canal, lamina and processes; its bone is even, in a shell of 0.35 mm (M). Beside
the twelve masks a modelled body of the same three dimensions has 0.95 to 1.14 times the volume, 1.03 in the median.
Heart-shaped sections of upper thoracic bodies, wedged bodies and scoliosis are left out.

Both take the random structure of the permeability ([Bone](bone.md)), a network of veins of their own
([Veins](veins.md)), and where they are fractured a draw from the prior of [Fractured bodies](fractures.md).

"""

CHECKS = """\
## What was checked

| check | where |
|---|---|
| means, deviations and correlations of draws against the sources | `{folder}/test_virtual_patient.py` |
| dimensions of the voxels against those asked for | `tests/meshes/test_modelled_vertebra.py` |
| volumes against two series; bodies that mesh | `{folder}/test_virtual_bodies.py` |
| volumes against twelve real levels, share refused of 150 bodies | the same with `-m slow` |

Of 300 bodies, half of them fractured and half with metastases on meshes of 2.5 mm, none was refused for what it is
(2026-11-30; below 1 % at a confidence of 95 %; of even bone, without measures of the mesh's quality). The needle of
that check comes straight in. Through the pedicles is another matter: of 186 vertebrae of `filling-fraction`, whose two
needles end in the middle third, 8 could not be treated in six aims, 6 of them modelled T11 and T12. Their ellipse has
no corners behind, so that the pedicle joins it some millimetres too far in front and its needle comes in too obliquely.
""".replace("{folder}", "tests/experiments/cohorts")


def page() -> str:
    """The page in Markdown."""
    return (
        "\n".join([HEAD, *_population(), "", CORRELATIONS, *_sizes(), "", SHAPES.rstrip(), "", CHECKS.rstrip()]) + "\n"
    )


def in_words(law: Normal | Uniform | LogNormal | Pieces | Fixed | Choice) -> str:
    """A distribution as people write it, without its unit."""
    match law:
        case Choice():
            if set(law.weights) == {"yes", "no"}:
                return f"yes in {law.shares['yes']:.3g}"
            return ", ".join(f"{name} {share:.3g}" for name, share in law.shares.items() if share > 0.0)
        case Normal():
            bounds = "" if law.low is None and law.high is None else f", cut to {law.low or 0:g} to {law.high or 0:g}"
            return f"normal, {law.mean:g} ± {law.sd:g}{bounds}"
        case Uniform():
            return f"{law.low:g} to {law.high:g}, all alike"
        case LogNormal():
            return f"log-normal, median {law.median:g}, geometric deviation {law.geometric_sd:g}"
        case Pieces():
            total = sum(law.weights)
            parts = zip(law.edges, law.edges[1:], law.weights, strict=False)
            return ", ".join(f"{low:g} to {high:g} in {weight / total:.3g}" for low, high, weight in parts)
        case Fixed():
            return f"{law.value:g}"


def _population() -> Iterator[str]:
    yield "The defaults are those of an osteoporotic fracture; what a ready cohort overrides stands in its file."
    yield ""
    yield "| key of `[population]` | meaning [unit] | distribution | source (tag) |"
    yield "|---|---|---|---|"
    population = Population()
    for name, field in Population.model_fields.items():
        law, about = getattr(population, name), field.description
        if law is None:
            yield f"| `{name}` | {about} | – |  |"
            continue
        unit = "" if law.unit == "1" else f" [{law.unit}]"
        yield f"| `{name}` | {about}{unit} | {in_words(law)} | {law.source} ({law.tag}) |"


def _sizes() -> Iterator[str]:
    yield "## Dimensions"
    yield ""
    yield "Means of men and women together, in mm; sources in `experiments/cohorts/levels.toml` and"
    yield "`meshes/parametric_levels.toml`, the scale of all of them from L2 to L5 of 87 patients (Clouthier 2023, S)."
    yield ""
    yield "| level | width | depth | height | canal |"
    yield "|---|---|---|---|---|"
    for level, sizes in mean_dimensions().items():
        body = " | ".join(f"{sizes[name]:.1f}" for name in ("width", "depth", "height"))
        yield f"| {level} | {body} | {sizes['canal_width']:.1f} by {sizes['canal_depth']:.1f} |"
    yield ""
    yield "| `SizeSpread` | value | unit | source (tag) |"
    yield "|---|---|---|---|"
    for name, about in describe(SizeSpread()).items():
        yield f"| `{name}` | {about['value']:g} | {about['unit']} | {about['source']} ({about['tag']}) |"


if __name__ == "__main__":
    print(page(), end="")
