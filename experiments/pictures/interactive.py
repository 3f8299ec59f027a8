"""A finished case to turn with the mouse, in a window or in the cell of a notebook."""

from __future__ import annotations

import os
import sys
from typing import Any

import pyvista

from experiments.pictures.lattice import Lattice
from experiments.pictures.scene import POSTERIOR_LEFT, add_filled, inclusion_bodies
from experiments.pictures.style import ink_color, paper_color
from experiments.pictures.veins import shown_cement
from experiments.results.finished_case import FinishedCase
from experiments.results.wording import told
from meshes.errors import InputError


def show_case(case: FinishedCase, step: int = -1) -> None:
    """Show the cement in the translucent body with needles, and axes to the patient's left (L), back (P) and head (S).

    Args:
        case: the finished case.
        step: stored time; negative steps count from the end.

    Raises:
        InputError: there is nothing to show it on.
    """
    if not _can_show():
        raise InputError(
            f"there is no display to show {case.name} on: set DISPLAY, use a notebook, or draw pictures with "
            f"'vertebroplasty draw {case.folder}'"
        )
    lattice = Lattice.of(case.mesh)
    plotter: Any = pyvista.Plotter(window_size=[900, 700])  # PyVista's types do not know its decorated methods
    plotter.set_background(paper_color())
    bodies = inclusion_bodies(lattice, case.inclusions(), case.veins())
    cement = shown_cement(lattice, case.saturation(step), case.vein_cement(step))
    add_filled(plotter, case.mesh, cement, case.needles(), bodies)
    title = case.snapshot(step).clock if case.injected else f"{told(case.results.fill, 'cement_ml', 3)}, prescribed"
    plotter.add_text(title, font_size=11, color=ink_color())
    plotter.add_axes(xlabel="L", ylabel="P", zlabel="S", color=ink_color())
    plotter.view_vector(POSTERIOR_LEFT.away, POSTERIOR_LEFT.up)
    plotter.enable_parallel_projection()
    plotter.camera.zoom(1.4)
    plotter.show()


def _can_show() -> bool:
    """Whether there is a window, the cell of a notebook, or a picture in memory to draw in."""
    if pyvista.OFF_SCREEN or "ipykernel" in sys.modules or sys.platform != "linux":
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
