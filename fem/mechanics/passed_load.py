"""What a body passes on through the face of its disc to the disc of a neighbouring body that meets it there."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import LinearNDInterpolator, NearestNDInterpolator

FloatArray = NDArray[np.float64]


def passed_pressures(
    places: FloatArray, pressures: FloatArray, force: float, centroids: FloatArray, projected_areas: FloatArray
) -> FloatArray:
    """(n,) pressures in MPa on the facets of the face that takes a load over, with the axial force that was passed on.

    Between the points of the face that gives the load the pressure is linear, and beyond them that of the nearest one.
    A factor makes up for what the faces' outlines differ in.

    Args:
        places: (m, 2) mm, points of the face that gives the load, seen along the axis of the other body.
        pressures: (m,) MPa there.
        force: compressive axial force in N.
        centroids: (n, 2) mm, centroids of the facets that take it.
        projected_areas: (n,) their areas along the axis in mm2.

    Raises:
        ValueError: the pressures where the faces meet bear next to nothing of the force, so that no factor helps.
    """
    found = LinearNDInterpolator(places, pressures)(centroids)
    outside = np.isnan(found)
    found[outside] = NearestNDInterpolator(places, pressures)(centroids[outside])
    carried = float(found @ projected_areas)
    if not 0.5 < force / carried < 2.0:
        raise ValueError(f"the faces of the discs do not meet: {carried:.3g} N of {force:.3g} N find their way across")
    return found * (force / carried)
