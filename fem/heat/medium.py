"""What the voxels around a vertebra consist of, and how it conducts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from materials.thermal import across_struts, along_struts
from meshes.box_grid import BoxGrid

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Conduction:
    """Conductances in mJ/(s K).

    Attributes:
        faces: for every axis those of the inner faces across it, with three dimensions.
        sides: (n,) between each voxel and what is beyond the sides of the box.
        blood: (n,) what blood takes.
    """

    faces: tuple[FloatArray, ...]
    sides: FloatArray
    blood: FloatArray


@dataclass(frozen=True)
class HeatMedium:
    """Voxels of bone struts along z and of what fills the rest: marrow and other tissue, or cement in its place.

    Attributes:
        grid: the voxels.
        strut: (n,) mm3 of mineralised tissue.
        room: (n,) mm3 of the rest, which cement can fill.
        strut_conductivity: mJ/(s mm K).
        strut_capacity: mJ/(mm3 K).
        tissue_conductivity: (n,) of what fills the rest, mJ/(s mm K).
        tissue_capacity: (n,) mJ/(mm3 K).
        tissue_exchange: (n,) mJ/(s mm3 K) that blood takes from a volume of it for each degree.
        cement_conductivity: mJ/(s mm K).
        cement_capacity: mJ/(mm3 K).
        displaced_capacity: of the fluid that cement drives through the pores, mJ/(mm3 K).
        body_temperature: of blood and at the sides of the box, in degrees Celsius.
        side_transfer: heat transfer coefficients at low and high x, y and z in mJ/(s mm2 K): infinite where the side
            itself is at body temperature, 0 where no heat passes.
    """

    grid: BoxGrid
    strut: FloatArray
    room: FloatArray
    strut_conductivity: float
    strut_capacity: float
    tissue_conductivity: FloatArray
    tissue_capacity: FloatArray
    tissue_exchange: FloatArray
    cement_conductivity: float
    cement_capacity: float
    displaced_capacity: float
    body_temperature: float = 37.0
    side_transfer: tuple[float, float, float, float, float, float] = (np.inf,) * 6

    def capacity(self, cement: FloatArray) -> FloatArray:
        """(n,) heat capacity in mJ/K with (n,) mm3 of cement."""
        tissue = (self.room - cement) * self.tissue_capacity
        return self.strut * self.strut_capacity + tissue + cement * self.cement_capacity

    def conductivity(self, cement: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(n,) conductivities across and along z with (n,) mm3 of cement."""
        filled = np.divide(cement, self.room, out=np.zeros_like(cement), where=self.room > 0.0)
        filled = np.minimum(filled, 1.0)
        filler = filled * self.cement_conductivity + (1.0 - filled) * self.tissue_conductivity
        share = self.strut / (self.strut + self.room)
        return (
            across_struts(self.strut_conductivity, filler, share),
            along_struts(self.strut_conductivity, filler, share),
        )

    def conduction(self, cement: FloatArray) -> Conduction:
        """What conducts heat with (n,) mm3 of cement; between voxels the harmonic mean of both."""
        grid, (across, along) = self.grid, self.conductivity(cement)
        axes = (across, across, along)
        faces = []
        for axis, k in enumerate(axes):
            below, above = grid.below(k, axis), grid.above(k, axis)
            faces.append(grid.spacing * 2.0 * below * above / (below + above))
        blood = np.maximum(self.room - cement, 0.0) * self.tissue_exchange
        sides = np.zeros(grid.count)
        for number, (conductance, transfer) in enumerate(zip(grid.sides(sides), self.side_transfer, strict=True)):
            if transfer > 0.0:
                k = grid.sides(axes[number // 2])[number]
                conductance += grid.spacing**2 / (1.0 / transfer + 0.5 * grid.spacing / k)
        return Conduction(tuple(faces), sides, blood)
