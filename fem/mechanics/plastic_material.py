"""A material that yields, and the isotropic reference in which it does.

A transversely isotropic stiffness C is taken to that of an isotropic reference, C = A' R A with A = R^-1/2 C^1/2: what
yields is the mapped stress A'^-1 s, in which elasticity is isotropic and flow associated, as it then is in s (Betten
1981, Int J Solids Struct 17:1; tag M). R has the geometric mean E of both moduli and the axial Poisson's ratio; a
uniaxial load along an axis of modulus Ei yields at the strain of the reference times about (E / Ei)^1/2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fem.mechanics.elastic_material import ElasticMaterial
from fem.mechanics.yield_surface import TANGENT_SIZE, Surface

FloatArray = NDArray[np.float64]

TRIANGLE = np.triu_indices(6)
"""Rows and columns of the upper triangle that stands for a symmetric 6 x 6 matrix."""


@dataclass(frozen=True, eq=False)
class PlasticMaterial:
    """An elastic material and where it yields, in cells or at their integration points.

    Attributes:
        elastic: constants.
        tension: yield stress in uniaxial tension in MPa, of the shape of the elastic constants; infinite where the
            material does not yield.
        compression: yield stress in uniaxial compression in MPa, not below that in tension.
        surface: of yield.
        hardening: share of the elastic stiffness that is left when everything yields.
    """

    elastic: ElasticMaterial
    tension: FloatArray
    compression: FloatArray
    surface: Surface
    hardening: float

    def __post_init__(self) -> None:
        """Refuse what the return to the yield surface does not hold for.

        Raises:
            ValueError: a yield stress is not positive, the one in tension is above that in compression, their shapes
                differ, or ``hardening`` is not between 0 and 1.
        """
        elastic = self.elastic
        for name in ("tension", "compression"):
            if np.shape(getattr(self, name)) != elastic.axial_modulus.shape:
                raise ValueError(f"{name} has the shape {np.shape(getattr(self, name))}, the elastic constants another")
        if not np.all((self.tension > 0.0) & (self.compression >= self.tension)):
            raise ValueError("yield stresses must be positive, and in tension not above those in compression")
        if not 0.0 <= self.hardening < 1.0:
            raise ValueError(f"hardening = {self.hardening!r} must be at least 0 and below 1")

    @property
    def moduli(self) -> FloatArray:
        """Shear and bulk modulus of the isotropic reference in MPa, along the last axis."""
        elastic, ratio = self.elastic, self.elastic.axial_poisson_ratio
        modulus = np.sqrt(elastic.axial_modulus * elastic.transverse_modulus)
        return np.stack([modulus / (2.0 * (1.0 + ratio)), modulus / (3.0 * (1.0 - 2.0 * ratio))], axis=-1)

    @property
    def strengths(self) -> FloatArray:
        """Yield stress in tension and in compression in MPa, along the last axis."""
        return np.stack([self.tension, self.compression], axis=-1)


class ReferenceMapping:
    """The matrices A that take strains to those of the isotropic reference, and stresses back with their transposes."""

    def __init__(self, matrices: FloatArray) -> None:
        """Take (points, 6, 6) matrices of one rank's points."""
        self._matrices = matrices

    def map_strain(self, strain: FloatArray) -> None:
        """Take (points, 6) strains to the reference, in place."""
        strain[:] = np.einsum("pij,pj->pi", self._matrices, strain)

    def map_stress(self, stress: FloatArray) -> None:
        """Take (points, 6) stresses of the reference back, in place."""
        stress[:] = np.einsum("pji,pj->pi", self._matrices, stress)

    def map_tangent(self, triangles: FloatArray) -> None:
        """Take (points, 21) upper triangles of tangents of the reference back, in place."""
        mapped = self._matrices.transpose(0, 2, 1) @ _symmetric(triangles) @ self._matrices
        triangles[:] = mapped[:, TRIANGLE[0], TRIANGLE[1]]


def mapping_matrices(material: PlasticMaterial) -> FloatArray | None:
    """(cells, 36) or (cells, 4, 36) matrices A of a material, row by row; None where it is isotropic everywhere."""
    elastic, (rows, columns) = material.elastic, TRIANGLE
    reference = elastic_triangles(material.moduli.reshape(-1, 2))
    c12, c13, c33, c44, c66 = np.moveaxis(elastic.constants, -1, 0)
    own = np.zeros((*elastic.axial_modulus.shape, 6, 6))
    own[..., 0, 1], own[..., 0, 2], own[..., 1, 2] = c12, c13, c13
    own[..., 0, 0] = own[..., 1, 1] = c12 + 2.0 * c66
    own[..., 2, 2], own[..., 3, 3], own[..., 4, 4], own[..., 5, 5] = c33, c44, c44, c66
    own = own.reshape(-1, 6, 6)[:, rows, columns]
    if np.abs(own - reference).max() <= 1e-9 * np.abs(own).max():
        return None
    matrices = _root(_symmetric(reference), -0.5) @ _root(_symmetric(own), 0.5)
    return matrices.reshape(*elastic.axial_modulus.shape, 36)


def elastic_triangles(moduli: FloatArray) -> FloatArray:
    """(points, 21) upper triangles of the elastic stiffness."""
    shear, bulk = moduli.T
    rows, columns = TRIANGLE
    triangles = np.zeros((len(moduli), TANGENT_SIZE))
    triangles[:, (rows < 3) & (columns < 3)] = (bulk - 2.0 * shear / 3.0)[:, None]
    triangles[:, rows == columns] += shear[:, None] * np.where(np.arange(6) < 3, 2.0, 1.0)
    return triangles


def _symmetric(triangles: FloatArray) -> FloatArray:
    """(n, 6, 6) symmetric matrices of their upper triangles."""
    matrices = np.zeros((len(triangles), 6, 6))
    matrices[:, TRIANGLE[0], TRIANGLE[1]] = matrices[:, TRIANGLE[1], TRIANGLE[0]] = triangles
    return matrices


def _root(matrices: FloatArray, power: float) -> FloatArray:
    """A power of (n, 6, 6) symmetric positive definite matrices."""
    values, vectors = np.linalg.eigh(matrices)
    return (vectors * values[:, None] ** power) @ vectors.transpose(0, 2, 1)
