"""The part ``stiffness`` of the results: the body or the vertebra between its plates, before and after."""

from __future__ import annotations

from collections.abc import Mapping

from experiments.results.parts.base import Part, Point, number, state

Matrix = tuple[tuple[float, float, float, float, float, float], ...]
"""Six rows of six."""


class StateStiffness(Part):
    """The stiffness matrix of one state (mm, rad, N) and what follows from it.

    It is that of the superior plate against the fixed inferior one about the area centroid of the superior endplate:
    displacements u and rotations r about x (left), y (posterior) and z (superior).
    """

    matrix: Matrix = number(
        "N/mm, N/rad, N mm/rad",
        "stiffness matrix",
        "Forces and moments on the superior plate for each unit motion; column j belongs to motion j.",
        signed=True,
    )
    pole_mm: Point = number("mm", "pole", "The point that motions and loads refer to.", signed=True)
    axial_free_rotation_n_per_mm: float = number(
        "N/mm",
        "axial stiffness, plate free to turn",
        "Axial force for axial motion of a plate that may turn but not slide.",
    )
    axial_free_n_per_mm: float = number(
        "N/mm", "axial stiffness, plate free", "Axial force for axial motion of a plate that may tilt, turn and slide."
    )
    flexion_nm_per_deg: float = number(
        "N m/deg", "stiffness in flexion", "Pure moment about x for rotation, the plate otherwise free."
    )
    lateral_bending_nm_per_deg: float = number(
        "N m/deg", "stiffness in lateral bending", "Pure moment about y for rotation, the plate otherwise free."
    )
    torsion_nm_per_deg: float = number(
        "N m/deg", "stiffness in torsion", "Pure moment about z for rotation, the plate otherwise free."
    )
    flexion_centre_mm: Point = number(
        "mm",
        "centre of flexion",
        "The point about which the plate turns in the sagittal plane under a pure moment about x.",
        signed=True,
    )
    tilt_forward_deg_per_kn: float = number(
        "deg/kN", "tilt forward", "Rotation of the free plate about x under uniform pressure, per force.", signed=True
    )
    tilt_left_deg_per_kn: float = number("deg/kN", "tilt to the left", "The same about y, to the left.", signed=True)


class StiffnessResults(Part):
    """Axial stiffness without tilt, and the whole stiffness, in each state."""

    intact_n_per_mm: float = number(
        "N/mm", "axial stiffness, intact", "Axial force for axial motion without tilt, of the body without cement."
    )
    fractured_n_per_mm: float | None = number(
        "N/mm", "axial stiffness, fractured", "The same with the damage of the bone alone.", optional=True
    )
    augmented_n_per_mm: float = number("N/mm", "axial stiffness, augmented", "The same with damage and cement.")
    broken_bone_modulus_mpa: Mapping[str, float] | None = number(
        "MPa",
        "Young's modulus of the broken bone",
        "Mean over the bone that the fracture broke, shell included, along the axis, in each state after it.",
        optional=True,
    )
    intact: StateStiffness = state(
        "intact",
        "The body without damage and cement, lesions and cavities included; with [fracture] the body before it.",
    )
    fractured: StateStiffness | None = state("fractured", "The body with its damage alone.", optional=True)
    augmented: StateStiffness = state("augmented", "The body with damage and cement.")

    @property
    def states(self) -> dict[str, StateStiffness]:
        """Name of a state -> its stiffness, in the order in which the states come about."""
        found = {"intact": self.intact, "fractured": self.fractured, "augmented": self.augmented}
        return {name: stiffness for name, stiffness in found.items() if stiffness is not None}

    @property
    def axial(self) -> dict[str, float]:
        """Name of a state -> its axial stiffness without tilt in N/mm."""
        return {name: getattr(self, f"{name}_n_per_mm") for name in self.states}
