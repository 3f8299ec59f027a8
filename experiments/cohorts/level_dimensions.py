"""How large vertebrae are by level, sex and person."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from statistics import mean
from typing import Any

from materials.provenance import check_ranges, quantity
from meshes.modelled_vertebra import VertebraShape
from meshes.parametric import level_dimensions

LUMBAR = ("L2", "L3", "L4", "L5")
"""Levels whose mean is the anchor of the scale."""

_CLOUTHIER = "L2 to L5 of 87 patients, Clouthier 2023, 10.1016/j.jbiomech.2022.111421: range over 4.9"
_LESS = "less what levels and sexes differ by"


@dataclass(frozen=True)
class SizeSpread:
    """How vertebrae of one level differ between people.

    Attributes:
        sex_across: width and depth of men over those of women.
        sex_height: height of men over that of women.
        women: share of women among those who gave the means.
        width: coefficient of variation within a level and a sex.
        depth: the same of the depth.
        height: the same of the height.
        shared: correlation of two dimensions of one person, in the same vertebra or in two.
        pedicle_width: standard deviation of the pedicle's width in mm.
        least_pedicle: smallest width of a pedicle in mm.
    """

    sex_across: float = quantity(
        1.10, "1", "cross-section of men's bodies a fifth to a fourth larger (Gilsanz 1994)", "M", 0.9, 1.3
    )
    sex_height: float = quantity(1.05, "1", "men's bodies little higher", "M", 0.9, 1.2)
    women: float = quantity(0.51, "1", "51 % of 87 patients, Clouthier 2023, 10.1016/j.jbiomech.2022.111421", "S")
    width: float = quantity(0.056, "1", f"8.5 % of {_CLOUTHIER}, {_LESS}", "D", 0.0, 0.2)
    depth: float = quantity(0.052, "1", f"7.2 % of {_CLOUTHIER}, {_LESS}", "D", 0.0, 0.2)
    height: float = quantity(0.060, "1", f"6.5 % of {_CLOUTHIER}, {_LESS}", "D", 0.0, 0.2)
    shared: float = quantity(0.6, "1", "large people have large bodies throughout; no number at hand", "D", 0.0, 1.0)
    pedicle_width: float = quantity(1.8, "mm", "1.5 to 2.5 mm, Zindrick 1987", "M", 0.0, 4.0)
    least_pedicle: float = quantity(2.5, "mm", "no pedicle is drawn thinner", "D", 1.0, 6.0)

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_ranges(self)

    def sex_factors(self, man: bool) -> tuple[float, float]:
        """Factors on width and depth, and on height, whose means over the sexes of the source are 1."""
        across = 1.0 / (self.women + (1.0 - self.women) * self.sex_across)
        height = 1.0 / (self.women + (1.0 - self.women) * self.sex_height)
        return (across * self.sex_across, height * self.sex_height) if man else (across, height)


@dataclass(frozen=True)
class Deviates:
    """Standard normal numbers by which one vertebra differs from the mean of its level and sex.

    Attributes:
        width: of the body.
        depth: of the body.
        height: of the body.
        pedicle_width: of both pedicles, independent of the body's.
    """

    width: float = 0.0
    depth: float = 0.0
    height: float = 0.0
    pedicle_width: float = 0.0

    @classmethod
    def of_person(cls, person: float, own: tuple[float, float, float], pedicle: float, shared: float) -> Deviates:
        """Deviates that correlate by ``shared`` through what is common to all vertebrae of a person.

        Args:
            person: standard normal number of the person.
            own: independent ones of the vertebra, for width, depth and height.
            pedicle: one for the pedicles.
            shared: correlation.
        """
        common, rest = math.sqrt(shared) * person, math.sqrt(1.0 - shared)
        width, depth, height = (common + rest * number for number in own)
        return cls(width, depth, height, pedicle)


def vertebra_shape(level: str, man: bool, deviates: Deviates, spread: SizeSpread) -> VertebraShape:
    """Dimensions of one vertebra.

    Args:
        level: T5 to L5.
        man: whether it is a man's.
        deviates: how it differs from others.
        spread: how much that is.

    Raises:
        KeyError: no dimensions of the level are known.
    """
    means, table = mean_dimensions()[level], _table()
    across, height = spread.sex_factors(man)
    pedicle = float(table["pedicle_width"][level]) + spread.pedicle_width * deviates.pedicle_width
    return VertebraShape(
        width=means["width"] * across * (1.0 + spread.width * deviates.width),
        depth=means["depth"] * across * (1.0 + spread.depth * deviates.depth),
        height=means["height"] * height * (1.0 + spread.height * deviates.height),
        pedicle_width=max(pedicle, spread.least_pedicle),
        pedicle_height=float(table["pedicle_height"][level]),
        canal_width=means["canal_width"],
        canal_depth=means["canal_depth"],
        camber=math.radians(table["camber_deg"][level]),
    )


@cache
def mean_dimensions() -> Mapping[str, Mapping[str, float]]:
    """Level -> mean width, depth and height of the body and width and depth of the canal in mm.

    Levels differ as ``meshes/parametric_levels.toml`` and ``levels.toml`` say; the mean of :data:`LUMBAR` is the
    anchor.
    """
    bodies, anchor, canal = level_dimensions(), _table()["anchor"], _table()["canal_width"]
    known: dict[str, dict[str, float]] = {
        level: {"width": body.width, "depth": body.depth, "height": body.height, "canal_width": canal[level]}
        for level, body in bodies.items()
    }
    scale = {name: anchor[name] / mean(known[level][name] for level in LUMBAR) for name in known["L3"]}
    return {
        level: {name: scale[name] * value for name, value in sizes.items()} | {"canal_depth": anchor["canal_depth"]}
        for level, sizes in known.items()
    }


@cache
def _table() -> Mapping[str, Any]:
    return tomllib.loads(files("experiments.cohorts").joinpath("levels.toml").read_text(encoding="utf-8"))
