"""The needle's opening: the cells that receive the cement, and the pressure at the opening itself."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fem.porous import PorousMedium
from fem.tetrahedron_cuts import share_in_ball
from materials.cannula import open_end_radius
from materials.cement import Rheology, bundle_viscosity, pore_shear_rate
from meshes.tetmesh import TetMesh

Shape = Literal["sphere", "open end"]

LARGEST_OFFSET = 0.1
"""Distance between the middle of a source and the tip over the opening's radius, above which cement would enter in
another place than the needle's (tag D)."""

LEAST_CELLS = 20
"""Cells that the opening must meet, so that it and not the mesh shapes the source (tag D)."""

_DIRECTIONS = 2000
_NEWTON_LIMIT = 50
_MOMENT_TOLERANCE = 1e-10
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(12)


@dataclass(frozen=True)
class NeedleOpening:
    """Cement entering over a sphere around the needle's tip.

    The source is spread over the cells that the sphere meets, each by its volume inside, with the least change that
    lays the middle of the source into the tip: on a coarse mesh the overlaps alone miss it. What the outer facets of
    these cells do not resolve of the sphere follows from the spherical law (see :meth:`tip_pressure`).

    Attributes:
        position: (3,) tip in mm.
        radius: radius of the sphere r_n in mm.
        cells: cells of the mesh that receive cement.
        shares: share of the injected rate that each of ``cells`` receives.
        offset: distance in mm of the middle of the source, the cells' centroids weighted by their shares, from the tip.
        source_radius: radius r_s in mm of the sphere that the outer facets of ``cells`` stand for: of a ball as large
            as the cells, or as :func:`fem.injection.source_calibration.calibrated` measures it.
        tensor: (3, 3) mean permeability of ``cells`` in mm2.
        permeability: scalar k in mm2 that gives the same mean pressure over the sphere as ``tensor``.
        porosity: mean porosity of ``cells``.
        shape: ``"sphere"``, or ``"open end"`` of a cannula, through whose disc cement enters.
    """

    position: NDArray[np.float64]
    radius: float
    cells: NDArray[np.int64]
    shares: NDArray[np.float64]
    offset: float
    source_radius: float
    tensor: NDArray[np.float64]
    permeability: float
    porosity: float
    shape: Shape = "sphere"

    @classmethod
    def place(
        cls,
        mesh: TetMesh,
        medium: PorousMedium,
        position: NDArray[np.float64],
        radius: float,
        shape: Shape = "sphere",
    ) -> NeedleOpening:
        """Find the source cells of an opening; where none is met, outside the mesh, it is the nearest one.

        Args:
            mesh: of the body.
            medium: of its cells.
            position: (3,) tip in mm.
            radius: of the sphere in mm.
            shape: what is there in truth.
        """
        corners = mesh.points[mesh.cells]
        reach = np.linalg.norm(corners - mesh.cell_centroids[:, None], axis=2).max(axis=1)
        near = np.flatnonzero(np.linalg.norm(mesh.cell_centroids - position, axis=1) < radius + reach)
        overlaps = share_in_ball(corners[near], position, radius) * mesh.cell_volumes[near]
        if not overlaps.any():
            near = np.array([np.argmin(np.linalg.norm(mesh.cell_centroids - position, axis=1))])
            overlaps = mesh.cell_volumes[near]
        cells = near[overlaps > 0.0]
        volume = float(mesh.cell_volumes[cells].sum())
        arms = mesh.cell_centroids[cells] - position
        shares = _centred(overlaps[overlaps > 0.0], arms / radius)
        tensor = np.linalg.inv(np.einsum("t,tab->ab", shares, np.linalg.inv(medium.permeability[cells])))
        return cls(
            position=position,
            radius=radius,
            cells=cells,
            shares=shares,
            offset=float(np.linalg.norm(shares @ arms)),
            source_radius=(3.0 * volume / (4.0 * math.pi)) ** (1.0 / 3.0),
            tensor=tensor,
            permeability=_spherical_permeability(tensor),
            porosity=float(shares @ medium.porosity[cells]),
            shape=shape,
        )

    def tip_pressure(
        self, source_pressure: float, surrounding_saturation: float, rate: float, cement: Rheology, age: float
    ) -> float:
        """Pressure at the opening in MPa above the resting intraosseous pressure.

        From the mean pressure on the outer facets of the source cells, p(r_s), the spherical law leads to the opening,
        p_n = p(r_s) + int_{r_n}^{r_s} Q mu(r) / (4 pi k r^2) dr, with the viscosity at the shear rate of the speed
        Q / (4 pi r^2); for a Newtonian cement p_n = p(r_s) + Q mu / (4 pi k) (1 / r_n - 1 / r_s). An open end takes the
        r_n of :func:`materials.cannula.open_end_radius`. Inside r_s all is cement; where r_s is the smaller one, the
        step outwards counts as far as cement has come there.

        Args:
            source_pressure: mean pressure on the outer facets of the source cells in MPa, weighted by area.
            surrounding_saturation: mean cement saturation of the cells around the source cells.
            rate: injected rate Q in mm3/s.
            cement: rheology of the cement.
            age: age of the cement in s.
        """
        near = self.radius
        if self.shape == "open end":
            near = open_end_radius(self.radius, float(cement.index(age)))
        span = math.log(self.source_radius / near)
        radii = near * np.exp(0.5 * span * (_NODES + 1.0))
        speed = rate / (4.0 * math.pi * radii**2)
        shear_rate = pore_shear_rate(speed, 1.0, self.permeability, 1.0, self.porosity, cement.shear_constant)
        viscosity = bundle_viscosity(cement, shear_rate, age)
        filled = 1.0 if self.source_radius >= near else surrounding_saturation
        scale = filled * rate / (4.0 * math.pi * self.permeability)
        return source_pressure + scale * float(np.sum(_WEIGHTS * viscosity / radii)) * 0.5 * span


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


def _centred(overlaps: NDArray[np.float64], arms: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) shares without a first moment over (n, 3) ``arms`` that are closest to the overlaps by relative entropy.

    They are proportional to overlap times exp(a . arm) (Csiszar 1975, 10.1214/aop/1176996454), so all are positive;
    Newton's method finds the vector a. There is none where all arms point to one side: then a moment is left.
    """
    tilt = np.zeros(arms.shape[1])
    shares = overlaps / overlaps.sum()
    for _ in range(_NEWTON_LIMIT):
        moment = shares @ arms
        if np.linalg.norm(moment) <= _MOMENT_TOLERANCE:
            break
        spread = (shares[:, None] * arms).T @ arms - np.outer(moment, moment)
        step = np.linalg.lstsq(spread, moment)[0]
        tilt -= step / max(1.0, float(np.linalg.norm(step)))
        exponent = arms @ tilt
        tilted = overlaps * np.exp(exponent - exponent.max())
        shares = tilted / tilted.sum()
    return shares
