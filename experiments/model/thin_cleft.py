"""A cleft that is thinner than the mesh: what share of the cells that it cuts it takes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fem.tetrahedron_cuts import share_above
from meshes.errors import InputError
from meshes.tetmesh import TetMesh

FloatArray = NDArray[np.float64]

THIN = 0.5
"""Height of a cleft over the edge of the cells about it below which it is a gap in cells and not cells (tag D)."""


@dataclass(frozen=True)
class Gap:
    """A flat ellipsoid in the cells of a mesh.

    Attributes:
        cells: (n,) ascending indices of the cells that it cuts.
        share: (n,) of their volume.
        aperture: (n,) mm across it at the place of the cell.
        normal: (3,) unit vector across it.
    """

    cells: NDArray[np.int64]
    share: FloatArray
    aperture: FloatArray
    normal: FloatArray


def thin_gap(mesh: TetMesh, centre: FloatArray, semi_axes: FloatArray) -> Gap | None:
    """The gap that an ellipsoid along the anatomical axes is; None where the mesh is fine enough for it.

    Each cell has the aperture of the ellipsoid over its centroid, and the share of the slab of that aperture.

    Args:
        mesh: body in its anatomical frame.
        centre: (3,) mm.
        semi_axes: (3,) mm along x, y and z.

    Raises:
        InputError: it lies outside of the body.
    """
    across = int(np.argmin(semi_axes))
    offset = mesh.cell_centroids - centre
    flat = np.delete(offset / semi_axes, across, axis=1)
    aperture = 2.0 * semi_axes[across] * np.sqrt(np.maximum(1.0 - (flat**2).sum(axis=1), 0.0))
    heights = mesh.points[mesh.cells][:, :, across] - centre[across]
    half = 0.5 * aperture[:, None]
    share = np.where(aperture > 0.0, share_above(heights + half, 0.0) - share_above(heights - half, 0.0), 0.0)
    cells = np.flatnonzero(share > 0.0)
    if cells.size == 0:
        raise InputError("the cleft lies outside of the body; move it")
    edge = (6.0 * np.sqrt(2.0) * float(mesh.cell_volumes[cells].mean())) ** (1.0 / 3.0)
    if 2.0 * semi_axes[across] >= THIN * edge:
        return None
    return Gap(cells, share[cells], aperture[cells], np.eye(3)[across])
