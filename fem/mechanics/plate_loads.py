"""What bears on the superior plate, as the motion that it gives a plate on a body of known stiffness.

Forces are in N, compressive ones positive, moments in N mm, places in mm; signs of moments and rotations are those of
:mod:`fem.mechanics.stiffness`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fem.mechanics.stiffness import StiffnessMatrix

FloatArray = NDArray[np.float64]


class PlateLoad(Protocol):
    """A load on a rigid plate."""

    def motion(self, stiffness: StiffnessMatrix) -> FloatArray:
        """(6,) motion of the superior plate in mm and rad about the pole of ``stiffness``."""
        ...


@dataclass(frozen=True)
class GuidedPlate:
    """An axial force on a plate that neither tilts nor slides.

    Attributes:
        force: axial.
    """

    force: float

    def motion(self, stiffness: StiffnessMatrix) -> FloatArray:
        """(6,) motion of the superior plate in mm and rad about the pole of ``stiffness``."""
        return np.array([0.0, 0.0, -self.force / stiffness.axial_stiffness, 0.0, 0.0, 0.0])


@dataclass(frozen=True)
class FreePlate:
    """An axial force and moments on a plate that may tilt, turn and slide.

    Attributes:
        force: axial.
        through: (x, y) of the line of action; the pole of the stiffness where it is None.
        flexion: moment about +x.
        lateral: moment about +y.
    """

    force: float
    through: tuple[float, float] | None = None
    flexion: float = 0.0
    lateral: float = 0.0

    def motion(self, stiffness: StiffnessMatrix) -> FloatArray:
        """(6,) motion of the superior plate in mm and rad about the pole of ``stiffness``."""
        x, y = (0.0, 0.0) if self.through is None else np.asarray(self.through) - stiffness.pole[:2]
        moments = (self.flexion - y * self.force, self.lateral + x * self.force, 0.0)
        return stiffness.compliance @ np.array([0.0, 0.0, -self.force, *moments])
