"""Dimensions of what lies around a vertebral body, where no image shows it."""

from __future__ import annotations

from dataclasses import dataclass

from materials.provenance import check_ranges, quantity

LUMBAR_CANAL = "lumbar canal, 15 to 18 mm deep and 22 to 25 mm wide"


@dataclass(frozen=True)
class SpinalSurroundings:
    """Canal, discs and nerve roots beside a body.

    The canal begins at the posterior wall; the dural sac lies in it behind a layer of fat. Discs lie on the endplates,
    and beyond them other vertebrae. A nerve root passes below each pedicle, behind the body.

    Attributes:
        arch_bone: share of the arch, and of the other vertebrae, that is mineralised tissue.
    """

    canal_depth: float = quantity(16.0, "mm", LUMBAR_CANAL, "M", 8.0, 30.0)
    canal_width: float = quantity(22.0, "mm", LUMBAR_CANAL, "M", 10.0, 40.0)
    epidural_gap: float = quantity(2.0, "mm", "anterior epidural fat, 1 to 4 mm", "M", 0.0, 8.0)
    disc_height: float = quantity(9.0, "mm", "lumbar discs, 8 to 12 mm", "M", 2.0, 20.0)
    root_diameter: float = quantity(5.0, "mm", "lumbar root with its ganglion, 4 to 7 mm", "M", 1.0, 10.0)
    arch_bone: float = quantity(0.4, "1", "between cancellous and cortical bone", "D", 0.02, 1.0)

    def __post_init__(self) -> None:
        """Check the ranges, and that the canal has room behind and between its fat."""
        check_ranges(self)
        if self.epidural_gap > 0.25 * min(self.canal_depth, self.canal_width):
            raise ValueError(
                f"SpinalSurroundings.epidural_gap = {self.epidural_gap:g} mm is more than a quarter of the canal's "
                f"depth ({self.canal_depth:g} mm) or width ({self.canal_width:g} mm)"
            )
