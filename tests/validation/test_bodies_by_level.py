"""Bodies of one spine, level by level, against published volumes.

The mask is not part of the project: ``VERTEBROPLASTY_SPINE`` names a file of whole vertebrae in VerSe numbers, such as
``healthy_ref_mask.nii.gz`` (14 levels from T1 to L5 of a healthy spine, 0.32 x 0.32 x 2 mm,
github.com/christinab12/bone-cement-injection-planning, MIT). Body and arch are told apart by shape, as in masks without
subregions. One person stands against means of many, so only the means over the levels of a series can say much.
"""

import os
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from meshes.body_split import split_body
from meshes.images.image import read_mask
from meshes.images.labels import label_maps

pytestmark = pytest.mark.slow

FILE = os.environ.get("VERTEBROPLASTY_SPINE")

FILLING = {"T8": 2, "T9": 2, "T11": 3, "T12": 4, "L1": 12, "L2": 6, "L3": 4, "L4": 5, "L5": 3}
"""Level -> vertebrae of the filling-fraction series (27 patients)."""

PUNCTURE = {
    **{"T6": 4, "T7": 13, "T8": 25, "T9": 25, "T10": 48, "T11": 75, "T12": 115},
    **{"L1": 114, "L2": 76, "L3": 40, "L4": 31, "L5": 17},
}
"""The same of the puncture-side series (585 vertebrae), but for two of T5."""


@pytest.fixture(scope="module")
def volumes() -> dict[str, float]:
    """Level -> volume of the body in cm3."""
    if FILE is None:
        pytest.skip("VERTEBROPLASTY_SPINE names no mask of a spine")
    mask = read_mask(Path(FILE))
    found = {}
    for level, number in label_maps()["verse"].vertebrae_in(np.unique(mask.values).tolist()).items():
        if level in {*FILLING, *PUNCTURE}:
            box = ndimage.find_objects((mask.values == number).astype(np.uint8))[0]
            window = tuple(slice(max(part.start - 4, 0), part.stop + 4) for part in box)
            part = mask.crop(window)
            pieces, _ = ndimage.label(part.values == number, np.ones((3, 3, 3)))
            whole = pieces == 1 + np.argmax(np.bincount(pieces.ravel())[1:])
            body = ndimage.binary_fill_holes(split_body(whole, np.round(part.spacing, 6)).body)
            found[level] = float(body.sum()) * part.voxel_volume / 1000.0
    return found


@pytest.mark.parametrize(
    ("series", "mean", "low", "high", "source"),
    [
        (FILLING, 26.1, 20.1, 32.1, "filling-fraction series, 26.1 +- 6.0 cm3 (S)"),
        (PUNCTURE, 24.57, 20.9, 28.3, "10.1186/s12891-022-05135-w, 24.57 +- 1.81 and 24.59 +- 1.86 cm3; +-2 SD (S)"),
    ],
)
def test_mean_body_of_a_series(volumes, evidence, series, mean, low, high, source) -> None:
    counted = {level: count for level, count in series.items() if level in volumes}
    assert sum(counted.values()) > 0.9 * sum(series.values())
    computed = sum(count * volumes[level] for level, count in counted.items()) / sum(counted.values())
    evidence.check(
        case="bodies of one healthy spine, split from the arch by shape",
        quantity=f"volume, mean over the levels of {sum(series.values())} vertebrae [cm3]",
        expected=mean,
        computed=computed,
        low=low,
        high=high,
        source=source,
        kind="published",
    )


@pytest.mark.parametrize(("level", "volume"), [("T8", 15.6), ("L5", 38.1)])
def test_smallest_and_largest_level_of_a_series(volumes, evidence, level, volume) -> None:
    """Means of two and of three bodies, so within a fourth."""
    evidence.check(
        case="bodies of one healthy spine, split from the arch by shape",
        quantity=f"volume of {level} [cm3]",
        expected=volume,
        computed=volumes[level],
        within=0.25,
        source="filling-fraction series (S)",
        kind="published",
        about="open",
    )


def test_bodies_grow_down_the_spine(volumes) -> None:
    """From each level to the next but one; L5 is wedge-shaped and may have less than L4."""
    levels = [level for level in PUNCTURE if level in volumes and level != "L5"]
    for upper, lower in zip(levels, levels[2:], strict=False):
        assert volumes[lower] > volumes[upper]
