"""The part ``veins`` of the results: the network of veins in the body."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from experiments.case.sections.base import Site
from experiments.results.parts.base import Part, number, text


class VeinResults(Part):
    """The network of veins in the body. A random one is one draw: only the share over many says what is to come."""

    source: Literal["random", "file"] = text("veins", "Whether they were drawn at random or read from a file.")
    seed: int | None = number(
        "1", "seed of the veins", "Seed of the draw; another seed gives other veins.", optional=True
    )
    branches: int = number(
        "1", "branches of the veins", "Ends of veins that are not at a foramen in the posterior wall."
    )
    exits: Mapping[Site, int] = number("1", "exits of veins", "Ends at which veins leave the bone, by site.")
    length_mm: float = number("mm", "length of the veins", "Length of all veins in the body.")
    volume_ml: float = number("ml", "volume of the veins", "Volume of all veins in the body.")
    calibre_median_mm: float = number(
        "mm", "median calibre of the veins", "Diameter that half of their length has at most."
    )
