"""Colours, sizes and words shared by all pictures: print-ready, safe for colour-blind readers, on white or on black."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Any, Literal, cast

import numpy as np
from matplotlib import rc_context, rcParams
from matplotlib.colors import to_rgb

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
    "vessel": "#56B4E9",
    "disc": "#009E73",
    "paravertebral": "#CC79A7",
    "needle_track": "#000000",
}
"""Clinical class of a leak -> colour: Okabe & Ito (2008), without the blue of cement."""

INCLUSION_COLORS = ("#882255", "#999933", "#E69F00", "#332288")
"""Colours of lesions, clefts and cavities in their order, told apart by colour-blind readers (Tol 2021, Okabe & Ito
2008), and none of them that of cement or of a clinical class."""

VEIN_COLOR = "#5B2C8A"
"""Of veins in the body: apart from cement, inclusions and the classes of leaks."""

BONE_COLOR = "#D9CDB8"
CEMENT_COLOR = "#0072B2"
NEEDLE_COLOR = "#777777"

ColorMap = Literal["cividis", "viridis", "magma", "plasma"]

DENSITY_MAP: ColorMap = "cividis"
PRESSURE_MAP: ColorMap = "plasma"
TIME_MAP: ColorMap = "viridis"
STRESS_MAP: ColorMap = "viridis"
STRAIN_MAP: ColorMap = "magma"
"""Perceptually uniform, and read the same by colour-blind readers."""

CEMENT_OUTLINE = "white"
TEXT_COLOR = "black"

PANEL_PIXELS = 900
PANEL_INCHES = 6.0
"""Width and height of one panel."""

LINE_COLORS = {"tip": "#D55E00", "syringe": "#0072B2", "injected": "#000000", "stored": "#009E73", "leaked": "#CC79A7"}


class Style(StrEnum):
    """What pictures are drawn on."""

    LIGHT = "light"
    DARK = "dark"


PAPERS = {Style.LIGHT: ("#FFFFFF", "#000000", "#DDDDDD"), Style.DARK: ("#16181C", "#F2F2F2", "#3A3E45")}
"""Style -> colours of the paper, of the ink, and of the grid behind curves."""


@contextmanager
def drawn_in(style: Style) -> Iterator[None]:
    """Draw everything inside the block in this style; outside of such a block it is light."""
    paper, ink, grid = PAPERS[style]
    settings: dict[str, Any] = {
        **dict.fromkeys(("figure.facecolor", "axes.facecolor", "savefig.facecolor"), paper),
        **dict.fromkeys(("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), ink),
        "grid.color": grid,
        "svg.fonttype": "none",
    }
    with rc_context(cast("Any", settings)):
        yield


def paper_color() -> str:
    """Colour of the paper in the style of the moment."""
    return str(rcParams["figure.facecolor"])


def ink_color() -> str:
    """Colour of text and lines in the style of the moment."""
    return str(rcParams["text.color"])


def visible(color: str) -> str:
    """A colour as the style of the moment has it: black is ink."""
    return ink_color() if color == "#000000" else color


def pale(color: str) -> tuple[float, float, float]:
    """A colour with three parts of paper."""
    red, green, blue = 0.25 * np.array(to_rgb(color)) + 0.75 * np.array(to_rgb(paper_color()))
    return float(red), float(green), float(blue)
