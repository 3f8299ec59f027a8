"""Cement that is given instead of injected: the table [prescribed_cement]."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from experiments.case.sections.base import (
    MASK,
    Companions,
    InputPath,
    Section,
    chosen_shape,
    input_file,
    physical,
    physical_list,
)

_Hounsfield = Annotated[float, Field(ge=1000.0, le=32767.0, strict=True)]
_Proportion = Annotated[float, Field(ge=0.1, le=10.0, strict=True)]

SOURCES = {"mask": Companions(), "threshold_hu": Companions(), "shapes": Companions()}
"""The keys of which one says where the cement is."""


class CementShape(Section):
    """Ellipsoids along the anatomical axes, up to six, whose pores are full of cement.

    Each holds its own volume of cement: it grows until the pores inside the body that no earlier shape has taken hold
    `volume_ml`. Shapes that overlap or reach out of the body therefore grow farther elsewhere, and the volumes always
    add up.
    """

    notes = """
    ```toml
    [[prescribed_cement.shapes]]
    left = 0.35
    depth = 0.35
    height = 0.5
    volume_ml = 2.0

    [[prescribed_cement.shapes]]
    left = -0.35
    depth = 0.35
    height = 0.5
    volume_ml = 2.0
    proportions = [1.0, 1.0, 1.5]
    ```
    """

    left: float = physical(..., "1", "centre, fraction of the half width: 1 at the left wall", -1.0, 1.0)
    depth: float = physical(..., "1", "centre, fraction of the depth: 0 anterior, 1 posterior", 0.0, 1.0)
    height: float = physical(..., "1", "centre, fraction of the height: 0 inferior, 1 superior", 0.0, 1.0)
    volume_ml: float = physical(
        ..., "ml", "volume of the cement itself; with the solid between its pores the shape is larger", 0.02, 15.0
    )
    proportions: tuple[_Proportion, _Proportion, _Proportion] | None = physical_list(
        "three numbers, each 0.1 to 10 (dimensionless)",
        "1",
        "its axes to one another, right to left, front to back and upwards; a ball where left out",
        "[2.0, 1.0, 1.0]",
    )

    @property
    def centre(self) -> tuple[float, float, float]:
        """(left, depth, height) as fractions of the body."""
        return self.left, self.depth, self.height


class PrescribedCement(Section):
    """Cement that is there already takes the place of the injection.

    Fill measures and stiffness follow, leaks, pressures and needles do not. It comes from exactly one of

    - `mask`: the voxels of a segmentation, on the grid of the CT or of a part of it that holds the vertebra and 8 mm
      around it,
    - `threshold_hu`: the voxels of the CT itself between two CT numbers, within 8 mm of the vertebra,
    - `shapes`: idealised cement.

    With `mask` and `threshold_hu` the CT is taken to be the post-operative one. The saturation of a tetrahedron is the
    share of its volume that lies in voxels of cement. What lies outside of the body is reported in ml
    (`scan_outside_ml`) and takes no part in the stiffness. The bone under the cement cannot be seen: the cement and
    one voxel around it take the median CT number of the body's other trabecular bone (3 mm below the surface or
    deeper), for the intact body too. Metal and contrast agent harden the beam, and a voxel at the cement's edge shows
    a mean of cement and bone, so that edge, thin leaks and volumes are uncertain by about a voxel; every run with a
    scan warns of it.

    The tables `[cement]`, `[marrow]`, `[[needles]]`, `[injection]`, `[veins]`, `[walls]`, `[outlets]` and `[outside]`
    describe an injection and are refused beside it. Results have no part `injection` but `prescribed_cement`, and the
    manifest says `"cement": "prescribed"`.
    """

    notes = """
    ```toml
    [prescribed_cement]
    mask = "cement.nii.gz"      # or threshold_hu = [1500, 3071]
    ```
    """

    mask: InputPath | None = input_file(
        MASK,
        "cement in a post-operative CT, every number but 0, on the grid of the CT; relative to the case file's folder",
    )
    threshold_hu: tuple[_Hounsfield, _Hounsfield] | None = physical_list(
        "two numbers, each 1000 to 32767 HU, the lower one first",
        "HU",
        "CT numbers of cement in a post-operative CT; clinical volumetry takes 1500 to 3071",
        "[1500, 3071]",
    )
    shapes: tuple[CementShape, ...] | None = Field(
        default=None, min_length=1, max_length=6, description="idealised cement, shape after shape"
    )

    @model_validator(mode="after")
    def _one_source(self) -> PrescribedCement:
        chosen_shape(self, SOURCES)
        return self

    @model_validator(mode="after")
    def _threshold_in_order(self) -> PrescribedCement:
        if self.threshold_hu is not None and self.threshold_hu[0] >= self.threshold_hu[1]:
            low, high = self.threshold_hu
            raise ValueError(
                f"threshold_hu = [{low:g}, {high:g}] runs downwards; write the lower number first, as in [1500, 3071]"
            )
        return self
