"""The marrow that cement displaces."""

from __future__ import annotations

from dataclasses import dataclass

from materials.provenance import check_ranges, quantity


@dataclass(frozen=True)
class NewtonianMarrow:
    """Marrow of constant viscosity.

    The default of 0.1 Pa s lies inside the 0.044-0.142 Pa s of human yellow femoral marrow (10.3233/BIR-2011-0587);
    bovine marrow is shear-independent above 42 degrees (Bryant 1989, 10.1243/PIME_PROC_1989_203_013_01). Marrow spans
    0.01 to 1 Pa s; the range begins at water, 0.001 Pa s, of bone that was washed out, and goes on to 1000 Pa s for
    marrow replaced by tumour tissue or clot throughout the body (lesions have a tissue of their own,
    :mod:`materials.tissue`).
    """

    viscosity: float = quantity(
        1e-7, "MPa s", "human yellow femoral marrow, 0.044 to 0.142 Pa s, 10.3233/BIR-2011-0587", "S", 1e-9, 1e-3
    )

    def __post_init__(self) -> None:
        """Check the range of the viscosity."""
        check_ranges(self)
