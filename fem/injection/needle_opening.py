"""The needle's opening: the cells that receive the cement, and the pressure at the opening itself."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fem.porous import PorousMedium
from materials.cement import Rheology, pore_shear_rate
from meshes.tetmesh import TetMesh

_DIRECTIONS = 2000


@dataclass(frozen=True)
class NeedleOpening:
    """Cement entering over a sphere around the needle's tip.

    The source is spread over the cells inside the sphere, each by its volume. What their outer facets do not resolve of
    the sphere follows from the spherical law (see :meth:`tip_pressure`).

    Attributes:
        position: (3,) tip in mm.
        radius: radius of the sphere r_n in mm.
        cells: cells of the mesh that receive cement.
        shares: share of the injected rate that each of ``cells`` receives.
        source_radius: radius r_s in mm of the sphere that the outer facets of ``cells`` stand for: of a ball as large
            as the cells, or as :func:`fem.injection.source_calibration.calibrated` measures it.
        tensor: (3, 3) mean permeability of ``cells`` in mm2.
        permeability: scalar k in mm2 that gives the same mean pressure over the sphere as ``tensor``.
        porosity: mean porosity of ``cells``.
    """

    position: NDArray[np.float64]
    radius: float
    cells: NDArray[np.int64]
    shares: NDArray[np.float64]
    source_radius: float
    tensor: NDArray[np.float64]
    permeability: float
    porosity: float

    @classmethod
    def place(cls, mesh: TetMesh, medium: PorousMedium, position: NDArray[np.float64], radius: float) -> NeedleOpening:
        """Find the source cells of an opening of ``radius`` (mm) at ``position`` (mm)."""
        distance = np.linalg.norm(mesh.cell_centroids - position, axis=1)
        cells = np.flatnonzero(distance <= radius)
        if not len(cells):
            cells = np.array([np.argmin(distance)])
        volumes = mesh.cell_volumes[cells]
        volume = float(volumes.sum())
        shares = volumes / volume
        tensor = np.linalg.inv(np.einsum("t,tab->ab", shares, np.linalg.inv(medium.permeability[cells])))
        return cls(
            position=position,
            radius=radius,
            cells=cells,
            shares=shares,
            source_radius=(3.0 * volume / (4.0 * math.pi)) ** (1.0 / 3.0),
            tensor=tensor,
            permeability=_spherical_permeability(tensor),
            porosity=float(shares @ medium.porosity[cells]),
        )

    def tip_pressure(
        self, source_pressure: float, surrounding_saturation: float, rate: float, cement: Rheology, age: float
    ) -> float:
        """Pressure at the opening in MPa above the resting intraosseous pressure.

        From the mean pressure on the outer facets of the source cells, p(r_s), the spherical law leads to the opening,
        p_n = p(r_s) + int_{r_n}^{r_s} Q mu(r) / (4 pi k r^2) dr, with the viscosity at the shear rate of the speed
        Q / (4 pi r^2); for a Newtonian cement p_n = p(r_s) + Q mu / (4 pi k) (1 / r_n - 1 / r_s). Inside r_s all is
        cement; where r_s is the smaller one, the step outwards counts as far as cement has come there.

        Args:
            source_pressure: mean pressure on the outer facets of the source cells in MPa, weighted by area.
            surrounding_saturation: mean cement saturation of the cells around the source cells.
            rate: injected rate Q in mm3/s.
            cement: rheology of the cement.
            age: age of the cement in s.
        """
        nodes, weights = np.polynomial.legendre.leggauss(12)
        span = math.log(self.source_radius / self.radius)
        radii = self.radius * np.exp(0.5 * span * (nodes + 1.0))
        speed = rate / (4.0 * math.pi * radii**2)
        shear_rate = pore_shear_rate(speed, 1.0, self.permeability, 1.0, self.porosity, cement.shear_constant)
        viscosity = cement.viscosity(shear_rate, age)
        filled = 1.0 if self.source_radius >= self.radius else surrounding_saturation
        scale = filled * rate / (4.0 * math.pi * self.permeability)
        return source_pressure + scale * float(np.sum(weights * viscosity / radii)) * 0.5 * span


def _spherical_permeability(tensor: NDArray[np.float64]) -> float:
    """Scalar k of equal mean pressure on a sphere around a point source: 1/k = mean (n K^-1 n)^(-1/2) / sqrt(det K).

    The mean runs over evenly spread directions n (a Fibonacci lattice).
    """
    index = np.arange(_DIRECTIONS) + 0.5
    height = 1.0 - 2.0 * index / _DIRECTIONS
    azimuth = math.pi * (1.0 + math.sqrt(5.0)) * index
    level = np.sqrt(1.0 - height**2)
    directions = np.stack([level * np.cos(azimuth), level * np.sin(azimuth), height], axis=1)
    stretch = np.einsum("na,ab,nb->n", directions, np.linalg.inv(tensor), directions)
    return float(math.sqrt(np.linalg.det(tensor)) / np.mean(stretch**-0.5))
