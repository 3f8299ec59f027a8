"""A small picture of a case among many: its cement over the CT in two sections."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from experiments.pictures.cross_sections import LINE_HALO, ScannedBody, Section
from experiments.pictures.style import CEMENT_COLOR

INCHES, DOTS = 2.0, 110
"""Width of a section in inches, and its pixels for each."""

BODY_COLOR = "white"

LEFTMOST = {"axial": "R", "sagittal": "A"}
"""Section -> what lies at the left of the picture: the patient's right, and the front."""


def draw_thumbnail(body: ScannedBody, saturation: NDArray[np.float64], path: Path) -> None:
    """Draw the edges of body and cement over the CT, in an axial and a sagittal section through the cement.

    Args:
        body: the body and its CT.
        saturation: (cells,) of cement.
        path: PNG to write.
    """
    mesh, lattice = body.mesh, body.lattice
    cement = saturation * mesh.cell_volumes
    middle = cement @ mesh.cell_centroids / cement.sum() if cement.sum() > 0.0 else mesh.centroid
    whole, filled = lattice.smoothed(np.ones(len(saturation))), lattice.smoothed(saturation)
    figure = Figure(figsize=(INCHES * len(LEFTMOST), INCHES), dpi=DOTS)
    figure.subplots_adjust(0.0, 0.0, 1.0, 1.0, wspace=0.0)
    for place, (name, leftmost) in zip(figure.subplots(1, len(LEFTMOST)), LEFTMOST.items(), strict=True):
        section = Section.of(mesh, name, middle)
        half = section.half
        place.imshow(section.panel(body).image, extent=(-half, half, -half, half))
        place.set_axis_off()
        section.draw_line(place, lattice, whole, 0.5, BODY_COLOR)
        section.draw_line(place, lattice, filled, 0.5, CEMENT_COLOR)
        where = {"va": "center", "transform": place.transAxes, "path_effects": LINE_HALO}
        place.text(0.04, 0.5, leftmost, color="white", fontsize=8, **where)
    figure.savefig(path, format="png")
