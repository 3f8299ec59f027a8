"""What is not plain bone and marrow: the tables [[lesions]] and [[cavities]]."""

from __future__ import annotations

from typing import Annotated, Literal, cast

from pydantic import Field, model_validator

from experiments.case.sections.base import (
    FRACTIONS,
    MASK,
    Choice,
    Companions,
    InputPath,
    Region,
    Section,
    chosen_shape,
    input_file,
    joined,
    physical,
    physical_list,
)

_SemiAxis = Annotated[float, Field(ge=0.5, le=40.0, strict=True)]
SemiAxes = tuple[_SemiAxis, _SemiAxis, _SemiAxis]
"""Half the diameters of an ellipsoid in mm, right to left, front to back and upwards."""

_SEMI_AXES = ("three numbers, each 0.5 to 40 mm", "mm", "semi-axes of an ellipsoid", "[12.0, 9.0, 8.0]")

LESION_SHAPES = {
    "label": Companions(needed=("mask",)),
    "semi_axes_mm": Companions(needed=FRACTIONS),
    "fraction": Companions(allowed=("grown_from",)),
}
"""The key that chooses the shape of a lesion -> the keys that belong to it."""


class Lesion(Section):
    """Metastases, up to five: their places, and what their tissue is like.

    Each has exactly one shape:

    - `label` and `mask`: the voxels with this number,
    - `left`, `depth`, `height` and `semi_axes_mm`: an ellipsoid along the anatomical axes,
    - `fraction`, perhaps with `grown_from`: the part of the body that lies next to a wall.

    `growth` stands for the blood supply of the tumour and the pressure in it; the keys below it override what follows
    from it and from `kind`. Of `density_mg_per_cm3`, `porosity` and `permeability_m2`, what is left out follows by the
    bone laws from the one before it where that is given. A rapidly growing tumour also widens the veins whose diameter
    `[veins]` leaves open. With `mobile = false` the tissue stays where it is and the cement must go round; no needle
    may open there, and `viscosity_pa_s` has no meaning.

    Destroyed walls are fissured wherever the lesion touches them, except at the pedicles and the foramen, which have
    no shell.

    What overlaps takes its cells over from what was before: lesions in their order, then clefts, balloons, and the
    bone lost behind defects. Pictures and fields name them after their tables: `lesion_1`, `cleft_1`, `balloon_2`,
    `compacted_2` (the bone around it), `defect_1`.
    """

    notes = """
    ```toml
    [[lesions]]
    kind = "osteolytic"
    fraction = 0.3
    growth = "rapid"
    aperture_mm = 1.5

    [[lesions]]
    kind = "osteoblastic"
    left = -0.3
    depth = 0.4
    height = 0.6
    semi_axes_mm = [8.0, 6.0, 6.0]
    density_mg_per_cm3 = 450.0

    [[lesions]]
    kind = "osteolytic"
    mask = "metastases.nii.gz"
    label = 2
    mobile = false
    ```
    """

    kind: Literal["osteolytic", "osteoblastic"] = Field(description="whether the tumour dissolves or forms bone")
    label: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        strict=True,
        description="number of the lesion in mask",
    )
    mask: InputPath | None = input_file(
        MASK, "labels of lesions on any grid of voxels; relative to the case file's folder"
    )
    left: float | None = physical(None, "1", "centre, fraction of the half width: 1 at the left wall", -1.0, 1.0)
    depth: float | None = physical(None, "1", "centre, fraction of the depth: 0 anterior, 1 posterior", 0.0, 1.0)
    height: float | None = physical(None, "1", "centre, fraction of the height: 0 inferior, 1 superior", 0.0, 1.0)
    semi_axes_mm: SemiAxes | None = physical_list(*_SEMI_AXES)
    fraction: float | None = physical(
        None, "1", "share of the body's volume that the lesion has grown to from a wall", 0.01, 0.95
    )
    grown_from: Region = Field(
        default="posterior_wall", description="where a lesion given by its fraction has grown from"
    )
    growth: Literal["slow", "moderate", "rapid"] = Field(
        default="moderate", description="growth class of the primary tumour, which sets blood supply and pressure"
    )
    mobile: Choice | None = Field(
        default=None, description="whether cement can push the tumour tissue out of the pores or must go round it"
    )
    density_mg_per_cm3: float | None = physical(
        None, "mg/cm3", "bone mineral density in the lesion", 0.0, 1500.0, sets="lesions[].density"
    )
    porosity: float | None = physical(None, "1", "porosity of the lesion", 0.05, 1.0, sets="lesions[].porosity")
    permeability_m2: float | None = physical(
        None, "m2", "permeability of the lesion", 1e-14, 1e-6, sets="lesions[].permeability"
    )
    viscosity_pa_s: float | None = physical(
        None, "Pa s", "viscosity of the tumour tissue in its pores", 0.01, 10000.0, sets="lesions[].viscosity"
    )
    interstitial_pressure_kpa: float | None = physical(
        None,
        "kPa",
        "pressure in the lesion above the resting intraosseous pressure",
        0.0,
        20.0,
        sets="lesions[].interstitial_pressure",
    )
    vascular_conductance_per_s_kpa: float | None = physical(
        None,
        "1/(s kPa)",
        "rate at which the lesion's vessels exchange fluid, per volume and pressure difference",
        0.0,
        1.0,
        sets="lesions[].vascular_conductance",
    )
    destroys_walls: Choice | None = Field(
        default=None,
        description="whether the walls that the lesion touches are fissured; by default where it is osteolytic",
    )
    aperture_mm: float | None = physical(None, "mm", "width of the fissures in the destroyed walls", 0.05, 10.0)

    @model_validator(mode="after")
    def _one_shape(self) -> Lesion:
        chosen_shape(self, LESION_SHAPES)
        return self

    @model_validator(mode="after")
    def _fissures_in_destroyed_walls(self) -> Lesion:
        if self.aperture_mm is not None and not self.opens_walls:
            raise ValueError(
                f"aperture_mm = {self.aperture_mm:g} is the width of fissures, but this {self.kind} lesion leaves the "
                "walls intact; set destroys_walls = true or remove aperture_mm"
            )
        return self

    @model_validator(mode="after")
    def _viscosity_of_mobile_tissue(self) -> Lesion:
        if self.viscosity_pa_s is not None and self.mobile is False:
            raise ValueError(
                f"viscosity_pa_s = {self.viscosity_pa_s:g} is that of tissue which cement pushes out of the pores, but "
                "mobile = false leaves this tissue in place; set mobile = true or remove viscosity_pa_s"
            )
        return self

    @property
    def shape(self) -> Literal["label", "ellipsoid", "fraction"]:
        """How the lesion's place is given."""
        if self.label is not None:
            return "label"
        return "ellipsoid" if self.semi_axes_mm is not None else "fraction"

    @property
    def opens_walls(self) -> bool:
        """Whether the walls that the lesion touches let cement pass."""
        return self.kind == "osteolytic" if self.destroys_walls is None else self.destroys_walls

    @property
    def centre(self) -> tuple[float, float, float]:
        """(left, depth, height) of an ellipsoid's centre as fractions of the body."""
        return cast(tuple[float, float, float], (self.left, self.depth, self.height))


class Cavity(Section):
    """Clefts of a pseudarthrosis and cavities that kyphoplasty balloons have left, up to four, full of blood.

    A cleft is an ellipsoid along the anatomical axes; a
    balloon is a ball of either a volume or a diameter, whose bone lies in the compacted shell.
    """

    notes = """
    ```toml
    [[cavities]]
    kind = "cleft"
    left = 0.0
    depth = 0.35
    height = 0.7
    semi_axes_mm = [12.0, 9.0, 2.0]

    [[cavities]]
    kind = "balloon"
    left = 0.35
    depth = 0.4
    height = 0.5
    volume_ml = 2.0
    compacted_shell_mm = 1.5
    ```
    """

    kind: Literal["cleft", "balloon"] = Field(
        description="cleft: an ellipsoid full of fluid; balloon: a ball with compacted bone around it"
    )
    left: float = physical(..., "1", "centre, fraction of the half width: 1 at the left wall", -1.0, 1.0)
    depth: float = physical(..., "1", "centre, fraction of the depth: 0 anterior, 1 posterior", 0.0, 1.0)
    height: float = physical(..., "1", "centre, fraction of the height: 0 inferior, 1 superior", 0.0, 1.0)
    semi_axes_mm: SemiAxes | None = physical_list(*_SEMI_AXES)
    volume_ml: float | None = physical(None, "ml", "volume of the inflated balloon", 0.1, 10.0)
    diameter_mm: float | None = physical(None, "mm", "diameter of the inflated balloon", 4.0, 30.0)
    compacted_shell_mm: float | None = physical(
        None, "mm", "thickness of the compacted bone around the balloon", 0.0, 10.0, sets="cavities[].shell_thickness"
    )

    @model_validator(mode="after")
    def _one_shape(self) -> Cavity:
        if self.kind == "cleft":
            if strange := self.gives("volume_ml", "diameter_mm", "compacted_shell_mm"):
                belong = "belongs" if len(strange) == 1 else "belong"
                raise ValueError(f"{joined(strange)} {belong} to a balloon; a cleft is given by semi_axes_mm")
            if self.semi_axes_mm is None:
                raise ValueError('kind = "cleft" needs semi_axes_mm, as in [12.0, 9.0, 2.0]')
            return self
        if self.semi_axes_mm is not None:
            raise ValueError("semi_axes_mm belongs to a cleft; a balloon is given by volume_ml or diameter_mm")
        if len(self.gives("volume_ml", "diameter_mm")) != 1:
            raise ValueError('kind = "balloon" needs either volume_ml or diameter_mm')
        return self

    @property
    def centre(self) -> tuple[float, float, float]:
        """(left, depth, height) as fractions of the body."""
        return self.left, self.depth, self.height
