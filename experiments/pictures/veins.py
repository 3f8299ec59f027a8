"""Veins of a network, and the cement in them, as tubes."""

from __future__ import annotations

import numpy as np
import pyvista
from numpy.typing import ArrayLike, NDArray

from experiments.pictures.lattice import Lattice
from experiments.results.vein_cement import VeinCement
from meshes.vein_network import VeinNetwork

CEMENT_MARGIN = 0.1
"""mm by which cement in a vein is drawn thicker than the vein, which would hide it."""

LEAST_FILLING = 0.5
"""Share of a piece of vein that cement fills from which on the piece is drawn as cement."""


def vein_tubes(veins: VeinNetwork) -> pyvista.PolyData:
    """Veins as round tubes of their own calibre."""
    return _tubes(veins.nodes[veins.segments], veins.diameters)


def shown_cement(lattice: Lattice, saturation: ArrayLike, in_veins: VeinCement | None = None) -> pyvista.PolyData:
    """Surface of the cement in the pores, and of that in the veins."""
    return joined_cement(lattice.cement_surface(saturation), in_veins)


def joined_cement(surface: pyvista.PolyData, in_veins: VeinCement | None) -> pyvista.PolyData:
    """The surface of the cement in the pores, which may be empty, with that in the veins."""
    if in_veins is None or not len((filled := filled_pieces(in_veins)).diameters):
        return surface
    tubes = _tubes(filled.ends, filled.diameters + 2.0 * CEMENT_MARGIN)
    if not surface.n_cells:
        return tubes
    surface.clear_data()
    return surface.append_polydata(tubes)


def filled_pieces(in_veins: VeinCement) -> VeinCement:
    """The pieces that are drawn as cement."""
    filled = in_veins.filling >= LEAST_FILLING
    return VeinCement(in_veins.ends[filled], in_veins.diameters[filled], in_veins.filling[filled])


def _tubes(ends: NDArray[np.float64], diameters: NDArray[np.float64]) -> pyvista.PolyData:
    """A tube between each of (k, 2, 3) ends."""
    count = len(diameters)
    lines = np.column_stack([np.full(count, 2), np.arange(2 * count).reshape(-1, 2)])
    data = pyvista.PolyData(ends.reshape(-1, 3), lines=lines.ravel())
    data.point_data["radius"] = np.repeat(0.5 * diameters, 2)
    tubes = data.tube(scalars="radius", absolute=True, n_sides=16, capping=True).triangulate()
    tubes.clear_data()
    return tubes
