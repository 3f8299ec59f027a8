"""Needles that can be run and still deserve a look: which bone is left around them, and what their plan says of it."""

import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from experiments.case.laws import Laws
from experiments.case.schema import build_case
from experiments.model import preparation
from experiments.model.needle_paths import NeedlePath, plan_paths
from experiments.model.pedicle_clearance import FINE, PedicleClearance
from experiments.results.progress import Progress
from materials.cannula import Cannula
from meshes.errors import InputError
from meshes.frame import frame_of_body
from meshes.images.image import Image
from meshes.vertebra import Vertebra

STRAIGHT = {"approach": "free", "camber_deg": 0.0, "sagittal_deg": 0.0, "depth": 0.25}


def plan(vertebra: Vertebra, **needle: Any) -> NeedlePath:
    case = build_case({"patient": {"demo": True}, "needles": [needle]})
    (path,) = plan_paths(case.needles, [Cannula(case.needles[0].gauge)], vertebra)
    return path


@pytest.fixture(scope="module")
def blocks() -> Vertebra:
    """Body of 40 x 30 x 24 mm about the origin; pedicles 8 to 18 mm aside and up to 8 mm above, 12 mm long."""
    grid = Image(np.zeros((60, 60, 18), dtype=np.float32), np.diag([1.0, 1.0, 2.0, 1.0]))
    body, arch = np.zeros((2, *grid.values.shape), dtype=bool)
    body[10:50, 10:40, 3:15] = True
    arch[38:48, 40:52, 9:13] = arch[12:22, 40:52, 9:13] = True
    return Vertebra("L3", 22, "verse", grid, body, arch, frame_of_body(body, grid, np.eye(3), "landmarks"))


@pytest.mark.parametrize(
    ("aside", "height", "free", "side"),
    [(13.0, 4.0, 4.0, "upper"), (16.0, 4.0, 2.0, "lateral"), (9.5, 4.5, 1.5, "medial"), (13.0, 1.2, 1.2, "lower")],
)
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_clearance_in_a_block_is_exact(
    blocks: Vertebra, aside: float, height: float, free: float, side: str, sign: float
) -> None:
    axis = np.array([[sign * aside, 15.0 + way, height] for way in np.arange(1.0, 8.0, 0.25)])
    found = PedicleClearance.along(axis, 3.0, "left" if sign > 0.0 else "right", blocks)
    assert found is not None
    assert found.distance == pytest.approx(free - 1.5, abs=0.5 * FINE + 1e-9)
    assert side in (found.side, "upper") if free == 4.0 else found.side == side


def test_a_needle_beside_the_pedicle_has_no_clearance(blocks: Vertebra) -> None:
    axis = np.array([[25.0, 15.0 + way, 4.0] for way in np.arange(1.0, 8.0, 0.25)])
    assert PedicleClearance.along(axis, 3.0, "left", blocks) is None


def test_the_plan_of_the_demo_raises_no_doubt(demo_vertebra: Vertebra) -> None:
    for side in ("left", "right"):
        path = plan(demo_vertebra, side=side)
        assert path.warnings == ()
        assert path.clearance is not None
        assert 0.3 < path.clearance.distance < 2.0  # a pedicle of 8.3 mm around 3.05 mm at 26 deg


@pytest.mark.parametrize(("side", "left"), [("right", 0.3), ("left", -0.3)])
def test_a_tip_across_the_midline_is_told(blocks: Vertebra, side: str, left: float) -> None:
    warnings = plan(blocks, side=side, left=left, depth=0.25, height=0.6, gauge=14).warnings
    (sentence,) = [text for text in warnings if "midline;" in text]
    assert f"needles[1] enters on the {side}, but its tip lies 6 mm across the midline" in sentence
    assert "sign of left" in sentence


def test_a_tip_at_the_midline_is_not(blocks: Vertebra) -> None:
    assert plan(blocks, side="right", left=0.05, depth=0.1, height=0.6, gauge=14).warnings == ()


@pytest.mark.parametrize("camber", [-25.0, 62.0])
def test_an_odd_camber_is_told_with_the_range_and_its_source(blocks: Vertebra, camber: float) -> None:
    needle = {**STRAIGHT, "camber_deg": camber, "left": 0.3, "depth": 0.5, "height": 0.6}
    warnings = [text for text in plan(blocks, **needle).warnings if "camber" in text]
    assert len(warnings) == 1
    assert f"a camber of {camber:g} deg, where -10 to 50 deg" in warnings[0]
    assert "Zindrick 1987" in warnings[0]


def test_a_shaft_that_leaves_the_pedicle_is_told(blocks: Vertebra) -> None:
    (sentence,) = plan(blocks, **STRAIGHT, side="left", left=0.45, height=2 / 3, gauge=8).warnings
    assert "comes 1.1 mm out of the left pedicle on the medial side, towards the canal" in sentence
    assert plan(blocks, **STRAIGHT, side="left", left=0.65, height=2 / 3, gauge=8).warnings == ()


def test_a_shaft_that_comes_out_of_the_wall_near_its_tip_is_told(blocks: Vertebra) -> None:
    """The wall lies 20 mm aside, the axis of a shaft of 4.2 mm 19 or 17 mm."""
    needle = {**STRAIGHT, "height": 0.6, "gauge": 8}
    (told,) = [text for text in plan(blocks, **needle, left=0.95).warnings if "out of the body's wall" in text]
    assert re.search(r"its shaft of 4\.2 mm comes 1\.[01] mm out of the body's wall near the tip", told)
    assert not [text for text in plan(blocks, **needle, left=0.85).warnings if "out of the body's wall" in text]


def test_an_error_of_the_plan_says_what_was_doubtful_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mask that is upside down may be why the veins do not fit."""

    def fail(*_: Any) -> None:
        raise InputError("the body does not surround its veins")

    doubtful = SimpleNamespace(warnings=("the mask seems to miss the bone",))
    monkeypatch.setattr(preparation, "read_patient", lambda _: doubtful)
    monkeypatch.setattr(preparation, "read_neighbour", fail)
    case = build_case({"patient": {"demo": True}})
    with pytest.raises(InputError, match=r"surround its veins\. Seen before: the mask seems to miss the bone"):
        preparation.prepare(case, Laws.of_case(case), Progress())
