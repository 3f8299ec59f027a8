"""Colours, sizes and words shared by all pictures: white, print-ready, safe for colour-blind readers."""

from __future__ import annotations

from typing import Literal

REGION_COLORS = {
    "superior_endplate": "#88CCEE",
    "inferior_endplate": "#44AA99",
    "posterior_wall": "#CC6677",
    "basivertebral_foramen": "#882255",
    "anterior_wall": "#DDCC77",
    "left_wall": "#332288",
    "right_wall": "#AA4499",
    "left_pedicle": "#117733",
    "right_pedicle": "#999933",
}
"""Facet region -> colour: the muted scheme of Paul Tol (2021), distinct under the common colour deficiencies."""

OTHER_REGION_COLOR = "#BBBBBB"

CLASS_COLORS = {
    "canal": "#D55E00",
    "vessel": "#0072B2",
    "disc": "#009E73",
    "paravertebral": "#CC79A7",
    "needle_track": "#000000",
}
"""Clinical class of a leak -> colour: Okabe & Ito (2008)."""

BONE_COLOR = "#D9CDB8"
CEMENT_COLOR = "#0072B2"
NEEDLE_COLOR = "#777777"
TEXT_COLOR = "black"
DENSITY_MAP: Literal["cividis"] = "cividis"
STRESS_MAP: Literal["viridis"] = "viridis"
STRAIN_MAP: Literal["magma"] = "magma"
CEMENT_OUTLINE = "white"

PANEL_PIXELS = 900
PANEL_INCHES = 6.0
"""Width and height of one panel."""

LINE_COLORS = {"tip": "#D55E00", "syringe": "#0072B2", "injected": "#000000", "stored": "#009E73", "leaked": "#CC79A7"}


def words(name: str) -> str:
    """A name as people write it: ``left_wall`` -> ``left wall``."""
    return name.replace("_", " ")
