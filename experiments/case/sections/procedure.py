"""What the surgeon does: the tables [[needles]] and [injection]."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field, model_validator

from experiments.case.sections.base import Section, Side, Site, joined, physical, physical_table

LEAST_BOLUS_ML = 0.02
"""Smallest volume that a needle or a bolus delivers in ml."""

LEAST_VOLUME_ML, LARGEST_VOLUME_ML = 0.1, 15.0
"""Bounds of the volume of all needles together in ml."""

VOLUME_TOLERANCE_ML = 1e-6
"""ml by which volumes that must agree may differ: decimal fractions do not add up exactly."""


class Bolus(Section):
    """A part of a needle's cement that is injected without a pause."""

    volume_ml: float = physical(..., "ml", "volume of the bolus", LEAST_BOLUS_ML, LARGEST_VOLUME_ML)
    pause_before_s: float = physical(
        0.0, "s", "pause before the bolus, during which the cement ages and the pressure falls", 0.0, 1800.0
    )


class Needle(Section):
    """One cannula: what it is, where its tip goes, how it gets there and what it delivers.

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
    proximal_bore_mm: float | None = physical(
        None, "mm", "bore of a stepped cannula's part near the syringe; by default one bore", 1.0, 10.0
    )
    proximal_length_mm: float | None = physical(
        None, "mm", "length of a stepped cannula's part near the syringe, of length_mm", 5.0, 245.0
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
    approach: Literal["transpedicular", "parapedicular", "free"] = Field(
        default="transpedicular",
        description="transpedicular: through the centre of that side's pedicle, by camber and sagittal angle where "
        "they are given; parapedicular: along its outer side; free: by camber and sagittal angle",
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


class Injection(Section):
    """Rate, volume and what ends the injection."""

    volume_ml: float = physical(
        4.0,
        "ml",
        "planned cement volume of all needles together; their sum where all of them have their own",
        LEAST_VOLUME_ML,
        LARGEST_VOLUME_ML,
        "4 ml lumbar limit quoted in clinical series",
        "M",
    )
    rate_ml_per_min: float = physical(
        3.0,
        "ml/min",
        "rate of each needle while the pressure limit is not reached",
        0.1,
        20.0,
        "experiments use 3 to 4 ml/min: Baroud & Steffen 2005, PMC3454663",
        "M",
    )
    order: Literal["in_turn", "together"] = Field(
        default="in_turn", description="whether the needles inject one after the other or at the same time"
    )
    pause_between_needles_s: float = physical(
        0.0, "s", "pause after each needle that injects in turn, but the last", 0.0, 1800.0
    )
    leak_limit_ml: float = physical(
        0.2, "ml", "leaked volume at any one site that ends the injection; 15 never ends it", 0.001, 15.0
    )
    leak_limit_by_site_ml: dict[Site, Annotated[float, Field(ge=0.001, le=15.0, strict=True)]] = physical_table(
        "ml", "leak limits of single sites, instead of leak_limit_ml", "0.001 to 15 ml for known sites"
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
    stop_pressure_kpa: float | None = physical(
        None,
        "kPa",
        "syringe pressure that ends the injection, at most pressure_limit_kpa; off by default",
        10.0,
        20000.0,
    )
    hand_force_limit_n: float | None = physical(
        None,
        "N",
        "largest force on the syringe's plunger; over the plunger's area it limits the pressure as pressure_limit_kpa "
        "does, and the smaller limit holds; off by default",
        5.0,
        1000.0,
    )
    syringe_bore_mm: float | None = physical(None, "mm", "diameter of the syringe's plunger", 2.0, 30.0)
    working_time_min: float | None = physical(
        None,
        "min",
        "age of the cement after mixing that ends the injection; by default the cement's own working time",
        1.0,
        60.0,
    )

    @model_validator(mode="after")
    def _stop_can_be_reached(self) -> Injection:
        if self.stop_pressure_kpa is not None and self.stop_pressure_kpa > self.pressure_limit_kpa:
            raise ValueError(
                f"stop_pressure_kpa = {self.stop_pressure_kpa:g} is never reached, because the pressure is held at "
                f"pressure_limit_kpa = {self.pressure_limit_kpa:g}; choose a stop below the limit or raise the limit"
            )
        return self

    @model_validator(mode="after")
    def _pause_in_turn(self) -> Injection:
        if self.order == "together" and self.pause_between_needles_s > 0.0:
            raise ValueError(
                f'pause_between_needles_s = {self.pause_between_needles_s:g} needs order = "in_turn"; needles that '
                "inject together have no pause between them"
            )
        return self

    def leak_limit(self, site: str) -> float:
        """Leaked volume at ``site`` in ml that ends the injection."""
        for name, limit in self.leak_limit_by_site_ml.items():
            if name == site:
                return limit
        return self.leak_limit_ml
