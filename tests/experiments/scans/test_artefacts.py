"""Metal, streaks, cut-off numbers and coarse voxels are told, and nothing is told of a plain CT."""

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from burnt_in import Solid, ball, burnt, shares
from numpy.typing import NDArray

from experiments.scans.artefacts import scan_warnings
from experiments.scans.postoperative import PostoperativeScan
from meshes.scanned_cement import ScannedCement, cement_by_threshold
from meshes.tetmesh import TetMesh
from meshes.vertebra import Vertebra

NOISE = 30.0


@pytest.fixture(scope="module")
def seen(demo_vertebra: Vertebra, demo_mesh: Callable[..., TetMesh]) -> Callable[..., PostoperativeScan]:
    """The demo with a ball of cement in its body, and changes to its CT numbers."""
    middle = ball(demo_vertebra.frame.point(0.0, 0.35, 0.5), 8.0)
    noise = np.random.default_rng(0).normal(0.0, NOISE, demo_vertebra.ct.values.shape)
    plain = np.minimum(burnt(demo_vertebra.ct, demo_vertebra.frame, [middle]) + noise, 3000.0)

    def seen(change: Callable[[NDArray], NDArray] = lambda values: values) -> PostoperativeScan:
        after = replace(demo_vertebra, ct=replace(demo_vertebra.ct, values=change(plain).astype(np.float32)))
        cement = cement_by_threshold(after, 1500.0, 3071.0)
        return PostoperativeScan(after, cement, np.zeros_like(after.body), demo_mesh(2.0))

    return seen


def told(scan: PostoperativeScan) -> list[str]:
    """All warnings but that of coarse voxels, which the demo's CT of 1.5 mm always has."""
    coarse, others = [], []
    for sentence in scan_warnings(scan):
        (coarse if "voxels are 1.5 mm wide" in sentence else others).append(sentence)
    assert len(coarse) == 1
    return others


def filled(vertebra: Vertebra, solid: Solid, number: float) -> Callable[[NDArray], NDArray]:
    """Put a CT number where a solid takes at least half of a voxel."""
    inside = shares(vertebra.ct, vertebra.frame, [solid]) >= 0.5
    return lambda values: np.where(inside, number, values)


def test_nothing_is_told_of_a_plain_ct(seen: Callable[..., PostoperativeScan]) -> None:
    assert told(seen()) == []


def test_metal_beside_the_vertebra(seen: Callable[..., PostoperativeScan], demo_vertebra: Vertebra) -> None:
    screw = ball(demo_vertebra.frame.point(1.0, 0.5, 0.5) + np.array([9.0, 0.0, 0.0]), 3.0)
    (sentence,) = told(seen(filled(demo_vertebra, screw, 8000.0)))
    volume = (shares(demo_vertebra.ct, demo_vertebra.frame, [screw]) >= 0.5).sum() * demo_vertebra.ct.voxel_volume
    assert sentence.startswith(f"{volume / 1000.0:.2f} ml around the vertebra are denser than 3071 HU: metal")
    assert told(seen(filled(demo_vertebra, ball(screw.centre, 0.8), 8000.0))) == []  # one voxel


def test_metal_in_the_cement(seen: Callable[..., PostoperativeScan], demo_vertebra: Vertebra) -> None:
    core = ball(demo_vertebra.frame.point(0.0, 0.35, 0.5), 4.0)
    (sentence,) = told(seen(filled(demo_vertebra, core, 5000.0)))
    assert "ml beside or inside of the cement are denser than 3071 HU and do not count: metal, or" in sentence
    assert "threshold_hu" in sentence


def test_numbers_that_end_below_those_of_cement(seen: Callable[..., PostoperativeScan]) -> None:
    (sentence,) = told(seen(lambda values: np.minimum(values, 2000.0)))
    assert "of the cement has the CT's largest number, 2000 HU: the scanner cut its numbers off" in sentence


def test_streaks_are_told_and_noise_is_not(seen: Callable[..., PostoperativeScan], demo_vertebra: Vertebra) -> None:
    frame = demo_vertebra.frame
    centres = frame.to_frame(demo_vertebra.ct.to_world(np.moveaxis(np.indices(demo_vertebra.body.shape), 0, -1)))
    place = frame.point(0.4, 0.5, 0.5)
    streak = (np.abs(centres[..., 0] - place[0]) < 2.5) & (np.abs(centres[..., 2] - place[2]) < 2.5)
    (sentence,) = told(seen(lambda values: np.where(streak, -400.0, values)))
    assert re.match(r"\d\.\d % of the body lie below -200 HU: streaks beside dense cement or metal, or gas", sentence)
    speckled = np.random.default_rng(1).random(demo_vertebra.body.shape) < 0.01
    assert told(seen(lambda values: np.where(speckled & (values < 1000.0), -400.0, values))) == []


def test_a_mask_of_the_cement_says_nothing_of_its_numbers(
    seen: Callable[..., PostoperativeScan], demo_vertebra: Vertebra
) -> None:
    scan = seen(lambda values: np.minimum(values, 2000.0))
    by_mask = ScannedCement(**{**vars(scan.cement), "kind": "mask"})
    assert told(replace(scan, cement=by_mask)) == []
