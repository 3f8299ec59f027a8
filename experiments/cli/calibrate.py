"""The command ``calibrate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from experiments.cli.exit_codes import reported


def calibrate(
    ct: Annotated[Path, typer.Argument(metavar="CT", help="CT in HU")],
    mask: Annotated[Path, typer.Argument(metavar="MASK", help="rods of a phantom, or tissues and air, by number")],
    materials: Annotated[
        str,
        typer.Option(
            "--materials",
            metavar="N=DENSITY,...",
            help=r"what the numbers are: density in mg/cm3, or air, fat, muscle; as in 1=0,2=75,3=150 \[mg/cm3]",
        ),
    ],
    resample: Annotated[
        bool, typer.Option("--resample", help="resample a mask on another grid onto the CT's, instead of refusing it")
    ] = False,
) -> None:
    """Find the line from HU to bone mineral density, from a phantom beside the patient or from the patient's tissues.

    Prints the line, how well the regions lie on it, and the lines of the table bone that a case file takes.
    """
    with reported():
        from experiments.scans.calibration import GOOD_LINE, calibrated, parse_materials
        from meshes.images.image import read_ct, read_mask
        from meshes.images.regrid import on_grid_of

        known = parse_materials(materials)
        image = read_ct(ct)
        regions, resampled = on_grid_of(image, read_mask(mask), resample)
        found = calibrated(image, regions, known)
        table = Table(box=None, pad_edge=False)
        for heading in ("region", "material", "voxels", "median [HU]", "SD [HU]", "known [mg/cm³]", "off [mg/cm³]"):
            table.add_column(escape(heading), justify="left" if heading == "material" else "right")
        for region in found.regions:
            table.add_row(
                str(region.label),
                region.name,
                str(region.voxels),
                f"{region.hounsfield:.1f}",
                f"{region.spread:.1f}",
                f"{region.density:g}",
                f"{found.residual(region):+.1f}",
            )
        console = Console()
        console.print(table)
        if resampled:
            console.print(f"\nwarning: {resampled}", style="yellow", markup=False, highlight=False)
        if found.determination < GOOD_LINE:
            console.print(
                f"\nwarning: the regions hardly lie on a line (R2 = {found.determination:.3f}); check their numbers, "
                "and that none reaches into what is beside it",
                style="yellow",
                markup=False,
                highlight=False,
            )
        console.print("\nFor the case file:\n", highlight=False)
        print("[bone]")
        print(f"hu_slope_mg_per_cm3 = {found.slope:.5g}")
        print(f"hu_intercept_mg_per_cm3 = {found.intercept:.5g}")
        print(f'calibration = "{found.note}"')
