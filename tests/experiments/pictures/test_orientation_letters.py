"""Left is left: letters, scale bar and words say where the bodies in a picture really are."""

import numpy as np
import pytest
import pyvista
from matplotlib.axes import Axes
from matplotlib.text import Annotation
from numpy.typing import NDArray

from experiments.pictures.scene import (
    ANTERIOR_ABOVE,
    ANTERIOR_RIGHT,
    AXIAL,
    CORONAL,
    POSTERIOR_LEFT,
    SAGITTAL,
    View,
    new_figure,
    render,
    show,
)
from experiments.results.wording import place
from experiments.viewer.case_view import PLANES
from experiments.viewer.page import VIEWS, clock

BOX = np.array([[x, y, z] for x in (-20.0, 20.0) for y in (-15.0, 15.0) for z in (-12.0, 12.0)])
"""mm; what every panel shows."""

SIDES = {"L": (10, 0, 0), "R": (-10, 0, 0), "P": (0, 10, 0), "A": (0, -10, 0), "S": (0, 0, 10), "I": (0, 0, -10)}
"""Letter -> mm from the middle in the frame that meshes are in: +x left, +y posterior, +z superior."""


def seen(view: View, centre: tuple[int, int, int]) -> tuple[Axes, NDArray[np.float64]]:
    """A panel, and where in it a ball shows, in mm from its middle to the right and upwards."""

    def draw(plotter: pyvista.Plotter) -> None:
        plotter.add_mesh(pyvista.Sphere(radius=2.0, center=centre), color="black", lighting=False)

    panel = render(draw, view, BOX, pixels=200)
    _, (axes,) = new_figure()
    show(axes, panel, "")
    rows, columns = np.nonzero(panel.image.max(axis=-1) < 128)
    millimetres = 2.0 * panel.half / 200
    return axes, np.array([columns.mean() - 99.5, 99.5 - rows.mean()]) * millimetres


@pytest.mark.parametrize("view", [AXIAL, CORONAL, SAGITTAL, POSTERIOR_LEFT, ANTERIOR_RIGHT, ANTERIOR_ABOVE])
def test_letters_stand_where_the_bodies_are(view: View) -> None:
    for letter, centre in SIDES.items():
        axes, ball = seen(view, centre)
        places = {text.get_text(): np.array(text.get_position()) for text in axes.texts}
        if letter not in places:
            continue
        # letters of oblique views stand at arrows, which begin where those of L, P and S would meet
        arrows = [text.xyann for text in axes.texts if isinstance(text, Annotation)]
        origin = np.array(arrows[0] if arrows else (0.0, 0.0))
        along = places[letter] - origin
        assert along @ ball / np.linalg.norm(along) / np.linalg.norm(ball) > 0.99


def test_planes_have_four_letters_and_other_views_three() -> None:
    letters = [{text.get_text() for text in seen(view, (0, 0, 0))[0].texts} for view in (AXIAL, CORONAL, SAGITTAL)]
    assert [found - {"10 mm"} for found in letters] == [set("LRAP"), set("LRSI"), set("APSI")]
    assert {text.get_text() for text in seen(POSTERIOR_LEFT, (0, 0, 0))[0].texts} >= set("LPS")


def test_the_bar_is_as_long_as_it_says() -> None:
    axes, left = seen(CORONAL, (5, 0, 0))
    _, right = seen(CORONAL, (-5, 0, 0))
    assert "10 mm" in {text.get_text() for text in axes.texts}
    assert np.ptp(np.asarray(axes.lines[0].get_xdata(), dtype=float)) == pytest.approx((left - right)[0], abs=0.3)


def test_words_and_views_have_the_same_sides() -> None:
    assert place([1.0, -2.0, 3.0]) == "1.0 mm left, 2.0 mm anterior, 3.0 mm superior"
    assert place([-1.0, 2.0, -3.0]) == "1.0 mm right, 2.0 mm posterior, 3.0 mm inferior"
    beside = {"left": "L", "right": "R", "behind": "P", "front": "A", "above": "S", "below": "I"}
    for name, letter in beside.items():
        np.testing.assert_allclose(VIEWS[name].axes[2], np.array(SIDES[letter]) / 10.0)
    assert {name: (plane.low, plane.high) for name, plane in PLANES.items()} == {
        "sagittal": ("right", "left"),
        "coronal": ("anterior", "posterior"),
        "axial": ("inferior", "superior"),
    }
    for plane in PLANES.values():
        assert plane.high in place([*plane.at(4.0)[1]])
        assert f"4.0 mm {plane.low}" in place([*plane.at(-4.0)[1]])


@pytest.mark.parametrize(
    ("seconds", "told"), [(0.0, "0:00.0 min"), (59.94, "0:59.9 min"), (59.96, "1:00.0 min"), (119.999, "2:00.0 min")]
)
def test_the_clock_has_no_sixtieth_second(seconds: float, told: str) -> None:
    assert clock(seconds) == told
