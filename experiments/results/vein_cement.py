"""How far cement fills the veins of a network over time: the file ``vein_cement.vtp`` of a case directory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from meshes.data_set_file import save
from meshes.frame import AnatomicalFrame
from meshes.vein_file import DIAMETER
from meshes.vein_grid import VeinGrid
from meshes.vein_network import VeinNetwork


@dataclass(frozen=True)
class VeinCement:
    """Cement in the veins of a network at one time.

    Attributes:
        ends: (k, 2, 3) mm, both ends of every piece of vein in the anatomical frame.
        diameters: (k,) mm.
        filling: (k,) share of each piece that cement fills.
    """

    ends: NDArray[np.float64]
    diameters: NDArray[np.float64]
    filling: NDArray[np.float64]


def write_vein_cement(
    path: Path, network: VeinNetwork, frame: AnatomicalFrame, fillings: Sequence[NDArray[np.float64]]
) -> None:
    """Write the pieces into which the flow cuts a network, in the scanner's LPS mm.

    Args:
        path: VTP to write: a line per piece with the arrays ``diameter_mm``, ``filling_000``, ``filling_001``, ...
        network: in the anatomical frame.
        frame: the anatomical frame.
        fillings: (k,) share of each piece that cement fills, at each stored time.
    """
    import pyvista

    grid = VeinGrid.of_network(network)
    count = len(grid.diameter)
    lines = np.column_stack([np.full(count, 2), np.arange(2 * count).reshape(-1, 2)])
    data = pyvista.PolyData(frame.to_scanner(grid.ends.reshape(-1, 3)), lines=lines.ravel())
    data.cell_data[DIAMETER] = grid.diameter
    for step, filling in enumerate(fillings):
        data.cell_data[_array(step)] = filling.astype(np.float32)
    save(data, path)


def read_vein_cement(path: Path, frame: AnatomicalFrame, step: int) -> VeinCement:
    """What :func:`write_vein_cement` wrote of one stored time, counted from 0."""
    import pyvista

    data = pyvista.PolyData(path)
    ends = frame.to_frame(np.asarray(data.points, dtype=float)).reshape(-1, 2, 3)
    diameters, filling = (np.asarray(data.cell_data[name], dtype=float) for name in (DIAMETER, _array(step)))
    return VeinCement(ends, diameters, filling)


def _array(step: int) -> str:
    return f"filling_{step:03d}"
