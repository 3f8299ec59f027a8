"""What every reader asks of a file's grid and of the length of its content."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from meshes.errors import InputError
from meshes.images.segments import Segment

CHUNK = 1 << 22
"""Bytes of a file's content that are read at a time."""
MOST_VOXELS = 1 << 30
"""Voxels of four large CTs of 512 x 512 x 1000; more is a damaged header, and would fill the memory."""
FARTHEST = 1e4
"""mm from the scanner's origin to a corner; no scanner is so large, and single precision loses hundredths there."""
RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True)
class Volume:
    """What a file holds.

    Attributes:
        values: (nx, ny, nz) numbers, or (nx, ny, nz, n) where segments lie in layers over each other.
        affine: (4, 4) from voxel indices to RAS mm.
        segments: what the file's format calls its numbers; empty where it does not.
        part_of_scan: whether the format lets a segmentation end where its segments do, inside of the scan.
    """

    values: NDArray[Any]
    affine: NDArray[np.float64]
    segments: tuple[Segment, ...] = ()
    part_of_scan: bool = False


def check_shape(shape: tuple[int, ...], path: Path, what: str) -> None:
    """Refuse what is not one 3-D volume that memory can hold."""
    if len(shape) != 3 or min(shape) < 2:
        raise InputError(
            f"{what} {path} is {times(shape)}; one 3-D volume with at least 2 voxels along each axis is needed"
        )
    check_count(shape, path, what)


def check_count(shape: tuple[int, ...], path: Path, what: str) -> None:
    """Refuse more voxels than memory can hold."""
    if np.prod(shape, dtype=float) > MOST_VOXELS:
        raise InputError(
            f"{what} {path} has {times(shape)} voxels by its header; at most {MOST_VOXELS} are read, so crop it to the "
            "vertebra or export it again"
        )


def read_numbers(stream: IO[bytes], dtype: np.dtype[Any], count: int, path: Path, what: str) -> NDArray[Any]:
    """(count,) numbers from a stream that holds just these.

    A stream that checks its content at its end, as gzip does, is read to it.

    Raises:
        InputError: the stream holds more or less.
        OSError, EOFError, zlib.error: the content is not what was once compressed.
    """
    needed = count * dtype.itemsize
    content = np.empty(needed, dtype=np.uint8)
    held = 0
    while held < needed and (part := stream.read(min(CHUNK, needed - held))):
        content[held : held + len(part)] = np.frombuffer(part, dtype=np.uint8)
        held += len(part)
    while part := stream.read(CHUNK):
        held += len(part)
    if held != needed:
        raise InputError(
            f"{what} {path} is damaged or cut short: for its voxels it holds {held} bytes, but its header describes "
            f"{needed}; export it again"
        )
    return content.view(dtype)


def corners(shape: tuple[int, ...]) -> NDArray[np.float64]:
    """(8, 3) indices of the outermost voxels."""
    return np.array(list(itertools.product(*[(0.0, size - 1.0) for size in shape])))


def check_affine(affine: NDArray[np.float64], shape: tuple[int, ...], path: Path, what: str) -> None:
    """Refuse a grid that no scanner has: not finite, flat, sheared or far away."""
    if not np.isfinite(affine).all():
        raise InputError(f"{what} {path} has NaN or infinite numbers in its affine; export it again")
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    if spacing.min() < 1e-3 or abs(np.linalg.det(affine[:3, :3] / np.maximum(spacing, 1e-12))) < 1e-3:
        raise InputError(
            f"{what} {path} has a singular affine (voxel spacing {times(spacing)} mm); spacings must be above "
            "0.001 mm along three different directions"
        )
    directions = affine[:3, :3] / spacing
    angle = np.degrees(np.arccos(np.abs(np.triu(directions.T @ directions, 1)).max()))
    if angle < 89.9:
        raise InputError(
            f"{what} {path} has a sheared grid (two voxel axes meet at {angle:.1f} degrees, 90 +- 0.1 are allowed), as "
            "from a tilted gantry; resample it to a rectangular grid"
        )
    if not (far := np.abs(corners(shape) @ affine[:3, :3].T + affine[:3, 3]).max()) <= FARTHEST:
        raise InputError(
            f"{what} {path} lies {far:.3g} mm from the scanner's origin by its header, at most {FARTHEST:g} mm are "
            "allowed; export it again"
        )


def times(numbers: Any) -> str:
    """Numbers as of a grid: "2 x 3 x 4"."""
    return " x ".join(f"{number:.4g}" for number in numbers)


def first_line(error: BaseException) -> str:
    """What an error of a library says, in one line."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def file_beside(path: Path, name: str, what: str) -> Path:
    """The file of this name beside a header.

    Raises:
        InputError: there is none, or the name leads elsewhere.
    """
    found = path.parent / name
    if Path(name).name != name or not found.is_file():
        raise InputError(f"{what} {path} keeps its voxels in {name}, which is no file beside it; give both files")
    return found
