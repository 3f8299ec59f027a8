"""Bone that holds a thin layer of stiffer bone, in its plane and across it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def layered_moduli(
    axial: FloatArray, transverse: FloatArray, layer: float, share: FloatArray, across: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Young's moduli of bone and layer together, along the axis and across it, in MPa.

    In the plane of the layer both strain alike, E = (1 - s) E_b + s E_s with the share s. Across it they bear the same
    stress, 1 / E = (1 - s) / E_b + s / E_s (Jones 1999, Mechanics of composite materials; tag M). ``across`` mixes the
    two along the axis. Across the axis the layer's plane counts alone: where the axis lies in that plane, the softer of
    the two directions across it is not loaded.

    Args:
        axial: of the bone along the axis in MPa, any shape.
        transverse: of the bone across the axis in MPa.
        layer: of the layer in MPa; where the bone is stiffer it has that of the bone.
        share: of the volume that is layer.
        across: square of the axial component of the layer's normal: 0 where the axis lies in its plane, 1 where the
            axis crosses it.
    """
    stiffer, stiffer_across = np.maximum(layer, axial), np.maximum(layer, transverse)
    in_plane = (1.0 - share) * axial + share * stiffer
    in_series = 1.0 / ((1.0 - share) / axial + share / stiffer)
    return across * in_series + (1.0 - across) * in_plane, (1.0 - share) * transverse + share * stiffer_across
