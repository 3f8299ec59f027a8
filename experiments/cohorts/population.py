"""Who is treated: the distributions from which patients and their vertebrae are drawn.

The defaults are those of an osteoporotic fracture. A cohort file overrides any of them, with unit, source and tag.
"""

from __future__ import annotations

from pydantic import Field

from experiments.case.sections.base import Section
from experiments.cohorts.distributions import Choice, Distribution, Fixed, Normal, Pieces, Uniform, chance

DENSITY_AT_T_0 = 146.7
"""mg/cm3 of trabecular bone at a T-score of 0: the line of :data:`DENSITY_PER_T` (tag D)."""

DENSITY_PER_T = 26.7
"""mg/cm3 for one step of the T-score: a line through (-1, 120) and (-2.5, 80) (tag D)."""

LEAST_DENSITY, LARGEST_DENSITY = 5.0, 300.0
"""mg/cm3 that trabecular bone is drawn within (tag D)."""

SHAPES = ("real", "modelled")
"""Of bodies: the demo's L3 scaled to the level, or one built from its dimensions."""


class Population(Section):
    """Patients and vertebrae of a cohort.

    A patient has sex, age, size, density and primary; each vertebra of theirs has level, dimensions, structure, veins,
    fracture and lesion of its own. With ``t_score`` density follows from it, else from sex and age.
    """

    vertebrae: Choice = Field(
        default=Choice(weights={"1": 1.0}, source="one treated vertebra a patient", tag="D"),
        description="treated vertebrae of a patient, 1 to 6",
    )
    level: Choice = Field(
        default=Choice(
            weights={"T11": 75, "T12": 115, "L1": 114, "L2": 76, "L3": 40, "L4": 31},
            source="most frequent levels of the puncture-side-ratio series",
            tag="S",
        ),
        description="levels of the treated vertebrae; those of one patient differ",
    )
    man: Choice = Field(
        default=chance(0.197, "115 of 585 vertebrae of the puncture-side-ratio series", "S"),
        description="whether the patient is a man",
    )
    age_years: Distribution = Field(
        default=Normal(
            mean=72.0,
            sd=8.0,
            low=50.0,
            high=95.0,
            unit="year",
            source="osteoporotic fractures, not told by the series",
            tag="M",
        ),
        description="age",
    )
    t_score: Distribution | None = Field(
        default=None, description="T-score; density is 146.7 mg/cm3 and 26.7 for each step of it"
    )
    density_man: Distribution = Field(
        default=Normal(
            mean=128.0,
            sd=41.0,
            low=LEAST_DENSITY,
            high=LARGEST_DENSITY,
            unit="mg/cm3",
            source="61 men of VerSe, 66 years in the mean",
            tag="S",
        ),
        description="density of men at reference_age, where there is no t_score",
    )
    density_woman: Distribution = Field(
        default=Normal(
            mean=103.0,
            sd=35.0,
            low=LEAST_DENSITY,
            high=LARGEST_DENSITY,
            unit="mg/cm3",
            source="99 women of VerSe, 66 years in the mean",
            tag="S",
        ),
        description="density of women at reference_age, where there is no t_score",
    )
    loss_man: Distribution = Field(
        default=Fixed(
            value=0.0072,
            unit="1/year",
            source="0.72 % a year, single-energy QCT of osteoporotic patients, bibliographic record 10167229",
            tag="S",
        ),
        description="share of the density at reference_age that men lose every year",
    )
    loss_woman: Distribution = Field(
        default=Fixed(
            value=0.012,
            unit="1/year",
            source="1.2 % a year, single-energy QCT of osteoporotic patients, bibliographic record 10167229",
            tag="S",
        ),
        description="the same of women",
    )
    reference_age: Distribution = Field(
        default=Fixed(value=66.0, unit="year", source="mean age of the VerSe cohort", tag="S"),
        description="age at which density_man and density_woman hold",
    )
    real_shape: Choice = Field(
        default=chance(
            0.5, "half of the lumbar bodies are the demo's L3, the others and all thoracic ones modelled", "D"
        ),
        description="whether a lumbar body is the demo's L3 scaled to its dimensions",
    )
    heterogeneity_sd: Distribution = Field(
        default=Uniform(
            low=0.5, high=1.1, source="0.51 (public L2, 1 mm) to 1.06 (micro-CT core, 1 mm cubes)", tag="D"
        ),
        description="standard deviation of ln k of the structure",
    )
    heterogeneity_length_mm: Distribution = Field(
        default=Uniform(
            low=2.0, high=3.0, unit="mm", source="1.5 to 3 mm in a public L2, inflated by resampling", tag="D"
        ),
        description="correlation length of the structure",
    )
    fractured: Choice = Field(
        default=chance(1.0, "osteoporotic series treat fractures", "D"), description="whether the body is fractured"
    )
    old_fracture: Choice = Field(
        default=chance(0.0, "treated fractures are painful and taken as fresh", "D"),
        description="whether it has healed",
    )
    cleft: Choice | None = Field(
        default=None, description="whether a fracture has a cleft; the prior of docs/theory/fractures.md where left out"
    )
    lesion: Choice = Field(
        default=Choice(weights={"none": 1.0}, source="osteoporotic series", tag="D"),
        description="metastasis: none, osteolytic or osteoblastic",
    )
    lesion_share: Distribution = Field(
        default=Pieces(
            edges=(0.2, 0.75, 0.95),
            weights=(15, 44),
            source="more than 75 % invaded in 44 of 59 bodies of the confluent-separated series; even within",
            tag="D",
        ),
        description="share of the body that the metastasis has taken",
    )
    lesion_from: Choice = Field(
        default=Choice(
            weights={"posterior_wall": 42, "anterior_wall": 17},
            source="posterior body or pedicle involved in 42 of 59 of the confluent-separated series; else in front",
            tag="D",
        ),
        description="wall from which the metastasis has grown",
    )
    growth: Choice = Field(
        default=Choice(
            weights={"slow": 14, "moderate": 8, "rapid": 42},
            source="Tomita classes of 64 patients of the metastatic-leakage series",
            tag="S",
        ),
        description="growth class of the primary tumour, one for each patient",
    )
    wall_defect: Choice = Field(
        default=chance(0.0, "osteoporotic series; fractures bring fissures of their own", "D"),
        description="whether part of the posterior wall is destroyed",
    )
    wall_defect_share: Distribution = Field(
        default=Uniform(low=0.1, high=0.5, source="no series tells how much of the wall is lost", tag="D"),
        description="share of the posterior wall that is destroyed",
    )
