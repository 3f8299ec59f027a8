"""The 6 x 6 stiffness of a body between two rigid plates, and what follows from it by algebra alone.

The motion of the superior plate against the fixed inferior one is (ux, uy, uz, rx, ry, rz) in mm and rad, the load on
it (Fx, Fy, Fz, Mx, My, Mz) in N and N mm, both about a pole, in the anatomical frame (+x left, +y posterior,
+z superior). Rotations are right-handed and infinitesimal: the point r from the pole moves by (rx, ry, rz) x r, so that
uz = rx y - ry x on the plate. Hence

- rx > 0 lowers the anterior rim (y < 0): flexion; rx < 0: extension;
- ry > 0 lowers the left rim (x > 0): lateral bending to the left;
- rz > 0 moves the anterior rim to the left: axial rotation to the left.

Everything is linear: extension is as stiff as flexion, and bending to the right as stiff as bending to the left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fem.errors import ConvergenceError
from fem.mechanics.plates import PlateProblem, PlateResponse

FloatArray = NDArray[np.float64]

COMPONENTS = ("ux", "uy", "uz", "rx", "ry", "rz")
"""Order of rows and columns: translations in mm, then rotations in rad."""

TOLERANCE = 1e-6
"""Largest error of an entry K_ij, over sqrt(K_ii K_jj), that a stiffness matrix may have."""

_UX, _UY, _UZ, _RX, _RY, _RZ = range(6)


@dataclass(frozen=True)
class StiffnessErrors:
    """Largest differences between stiffness matrices that must agree, each entry (i, j) over sqrt(K_ii K_jj).

    Attributes:
        balance: from minus the reactions of the inferior plate, moved to the same pole.
        energy: from the energy form u_i A u_j.
        asymmetry: from its own transpose.
    """

    balance: float
    energy: float
    asymmetry: float


@dataclass(frozen=True)
class StiffnessMatrix:
    """Stiffness of the superior plate against the inferior one.

    Attributes:
        matrix: (6, 6) load on the superior plate for each unit motion; column j belongs to motion j. Force for
            translation in N/mm, force for rotation in N/rad, moment for translation in N mm/mm, moment for rotation
            in N mm/rad.
        pole: (3,) in mm, the point that motions and loads refer to.
        errors: checks of the computation, which was about the area centroid of the superior plate.
        iterations: conjugate-gradient iterations of each of the six solves, which on quadratic elements go on together.
    """

    matrix: FloatArray
    pole: FloatArray
    errors: StiffnessErrors
    iterations: tuple[int, ...]

    @cached_property
    def compliance(self) -> FloatArray:
        """(6, 6) inverse of the matrix: motion in mm and rad of the free plate for each unit load in N and N mm."""
        return np.linalg.inv(self.matrix)

    def condensed(self, kept: Sequence[int]) -> FloatArray:
        """(n, n) stiffness of the n ``kept`` components while all others are free of load.

        It is the Schur complement of the others, which is the inverse of the kept part of the compliance.
        """
        return np.linalg.inv(self.compliance[np.ix_(kept, kept)])

    def about(self, pole: ArrayLike) -> StiffnessMatrix:
        """The same stiffness about another pole, in mm.

        With d from the old pole to the new one, u' = u + r x d, r' = r, that is q' = T q; the work of the load is the
        same about both, hence K' = T^-T K T^-1, and T^-1 is T for -d.
        """
        pole = np.asarray(pole, dtype=float)
        x, y, z = pole - self.pole
        inverse = np.eye(6)
        inverse[:3, 3:] = [[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]]  # d x r
        return replace(self, matrix=inverse.T @ self.matrix @ inverse, pole=pole)

    @property
    def axial_stiffness(self) -> float:
        """K_zz in N/mm: axial force for axial motion without tilt, shear or torsion."""
        return float(self.matrix[_UZ, _UZ])

    @property
    def axial_stiffness_free_rotation(self) -> float:
        """Axial force through the pole for axial motion of a plate that may turn but not slide, in N/mm."""
        return float(self.condensed((_UX, _UY, _UZ))[_UZ, _UZ])

    @property
    def axial_stiffness_free(self) -> float:
        """1 / C_zz in N/mm: axial force through the pole for axial motion of a plate that may tilt, turn and slide."""
        return float(1.0 / self.compliance[_UZ, _UZ])

    @property
    def flexion_stiffness(self) -> float:
        """1 / C_rxrx in N mm/rad: pure moment about +x for flexion, the plate otherwise free; the same in extension.

        Like the other stiffnesses against a pure moment it does not depend on the pole.
        """
        return float(1.0 / self.compliance[_RX, _RX])

    @property
    def lateral_bending_stiffness(self) -> float:
        """1 / C_ryry in N mm/rad: pure moment about +y for bending to the left or right, the plate otherwise free."""
        return float(1.0 / self.compliance[_RY, _RY])

    @property
    def torsional_stiffness(self) -> float:
        """1 / C_rzrz in N mm/rad: pure moment about +z for axial rotation, the plate otherwise free."""
        return float(1.0 / self.compliance[_RZ, _RZ])

    @property
    def flexion_centre(self) -> FloatArray:
        """(3,) centre of rotation in mm under a pure flexion moment.

        It is the point of the sagittal plane through the pole that, moving with the superior plate, stays where it is
        in that plane: uy - rx z = 0 and uz + rx y = 0 give (0, -uz / rx, uy / rx) from the pole. It does not depend
        on where in its sagittal plane the pole lies. Where the body is not symmetric to that plane the plate also
        moves across it, which the centre leaves out.
        """
        motion = self.compliance[:, _RX]
        return self.pole + np.array([0.0, -motion[_UZ], motion[_UY]]) / motion[_RX]

    @property
    def tilt_under_pressure(self) -> FloatArray:
        """(rx, ry) in rad for each N with which a uniform pressure pushes the free superior plate down, its "toggle".

        The resultant of the pressure acts along -z through the pole, which must be the area centroid of the plate.
        Times the plate's area in mm2 it is the tilt per MPa. Positive: forward and to the left; the plate sinks
        towards the softer side.
        """
        return -self.compliance[[_RX, _RY], _UZ]


def stiffness_matrix(problem: PlateProblem, responses: Sequence[PlateResponse] | None = None) -> StiffnessMatrix:
    """Stiffness about the area centroid of the superior plate, from reactions to six unit motions.

    Args:
        problem: an assembled problem with bonded plates.
        responses: its responses to the six unit motions, where they are wanted for more than this; solved otherwise.

    Raises:
        ConvergenceError: a solve did not reach its tolerance, or the matrix is not as accurate as ``TOLERANCE``.
        ValueError: the plates are frictionless and so bear neither shear nor torsion.
    """
    if problem.frictionless:
        raise ValueError("frictionless plates bear neither shear nor torsion; a stiffness matrix needs bonded ones")
    if responses is None:
        responses = problem.solve_all(np.eye(6))
    matrix = np.column_stack([response.reaction_superior for response in responses])
    inferior = -np.column_stack([response.reaction_inferior for response in responses])
    errors = StiffnessErrors(
        balance=_difference(matrix, inferior),
        energy=_difference(matrix, problem.mutual_energies(responses)),
        asymmetry=_difference(matrix, matrix.T),
    )
    for name, error in vars(errors).items():
        if not error <= TOLERANCE:
            raise ConvergenceError(
                f"The stiffness matrix fails its check of {name}: relative error {error:.1e}, allowed {TOLERANCE:.0e}."
            )
    return StiffnessMatrix(matrix, problem.pole, errors, tuple(response.iterations for response in responses))


def _difference(matrix: FloatArray, other: FloatArray) -> float:
    """Largest difference of two entries (i, j) over sqrt(K_ii K_jj); NaN where a diagonal entry is not positive."""
    diagonal = np.diag(matrix)
    scale = np.sqrt(np.where(diagonal > 0.0, diagonal, np.nan))
    return float(np.abs((matrix - other) / np.outer(scale, scale)).max())
