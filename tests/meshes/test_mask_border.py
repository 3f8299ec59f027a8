"""A mask that lies on its bone gives no warning; one that is flipped or shifted does, and so do shifted HU."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from meshes.demo_patient import DemoPatient
from meshes.errors import InputError
from meshes.images.image import Image, Mask, read_ct, read_mask
from meshes.images.units import DENSITY, HOUNSFIELD, ImageUnits
from meshes.mask_border import MaskBorder, border_warnings
from meshes.vertebra import read_vertebra

L3 = 22
MISSES = "seems to miss the bone"


@pytest.fixture(scope="module")
def images(demo_files: DemoPatient) -> tuple[Image, Mask]:
    return read_ct(demo_files.ct), read_mask(demo_files.mask)


def warned(ct: Image, labels: NDArray[Any], number: int = L3, units: ImageUnits = HOUNSFIELD) -> list[str]:
    (box,) = ndimage.find_objects((labels == number).astype(np.uint8))
    corner = np.array([part.start for part in box])
    return border_warnings(labels[box] == number, corner, ct, labels, units, "L3")


@pytest.mark.parametrize("number", [21, 22, 23])
def test_masks_on_their_bone_are_silent(images: tuple[Image, Mask], number: int) -> None:
    ct, mask = images
    assert warned(ct, mask.values, number) == []


@pytest.mark.parametrize(
    ("axes", "words"),
    [
        ((0,), "mirrored left to right"),
        ((1,), "turned front to back"),
        ((2,), "upside down"),
        ((0, 1), "turned by half about its long axis"),
    ],
)
def test_a_flipped_mask_is_told_with_the_flip(images: tuple[Image, Mask], axes: tuple[int, ...], words: str) -> None:
    ct, mask = images
    (sentence,) = warned(ct, np.flip(mask.values, axes))
    assert MISSES in sentence
    assert f"% with the mask {words};" in sentence
    assert "median of" in sentence


@pytest.mark.parametrize(
    ("voxels", "axis", "words"),
    [(3, 0, "mm to the right"), (-3, 1, "mm to the back"), (3, 2, "mm to the feet"), (-2, 2, "mm to the head")],
)
def test_a_shifted_mask_is_told_with_the_way_back(
    images: tuple[Image, Mask], voxels: int, axis: int, words: str
) -> None:
    ct, mask = images
    (sentence,) = warned(ct, np.roll(mask.values, voxels, axis))
    assert MISSES in sentence
    assert f"with the mask moved by {'4' if abs(voxels) == 3 else '2'} {words}" in sentence


def test_shifted_numbers_are_told_with_the_shift(images: tuple[Image, Mask]) -> None:
    ct, mask = images
    (sentence,) = warned(replace(ct, values=ct.values + 1024.0), mask.values)
    assert "HU of the CT look shifted by about +10" in sentence
    assert "rescale slope and intercept" in sentence
    (sentence,) = warned(replace(ct, values=ct.values - 300.0), mask.values)
    assert "shifted by about -30" in sentence
    assert warned(replace(ct, values=ct.values + 60.0), mask.values) == []


def test_densities_may_be_anything_around_the_bone(images: tuple[Image, Mask]) -> None:
    ct, mask = images
    empty = np.where(mask.values > 0, ct.values + 400.0, 0.0)
    assert warned(replace(ct, values=empty), mask.values, units=DENSITY) == []


def test_a_border_is_known_exactly_on_a_bright_ball() -> None:
    places = np.indices((40, 40, 40)).reshape(3, -1).T - 19.5
    ball = (np.linalg.norm(places, axis=1) < 12.0).reshape(40, 40, 40)
    ct = Image(np.where(ball, 300.0, 40.0), np.eye(4))
    border = MaskBorder.of(ball, np.zeros(3, dtype=np.int64), ct)
    assert border.brighter_share == 1.0
    np.testing.assert_allclose(np.linalg.norm(border.points - 19.5, axis=1), 12.0, atol=1.0)
    assert border.best_shift.tolist() == [0.0, 0.0, 0.0]
    aside = border.moved(np.array([6.0, 0.0, 0.0]))
    assert aside.brighter_share < 0.6
    assert aside.best_shift == pytest.approx([-6.0, 0.0, 0.0], abs=2.0)
    assert np.median(border.around(ball.astype(np.uint8))) == pytest.approx(40.0)
    assert not len(border.around(np.ones_like(ball, dtype=np.uint8)))


def test_a_mask_beyond_its_ct_fits_nowhere() -> None:
    block = np.zeros((20, 20, 20), dtype=bool)
    block[6:14, 6:14, 6:14] = True
    border = MaskBorder.of(block, np.zeros(3, dtype=np.int64), Image(np.where(block, 300.0, 40.0), np.eye(4)))
    assert border.moved(np.array([40.0, 0.0, 0.0])).brighter_share == 0.0


def test_who_reads_a_vertebra_is_told(rewrite: Callable[..., DemoPatient], tmp_path: Path) -> None:
    """What 'mesh', 'check', 'measure' and 'run' print as warnings."""

    def upside_down(name: str, values: NDArray[Any]) -> NDArray[Any]:
        return values if name == "ct" else values[:, ::-1]

    files = rewrite(tmp_path, change=upside_down)
    (sentence,) = [text for text in read_vertebra(files.ct, files.mask, "L3", "verse").warnings if MISSES in text]
    assert str(files.mask) in sentence
    assert "upside down" in sentence
    # by the order of their numbers, vertebrae that are upside down are those of another convention
    with pytest.raises(InputError, match="turn the mask over if it lies upside down"):
        read_vertebra(files.ct, files.mask, "L3")
