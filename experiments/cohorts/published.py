"""What studies published, each number with the statistic of a table of treated vertebrae that it is.

Here are the five, declared before any cohort ran; :mod:`experiments.cohorts.held_out` has more. *Seen* are numbers that
the project had looked at in single cases before the settings of stage A were fixed (docs/leak-contrasts.md,
docs/directions.md); the others are predictions.
"""

from __future__ import annotations

from collections.abc import Mapping

from experiments.cohorts.drawn import LEVELS
from experiments.cohorts.held_out import KYPHOPLASTY, VERTEBROPLASTY
from experiments.cohorts.published_number import (
    ONE_PLACE,
    Published,
    both_ways,
    deviation,
    difference,
    mean,
    odds,
    share,
    share_difference,
)
from experiments.cohorts.statistics import Area, CutOff, Difference, Mean, ShareOfLevels
from experiments.cohorts.study import Study
from experiments.results.probability import Probability

_ANY = ("growth", "wall_defect", "bilateral", "injected_ml", "thoracic")
_CANAL = ("wall_defect", "injected_ml", "bilateral")
_WALL = ("a defect", "a whole wall")
_SIDES = ("two needles", "one needle")

METASTATIC_LEAKAGE = Study(
    "metastatic-leakage",
    "risk factors of cement leakage in spinal metastases",
    64,
    113,
    (
        mean("cement injected, mean", "injected_ml", "ml", 4.84, 1.70, 113),
        deviation("cement injected, SD", "injected_ml", "ml", 1.70, 113),
        share("any leak", "leak", 64, 113, seen=True),
        share("leak into the canal", "main_canal", 18, 113, seen=True, remark=ONE_PLACE),
        share("leak into vessels around the vertebra", "main_vessel", 11, 113, seen=True, remark=ONE_PLACE),
        share("leak into disc or beside it", "main_disc_or_paravertebral", 35, 113, seen=True, remark=ONE_PLACE),
        odds("any leak: OR per growth class", "leak", _ANY, "growth", (2.06, 1.124, 3.776), seen=True),
        *both_ways("any leak: OR of a posterior-wall defect", "leak", _ANY, "wall_defect", (19.7, 3.65, 106.3), _WALL),
        *both_ways("any leak: OR of two needles", "leak", _ANY, "bilateral", (0.369, 0.118, 1.151), _SIDES),
        odds("any leak: OR per ml", "leak", _ANY, "injected_ml", (0.698, 0.476, 1.024), seen=True),
        *both_ways(
            "any leak: OR of a thoracic level", "leak", _ANY, "thoracic", (0.724, 0.232, 2.253), ("thoracic", "lumbar")
        ),
        *both_ways(
            "canal leak: OR of a posterior-wall defect",
            "main_canal",
            _CANAL,
            "wall_defect",
            (0.121, 0.034, 0.423),
            _WALL,
        ),
        odds("canal leak: OR per ml", "main_canal", _CANAL, "injected_ml", (1.499, 1.022, 2.199), seen=True),
        *both_ways("canal leak: OR of two needles", "main_canal", _CANAL, "bilateral", (3.472, 0.642, 18.783), _SIDES),
        Published(
            "canal leak: cement injected, difference of medians",
            Difference("injected_ml", "main_canal", "median"),
            "ml",
            1.5,
            seen=True,
            remark="6.00 (4.00 to 7.12) against 4.50 (3.00 to 6.00) ml, P .020",
        ),
        share_difference(
            "canal leak: share with two needles, difference", "bilateral", "main_canal", (16, 18), (57, 95), "P .019"
        ),
    ),
    "chemotherapy and radiotherapy after the operation",
)

CONFLUENT_SEPARATED = Study(
    "confluent-separated",
    "distribution of cement after bilateral kyphoplasty of metastases",
    59,
    59,
    (
        share("confluent", "confluent", 35, 59, remark="by docs/theory/fill-and-leaks.md; the study by eye"),
        Published("confluent: cement, mean", Mean("injected_ml", ("confluent", 1.0)), "ml", 3.8, 3.27, 4.33),
        Published("separated: cement, mean", Mean("injected_ml", ("confluent", 0.0)), "ml", 3.9, 3.42, 4.38),
        difference(
            "cement, confluent less separated", "injected_ml", "confluent", "ml", (3.8, 1.6, 35), (3.9, 1.2, 24)
        ),
        share("any leak", "leak", 11, 59, seen=True),
        share_difference("any leak, confluent less separated", "leak", "confluent", (8, 35), (3, 24), "P .72"),
        share("leak into a disc", "main_disc", 4, 59, seen=True, remark=ONE_PLACE),
        share("leak at the foramen", "main_foramen", 2, 59, seen=True, remark=ONE_PLACE),
        share("leak along the needle", "main_needle_track", 3, 59, seen=True, remark=ONE_PLACE),
        share("leak into the venous plexus", "main_vessel", 2, 59, seen=True, remark=ONE_PLACE),
        share_difference("lytic, confluent less separated", "lytic", "confluent", (23, 35), (18, 24)),
    ),
    "pain, disability and heights after the operation",
)

_BY_LEVEL = {
    **{"T5": (0, 2), "T6": (1, 4), "T7": (2, 13), "T8": (3, 25), "T9": (5, 25), "T10": (5, 48), "T11": (9, 75)},
    **{"T12": (8, 115), "L1": (11, 114), "L2": (8, 76), "L3": (6, 40), "L4": (1, 31), "L5": (0, 17)},
}
_PUNCTURE = ("man", "puncture_percent", "puncture_ml", "t_score")
_LEAKERS, _OTHERS = 59, 526


def _levels(quantity: str, *levels: str) -> Published:
    events, of = (sum(_BY_LEVEL[level][place] for level in levels) for place in (0, 1))
    found = Probability.of(events, of)
    statistic = ShareOfLevels("leak_vessel", tuple(LEVELS.index(level) for level in levels))
    return Published(quantity, statistic, "-", found.estimate, found.low, found.high, remark=f"{events} of {of}")


PUNCTURE_SIDE_RATIO = Study(
    "puncture-side-ratio",
    "cement on the puncture side against leakage into paravertebral veins in osteoporosis",
    495,
    585,
    (
        share("leak into paravertebral veins", "leak_vessel", 59, 585, seen=True, remark="segmental or anterior veins"),
        mean("cement on CT, mean", "cement_ml", "cm3", 5.30, 0.86, 585),
        deviation("cement on CT, SD", "cement_ml", "cm3", 0.86, 585),
        mean("body, mean", "body_ml", "cm3", 24.59, 1.85, 585),
        deviation("body, SD", "body_ml", "cm3", 1.85, 585, "levels T5 to L5 alone would make it larger"),
        mean("cement over body, mean", "cement_percent", "%", 21.56, 2.54, 585),
        mean("puncture side's cement over body, mean", "puncture_percent", "%", 14.72, 2.58, 585),
        difference(
            "leakers' cement on CT, difference",
            "cement_ml",
            "leak_vessel",
            "cm3",
            (5.31, 0.92, _LEAKERS),
            (5.30, 0.85, _OTHERS),
        ),
        difference(
            "leakers' cement on the puncture side, difference",
            "puncture_ml",
            "leak_vessel",
            "cm3",
            (4.06, 0.90, _LEAKERS),
            (3.59, 0.74, _OTHERS),
        ),
        difference(
            "leakers' body, difference",
            "body_ml",
            "leak_vessel",
            "cm3",
            (24.57, 1.81, _LEAKERS),
            (24.59, 1.86, _OTHERS),
        ),
        difference(
            "leakers' cement over body, difference",
            "cement_percent",
            "leak_vessel",
            "%",
            (22.52, 2.84, _LEAKERS),
            (21.45, 2.48, _OTHERS),
        ),
        difference(
            "leakers' puncture side over body, difference",
            "puncture_percent",
            "leak_vessel",
            "%",
            (16.44, 3.17, _LEAKERS),
            (14.53, 2.43, _OTHERS),
            seen=True,
            remark="P .016; the direction was seen",
        ),
        difference(
            "leakers' T-score, difference",
            "t_score",
            "leak_vessel",
            "-",
            (-2.72, 0.94, _LEAKERS),
            (-3.23, 1.15, _OTHERS),
            seen=True,
            remark="P .020; the direction was seen",
        ),
        share_difference("leakers' share of men, difference", "man", "leak_vessel", (18, 59), (97, 526), "P .027"),
        odds(
            "OR of a woman",
            "leak_vessel",
            _PUNCTURE,
            "man",
            (0.505, 0.268, 0.953),
            inverse=True,
            remark="men leak more, by the counts",
        ),
        odds(
            "OR per % of the puncture side over body",
            "leak_vessel",
            _PUNCTURE,
            "puncture_percent",
            (1.607, 1.218, 2.120),
            seen=True,
        ),
        odds(
            "OR per ml on the puncture side",
            "leak_vessel",
            _PUNCTURE,
            "puncture_ml",
            (0.445, 0.176, 1.122),
            remark="n.s.",
        ),
        odds("OR per T-score", "leak_vessel", _PUNCTURE, "t_score", (1.338, 1.033, 1.734), seen=True),
        Published(
            "AUC of the puncture side over body", Area("puncture_percent", "leak_vessel"), "-", 0.690, 0.610, 0.769
        ),
        Published(
            "cut-off of the puncture side over body",
            CutOff("puncture_percent", "leak_vessel"),
            "%",
            13.68,
            remark="sensitivity .847, specificity .378",
        ),
        Published("AUC of the T-score", Area("t_score", "leak_vessel"), "-", 0.633),
        _levels("leaks at T5 to T9", "T5", "T6", "T7", "T8", "T9"),
        _levels("leaks at T10 to T12", "T10", "T11", "T12"),
        _levels("leaks at L1 and L2", "L1", "L2"),
        _levels("leaks at L3 to L5", "L3", "L4", "L5"),
    ),
    event="leak_vessel",
    by_level=_BY_LEVEL,
)

METASTATIC_OUTCOME = Study(
    "metastatic-outcome",
    "vertebroplasty in metastases",
    34,
    50,
    (
        mean("cement injected, mean", "injected_ml", "ml", 3.22, 0.84, 50),
        deviation("cement injected, SD", "injected_ml", "ml", 0.84, 50),
        share("any leak", "leak", 19, 50, seen=True),
        share("leak into soft tissue beside the vertebra", "main_paravertebral", 10, 50, seen=True, remark=ONE_PLACE),
        share("leak into paravertebral veins", "main_vessel", 4, 50, seen=True, remark=ONE_PLACE),
        share("leak into a disc", "main_disc", 4, 50, seen=True, remark=ONE_PLACE),
        share("leak into the canal", "main_canal", 2, 50, seen=True, remark=ONE_PLACE),
    ),
    "pain and disability",
)

FILLING_FRACTION = Study(
    "filling-fraction",
    "injected volume against CT volume of the vertebra",
    27,
    41,
    (
        mean("body, mean", "body_ml", "cm3", 26.1, 6.0, 41),
        deviation("body, SD", "body_ml", "cm3", 6.0, 41),
        mean("cement injected, mean", "injected_ml", "ml", 2.0, 0.8, 41),
        deviation("cement injected, SD", "injected_ml", "ml", 0.8, 41),
        Published("injected volume over body, mean", Mean("injected_percent"), "%", 9.0),
        share("any leak", "leak", 15, 41, seen=True),
        share("leak into vessels", "main_vein", 8, 41, seen=True, remark=ONE_PLACE),
        share("leak into a disc", "main_disc", 5, 41, seen=True, remark=ONE_PLACE),
        share("leak behind", "main_posterior_wall", 2, 41, seen=True, remark=ONE_PLACE),
        share("punctual leak", "punctual", 12, 41),
        share("moderate leak", "moderate", 1, 41),
        share("massive leak", "massive", 2, 41),
        Published(
            "leakers' body, difference", Difference("body_ml", "leak"), "cm3", -2.5, remark="24.5 against 27.0, P .466"
        ),
        Published(
            "leakers' cement, difference",
            Difference("injected_ml", "leak"),
            "ml",
            0.18,
            remark="2.13 against 1.95, P .267",
        ),
    ),
    "pain and disability",
)

STUDIES: Mapping[str, Study] = {
    study.name: study
    for study in (
        METASTATIC_LEAKAGE,
        CONFLUENT_SEPARATED,
        PUNCTURE_SIDE_RATIO,
        METASTATIC_OUTCOME,
        FILLING_FRACTION,
        VERTEBROPLASTY,
        KYPHOPLASTY,
    )
}
"""Name -> study: the five, and those of series that were held out."""
