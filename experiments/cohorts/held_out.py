"""Series of osteoporotic fractures that were held out: declared after the settings of the five were fixed.

Neither of the cohorts had run when numbers and settings were declared, and nothing is fitted to them.
*Seen* are numbers of which docs/leak-contrasts.md had looked at the like in single cases, or at their direction.
"""

from __future__ import annotations

from experiments.cohorts.published_number import Published, counted_odds, odds, share
from experiments.cohorts.statistics import Difference, Mean, Ratio
from experiments.cohorts.study import Series, Study

VERTOS_II = Series(
    "VERTOS II",
    "10.1007/s00234-010-0705-6",
    "CT after vertebroplasty; a vertebra can leak in several places",
    80,
    (
        share("any leak", "leak", 64, 80),
        share("leak into veins", "leak_vein", 56, 80, remark="at the foramen, segmental and anterior"),
        share("leak into a disc", "leak_disc", 22, 80),
        share("leak into soft tissue", "leak_paravertebral", 2, 80),
        Published(
            "leakers' cement, difference",
            Difference("injected_ml", "leak"),
            "ml",
            0.8,
            seen=True,
            remark="4.5 against 3.7; the direction was seen",
        ),
    ),
)

TYPES_ON_CT = Series(
    "344 vertebrae",
    "10.1186/s13018-021-02337-1",
    "vertebroplasty of 236 patients, types on CT; a vertebra can leak in several ways; counts are of the shares (D)",
    344,
    (
        share("type B (basivertebral vein)", "leak_foramen", 98, 344, seen=True, remark="28.5 %"),
        share("type S (segmental veins)", "leak_vessel", 118, 344, seen=True, remark="34.3 %"),
        share("type C (cortex)", "leak_cortex_or_disc", 84, 344, remark="24.4 %; discs count among it (D)"),
    ),
)

_PAIRS = 139


def _with_and_without(about: str, column: str, ones: int, others: int) -> tuple[Published, ...]:
    """Shares with and without a cleft of 139 vertebrae each, and their odds ratio."""
    return (
        share(f"{about} with a cleft", column, ones, _PAIRS, where=("cleft", 1.0), seen=True),
        share(f"{about} without", column, others, _PAIRS, where=("cleft", 0.0), seen=True),
        counted_odds(f"{about}: OR of a cleft", column, "cleft", (ones, _PAIRS), (others, _PAIRS), seen=True),
    )


CLEFT_PAIRS = Series(
    "matched clefts",
    "PMC8449924",
    "139 vertebrae with a cleft and 139 matched ones without; here 0.28 have one, so that bands of those with it are "
    "wider, and nothing is matched; counts are those of the shares (D)",
    2 * _PAIRS,
    (
        *_with_and_without("any leak", "leak", 94, 106),
        *_with_and_without("type B (basivertebral vein)", "leak_foramen", 29, 44),
        *_with_and_without("type S (segmental veins)", "leak_vessel", 34, 73),
        *_with_and_without("type C (cortex)", "leak_cortex", 36, 17),
        *_with_and_without("type D (disc)", "leak_disc", 23, 9),
        *_with_and_without("venous leak", "leak_vein", 52, 94),
        *_with_and_without("cortical leak (disc or not)", "leak_cortex_or_disc", 56, 23),
    ),
)

_POOLED = "pooled over 22 studies"

META_ANALYSIS = Series(
    "Zhan 2017",
    "10.1016/j.wneu.2017.01.124",
    "meta-analysis of 22 studies with 2872 patients; odds ratios and the difference in volume are of vertebroplasty "
    "and kyphoplasty together; studies looked for leaks on radiographs as well as on CT (M)",
    4187,
    (
        Published("any leak after vertebroplasty", Mean("leak"), "-", 0.547, remark="its count is not told"),
        odds(
            "any leak: OR of a disrupted cortex",
            "leak",
            ("cortical_disruption",),
            "cortical_disruption",
            (5.56, 1.84, 16.81),
            remark=f"{_POOLED}; here fissures of the fracture or a destroyed wall",
        ),
        odds(
            "any leak: OR of low viscosity",
            "leak",
            ("high_viscosity",),
            "high_viscosity",
            (3.32, 1.36, 8.07),
            inverse=True,
            seen=True,
            remark=f"{_POOLED}; here low against high, at the same ages",
        ),
        odds("any leak: OR of a cleft", "leak", ("cleft",), "cleft", (1.40, 1.09, 1.78), seen=True, remark=_POOLED),
        Published(
            "leakers' cement, difference",
            Difference("injected_ml", "leak"),
            "ml",
            0.59,
            0.02,
            1.17,
            seen=True,
            remark=f"{_POOLED}; the direction was seen",
        ),
    ),
)

VISCOSITY_TRIALS = Series(
    "viscosity",
    "PMC5895344",
    "meta-analysis of cements of high and of low viscosity; its size was not seen: bands are those of the cohort",
    None,
    (
        Published(
            "any leak: relative risk of high viscosity",
            Ratio("leak", "high_viscosity"),
            "-",
            0.38,
            0.29,
            0.51,
            seen=True,
            remark="high against low, at the same ages",
        ),
        Published(
            "leak into veins: relative risk of high viscosity",
            Ratio("leak_vein", "high_viscosity"),
            "-",
            0.54,
            0.35,
            0.85,
            seen=True,
            remark="high against low, at the same ages",
        ),
    ),
)

LEARNED = Series(
    "374 vertebroplasties",
    "10.1186/s12893-023-01959-y",
    "how leaks were looked for was not seen, nor whether it counts patients or vertebrae; here vertebrae",
    374,
    (share("any leak", "leak", 150, 374),),
)

VERTEBROPLASTY = Study.held_out(
    "osteoporotic-vertebroplasty",
    "series of osteoporotic fractures that were held out",
    236,
    344,
    (VERTOS_II, TYPES_ON_CT, CLEFT_PAIRS, META_ANALYSIS, VISCOSITY_TRIALS, LEARNED),
    "odds ratios of the dispersion of cement, which the 344 vertebrae have without the numbers at hand",
)
"""One cohort for all of them: fractures with and without clefts, cements of all three classes."""

CHEN = Series(
    "Chen 2017",
    "rhhz.net GUSS",
    "kyphoplasty of 311 patients; places add up to more than the leaks: a vertebra can have several (D)",
    370,
    (
        share("any leak", "leak", 77, 370),
        share("type C (cortex)", "leak_cortex_or_disc", 52, 370, remark="discs count among it (D)"),
        share("type B (basivertebral vein)", "leak_foramen", 9, 370),
        share("type S (segmental veins)", "leak_vessel", 5, 370),
        share("leak along the needle", "leak_needle_track", 20, 370),
    ),
)

KYPHOPLASTY_349 = Series(
    "349 kyphoplasties",
    "rs-6940147",
    "how leaks were looked for was not seen, nor whether it counts patients or vertebrae; here vertebrae",
    349,
    (share("any leak", "leak", 69, 349),),
)

WITH_CLEFT = Series(
    "109 clefts",
    "10.3389/fsurg.2022.1005220",
    "kyphoplasty of fractures with a cleft; the count is that of 32.1 % (D); here 0.28 have one, so that the band is "
    "wider",
    109,
    (share("leak into a disc with a cleft", "leak_disc", 35, 109, where=("cleft", 1.0), remark="32.1 %"),),
)

META_ANALYSIS_OF_KYPHOPLASTY = Series(
    "Zhan 2017",
    "10.1016/j.wneu.2017.01.124",
    "as above; how many of the 4187 vertebrae had a kyphoplasty is not told: bands are those of the cohort",
    None,
    (Published("any leak after kyphoplasty", Mean("leak"), "-", 0.184, remark="its count is not told"),),
)

KYPHOPLASTY = Study.held_out(
    "osteoporotic-kyphoplasty",
    "series of kyphoplasty of osteoporotic fractures that were held out",
    311,
    370,
    (CHEN, KYPHOPLASTY_349, WITH_CLEFT, META_ANALYSIS_OF_KYPHOPLASTY),
    "the odds ratios of the 109 clefts, whose units were not seen",
)
"""One cohort for all of them: balloons around both tips."""
