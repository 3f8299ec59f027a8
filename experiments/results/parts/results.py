"""``results.json``: the numbers of a run, those of a measured CT, and those of a mesh alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from pydantic import model_validator

from experiments.case.sections.base import Site
from experiments.results.parts.base import Part, number, table
from experiments.results.parts.bone import BoneResults
from experiments.results.parts.fill import FillResults, PrescribedCementResults
from experiments.results.parts.fracture import FractureResults
from experiments.results.parts.heat import HeatResults
from experiments.results.parts.injection import InjectionResults
from experiments.results.parts.load import LoadResults
from experiments.results.parts.mesh import MeshResults
from experiments.results.parts.scan import (
    BeforeResults,
    ScannedHeights,
    ScannedLeakResults,
    ScanResults,
    VolumetryResults,
)
from experiments.results.parts.stiffness import StiffnessResults
from experiments.results.parts.strength import StrengthResults
from experiments.results.parts.veins import VeinResults


class FileOfResults(Part):
    """What every ``results.json`` holds."""

    format_version: int = number("1", "version of the format", "Version of the names in the file.")
    mesh: MeshResults = table("", "Mesh of the vertebral body.")


class Results(FileOfResults):
    """The numbers of a run, or of a post-operative CT that was measured."""

    bone: BoneResults | None = table(
        "", "Bone as the CT shows it; missing where a post-operative CT was measured.", optional=True
    )
    fracture: FractureResults | None = table("", "The broken body, where the case breaks it.", optional=True)
    veins: VeinResults | None = table("", "The network of veins in the body, where there is one.", optional=True)
    injection: InjectionResults | None = table("", "What came of the injection, where there was one.", optional=True)
    prescribed_cement: PrescribedCementResults | None = table(
        "", "The cement that was there already, where none was injected.", optional=True
    )
    scan: ScanResults | None = table("", "The cement of a post-operative CT, where one was measured.", optional=True)
    leaks: Mapping[Site, ScannedLeakResults] | None = table(
        "", "What lies outside of the body in such a CT, by site.", optional=True
    )
    heights: ScannedHeights | None = table("", "Heights of the body in such a CT.", optional=True)
    volumetry: VolumetryResults | None = table(
        "", "Volumes of such a CT as a clinical series defines them.", optional=True
    )
    before: BeforeResults | None = table("", "The vertebra before the operation, where a CT is given.", optional=True)
    fill: FillResults = table("", "How far and how evenly the cement fills the body.")
    heat: HeatResults | None = table("", "Temperatures, where they are computed.", optional=True)
    stiffness: StiffnessResults | None = table("", "Stiffness, where the mechanics are computed.", optional=True)
    load: LoadResults | None = table("", "The bone under one load, where the mechanics are computed.", optional=True)
    strength: StrengthResults | None = table(
        "", "What axial load breaks the bone, where the mechanics are computed.", optional=True
    )

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if sum(part is not None for part in (self.injection, self.prescribed_cement, self.scan)) != 1:
            raise ValueError("cement is either injected, prescribed or measured")
        if len({part is None for part in (self.scan, self.leaks, self.heights, self.volumetry)}) > 1:
            raise ValueError("scan, leaks, heights and volumetry belong together")
        if (self.bone is None) != (self.scan is not None):
            raise ValueError("bone belongs to runs")
        if len({part is None for part in (self.stiffness, self.load, self.strength)}) > 1:
            raise ValueError("stiffness, load and strength belong together")
        return self
