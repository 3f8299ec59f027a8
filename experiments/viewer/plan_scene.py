"""The scene of a plan: the vertebra, planes of its CT, and needles that can be drawn by their ends."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np
import pyvista

from experiments.pictures.cross_sections import WINDOW
from experiments.pictures.plan import SHAFT, Plan
from experiments.pictures.scene import POSTERIOR_LEFT, View, needle_body
from experiments.pictures.static_bodies import ARCH, BONE, NEEDLES
from experiments.pictures.style import NEEDLE_COLOR, PAPERS, Style
from experiments.results.finished_case import NeedlePose
from experiments.viewer.camera import add_letters, keep_in_width, look
from experiments.viewer.case_view import PLANES
from experiments.viewer.ct_planes import CtPlanes, FloatArray

HANDLE_RADIUS = 2.5
"""mm of the balls at the ends of the needle that can be moved."""

HANDLE_COLORS = {"tip": "#F0E442", "direction": "#0072B2"}
"""What a ball moves -> its colour: Okabe & Ito's yellow and blue, which no opening has."""

REFUSED_COLOR = "#CC79A7"
"""Of needles that a run would refuse: Okabe & Ito's purple."""


class PlanScene:
    """The scene of one plan.

    Args:
        plan: what is shown.
        size: width and height in pixels until a browser asks for its own.
    """

    def __init__(self, plan: Plan, size: tuple[int, int] = (1200, 800)) -> None:
        """Draw what does not move."""
        body = plan.body
        self.ct = CtPlanes(body.ct, body.units, body.frame, plan.extent)
        self.bounds = np.array([plan.extent.min(axis=0), plan.extent.max(axis=0)])
        self.colors: dict[str, str] = {NEEDLES: NEEDLE_COLOR}
        self._mesh = body.mesh
        self._back = float(body.mesh.points[:, 1].max())
        self._actors: dict[str, list[Any]] = {}
        self._moving: dict[str, list[Any]] = {}
        self._planes: dict[str, tuple[float, Any]] = {}
        self._window = WINDOW
        self._handles: dict[str, Any] = {}
        self._hidden: frozenset[str] = frozenset()
        with pyvista.vtk_verbosity("error"):
            self._plotter = pyvista.Plotter(off_screen=True, window_size=list(size))
        for one in plan.bodies():
            if one.layer == NEEDLES:
                continue
            # of translucent bones the near side alone: software rendering mixes the two sides triangle by triangle
            style = one.style | ({"culling": "back"} if one.layer in (BONE, ARCH) else {})
            self._actors.setdefault(one.layer, []).append(self._add(one.surface, **style))
            self.colors.setdefault(one.layer, one.color)
        add_letters(self._plotter.renderer)
        keep_in_width(self._plotter.renderer)
        self.paint(Style.LIGHT)
        self.look(POSTERIOR_LEFT)

    @property
    def window(self) -> Any:
        """The render window of VTK."""
        return self._plotter.render_window

    def look(self, view: View) -> None:
        """Turn the camera so that it sees everything from a direction."""
        look(self._plotter.renderer, view, self.bounds)

    def paint(self, style: Style) -> None:
        """Change the colour behind the bodies."""
        self._plotter.renderer.SetBackground(pyvista.Color(PAPERS[style][0]).float_rgb)

    def hide(self, layers: Collection[str]) -> None:
        """Show all layers but these."""
        self._hidden = frozenset(layers)
        for layer, actors in (self._actors | self._moving).items():
            for actor in actors:
                actor.SetVisibility(layer not in self._hidden)

    def show_planes(self, places: dict[str, tuple[str, float]], window: tuple[float, float]) -> None:
        """Show planes of the CT, and no others.

        Args:
            places: of each plane the name of its family, and its position in mm.
            window: HU that are black and white.
        """
        for key in list(self._planes):
            if key not in places or places[key][1] != self._planes[key][0] or window != self._window:
                self._plotter.remove_actor(self._planes.pop(key)[1], reset_camera=False, render=False)
        self._window = window
        for key, (family, position) in places.items():
            if key not in self._planes:
                plane = self.ct.plane(PLANES[family].axis, position)
                style = {"scalars": "shown", "clim": window, "cmap": "gray", "lighting": False, "nan_opacity": 0.0}
                self._planes[key] = position, self._add(plane, **style)

    def draw_needles(self, poses: Sequence[NeedlePose], refused: bool = False) -> None:
        """Draw needles in the place of those that were drawn before.

        Args:
            poses: where they lie.
            refused: whether a run would refuse them.
        """
        for actor in self._moving.get(NEEDLES, []):
            self._plotter.remove_actor(actor, reset_camera=False, render=False)
        color = REFUSED_COLOR if refused else NEEDLE_COLOR
        self._moving[NEEDLES] = [
            self._add(needle_body(self._mesh, pose, self._length(pose)), color=color) for pose in poses
        ]
        self.hide(self._hidden)

    def add_handles(self, moved: Callable[[str, FloatArray], None]) -> None:
        """Put a ball at each end of the needle that can be moved.

        Args:
            moved: called with what a ball moves, ``tip`` or ``direction``, and with its centre in mm, as it is moved.
        """

        def follow(what: str) -> Callable[[Any, Any], None]:
            return lambda ball, _: moved(what, np.array(ball.GetCenter()))

        for what, color in HANDLE_COLORS.items():
            ball = pyvista._vtk.vtkSphereWidget()
            ball.SetInteractor(self.window.GetInteractor())
            ball.SetCurrentRenderer(self._plotter.renderer)
            ball.SetRepresentationToSurface()
            ball.SetRadius(HANDLE_RADIUS)
            ball.ScaleOff()
            ball.GetSphereProperty().SetColor(pyvista.Color(color).float_rgb)
            ball.GetSelectedSphereProperty().SetColor(pyvista.Color(color).float_rgb)
            ball.AddObserver("InteractionEvent", follow(what))
            ball.On()
            self._handles[what] = ball

    def place_handles(self, pose: NeedlePose) -> None:
        """Put the balls to the ends of a needle."""
        self._handles["tip"].SetCenter(pose.tip)
        self._handles["direction"].SetCenter(pose.tip - self._length(pose) * pose.direction)

    def close(self) -> None:
        """Release the window."""
        self._plotter.close()

    def _length(self, pose: NeedlePose) -> float:
        """Mm of a needle that is drawn: as far as it lies in the body, and the pedicle and the processes behind it."""
        forwards = max(-float(pose.direction[1]), 0.2)
        return (self._back - float(pose.tip[1])) / forwards + SHAFT

    def _add(self, body: pyvista.DataSet, **style: Any) -> Any:
        return self._plotter.add_mesh(body, reset_camera=False, render=False, show_scalar_bar=False, **style)
