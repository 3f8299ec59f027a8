"""The command ``view``."""

from __future__ import annotations

import getpass
import socket
from pathlib import Path
from typing import Annotated

import typer

from experiments.cli.exit_codes import reported
from meshes.errors import InputError

DEFAULT_PORT = 8765

LivePort = Annotated[int | None, typer.Option("--port", metavar="PORT", min=0, max=65535, help="of --view")]
Port = Annotated[int, typer.Option("--port", metavar="PORT", min=0, max=65535, help="0 takes any free one")]


def view(
    folders: Annotated[
        list[Path], typer.Argument(metavar="CASE_DIR [CASE_DIR]", help="folder of a finished run, or two side by side")
    ],
    port: Port = DEFAULT_PORT,
) -> None:
    """Look at a finished run in the browser: time, layers, planes and values; two side by side under one camera.

    Only this machine can come in, with the address that is printed; from elsewhere through the SSH tunnel that is
    printed, too. Ctrl-C ends it.
    """
    with reported():
        from experiments.viewer.serving import read_cases, serve

        serve(read_cases(folders), port, tell_address)


def port_of(view: bool, port: int | None) -> int:
    """The port of a command that shows something with ``--view``.

    Raises:
        InputError: there is a port, but nothing to show.
    """
    if port is not None and not view:
        raise InputError("--port belongs to --view; leave it out")
    return DEFAULT_PORT if port is None else port


def tell_address(address: str, port: int) -> None:
    """Print where to look."""
    print(
        f"Open {address}\n"
        f"From another machine: ssh -L {port}:127.0.0.1:{port} {getpass.getuser()}@{socket.gethostname()}, "
        "then the same address there.\n"
        "Ctrl-C ends the viewer.",
        flush=True,
    )
