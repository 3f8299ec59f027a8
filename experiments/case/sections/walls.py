"""The body's surface: the tables [walls], [outlets], [outside] and [[defects]]."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from experiments.case.sections.base import (
    FRACTIONS,
    Companions,
    Region,
    Section,
    Wall,
    chosen_shape,
    joined,
    physical,
    physical_table,
)

IVC_SOURCE = (
    "lumbar intraosseous pressure equals that of the inferior vena cava: Spencer 1981, 10.1097/00007632-198103000-00009"
)
AS_VEINS = "taken as the pressure in the veins"

FIXED_FRACTION = {"left_wall": "left", "right_wall": "left", "anterior_wall": "depth", "posterior_wall": "depth"}
"""Vertical wall -> the fraction that it fixes; the endplates fix the height."""

WALL_HEIGHTS = (-3.0, 4.0)
"""Range of the height of a defect. Heights count through the centroid, where a biconcave body can have lost more than
two thirds of the height that its walls have kept: fissures of the demo's L3 lie between -2.2 and 3.1 (tag D)."""

DEFECT_SHAPES = {
    "diameter_mm": Companions(allowed=("depth_mm",)),
    "fraction": Companions(),
    "fracture_length_mm": Companions(needed=("fracture_angle_deg",)),
}
"""The key that chooses the shape of a defect -> the keys that belong to it."""


class Walls(Section):
    """The bony shell of the body.

    `thickness_mm` knows the six walls that `[[defects]]` knows; `conductance_ml_per_s_kpa` knows `left_pedicle` and
    `right_pedicle` as well. With `missing_shell = "open"` the law's fissures run through every gap of the shell that
    the CT shows, and the run warns of each, since noise in the CT looks like small gaps. Coarse meshes can open small
    false gaps on an intact body as well, so compare with a finer mesh before you believe one.
    """

    notes = """
    ```toml
    [walls]
    missing_shell = "open"

    [walls.thickness_mm]
    anterior_wall = 0.5

    [walls.conductance_ml_per_s_kpa]
    superior_endplate = 0.002
    ```
    """

    thickness_mm: dict[Wall, Annotated[float, Field(ge=0.05, le=5.0, strict=True)]] = physical_table(
        "mm",
        "thickness of the shell of single walls",
        "0.05 to 5 mm for known walls",
        sets="own_shells[].thickness",
    )
    conductance_ml_per_s_kpa: dict[Region, Annotated[float, Field(ge=0.0, le=0.5, strict=True)]] = physical_table(
        "ml/(s kPa)",
        "conductance to marrow of single intact walls, instead of their share of all outlets",
        "0 to 0.5 ml/(s kPa) for known walls",
    )
    missing_shell: Literal["ignore", "open"] = Field(
        default="ignore", description="whether places where the CT shows no shell let cement pass"
    )


class OutletShares(Section):
    """How the groups of marrow outlets share the conductance.

    All six keys, adding up to 1, or none for the law's own shares, which the manifest lists.
    """

    notes = """
    ```toml
    [outlets.shares]
    endplates = 0.25
    cortical_walls = 0.1
    pedicles = 0.05
    basivertebral_foramen = 0.48
    segmental_veins = 0.1
    needle_track = 0.02
    ```
    """

    endplates: float = physical(..., "1", "superior and inferior endplate", 0.0, 1.0)
    cortical_walls: float = physical(..., "1", "anterior, lateral and posterior walls", 0.0, 1.0)
    pedicles: float = physical(..., "1", "both pedicles", 0.0, 1.0)
    basivertebral_foramen: float = physical(..., "1", "basivertebral foramen", 0.0, 1.0)
    segmental_veins: float = physical(..., "1", "segmental veins at the lateral walls", 0.0, 1.0)
    needle_track: float = physical(..., "1", "gap along the needles", 0.0, 1.0)

    @model_validator(mode="after")
    def _sum_to_one(self) -> OutletShares:
        groups = list(type(self).model_fields)
        total = math.fsum(getattr(self, group) for group in groups)
        if abs(total - 1.0) > 1e-9:
            raise ValueError(f"{', '.join(groups)} add up to {total:g}; make them add up to 1")
        return self


class Outlets(Section):
    """How easily the displaced marrow leaves the body.

    Displaced marrow must leave, and how easily it does is one of the two most influential numbers of the model. An
    opening conducts its share of this or, if that is more, what its own conduits do: holes and wide veins add to the
    sum, which the manifest gives. Below the default, veins whose diameter is left open become narrower with it.
    """

    notes = """
    Below 0.001 ml/(s kPa) the pressure in the body grows so large that the volume balances lose digits.
    """

    conductance_ml_per_s_kpa: float = physical(
        0.05,
        "ml/(s kPa)",
        "conductance of all marrow outlets together; vary it by factors of 0.1 to 10",
        0.001,
        0.5,
        "3 ml/min raises the pressure by no more than the 1.20 kPa measured with a void "
        "(J Orthop Surg Res 10:20); no measured value is at hand",
        "D",
        sets="outlets.conductance",
    )
    shares: OutletShares | None = Field(
        default=None, description="how the outlets share the conductance; by default as the law says"
    )

    @field_validator("conductance_ml_per_s_kpa", mode="before")
    @classmethod
    def _marrow_must_leave(cls, value: Any) -> Any:
        if not isinstance(value, bool) and value == 0:
            raise ValueError(
                "0 leaves the displaced marrow no way out, so an injection at a given rate has no solution; "
                "choose 0.001 to 0.5 ml/(s kPa), 0.05 is usual"
            )
        return value


class Outside(Section):
    """Pressures outside the body above the resting intraosseous pressure, which is that of the veins.

    All pressures of the model count from the resting intraosseous pressure. A healthy disc of somebody who lies holds
    about 100 kPa (Wilke 1999, Spine 24:755, tag M) and a degenerated one little or nothing.
    """

    notes = """
    ```toml
    [outside]
    disc_kpa = 5.0
    veins_kpa = 1.0             # a Valsalva manoeuvre
    ```
    """

    canal_kpa: float = physical(0.0, "kPa", "pressure in the spinal canal", -5.0, 20.0, AS_VEINS)
    disc_kpa: float = physical(0.0, "kPa", "pressure in the discs", -5.0, 200.0, AS_VEINS)
    veins_kpa: float = physical(0.0, "kPa", "pressure in the veins", -5.0, 20.0, IVC_SOURCE, "S")
    soft_tissue_kpa: float = physical(0.0, "kPa", "pressure in the soft tissue", -5.0, 20.0, AS_VEINS)


class Defect(Section):
    """Openings in the walls, as many tables as there are defects, up to ten.

    Each has exactly one shape:

    - `diameter_mm`: a disc, with `depth_mm` where bone is lost behind it,
    - `fraction`: a destroyed part of the wall,
    - `fracture_length_mm` and `fracture_angle_deg`: a straight fracture.

    A disc and a fracture are placed by the two fractions that span their wall: `left` and `height` for the anterior
    and posterior wall, `depth` and `height` for the left and right wall, `left` and `depth` for the endplates. A
    destroyed part may do without. The mesh follows the outline of a disc, with cells of a sixth of its diameter there.
    Of a disc that hangs over the edge of its wall, or shares its place with another opening, only that part is open
    which has place, and the run warns where more than 5 % have none. The posterior wall ends at the foramen of the
    basivertebral veins in its middle.
    """

    notes = """
    ```toml
    [[defects]]
    wall = "posterior_wall"
    left = 0.35
    height = 0.5
    diameter_mm = 6.0
    depth_mm = 6.0

    [[defects]]
    wall = "left_wall"
    fraction = 0.3

    [[defects]]
    wall = "superior_endplate"
    left = 0.0
    depth = 0.4
    fracture_length_mm = 25.0
    fracture_angle_deg = 0.0
    aperture_mm = 0.5
    ```
    """

    wall: Wall = Field(description="the wall that is open")
    left: float | None = physical(None, "1", "centre, fraction of the half width: 1 at the left wall", -1.0, 1.0)
    depth: float | None = physical(None, "1", "centre, fraction of the depth: 0 anterior, 1 posterior", 0.0, 1.0)
    height: float | None = physical(
        None,
        "1",
        "centre, fraction of the height through the body's middle: 0 inferior, 1 superior; beyond them where the wall "
        "of a biconcave body is higher than its middle",
        *WALL_HEIGHTS,
    )
    diameter_mm: float | None = physical(None, "mm", "diameter of a disc", 0.5, 20.0)
    depth_mm: float | None = physical(
        None, "mm", "how far the bone lost behind a disc reaches into the body; by default the wall alone", 0.5, 40.0
    )
    fraction: float | None = physical(
        None,
        "1",
        "destroyed share of the wall's area; around the wall's own centre unless two fractions place it",
        0.01,
        1.0,
    )
    fracture_length_mm: float | None = physical(None, "mm", "length of a straight fracture", 1.0, 60.0)
    fracture_angle_deg: float | None = physical(
        None,
        "deg",
        "direction of the fracture: 0 right to left, 45 right front to left back, 90 front to back; on the anterior "
        "and posterior wall 90 is upwards, on the left and right wall 0 is front to back and 90 upwards",
        0.0,
        180.0,
    )
    aperture_mm: float | None = physical(
        None,
        "mm",
        "width of the fissures in the wall; by default a disc is an open hole, other defects have the law's fissures",
        0.05,
        10.0,
    )

    @model_validator(mode="after")
    def _one_shape(self) -> Defect:
        chosen_shape(self, DEFECT_SHAPES)
        if self.aperture_mm is not None and self.diameter_mm is not None and self.aperture_mm > self.diameter_mm:
            raise ValueError(
                f"aperture_mm = {self.aperture_mm:g} is wider than diameter_mm = {self.diameter_mm:g}; leave it out "
                "for an open hole"
            )
        return self

    @model_validator(mode="after")
    def _two_fractions(self) -> Defect:
        fixed = FIXED_FRACTION.get(self.wall, "height")
        spanning = [key for key in FRACTIONS if key != fixed]
        given = self.gives(*FRACTIONS)
        if given == spanning or (self.shape == "fraction" and not given):
            return self
        either = ", or by neither" if self.shape == "fraction" else ""
        raise ValueError(f"a defect of the {self.wall} is placed by {joined(spanning)}{either}, without {fixed}")

    @property
    def shape(self) -> Literal["disc", "fraction", "fracture"]:
        """What the opening looks like."""
        if self.diameter_mm is not None:
            return "disc"
        return "fraction" if self.fraction is not None else "fracture"
