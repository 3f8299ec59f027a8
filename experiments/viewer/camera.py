"""Where the viewer looks from."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyvista
from numpy.typing import NDArray

from experiments.pictures.scene import POSTERIOR_LEFT, View

CLOSENESS = 1.15
"""Factor by which the camera goes nearer than where everything certainly fits."""

AXES_PLACE = (0.86, 0.82, 1.0, 1.0)
"""Corner of a view with the axes to the patient's left (L), back (P) and head (S)."""

VIEWS: Mapping[str, View] = {
    "oblique": POSTERIOR_LEFT,
    "behind": View((0.0, 1.0, 0.0)),
    "front": View((0.0, -1.0, 0.0)),
    "left": View((1.0, 0.0, 0.0)),
    "right": View((-1.0, 0.0, 0.0)),
    "above": View((0.0, 0.0, 1.0), (0.0, -1.0, 0.0)),
    "below": View((0.0, 0.0, -1.0), (0.0, -1.0, 0.0)),
}
"""Where a button looks from -> the camera."""


def add_letters(renderer: pyvista.Renderer) -> None:
    """Put the axes with their letters into a corner, readable on light and on dark."""
    renderer.add_axes(xlabel="L", ylabel="P", zlabel="S", color="#808080", viewport=AXES_PLACE)


def keep_in_width(renderer: pyvista.Renderer) -> None:
    """Let the camera's angle hold across views that are higher than wide, so that a phone shows the whole scene."""

    def choose(*_: object) -> None:
        width, height = renderer.GetSize()
        renderer.camera.SetUseHorizontalViewAngle(width < height)

    renderer.AddObserver("StartEvent", choose)


def look(renderer: pyvista.Renderer, view: View, bounds: NDArray[np.float64]) -> None:
    """Turn the camera so that it sees everything from a direction.

    Args:
        renderer: whose camera it is.
        view: where to look from.
        bounds: (2, 3) mm, lowest and highest corner of what must be seen.
    """
    camera = renderer.camera
    camera.focal_point = bounds.mean(axis=0)
    camera.position = bounds.mean(axis=0) + 100.0 * view.axes[2]
    camera.up = view.axes[1]
    renderer.ResetCamera(bounds.T.ravel().tolist())
    camera.zoom(CLOSENESS)
