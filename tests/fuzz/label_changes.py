"""Ways to change masks and CTs that no segmentation and no scanner should."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray
from phantom import ARCH, CORPUS, LABEL, SHAPE, save
from scipy import ndimage

LABELS = (0, 1, 2, 19, 20, 21, 22, 23, 24, 28, 29, 31, 41, 49, 50, 255, 300, 65535, 65536, -1)


@dataclass(frozen=True)
class Change:
    """One change of an array of labels."""

    kind: str
    numbers: tuple[Any, ...]

    def apply(self, values: NDArray) -> NDArray:
        return CHANGES[self.kind](values, *self.numbers)


def relabel(values: NDArray, old: int, new: int) -> NDArray:
    return np.where(values == old, new, values)


def paint(values: NDArray, corner: tuple[int, int, int], size: tuple[int, int, int], label: int) -> NDArray:
    """A box, which may lie partly outside of the image."""
    values = values.copy()
    values[tuple(slice(first, first + length) for first, length in zip(corner, size, strict=True))] = label
    return values


def speckle(values: NDArray, share: float, label: int, number: int) -> NDArray:
    return np.where(np.random.default_rng(number).random(values.shape) < share, label, values)


def shift(values: NDArray, *steps: int) -> NDArray:
    """Moved over the edge, where it is cut off."""
    return ndimage.shift(values, steps, order=0, cval=0)


def thin(values: NDArray, times: int) -> NDArray:
    """Worn down from all sides."""
    return np.where(ndimage.binary_erosion(values > 0, iterations=times), values, 0)


def scaled(values: NDArray, factor: float) -> NDArray:
    """No whole numbers, or larger ones, or NaN."""
    return values * factor


def cropped(values: NDArray, axis: int, lost: int) -> NDArray:
    """On another grid."""
    return values.take(np.arange(lost, values.shape[axis]), axis)


def mirrored(values: NDArray, axis: int) -> NDArray:
    return np.flip(values, axis)


CHANGES = {change.__name__: change for change in (relabel, paint, speckle, shift, thin, scaled, cropped, mirrored)}
WHERE = st.tuples(*[st.integers(0, size - 1) for size in SHAPE])
LENGTHS = st.tuples(*[st.sampled_from([1, 2, 5, 12, 40])] * 3)
LABEL_VALUES = st.sampled_from(LABELS)
NUMBERS: dict[str, tuple[st.SearchStrategy[Any], ...]] = {
    "relabel": (st.sampled_from([0, LABEL, ARCH, CORPUS]), LABEL_VALUES),
    "paint": (WHERE, LENGTHS, LABEL_VALUES),
    "speckle": (st.sampled_from([1e-4, 0.02, 0.3, 0.9]), LABEL_VALUES, st.integers(0, 9)),
    "shift": tuple([st.integers(-14, 14)] * 3),
    "thin": (st.integers(1, 9),),
    "scaled": (st.sampled_from([0.5, 2.0, -1.0, float("nan"), 1.0, 1e9]),),
    "cropped": (st.integers(0, 2), st.sampled_from([1, 5, 15])),
    "mirrored": (st.integers(0, 2),),
}

CHANGE = st.sampled_from(sorted(NUMBERS)).flatmap(
    lambda kind: st.tuples(*NUMBERS[kind]).map(lambda numbers: Change(kind, numbers))
)
SEVERAL = st.lists(CHANGE, max_size=2).map(tuple)


def changed(path: Path, values: NDArray, changes: tuple[Change, ...], dtype: str) -> Path:
    values = values.astype(float)
    for change in changes:
        values = change.apply(values)
    with np.errstate(invalid="ignore", over="ignore"):
        return save(path, values.astype(dtype))
