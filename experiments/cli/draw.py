"""The commands ``draw`` and ``animate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from experiments.cli.exit_codes import reported
from meshes.errors import InputError

if TYPE_CHECKING:
    from experiments.pictures.style import Style

CaseFolder = Annotated[Path, typer.Argument(metavar="CASE_DIR", help="folder of a finished run")]
StyleName = Annotated[str, typer.Option("--style", metavar="NAME", help="light, or dark for slides")]

MOVIES = (".mp4", ".gif")


def draw(
    folder: CaseFolder,
    style: StyleName = "light",
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="DIR", help="folder to write; CASE_DIR/pictures by default")
    ] = None,
) -> None:
    """Draw the pictures of a finished run again, in light or dark; in CASE_DIR/pictures.

    The run draws them by itself, unless output.pictures = false; nothing is computed again.
    """
    with reported():
        from experiments.pictures.drawing import draw_pictures
        from experiments.results.finished_case import PICTURES, FinishedCase
        from experiments.results.store import in_place_of

        chosen = style_named(style)
        case, target = FinishedCase.read(folder), out or folder / PICTURES
        if out is not None and out.exists():
            raise InputError(f"{out}: is there already and is not replaced; choose a new folder with -o")
        with in_place_of(target) as made:
            draw_pictures(case, made, chosen)
        for path in sorted(target.iterdir()):
            print(path)


def animate(
    folder: CaseFolder,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="FILE", help=".mp4 or .gif; CASE_DIR/animation.mp4 by default"),
    ] = None,
    turntable: Annotated[bool, typer.Option("--turntable", help="turn the body once meanwhile")] = False,
    heat: Annotated[bool, typer.Option("--heat", help="the temperature over the CT instead of the front")] = False,
    style: StyleName = "light",
) -> None:
    """Animate the fill front of a finished run, with clock, volumes and pressures; in CASE_DIR/animation.mp4.

    Between two times at which the run stored its fields (output.field_times), the front moves evenly from one to the
    other; numbers and curves are those of the time steps.
    """
    with reported():
        target = out or folder / f"animation{MOVIES[0]}"
        if target.suffix not in MOVIES:
            raise InputError(
                f"-o {target}: ends in {target.suffix or 'nothing'!r}; choose a name that ends in .mp4 or .gif"
            )
        from experiments.pictures import animation
        from experiments.results.finished_case import FinishedCase
        from experiments.results.store import in_place_of

        chosen, case = style_named(style), FinishedCase.read(folder)
        with in_place_of(target) as made:
            if heat:
                animation.animate_heat(case, made, chosen)
            else:
                animation.animate(case, made, turntable, chosen)
        print(target)


def style_named(name: str) -> Style:
    """The style of this name.

    Raises:
        InputError: there is none.
    """
    from experiments.pictures.style import Style

    try:
        return Style(name)
    except ValueError:
        raise InputError(f"--style {name}: there is no such style; choose {' or '.join(Style)}") from None
