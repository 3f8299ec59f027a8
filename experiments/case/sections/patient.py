"""Whose vertebra, how fine, and what its bone is like: the tables [patient], [mesh] and [bone]."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from experiments.case.sections.base import (
    MASK,
    MASKS,
    SCAN,
    Choice,
    InputPath,
    Section,
    input_file,
    joined,
    physical,
)

LabelMap = Literal["verse", "totalsegmentator_v1", "totalsegmentator_v2"]

_Label = Annotated[int, Field(ge=1, le=65535, strict=True)]
_Level = Annotated[str, Field(pattern=r"^(C[1-7]|T([1-9]|1[0-3])|L[1-6])$")]
_SegmentName = Annotated[str, Field(min_length=1, max_length=200)]


class Patient(Section):
    """Whose vertebra: a CT with labels, or the demo patient.

    Either `demo = true` alone, or `ct`, `mask` and `level`. Body and arch are told apart by the TPTBox numbers of
    `subregions`, or by any other numbers that `body_labels` and `arch_labels` name; without both by the shape.
    """

    notes = """
    `body_labels` and `arch_labels` count in `subregions` where that is given, else in `mask`, which then needs no
    `labels`. Other numbers of that file are no part of the vertebra, unless `arch_labels` is left out beside
    `subregions`: then the arch is whatever else the vertebra has. A calibrated image whose mask holds body and arch,
    each as an inside and a shell:

    ```toml
    [patient]
    ct = "density.nii.gz"
    mask = "parts.nii.gz"
    level = "L2"
    body_labels = [1, 2]
    arch_labels = [3, 4]

    [bone]
    units = "mg/cm3"
    ```
    """

    demo: Choice = Field(default=False, description="use the demo patient, a real osteoporotic L3")
    ct: InputPath | None = input_file(
        SCAN,
        "CT volume in HU, or in mg/cm3 by bone.units; relative to the case file's folder",
    )
    mask: InputPath | None = input_file(MASKS, "vertebra labels, named segments or binary mask on the grid of the CT")
    subregions: InputPath | None = input_file(
        MASK, "labels of the vertebra's parts, TPTBox convention without body_labels"
    )
    level: str | None = Field(
        default=None,
        pattern=r"^(T([1-9]|1[0-3])|L[1-6])$",
        description="vertebral level",
        json_schema_extra={"allowed": "T1 to T13 or L1 to L6"},
    )
    labels: LabelMap | _Label | dict[_Level, _Label | _SegmentName] | None = Field(
        default=None,
        description="which numbers the mask uses: a known convention, the label's number, or a table from levels to "
        "numbers or names of segments; the names of the file's segments, or inferred, where left out",
        json_schema_extra={
            "allowed": '"verse", "totalsegmentator_v1", "totalsegmentator_v2", the number of the label in the mask, or '
            'a table such as { L2 = 5, L3 = "my segment" }'
        },
    )
    resample: Choice = Field(
        default=False,
        description="resample masks on another grid than the CT's onto it, with nearest neighbour",
    )
    body_labels: tuple[_Label, ...] | None = Field(
        default=None,
        min_length=1,
        max_length=50,
        description="numbers of the body in subregions, or in mask without it",
        json_schema_extra={"allowed": "whole numbers from 1 to 65535, as in [1, 2]"},
    )
    arch_labels: tuple[_Label, ...] | None = Field(
        default=None,
        min_length=1,
        max_length=50,
        description="numbers of the arch beside body_labels",
        json_schema_extra={"allowed": "whole numbers from 1 to 65535, as in [3, 4]"},
    )
    age_years: float | None = physical(
        None, "1", "age of the patient in years, by which the calibre of random veins is scaled", 18.0, 110.0
    )

    @field_validator("level", mode="before")
    @classmethod
    def _level_in_any_case(cls, value: Any) -> Any:
        return value.upper() if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_patient(self) -> Patient:
        given = [key for key in ("ct", "mask", "level") if getattr(self, key) is not None]
        if self.demo and (given or self.gives("subregions", "labels", "body_labels", "arch_labels", "resample")):
            raise ValueError("demo = true stands alone; remove the other keys of [patient] or demo")
        if not self.demo and len(given) < 3:
            missing = ", ".join(key for key in ("ct", "mask", "level") if key not in given)
            raise ValueError(f"{missing} missing; give ct, mask and level, or demo = true for the demo patient")
        return self

    @model_validator(mode="after")
    def _labels_agree(self) -> Patient:
        if self.arch_labels is not None and self.body_labels is None:
            raise ValueError("arch_labels needs body_labels as well; name the numbers of the body")
        if self.body_labels is not None and self.labels is not None and self.subregions is None:
            raise ValueError(
                "labels and body_labels exclude each other without subregions, because both tell the vertebra in mask; "
                "keep one of them"
            )
        if twice := sorted({*(self.body_labels or ())} & {*(self.arch_labels or ())}):
            raise ValueError(f"body_labels and arch_labels both name {joined(list(map(str, twice)))}; keep it in one")
        return self


class Mesh(Section):
    """Sizes of the tetrahedra."""

    size_mm: float = physical(1.5, "mm", "edge length in the body", 0.5, 4.0)
    needle_size_mm: float = physical(
        0.5,
        "mm",
        "edge length around the needle's tip, 1.2 radii of its opening or less; no refinement at or above size_mm",
        0.2,
        4.0,
        "tip pressure of the demo changes 2.4 % between 2.0 and 1.0 mm body mesh; below half an 11G opening radius",
    )
    defect_size_mm: float | None = physical(
        None,
        "mm",
        "edge length around wall defects; by default a sixth of a disc's diameter (at least 0.4 mm), else size_mm",
        0.2,
        4.0,
    )


class Bone(Section):
    """Calibration of the CT and overrides of the bone laws; what is left out takes the law's own default."""

    notes = """
    With `units = "mg/cm3"` the values of the image are densities: nothing is left to calibrate, limits that are known
    in HU count 0.8 mg/cm3/HU, and keys in HU are refused. Such an image may be empty outside of the bone.

    `modulus_law` names the publication; `walle` is the recipe of the benchmark of vertebral models, which goes with
    `poisson = 0.3` and `plates = "pmma"`. With a `damage_factor` below 1 the results hold a third state: `intact` is
    the undamaged body, `fractured` has its bone and shell weaker by the factor, `augmented` is the fractured body with
    its cement. The arch stays undamaged. `[fracture]` brings a damage of its own, and `intact` is the body before it.
    """

    units: Literal["hu", "mg/cm3"] = Field(
        default="hu", description="what the values of the image count: CT numbers, or bone mineral density"
    )
    hu_slope_mg_per_cm3: float | None = physical(
        None, "mg/cm3/HU", "bone mineral density per HU", 0.3, 2.0, sets="bone.calibration.slope"
    )
    hu_intercept_mg_per_cm3: float | None = physical(
        None, "mg/cm3", "bone mineral density at 0 HU", -200.0, 200.0, sets="bone.calibration.intercept"
    )
    calibration: str = Field(
        default="",
        max_length=500,
        description="how slope and intercept were found, for whoever reads the results; 'calibrate' writes it",
    )
    permeability_multiplier: float | None = physical(
        None,
        "1",
        "factor on the permeability of all cells, for its uncertainty",
        0.1,
        10.0,
        sets="bone.permeability.multiplier",
    )
    transverse_factor: float | None = physical(
        None,
        "1",
        "transverse permeability over superior-inferior permeability",
        0.05,
        1.0,
        sets="bone.permeability.transverse_factor",
    )
    material_length_mm: float | None = physical(
        None,
        "mm",
        "standard deviation of the Gaussian over which the density is averaged inside the body before porosity and "
        "permeability follow from it; 0 takes single voxels",
        0.0,
        5.0,
        sets="bone.material_length",
    )
    heterogeneity_sd: float | None = physical(
        None,
        "1",
        "standard deviation of ln k of the random heterogeneity of the permeability; 0 leaves it out",
        0.0,
        2.0,
        sets="bone.heterogeneity.sd",
    )
    heterogeneity_length_mm: float | None = physical(
        None,
        "mm",
        "distance over which the correlation of the heterogeneity falls to 1/e",
        0.5,
        10.0,
        sets="bone.heterogeneity.length",
    )
    heterogeneity_seed: int | None = physical(
        None,
        "1",
        "which random heterogeneity: each number is another patient",
        0,
        999_999,
        sets="bone.heterogeneity.seed",
    )
    modulus_law: Literal["kopperdahl", "morgan", "keller", "keyak", "walle"] = Field(
        default="kopperdahl", description="law of Young's modulus from the density"
    )
    damage_factor: float | None = physical(
        None, "1", "share of its modulus that the bone of a fractured body keeps", 0.05, 1.0, sets="damage.factor"
    )

    @model_validator(mode="after")
    def _calibrated_once(self) -> Bone:
        if self.units == "mg/cm3" and (idle := self.gives("hu_slope_mg_per_cm3", "hu_intercept_mg_per_cm3")):
            raise ValueError(
                f'units = "mg/cm3" says that the image holds densities, so {joined(idle)} '
                f"{'has' if len(idle) == 1 else 'have'} no HU to calibrate; remove {joined(idle)}, or units of a CT in "
                "HU"
            )
        return self
