"""A CT and its mask on the command line, as the table ``[patient]`` of a case file has them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

Level = Annotated[str | None, typer.Option("--level", metavar="LEVEL", help="vertebra, such as L3")]
LabelMap = Annotated[
    str | None,
    typer.Option(
        "--labels",
        metavar="MAP",
        help="numbers in the mask: verse, totalsegmentator_v1, totalsegmentator_v2 or one number; "
        "inferred where only one reading fits",
    ),
]
Subregions = Annotated[Path | None, typer.Option("--subregions", metavar="FILE", help="labels of the vertebra's parts")]
Resample = Annotated[
    bool,
    typer.Option(
        "--resample",
        help="resample masks on another grid onto the CT's with nearest neighbour, instead of refusing",
    ),
]


def patient_of(
    ct: Path, mask: Path, level: str, labels: str | None, subregions: Path | None, resample: bool
) -> dict[str, Any]:
    """The table ``[patient]``."""
    patient: dict[str, Any] = {"ct": str(ct), "mask": str(mask), "level": level}
    if labels is not None:
        patient["labels"] = int(labels) if labels.isdecimal() and len(labels) < 6 else labels
    if subregions is not None:
        patient["subregions"] = str(subregions)
    if resample:
        patient["resample"] = True
    return patient
