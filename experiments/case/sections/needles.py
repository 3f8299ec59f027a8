"""The needles and what each of them delivers: the tables [[needles]]."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field, model_validator

from experiments.case.sections.base import LINE_MARKUP, InputPath, Section, Side, input_file, joined, physical

LEAST_BOLUS_ML = 0.02
"""Smallest volume that a needle or a bolus delivers in ml."""

LEAST_VOLUME_ML, LARGEST_VOLUME_ML = 0.1, 15.0
"""Bounds of the volume of all needles together in ml."""

VOLUME_TOLERANCE_ML = 1e-6
"""ml by which volumes that must agree may differ: decimal fractions do not add up exactly."""


class Bolus(Section):
    """What a needle injects without a pause.

    A needle with boluses has their sum as its volume.
    """

    notes = """
    ```toml
    [[needles]]
    side = "left"

    [[needles.boluses]]
    volume_ml = 1.0

    [[needles.boluses]]
    volume_ml = 2.5
    pause_before_s = 90.0       # the first bolus anchors the second
    ```
    """

    volume_ml: float = physical(..., "ml", "volume of the bolus", LEAST_BOLUS_ML, LARGEST_VOLUME_ML)
    pause_before_s: float = physical(
        0.0, "s", "pause before the bolus, during which the cement ages and the pressure falls", 0.0, 1800.0
    )


class Needle(Section):
    """One cannula: what it is, where its tip goes, how it gets there and what it delivers.

    One table for each needle, up to four; one needle with the defaults where there is none. The transpedicular and the
    parapedicular approach derive the axis from the tip and the pedicle on the needle's side; with `approach = "free"`
    it follows from the tip and two angles. A transpedicular needle may be given by `camber_deg` and `sagittal_deg` as
    well: then it goes through the pedicle's centre at these angles, its tip lies on that axis at `depth`, and `left`
    and `height` are left out. With `approach = "drawn"` the axis is a line that was drawn over the scan in 3D Slicer,
    and its tip the end that lies in the body.
    """

    notes = """
    The cement of needles without a volume of their own is what the others leave of `injection.volume_ml`, in equal
    shares. Where all needles have their own volumes, these add up to `injection.volume_ml`, or it is left out. A
    stepped cannula has `proximal_bore_mm` and `proximal_length_mm`, and the bore of its gauge along the rest.

    ```toml
    [[needles]]
    side = "left"
    gauge = 13
    volume_ml = 2.0
    withdraw_mm = 6.0           # from the anterior third towards the middle while it injects

    [[needles]]
    side = "right"
    gauge = 13
    approach = "free"
    camber_deg = 25.0
    sagittal_deg = 5.0
    opening = "side"
    proximal_bore_mm = 3.6
    proximal_length_mm = 85.0

    [injection]
    volume_ml = 5.0             # 3 ml are left for the needle on the right
    ```
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
    length_mm: float = physical(
        125.0, "mm", "length of the cannula", 50.0, 250.0, "common bone access needle", "M", sets="cannulas[].length"
    )
    proximal_bore_mm: float | None = physical(
        None,
        "mm",
        "bore of a stepped cannula's part near the syringe; by default one bore",
        1.0,
        10.0,
        sets="cannulas[].proximal_bore",
    )
    proximal_length_mm: float | None = physical(
        None,
        "mm",
        "length of a stepped cannula's part near the syringe, of length_mm",
        5.0,
        245.0,
        sets="cannulas[].proximal_length",
    )
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
    approach: Literal["transpedicular", "parapedicular", "free", "drawn"] = Field(
        default="transpedicular",
        description="transpedicular: through the centre of that side's pedicle, by camber and sagittal angle where "
        "they are given; parapedicular: along its outer side; free: by camber and sagittal angle; drawn: along line",
    )
    line: InputPath | None = input_file(
        LINE_MARKUP, 'the needle as a line over the scan, with approach = "drawn"; relative to the case file\'s folder'
    )
    camber_deg: float | None = physical(
        None, "deg", "angle to the sagittal plane; positive: the tip points to the midline", -60.0, 80.0
    )
    sagittal_deg: float | None = physical(
        None, "deg", "angle to the axial plane; positive: the tip points down", -60.0, 60.0
    )
    opening: Literal["front", "side"] = Field(default="front", description="where the tip is open")
    volume_ml: float | None = physical(
        None,
        "ml",
        "cement volume of this needle; by default an equal share of what injection.volume_ml leaves",
        LEAST_BOLUS_ML,
        LARGEST_VOLUME_ML,
    )
    withdraw_mm: float = physical(
        0.0, "mm", "distance by which the tip is pulled back along its axis while this needle injects", 0.0, 30.0
    )
    boluses: tuple[Bolus, ...] | None = Field(
        default=None,
        min_length=1,
        max_length=10,
        description="parts in which the needle's cement is injected; by default all at once",
    )

    @model_validator(mode="after")
    def _angles_with_their_approach(self) -> Needle:
        angles = self.gives("camber_deg", "sagittal_deg")
        if self.approach == "free" and len(angles) < 2:
            raise ValueError('approach = "free" needs both camber_deg and sagittal_deg')
        if self.approach == "parapedicular" and angles:
            raise ValueError(
                f'{joined(angles)} {"needs" if len(angles) == 1 else "need"} approach = "transpedicular" or "free"; '
                "parapedicular derives its axis"
            )
        if self.approach == "transpedicular" and len(angles) == 1:
            raise ValueError(
                'approach = "transpedicular" takes both camber_deg and sagittal_deg, or neither: without them the '
                "needle goes from the pedicle to left, depth and height"
            )
        if self.by_angles and (placed := self.gives("left", "height")):
            raise ValueError(
                f"{joined(placed)} {'does' if len(placed) == 1 else 'do'} not go with camber_deg and sagittal_deg of a "
                "transpedicular needle, whose tip lies on the axis through the pedicle at depth; remove them or the "
                "angles"
            )
        return self

    @model_validator(mode="after")
    def _drawn_by_its_line(self) -> Needle:
        if (self.approach == "drawn") != (self.line is not None):
            raise ValueError('approach = "drawn" and line go together: give both or neither')
        placed = self.gives("left", "depth", "height", "camber_deg", "sagittal_deg")
        if self.line is not None and placed:
            raise ValueError(
                f"{joined(placed)} {'does' if len(placed) == 1 else 'do'} not go with line, which places the needle; "
                f"remove {joined(placed)} or line"
            )
        return self

    @model_validator(mode="after")
    def _whole_step(self) -> Needle:
        if (self.proximal_bore_mm is None) != (self.proximal_length_mm is None):
            raise ValueError("a stepped cannula needs both proximal_bore_mm and proximal_length_mm")
        if self.proximal_length_mm is not None and self.proximal_length_mm >= self.length_mm:
            raise ValueError(
                f"proximal_length_mm = {self.proximal_length_mm:g} leaves nothing of length_mm = {self.length_mm:g} "
                "for the distal part; shorten it"
            )
        return self

    @model_validator(mode="after")
    def _boluses_make_the_volume(self) -> Needle:
        if self.boluses is None or self.volume_ml is None:
            return self
        total = math.fsum(bolus.volume_ml for bolus in self.boluses)
        if abs(total - self.volume_ml) > VOLUME_TOLERANCE_ML:
            raise ValueError(
                f"the boluses add up to {total:g} ml, but volume_ml = {self.volume_ml:g} ml; make them agree or leave "
                "volume_ml out"
            )
        return self

    @property
    def by_angles(self) -> bool:
        """Whether the needle goes through the pedicle at given angles, so that its depth alone places the tip."""
        return self.approach == "transpedicular" and bool(self.gives("camber_deg", "sagittal_deg"))

    @property
    def by_fractions(self) -> bool:
        """Whether fractions of the body place the tip."""
        return self.line is None and not self.by_angles

    @property
    def target(self) -> tuple[float, float, float]:
        """(left, depth, height) of the tip as fractions of the body; depth alone of a needle :attr:`by_angles`."""
        left = self.left if self.left is not None else (0.2 if self.side == "left" else -0.2)
        return left, self.depth, self.height

    @property
    def own_volume_ml(self) -> float | None:
        """Volume in ml that the case file gives this needle, by itself or by its boluses."""
        if self.volume_ml is None and self.boluses is not None:
            return math.fsum(bolus.volume_ml for bolus in self.boluses)
        return self.volume_ml
