"""The interactive scene of a report: vtk.js and the bodies of one or several cases in one page without a network.

The cases stand side by side under one camera. A panel of layers, times and views comes along, and letters tell the
anatomical directions.
"""

from __future__ import annotations

import io
import json
import math
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyvista
from jinja2 import Environment
from numpy.typing import NDArray
from trame_vtk.modules.vtk.serializers import (
    SynchronizationContext,
    extract_array_hash,
    initialize_serializers,
    reference_id,
    serialize,
)
from trame_vtk.tools.vtksz2html import write_html

from experiments.pictures.lattice import Lattice
from experiments.pictures.scene import POSTERIOR_LEFT
from experiments.pictures.static_bodies import CEMENT, OPENINGS, Body, static_bodies
from experiments.pictures.style import CEMENT_COLOR
from experiments.pictures.veins import shown_cement
from experiments.results.finished_case import FinishedCase
from experiments.results.wording import words

LARGEST_NUMBER_OF_TIMES = 8
"""Fronts in the scene, of all cases together: enough to see how the cement spreads."""

LARGEST_ROW = 3
"""Cases beside each other; more go on below."""

CLOSENESS = 1.1
"""Factor by which the camera goes nearer than where the whole scene certainly fits."""

ELSEWHERE = re.compile(r"https://kitware\.github\.io/[^\"'`]*icon/favicon-")
"""Icons that the viewer of trame-vtk would ask the network for."""


TimedBody = tuple[Body, float | None]
"""A body and the time in s at which it is shown, None for always."""


@dataclass(frozen=True)
class Layer:
    """One body of the scene.

    Attributes:
        panel: index of the case that it belongs to.
        layer: what it is switched on and off with.
        color: of the legend.
        time_s: when it is shown; None for always.
    """

    panel: int
    layer: str
    color: str
    time_s: float | None = None


def scene_page(cases: Sequence[FinishedCase], environment: Environment) -> str:
    """A whole HTML page with the bodies of finished cases and their cement over time, for the ``srcdoc`` of a frame.

    Args:
        cases: the cases, from left to right.
        environment: where the template ``scene.html`` is.
    """
    fronts = max(LARGEST_NUMBER_OF_TIMES // len(cases), 2)
    panels = [_bodies_over_time(case, fronts) for case in cases]
    points = np.concatenate([case.mesh.points for case in cases])
    titles = [words(case.name) for case in cases] if len(cases) > 1 else []
    return bodies_page(panels, points, environment, titles)


def bodies_page(
    panels: Sequence[Iterable[TimedBody]],
    points: NDArray[np.float64],
    environment: Environment,
    titles: Sequence[str] = (),
) -> str:
    """A whole HTML page with bodies to turn.

    Args:
        panels: the bodies of each panel and when they are shown, None for always.
        points: (n, 3) in mm, what the camera must see.
        environment: where the template ``scene.html`` is.
        titles: of the panels.
    """
    columns = min(len(panels), LARGEST_ROW)
    with pyvista.vtk_verbosity("error"):
        plotter = pyvista.Plotter(off_screen=True, shape=(math.ceil(len(panels) / columns), columns), border=False)
        layers: list[Layer] = []
        for index, bodies in enumerate(panels):
            plotter.subplot(*divmod(index, columns))
            for body, time in bodies:
                plotter.add_mesh(body.surface, **body.style)
                layers.append(Layer(index, body.layer, body.color, time))
        plotter.link_views()
        _place_camera(plotter, points)
        archive = _serialized(plotter)
        plotter.close()
    page = io.StringIO()
    write_html(archive, page)
    controls = environment.get_template("scene.html").render(
        layers=[vars(layer) for layer in layers],
        shown=list(_legend(layers)),
        titles=titles,
        columns=columns,
        times=sorted({layer.time_s for layer in layers if layer.time_s is not None}),
    )
    return ELSEWHERE.sub("data:,", page.getvalue()).replace("</body>", f"{controls}</body>")


def _place_camera(plotter: pyvista.Plotter, points: NDArray[np.float64]) -> None:
    """Look at the bodies from behind, the left and above, near enough for them to fill a panel."""
    camera, (low, high) = plotter.camera, (points.min(axis=0), points.max(axis=0))
    camera.focal_point = 0.5 * (low + high)
    camera.position = 0.5 * (low + high) + POSTERIOR_LEFT.axes[2]
    camera.up = POSTERIOR_LEFT.up
    plotter.renderer.ResetCamera(np.column_stack([low, high]).ravel().tolist())
    # the viewer knows the place of the camera and not its angle, so that zooming is lost
    camera.Dolly(CLOSENESS)


def _bodies_over_time(case: FinishedCase, count: int) -> Iterator[TimedBody]:
    """The bodies of a case, and so many of its fronts."""
    lattice = Lattice.of(case.mesh)
    for body in static_bodies(case, lattice):
        yield body, None
    times = case.times()
    steps = np.unique(np.linspace(0, len(times) - 1, count + 1).round().astype(int))
    for step in steps.tolist():
        front = shown_cement(lattice, case.saturation(step), case.vein_cement(step))
        if front.n_cells:
            style = {"color": CEMENT_COLOR, "smooth_shading": True}
            yield Body(CEMENT, CEMENT_COLOR, front, style), float(times[step]) if len(times) > 1 else None


def _serialized(plotter: pyvista.Plotter) -> bytes:
    """The scene as the archive that the viewer of trame-vtk opens."""
    initialize_serializers()
    context, window = SynchronizationContext(), plotter.render_window
    if window is None:
        raise RuntimeError("the plotter has been closed")
    context.set_ignore_last_dependencies(True)
    scene = serialize(None, window, reference_id(window), context, 1)
    camera = window.GetRenderers().GetFirstRenderer().GetActiveCamera()
    scene["extra"] = {
        "vtkRefId": reference_id(window),
        "centerOfRotation": camera.GetFocalPoint(),
        "camera": reference_id(camera),
    }
    hashes = {
        entry["hash"]: {**entry, "content": context.get_cached_data_array(entry["hash"], False)}
        for entry in extract_array_hash(scene)
    }
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("index.json", json.dumps({"hashes": hashes, "scene": scene}))
    return archive.getvalue()


def _legend(layers: Sequence[Layer]) -> Iterator[dict[str, str | bool]]:
    """Each layer once with the colour of its first body, the cement first where there is any."""
    colors = {CEMENT: CEMENT_COLOR} if any(layer.layer == CEMENT for layer in layers) else {}
    for layer in layers:
        colors.setdefault(layer.layer, layer.color)
    return ({"name": name, "color": color, "ring": name.startswith(OPENINGS)} for name, color in colors.items())
