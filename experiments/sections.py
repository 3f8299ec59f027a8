"""The tables of a case file: every key with its range, clinical unit, source and provenance tag."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticKnownError

Site = Literal[
    "canal_posterior_wall",
    "basivertebral_foramen",
    "disc_superior",
    "disc_inferior",
    "paravertebral_left",
    "paravertebral_right",
    "paravertebral_anterior",
    "segmental_veins_left",
    "segmental_veins_right",
    "needle_track",
]
"""Where cement can leave a vertebra."""

Wall = Literal[
    "superior_endplate",
    "inferior_endplate",
    "posterior_wall",
    "anterior_wall",
    "left_wall",
    "right_wall",
]
"""Named parts of the body's surface that a defect can open."""

Side = Literal["left", "right"]
LabelMap = Literal["verse", "totalsegmentator_v1", "totalsegmentator_v2"]

PROJECT = "project choice"
LAW_DEFAULT = "the law's own default"


def physical(
    default: Any,
    unit: str,
    description: str,
    low: float | None = None,
    high: float | None = None,
    source: str = PROJECT,
    tag: str = "D",
) -> Any:
    """Declare a physical value of the case file with its range, clinical unit, source and provenance tag."""
    return Field(
        default=default,
        ge=low,
        le=high,
        strict=True,
        description=f"{description} [{unit}]",
        json_schema_extra={"unit": unit, "source": source, "tag": tag},
    )


class Section(BaseModel):
    """A table of the case file: frozen, no unknown keys, no infinities."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Patient(Section):
    """Whose vertebra: a CT with labels, or the demo patient."""

    demo: bool = Field(default=False, strict=True, description="use the demo patient, a real osteoporotic L3")
    ct: Path | None = Field(
        default=None,
        description="CT volume in HU (NIfTI, or a folder with one DICOM series); relative to the case file's folder",
    )
    mask: Path | None = Field(default=None, description="vertebra labels or binary mask on the grid of the CT (NIfTI)")
    subregions: Path | None = Field(
        default=None, description="labels of the vertebra's parts (NIfTI), TPTBox convention"
    )
    level: str | None = Field(
        default=None,
        pattern=r"^(T([1-9]|1[0-3])|L[1-6])$",
        description="vertebral level",
        json_schema_extra={"allowed": "T1 to T13 or L1 to L6"},
    )
    labels: LabelMap | Annotated[int, Field(ge=1, le=65535, strict=True)] | None = Field(
        default=None,
        description="which numbers the mask uses: a known convention, or the label's number; inferred where left out",
        json_schema_extra={
            "allowed": '"verse", "totalsegmentator_v1", "totalsegmentator_v2" or the number of the label in the mask'
        },
    )

    @field_validator("ct", "mask", "subregions", mode="before")
    @classmethod
    def _path_not_empty(cls, value: Any) -> Any:
        # An empty text would stand for the case file's own folder.
        if isinstance(value, str) and not value.strip():
            raise ValueError("the path is empty; name an image or leave the key out")
        return value

    @model_validator(mode="after")
    def _one_patient(self) -> Patient:
        given = [key for key in ("ct", "mask", "level") if getattr(self, key) is not None]
        if self.demo and (given or self.subregions is not None or self.labels is not None):
            raise ValueError("demo = true stands alone; remove the other keys of [patient] or demo")
        if not self.demo and len(given) < 3:
            missing = ", ".join(key for key in ("ct", "mask", "level") if key not in given)
            raise ValueError(f"{missing} missing; give ct, mask and level, or demo = true for the demo patient")
        return self


class Mesh(Section):
    """Tetrahedron sizes."""

    size_mm: float = physical(1.5, "mm", "edge length in the body", 0.5, 4.0)
    needle_size_mm: float = physical(
        0.5,
        "mm",
        "edge length around the needle's tip; no refinement at or above size_mm",
        0.2,
        4.0,
        "tip pressure of the demo changes 2.0 % between 2.0 and 1.0 mm body mesh; below half an 11G opening radius",
    )
    defect_size_mm: float | None = physical(
        None, "mm", "edge length around wall defects; not refined by default", 0.2, 4.0
    )


class Bone(Section):
    """Calibration of the CT and overrides of the bone laws; what is left out takes the law's own default."""

    hu_slope_mg_per_cm3: float | None = physical(None, "mg/cm3/HU", "bone mineral density per HU", 0.3, 2.0)
    hu_intercept_mg_per_cm3: float | None = physical(None, "mg/cm3", "bone mineral density at 0 HU", -200.0, 200.0)
    permeability_multiplier: float | None = physical(
        None, "1", "factor on the permeability of all cells, for its uncertainty", 0.1, 10.0
    )
    transverse_factor: float | None = physical(
        None, "1", "transverse permeability over superior-inferior permeability", 0.05, 1.0
    )


class Cement(Section):
    """The cement and its age."""

    viscosity: Literal["low", "medium", "high"] = Field(default="medium", description="viscosity class")
    injected_after_mixing_min: float = physical(
        5.0,
        "min",
        "age of the cement when the injection starts",
        0.0,
        20.0,
        "between the start times 3.5 / 6.5 / 9.5 min of Habib 2010, ijssurgery 4/1/26",
        "M",
    )
    consistency_pa_s: float | None = physical(
        None,
        "Pa s",
        "power-law consistency: viscosity at 1 1/s; the viscosity class's doubling time is kept",
        0.001,
        10000.0,
    )
    index: float | None = physical(None, "1", "power-law index", 0.2, 1.0)


class Marrow(Section):
    """The displaced phase."""

    viscosity_pa_s: float | None = physical(None, "Pa s", "viscosity", 0.01, 1000.0)


class Needle(Section):
    """One cannula: what it is, where its tip goes and how it gets there.

    Fractions of the body: ``left`` -1 (right wall) to 1 (left wall), ``depth`` 0 (anterior) to 1 (posterior wall),
    ``height`` 0 (inferior) to 1 (superior).
    """

    side: Side = Field(default="left", description="the patient's side on which the needle enters")
    gauge: int = Field(
        default=11,
        ge=8,
        le=14,
        strict=True,
        description="needle gauge",
        json_schema_extra={"unit": "gauge", "source": "lumbar needle of clinical series (PVP 11/13G)", "tag": "M"},
    )
    length_mm: float = physical(125.0, "mm", "length of the cannula", 50.0, 250.0, "common bone access needle", "M")
    left: float | None = physical(
        None,
        "1",
        "tip, fraction of the half width: 1 at the left wall; by default 0.2 to the needle's side",
        -0.95,
        0.95,
    )
    depth: float = physical(
        0.25, "1", "tip, fraction of the depth: 0 anterior, 1 at the posterior wall; anterior third", 0.03, 0.97
    )
    height: float = physical(0.5, "1", "tip, fraction of the height: 0 inferior, 1 superior", 0.03, 0.97)
    approach: Literal["transpedicular", "angles"] = Field(
        default="transpedicular",
        description="transpedicular: through the centre of that side's pedicle; angles: by camber and sagittal angle",
    )
    camber_deg: float | None = physical(
        None, "deg", "angle to the sagittal plane; positive: the tip points to the midline", -60.0, 80.0
    )
    sagittal_deg: float | None = physical(
        None, "deg", "angle to the axial plane; positive: the tip points down", -60.0, 60.0
    )

    @model_validator(mode="after")
    def _angles_with_their_approach(self) -> Needle:
        angles = (self.camber_deg, self.sagittal_deg)
        if self.approach == "angles" and None in angles:
            raise ValueError('approach = "angles" needs both camber_deg and sagittal_deg')
        if self.approach == "transpedicular" and angles != (None, None):
            raise ValueError('camber_deg and sagittal_deg need approach = "angles"; transpedicular derives its axis')
        return self

    @property
    def target(self) -> tuple[float, float, float]:
        """(left, depth, height) of the tip as fractions of the body."""
        left = self.left if self.left is not None else (0.2 if self.side == "left" else -0.2)
        return left, self.depth, self.height


class Injection(Section):
    """Rate, volume and what ends the injection."""

    volume_ml: float = physical(
        4.0, "ml", "planned cement volume", 0.1, 15.0, "4 ml lumbar limit quoted in clinical series", "M"
    )
    rate_ml_per_min: float = physical(
        3.0,
        "ml/min",
        "rate while the pressure limit is not reached",
        0.1,
        20.0,
        "experiments use 3 to 4 ml/min: Baroud & Steffen 2005, PMC3454663",
        "M",
    )
    leak_limit_ml: float = physical(
        0.2, "ml", "leaked volume at any one site that ends the injection; 15 never ends it", 0.001, 15.0
    )
    leak_limit_by_site_ml: dict[Site, Annotated[float, Field(ge=0.001, le=15.0, strict=True)]] = Field(
        default_factory=dict,
        description="leak limits of single sites, instead of leak_limit_ml [ml]",
        json_schema_extra={"unit": "ml", "allowed": "0.001 to 15 ml for known sites"},
    )
    front_limit_depth: float | None = physical(
        None,
        "1",
        "end when the cement front reaches this depth fraction, 0.8 = posterior fifth; off by default",
        0.3,
        1.0,
    )
    pressure_limit_kpa: float = physical(
        3200.0,
        "kPa",
        "largest syringe pressure; above it the pressure is held and the rate falls",
        10.0,
        20000.0,
        "largest of the syringe pressures measured in vivo, 3215 kPa: Krebs 2005, PMID 15738774",
        "S",
    )
    working_time_min: float | None = physical(
        None, "min", "age of the cement after mixing that ends the injection; off by default", 1.0, 60.0
    )

    def leak_limit(self, site: str) -> float:
        """Leaked volume at ``site`` in ml that ends the injection."""
        for name, limit in self.leak_limit_by_site_ml.items():
            if name == site:
                return limit
        return self.leak_limit_ml


class OutletShares(Section):
    """How the groups of marrow outlets share the conductance; all are given and add up to 1."""

    endplates: float = physical(..., "1", "superior and inferior endplate", 0.0, 1.0)
    cortical_walls: float = physical(..., "1", "anterior, lateral and posterior walls", 0.0, 1.0)
    pedicles: float = physical(..., "1", "both pedicles", 0.0, 1.0)
    basivertebral_foramen: float = physical(..., "1", "basivertebral foramen", 0.0, 1.0)
    needle_track: float = physical(..., "1", "gap along the needle", 0.0, 1.0)

    @model_validator(mode="after")
    def _sum_to_one(self) -> OutletShares:
        groups = list(type(self).model_fields)
        total = math.fsum(getattr(self, group) for group in groups)
        if abs(total - 1.0) > 1e-9:
            raise ValueError(f"{', '.join(groups)} add up to {total:g}; make them add up to 1")
        return self


class Outlets(Section):
    """How easily the displaced marrow leaves the body."""

    conductance_ml_per_s_kpa: float = physical(
        0.05,
        "ml/(s kPa)",
        "conductance of all marrow outlets together; vary it by factors of 0.1 to 10",
        0.001,
        0.5,
        "3 ml/min raises the pressure by no more than the 1.20 kPa measured with a void "
        "(J Orthop Surg Res 10:20); no measured value is at hand",
        "D",
    )
    shares: OutletShares | None = Field(
        default=None, description="how the outlets share the conductance; by default as the law says"
    )
    foramen_open: bool = Field(
        default=True, strict=True, description="cement can leave through the basivertebral foramen"
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


class Defect(Section):
    """A round opening in a wall: give the two fractions that span this wall."""

    wall: Wall = Field(description="the wall that is open")
    left: float | None = physical(None, "1", "centre, fraction of the half width: 1 at the left wall", -1.0, 1.0)
    depth: float | None = physical(None, "1", "centre, fraction of the depth: 0 anterior, 1 posterior", 0.0, 1.0)
    height: float | None = physical(None, "1", "centre, fraction of the height: 0 inferior, 1 superior", 0.0, 1.0)
    diameter_mm: float = physical(4.0, "mm", "diameter of the opening", 0.5, 20.0)
    depth_mm: float | None = physical(
        None, "mm", "how far the lost bone reaches into the body; by default the wall alone", 0.5, 40.0
    )

    @model_validator(mode="after")
    def _two_fractions(self) -> Defect:
        fixed = {"left_wall": "left", "right_wall": "left", "anterior_wall": "depth", "posterior_wall": "depth"}.get(
            self.wall, "height"
        )
        needed = [key for key in ("left", "depth", "height") if key != fixed]
        if getattr(self, fixed) is not None or any(getattr(self, key) is None for key in needed):
            raise ValueError(f"a defect of the {self.wall} is placed by {needed[0]} and {needed[1]}, without {fixed}")
        return self


class Mechanics(Section):
    """Stiffness before and after."""

    enabled: bool = Field(
        default=True, strict=True, description="compute the stiffness of the intact and augmented body"
    )
    degree: Literal[1, 2] = Field(default=2, description="polynomial degree of the displacement")
    poisson: float | None = physical(None, "1", "Poisson's ratio of bone and composite", 0.0, 0.45)

    @field_validator("degree", mode="before")
    @classmethod
    def _degree_is_a_whole_number(cls, value: Any) -> Any:
        # In Python true equals 1 and 2.0 equals 2, so the choice of literals alone lets them pass.
        if type(value) is not int:
            raise PydanticKnownError("int_type")
        return value


class Output(Section):
    """What is written beside the numbers."""

    field_times: int = Field(
        default=16,
        ge=1,
        le=500,
        strict=True,
        description="number of times at which the fields are written, evenly spaced",
    )
    pictures: bool = Field(default=True, strict=True, description="draw the pictures")
