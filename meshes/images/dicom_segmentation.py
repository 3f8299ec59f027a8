"""The segments of a DICOM segmentation object (DICOM PS3.3, A.51 and C.8.20) and their grid.

Frames may come in any order and leave out empty slices, so the grid reaches from the first slice with a segment to the
last one.
"""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meshes.errors import InputError
from meshes.images.grids import RAS_TO_LPS, Volume, check_affine, check_shape, first_line
from meshes.images.segments import Canvas, Segment, chosen_of

SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
LABEL_MAP = "1.2.840.10008.5.1.4.1.1.66.7"
OFF_GRID = 0.02
"""Slice distances by which a slice may lie beside the even grid of the others."""
ASIDE = 0.05
"""mm by which slices may be shifted against each other along their own plane."""
DAMAGE = (AttributeError, KeyError, ValueError, TypeError, IndexError, NotImplementedError, RuntimeError, OverflowError)
"""What pydicom raises where elements are missing or hold what they must not."""


def read_dicom_segmentation(path: Path, what: str, wanted: Callable[[str], bool] | None) -> Volume:
    """Read the segments of one file.

    Args:
        path: file of a DICOM segmentation, binary or a label map.
        what: how messages call it.
        wanted: which names count where there are some of them; segments may overlap, and a mask needs one number a
            voxel.

    Raises:
        InputError: unreadable or cut short, another DICOM object, segments that overlap or are no whole voxels, or
            slices that form no even grid.
    """
    # pydicom takes 0.2 s to import, and hardly any mask is a DICOM segmentation.
    import pydicom
    from pydicom.errors import BytesLengthException, InvalidDicomError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _volume(pydicom.dcmread(path), path, what, wanted)
    except InputError:
        raise
    except InvalidDicomError as error:
        raise InputError(f"{what} {path} is no DICOM file; export it again") from error
    except (OSError, EOFError, zlib.error, struct.error) as error:
        raise InputError(f"{what} {path} is damaged or cut short ({first_line(error)}); export it again") from error
    except MemoryError as error:
        raise InputError(f"{what} {path} does not fit into the memory; crop it to the vertebra") from error
    except (*DAMAGE, BytesLengthException) as error:
        raise InputError(
            f"{what} {path} is not a readable DICOM segmentation ({first_line(error)}); export it again"
        ) from error


def _volume(dataset: Any, path: Path, what: str, wanted: Callable[[str], bool] | None) -> Volume:
    if dataset.get("SOPClassUID") not in (SEGMENTATION, LABEL_MAP):
        raise InputError(
            f"{what} {path} is a DICOM object but no segmentation; give one, or the folder of a series as CT"
        )
    kind, frames = str(dataset.SegmentationType), int(dataset.NumberOfFrames)
    described = [Segment(str(item.SegmentLabel), int(item.SegmentNumber)) for item in dataset.SegmentSequence]
    segments = [segment for segment in described if segment.number > 0]  # label maps may describe their background
    if kind == "FRACTIONAL":
        raise InputError(f"{what} {path} holds shares of voxels (FRACTIONAL); export it as a binary segmentation")
    if len({segment.number for segment in segments}) < len(segments):
        raise InputError(f"{what} {path} gives two of its segments the same number; export it again")
    affine, slices = _grid(dataset, frames, path, what)
    shape = (int(dataset.Columns), int(dataset.Rows), int(slices.max()) + 1)
    check_shape(shape, path, what)
    check_affine(affine, shape, path, what)
    by_number = {segment.number: segment for segment in segments}
    chosen = by_number if kind == "LABELMAP" else chosen_of(segments, wanted)
    canvas = Canvas(shape, chosen, path, what)
    for number, (frame, pixels) in enumerate(zip(_functional_groups(dataset), _frames(dataset, frames), strict=True)):
        place = (slice(None), slice(None), int(slices[number]))
        if kind == "LABELMAP":
            for value in np.unique(pixels[pixels > 0]).tolist():
                inside = np.equal(pixels.T, value)
                canvas.paint(by_number[value].number, inside, place)
            continue
        shown = int(_group(dataset, frame, "SegmentIdentificationSequence").ReferencedSegmentNumber)
        if shown not in by_number:
            raise InputError(
                f"{what} {path} has a frame of segment {shown}, which it does not describe; export it again"
            )
        if shown in chosen:
            canvas.paint(shown, pixels.T > 0, place)
    return Volume(canvas.values, affine, tuple(chosen.values()), part_of_scan=True)


def _frames(dataset: Any, frames: int) -> Iterator[NDArray[Any]]:
    """The (rows, columns) pixels of frame after frame.

    pydicom's own iterator cuts frames of single bits at whole bytes.
    """
    if dataset.BitsAllocated != 1 or dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        from pydicom.pixels.utils import iter_pixels

        yield from iter_pixels(dataset)
        return
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    packed = np.frombuffer(dataset.PixelData, dtype=np.uint8)
    if not 0 <= len(packed) - -(-frames * rows * columns // 8) <= 1:  # padded to an even number of bytes
        raise ValueError(f"{len(packed)} bytes of pixels do not make {frames} frames")
    for frame in range(frames):
        first, end = frame * rows * columns, (frame + 1) * rows * columns
        bits = np.unpackbits(packed[first // 8 : -(-end // 8)], bitorder="little")
        yield bits[first % 8 :][: rows * columns].reshape(rows, columns)


def _functional_groups(dataset: Any) -> Any:
    return dataset.PerFrameFunctionalGroupsSequence


def _group(dataset: Any, frame: Any, name: str) -> Any:
    """What is said of a frame, by itself or for all frames together."""
    shared: Any = dataset.SharedFunctionalGroupsSequence[0] if dataset.get("SharedFunctionalGroupsSequence") else {}
    return (frame.get(name) or shared.get(name))[0]


def _grid(dataset: Any, frames: int, path: Path, what: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The (4, 4) affine from (column, row, slice) to RAS mm, and the (frames,) slices."""
    groups = _functional_groups(dataset)
    if len(groups) != frames:
        raise InputError(f"{what} {path} describes {len(groups)} of its {frames} frames; export it again")
    axes, sizes, places = (
        np.array([[float(x) for x in getattr(_group(dataset, frame, group), key)] for frame in groups])
        for group, key in (
            ("PlaneOrientationSequence", "ImageOrientationPatient"),
            ("PixelMeasuresSequence", "PixelSpacing"),
            ("PlanePositionSequence", "ImagePositionPatient"),
        )
    )
    if axes.shape[1:] != (6,) or sizes.shape[1:] != (2,) or places.shape[1:] != (3,):
        raise InputError(f"{what} {path} does not say where its frames lie; export it again")
    if not max(np.abs(np.ptp(axes, axis=0)).max(), np.abs(np.ptp(sizes, axis=0)).max()) <= 1e-3:
        raise InputError(f"{what} {path} has frames of different pixel sizes or directions; export it again")
    along_row, down, (row, column) = axes[0, :3], axes[0, 3:], sizes[0]
    if not np.allclose(np.linalg.norm([along_row, down], axis=1), 1.0, atol=1e-3):
        raise InputError(f"{what} {path} has directions that are not of length 1; export it again")
    normal = np.cross(along_row, down)
    heights = places @ normal
    gaps = np.diff(np.unique(np.round(heights, 3)))
    measures = _group(dataset, groups[0], "PixelMeasuresSequence")
    given = measures.get("SpacingBetweenSlices") or (measures.get("SliceThickness") if not len(gaps) else None)
    step = float(given) if given else float(gaps.min())
    slices = np.rint((heights - heights.min()) / step).astype(np.int64)
    origin = places[heights.argmin()]
    expected = origin + slices[:, None] * step * normal
    if not step > 0.0 or not np.abs((places - expected) @ normal).max() <= OFF_GRID * step:
        raise InputError(f"{what} {path} has slices that form no even grid; export it again")
    if not np.abs(places - expected).max() <= max(ASIDE, OFF_GRID * step):
        raise InputError(f"{what} {path} has slices that are shifted against each other; export it again")
    affine = np.eye(4)
    affine[:3, :3] = np.stack([along_row * column, down * row, normal * step], axis=1)
    affine[:3, 3] = origin
    return RAS_TO_LPS @ affine, slices
