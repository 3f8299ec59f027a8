"""What the viewer shows: one view for each case under one camera, at one time, cut by the same planes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyvista

from experiments.pictures.scene import POSTERIOR_LEFT, View
from experiments.pictures.style import PAPERS, Style
from experiments.viewer.body_fields import CT, FIELDS, BodyFields
from experiments.viewer.camera import add_letters, keep_in_width, look
from experiments.viewer.case_view import CaseView, ViewState
from experiments.viewer.ct_planes import FloatArray

CLICK_REACH = 3
"""Pixels by which the mouse may move between press and release of a click."""


class SideBySideScene:
    """The scene of one case, or of several side by side.

    Args:
        bodies: of the cases.
        size: width and height in pixels until a browser asks for its own.
    """

    def __init__(self, bodies: Sequence[BodyFields], size: tuple[int, int] = (1200, 800)) -> None:
        """Build the scene at the last time without planes."""
        with pyvista.vtk_verbosity("error"):
            self._plotter = pyvista.Plotter(
                off_screen=True, shape=(1, len(bodies)), window_size=list(size), border=len(bodies) > 1
            )
        self.views: list[CaseView] = []
        for number, fields in enumerate(bodies):
            self._plotter.subplot(0, number)
            self.views.append(CaseView(self._plotter, number, fields))
            add_letters(self._plotter.renderer)
            keep_in_width(self._plotter.renderer)
        points = np.concatenate([fields.mesh.points for fields in bodies])
        self.bounds = np.array([points.min(axis=0), points.max(axis=0)])
        self.view_state = ViewState(float(self.times[-1]), "saturation", self.limits("saturation"), {}, frozenset())
        self._plotter.link_views()
        self.paint(Style.LIGHT)
        self.look(POSTERIOR_LEFT)
        self.change()

    @property
    def times(self) -> FloatArray:
        """Times in s that are known of any case."""
        return np.unique(np.concatenate([view.fields.times for view in self.views]))

    @property
    def window(self) -> Any:
        """The render window of VTK."""
        return self._plotter.render_window

    @property
    def _interactor(self) -> Any:
        return self.window.GetInteractor()

    @property
    def colors(self) -> dict[str, str]:
        """Layer -> colour of its legend."""
        found: dict[str, str] = {}
        for view in self.views:
            found = view.colors | found
        return found

    def fields(self) -> list[str]:
        """The fields that any of the cases has."""
        return [array for array in FIELDS if array == CT or any(array in view.fields.values(0) for view in self.views)]

    def limits(self, field: str) -> tuple[float, float]:
        """Ends of the colour scale of a field, the same for all cases and times."""
        if (fixed := FIELDS[field].limits) is not None:
            return fixed
        ends = [view.fields.values(len(view.fields.times) - 1).get(field) for view in self.views]
        low, high = np.percentile(np.concatenate([end for end in ends if end is not None]), [1.0, 99.0])
        return float(low), float(high)

    def change(self, **changes: Any) -> None:
        """Show another state: time, field, limits, planes, hidden layers, point, as :class:`ViewState` names them."""
        if "field" in changes:
            changes["limits"] = self.limits(changes["field"])
        self.view_state = replace(self.view_state, **changes)
        for view in self.views:
            view.draw(self.view_state)

    def look(self, view: View) -> None:
        """Turn the camera so that it sees everything from a direction."""
        look(self._plotter.renderers[0], view, self.bounds)

    def paint(self, style: Style) -> None:
        """Change the colour behind the bodies."""
        for view in self.views:
            view.renderer.SetBackground(pyvista.Color(PAPERS[style][0]).float_rgb)

    def point_at(self, x: int, y: int) -> FloatArray | None:
        """(3,) point in mm that is seen at a pixel of the window, the lowest row first; None beside the bodies."""
        poked = self._interactor.FindPokedRenderer(x, y)
        return next((view.pick(x, y) for view in self.views if view.renderer is poked), None)

    def on_click(self, act: Callable[[int, int], None]) -> None:
        """Call ``act`` with the pixel of every click of the left button that does not turn the scene."""
        self._plotter.enable_trackball_style()  # type: ignore[call-arg]  # wrapped without its self
        interactor = self._interactor
        pressed = [0, 0]

        def press(*_: Any) -> None:
            pressed[:] = interactor.GetEventPosition()

        def release(*_: Any) -> None:
            x, y = interactor.GetEventPosition()
            if abs(x - pressed[0]) <= CLICK_REACH and abs(y - pressed[1]) <= CLICK_REACH:
                act(x, y)

        # the interactor itself does not tell of releases: its style keeps them to itself
        style = interactor.GetInteractorStyle()
        style.AddObserver("LeftButtonPressEvent", press)
        style.AddObserver("LeftButtonReleaseEvent", release)

    def close(self) -> None:
        """Release the window."""
        self._plotter.close()
