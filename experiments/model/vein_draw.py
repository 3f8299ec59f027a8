"""The veins of one body, drawn at random from their distributions."""

from __future__ import annotations

import math
from enum import IntEnum

import numpy as np

from materials.vein_distributions import FORAMINA, VeinDistributions
from meshes.vein_layout import VeinPlan
from meshes.vein_network import DIAMETERS

MANY = 5
"""Foramina of a body that has many, each below 1 mm; how many they are was not counted (tag D)."""


class _Stream(IntEnum):
    """Random numbers of its own for every quantity, so that a change of one does not shuffle the others.

    The numbers are part of what a seed means and never change.
    """

    FORAMINA = 0
    CONFLUENCES = 1
    BRANCHES = 2
    DIRECTIONS = 3
    INCLINATIONS = 4
    CALIBRES = 5
    TRUNKS = 6
    SIDES = 7


def draw_veins(
    law: VeinDistributions, seed: int, foramina: int | None = None, age: float | None = None, widening: float = 1.0
) -> VeinPlan:
    """The veins of one body; the same for the same arguments on every machine.

    Calibres outside :data:`meshes.vein_network.DIAMETERS`, which only wide distributions reach, are cut to its bounds.

    Args:
        law: the distributions.
        seed: of the random numbers; its streams are NumPy's PCG64.
        foramina: their number where it is known.
        age: of the patient in years; the law's reference where it is left out.
        widening: factor on all calibres.
    """

    def stream(name: _Stream) -> np.random.Generator:
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(int(name),))))

    if foramina is None:
        bounds = np.cumsum([law.foramina[name] for name in FORAMINA])
        foramina = 1 + min(int(np.searchsorted(bounds, stream(_Stream.FORAMINA).random(), side="right")), MANY - 1)
    possible = law.most_branches - law.fewest_branches + 1
    branches = law.fewest_branches + int(possible * stream(_Stream.BRANCHES).random())
    even = law.reach * ((2.0 * np.arange(branches) + 1.0) / branches - 1.0)
    strays = law.direction_spread * stream(_Stream.DIRECTIONS).standard_normal(branches)
    calibre = law.calibre * law.age_factor(age) * widening
    halfway = calibre * law.calibre_spread ** stream(_Stream.CALIBRES).standard_normal(branches)
    trunks = calibre * law.calibre_spread ** stream(_Stream.TRUNKS).standard_normal(foramina)
    range_of_depth = law.farthest_confluence - law.nearest_confluence
    depths = law.nearest_confluence + range_of_depth * stream(_Stream.CONFLUENCES).random(min(foramina, 2))
    trunks = law.trunk_factor / math.sqrt(foramina) * trunks
    calibres = halfway[:, None] * (2.0 / (1.0 + law.taper) * np.array([1.0, law.taper]))
    cut = sum(int(np.count_nonzero(values != np.clip(values, *DIAMETERS))) for values in (trunks, calibres))
    return VeinPlan(
        trunks=np.clip(trunks, *DIAMETERS),
        confluences=depths,
        spread=law.spread,
        rise=law.rise,
        directions=np.sort(np.clip(even + strays, -law.reach, law.reach)),
        inclinations=law.inclination_spread * stream(_Stream.INCLINATIONS).standard_normal(branches),
        calibres=np.clip(calibres, *DIAMETERS),
        odd_side=int(stream(_Stream.SIDES).random() < 0.5),
        cut=cut,
    )
