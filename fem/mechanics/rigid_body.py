"""Rigid motions of points and resultants of forces on them, both about a pole.

A motion is (ux, uy, uz, rx, ry, rz) in mm and rad, a resultant (Fx, Fy, Fz, Mx, My, Mz) in N and N mm. The two are
dual: the work of nodal forces on a rigid motion is their resultant times the motion.
"""

from __future__ import annotations

import dolfinx_solver  # noqa: F401  (must be loaded before MPI, PETSc and DOLFINx)
from petsc4py import PETSc

import numpy as np
from dolfinx import fem
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]


def rigid_displacement(points: FloatArray, motion: ArrayLike, pole: ArrayLike) -> FloatArray:
    """(n, 3) displacements in mm of (n, 3) points that move rigidly, for infinitesimal rotations about ``pole``."""
    motion = np.asarray(motion, dtype=float)
    return motion[:3] + np.cross(motion[3:], points - np.asarray(pole, dtype=float))


def resultant(points: FloatArray, forces: FloatArray, pole: ArrayLike) -> FloatArray:
    """(6,) force in N and moment about ``pole`` in N mm of the (n, 3) ``forces`` that act on (n, 3) ``points``."""
    moments = np.cross(points - np.asarray(pole, dtype=float), forces)
    return np.concatenate([forces.sum(axis=0), moments.sum(axis=0)])


def fitted_motion(points: FloatArray, displacements: FloatArray, weights: FloatArray) -> FloatArray:
    """(6,) rigid motion about the centroid of (n, 3) points that comes closest to their displacements.

    It minimises the weighted squares of what is left, so that its translation is the mean displacement; the points
    must not lie on one line.
    """
    arms = points - np.average(points, axis=0, weights=weights)
    mean = np.average(displacements, axis=0, weights=weights)
    # The normal equations of r x arm: the inertia of the points, and the moment of their displacements.
    inertia = np.einsum("n,nij->ij", weights, (arms**2).sum(axis=1)[:, None, None] * np.eye(3) - _outer(arms))
    moment = weights @ np.cross(arms, displacements)
    return np.concatenate([mean, np.linalg.solve(inertia, moment)])


def set_rigid_body_modes(matrix: PETSc.Mat, space: fem.FunctionSpace[np.float64]) -> None:
    """Give algebraic multigrid the six rigid-body modes of an elastic ``matrix`` assembled on ``space``."""
    coordinates = matrix.createVecLeft()
    coordinates.array[:] = space.tabulate_dof_coordinates()[: space.dofmap.index_map.size_local].ravel()
    modes = PETSc.NullSpace().createRigidBody(coordinates)
    matrix.setNearNullSpace(modes)
    modes.destroy()
    coordinates.destroy()


def _outer(vectors: FloatArray) -> FloatArray:
    """(n, 3, 3) outer products of (n, 3) vectors with themselves."""
    return vectors[:, :, None] * vectors[:, None, :]
