"""Compression fractures: what broken bone is like, and how often which fracture is met.

Depths and heights are fractions of the body, lengths in mm.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from scipy.special import ndtr, ndtri

from materials.provenance import check_ranges, quantity

_TRAUMA = "263 fractures, PMC7647501"
_OPEN_CLEFTS = "13.8 to 42.4 %, PMC8449924"
_DEEPEST = 0.15, 0.6  # range of the depth of the deepest point
_COMPRESSION = "compression ratio of 54 osteoporotic fractures, 10.1186/s13018-023-03941-z"


@dataclass(frozen=True)
class FractureDraw:
    """One fracture out of the prior.

    Attributes:
        kind: ``"wedge"``, ``"biconcave"`` or ``"crush"``.
        plate: ``"superior"``, ``"inferior"`` or ``"both"``.
        height_loss: share of the height where the kind loses most.
        deepest: depth of the deepest point of a broken endplate.
        cleft: whether the body holds a cleft.
        fissures: whether the cortex is disrupted.
        anterior_height: height of the fissure in the anterior wall, counted from the unbroken endplate.
        aperture: mm of the fissures.
    """

    kind: str
    plate: str
    height_loss: float
    deepest: float
    cleft: bool
    fissures: bool
    anterior_height: float
    aperture: float


@dataclass(frozen=True)
class BrokenBody:
    """Bone, fissures and cleft of a broken vertebral body, and the prior from which fractures are drawn.

    A cleft opens into a fissure, where the height was lost (tag M); clefts lie mostly in the anterosuperior part of the
    body (30 of them, McKiernan 2003, 10.1002/art.10984, tag S).
    """

    damage_fresh: float = quantity(
        0.2, "1", "modulus left after strains of some percent (Keaveny 1999, J Orthop Res 17:346)", "M", 0.05, 1.0
    )
    damage_old: float = quantity(0.6, "1", "callus bridges the broken trabeculae", "M", 0.05, 1.0)
    broken_strain: float = quantity(0.02, "1", "twice the yield strain of trabecular bone", "M", 0.005, 0.2)
    deepest: float = quantity(0.3, "1", f"deepest in the second fifth in 45 %, {_TRAUMA}", "S", *_DEEPEST)
    aperture: float = quantity(0.5, "mm", "gaps of 0.2 to 1 mm", "M", 0.05, 2.0)
    plate_fissure: float = quantity(0.5, "1", "share of the body's width", "D", 0.05, 0.8)
    anterior_fissure: float = quantity(0.4, "1", "share of the body's width", "D", 0.05, 0.6)
    anterior_height: float = quantity(0.8, "1", f"most often in the upper third, {_TRAUMA}", "S", 0.1, 0.9)
    anterior_middle: float = quantity(0.5, "1", f"next in the middle third, {_TRAUMA}", "S", 0.1, 0.9)
    posterior_fissure: float = quantity(0.25, "1", "share of the body's width", "D", 0.05, 0.5)
    posterior_loss: float = quantity(
        0.4, "1", "height loss from which the posterior wall breaks: severe after Genant 1993", "M", 0.0, 1.0
    )
    cleft_width: float = quantity(0.5, "1", "share of the body's width", "M", 0.1, 0.9)
    cleft_depth: float = quantity(0.45, "1", "share of the body's depth", "M", 0.1, 0.9)
    cleft_height: float = quantity(4.0, "mm", "height of the gap of a pseudarthrosis", "M", 1.0, 12.0)
    kinds: Mapping[str, float] = quantity(
        {"wedge": 0.6, "biconcave": 0.25, "crush": 0.15}, "1", "prevalence by type in population studies", "M", 0.0, 1.0
    )
    plates: Mapping[str, float] = quantity(
        {"superior": 0.855, "inferior": 0.019, "both": 0.126}, "1", f"of {_TRAUMA}", "S", 0.0, 1.0
    )
    loss_mean: float = quantity(0.43, "1", _COMPRESSION, "S", 0.05, 0.8)
    loss_deviation: float = quantity(0.16, "1", _COMPRESSION, "S", 0.01, 0.5)
    loss_least: float = quantity(0.1, "1", "less is not seen as a fracture", "D", 0.05, 0.5)
    deepest_fifths: Mapping[str, float] = quantity(
        {"first": 0.2, "second": 0.45, "third": 0.2, "fourth": 0.02},
        "1",
        f"weights of the fifths from the front; rare in the fourth, {_TRAUMA}",
        "S",
        0.0,
        1.0,
    )
    cleft_probability: float = quantity(0.28, "1", f"middle of {_OPEN_CLEFTS}", "S", 0.0, 1.0)
    fissure_probability: float = quantity(0.67, "1", "68 of 101 bodies, 10.4236/ojrad.2013.33025", "S", 0.0, 1.0)
    anterior_high_probability: float = quantity(
        0.7, "1", f"upper third more often than the middle, {_TRAUMA}", "D", 0.0, 1.0
    )
    aperture_least: float = quantity(0.2, "mm", "gaps of 0.2 to 1 mm", "M", 0.05, 2.0)
    aperture_largest: float = quantity(1.0, "mm", "gaps of 0.2 to 1 mm", "M", 0.05, 2.0)

    def __post_init__(self) -> None:
        """Check the ranges of the values."""
        check_ranges(self)

    def damage(self, age: str) -> float:
        """Share of its modulus that broken bone keeps in a ``"fresh"`` or an ``"old"`` fracture."""
        return self.damage_fresh if age == "fresh" else self.damage_old

    def breaks_posterior_wall(self, kind: str, height_loss: float) -> bool:
        """Whether the posterior wall is fissured: in every crush, and by severity else."""
        return kind == "crush" or height_loss >= self.posterior_loss

    def usual(self, kind: str, plate: str, height_loss: float) -> FractureDraw:
        """A fracture as asked, with the usual values of what was not asked for."""
        return FractureDraw(kind, plate, height_loss, self.deepest, False, True, self.anterior_height, self.aperture)

    def drawn(self, seed: int, most: float) -> FractureDraw:
        """A fracture at random; each of its properties has a stream of its own, so that none hangs on another.

        Args:
            seed: of the draw.
            most: largest height loss.
        """
        draws = {name: np.random.default_rng([seed, number]).random(2) for number, name in enumerate(_STREAMS)}

        def below(name: str, probability: float) -> bool:
            return bool(draws[name][0] < probability)

        low, high = ((bound - self.loss_mean) / self.loss_deviation for bound in (self.loss_least, most))
        least, largest = ndtr([low, high])
        loss = self.loss_mean + self.loss_deviation * ndtri(least + draws["height_loss"][0] * (largest - least))
        fifth = list(self.deepest_fifths).index(_chosen(self.deepest_fifths, draws["deepest"][0]))
        front, behind = np.clip([fifth / 5.0, (fifth + 1) / 5.0], *_DEEPEST)
        ratio = self.aperture_largest / self.aperture_least
        return FractureDraw(
            kind=_chosen(self.kinds, draws["kind"][0]),
            plate=_chosen(self.plates, draws["plate"][0]),
            height_loss=float(loss),
            deepest=float(front + draws["deepest"][1] * (behind - front)),
            cleft=below("cleft", self.cleft_probability),
            fissures=below("fissures", self.fissure_probability),
            anterior_height=(
                self.anterior_height
                if below("anterior_height", self.anterior_high_probability)
                else self.anterior_middle
            ),
            aperture=float(self.aperture_least * ratio ** draws["aperture"][0]),
        )


_STREAMS = ("kind", "plate", "height_loss", "deepest", "cleft", "fissures", "anterior_height", "aperture")


def _chosen(weights: Mapping[str, float], draw: float) -> str:
    """The name in whose part of the unit interval a draw lies, parts as long as the weights."""
    ends = list(accumulate(weights.values()))
    return list(weights)[int(np.searchsorted(np.array(ends) / ends[-1], draw, side="right"))]
