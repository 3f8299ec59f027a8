"""A hole in the shell of the body, and the bone that is lost behind it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from materials.provenance import check_ranges, quantity


@dataclass(frozen=True)
class OpenDefect:
    """What takes the place of the wall and the bone at a defect.

    In the wall, the missing shell is replaced by tissue as permeable as cancellous bone: conductance per area
    k / (mu_m t). Behind it, lost bone leaves a cavity that conducts like a tube of the defect's radius, k = R^2 / 8
    (Poiseuille), with next to no solid.
    """

    shell_thickness: float = quantity(0.35, "mm", "mean shell thickness of L1, Silva 1994", "M", 0.05, 2.0)
    tissue_permeability: float = quantity(
        1e-2, "mm2", "cancellous bone at a porosity of 0.85, 0.3 x Kozeny-Carman with Martin's surface", "D", 1e-6, 10.0
    )
    cavity_porosity: float = quantity(0.98, "1", "next to no bone is left", "D", 0.5, 1.0)

    def __post_init__(self) -> None:
        """Check the ranges of the values."""
        check_ranges(self)

    def conductance_per_area(self, marrow_viscosity: float) -> float:
        """Conductance of the open wall to marrow, in mm/(s MPa), at a marrow viscosity in MPa s."""
        return self.tissue_permeability / (marrow_viscosity * self.shell_thickness)

    def cavity_permeability(self, diameter: float) -> float:
        """Permeability in mm2 where the bone behind a defect of ``diameter`` (mm) is lost."""
        return (0.5 * diameter) ** 2 / 8.0

    def area(self, diameter: float) -> float:
        """Area in mm2 of a round defect of ``diameter`` (mm)."""
        return 0.25 * math.pi * diameter**2
