"""The voxels of an NRRD file and their grid, and the segments of a ``.seg.nrrd`` of 3D Slicer.

A file is read only where its header leaves one reading: it must say in which space its directions are, and hold its
voxels itself, or, as ``.nhdr``, name one file beside it that holds nothing else. Slicer keeps names, numbers and layers
of segments in fields of their own
(https://apidocs.slicer.org/main/md_Docs_Classes_and_Utilities/vtkMRMLSegmentationStorageNode).
"""

from __future__ import annotations

import bz2
import gzip
import re
import zlib
from pathlib import Path
from typing import IO, Any, cast

import nrrd
import numpy as np
from numpy.typing import NDArray

from meshes.errors import InputError
from meshes.images.grids import (
    RAS_TO_LPS,
    Volume,
    check_affine,
    check_count,
    check_shape,
    file_beside,
    first_line,
    read_numbers,
)
from meshes.images.segments import Segment

TO_RAS = {
    "right-anterior-superior": np.eye(4),
    "left-anterior-superior": np.diag([-1.0, 1.0, 1.0, 1.0]),
    "left-posterior-superior": RAS_TO_LPS,
}
"""Space of a header -> what leads from it to RAS."""
SHORT_SPACES = {"RAS": "right-anterior-superior", "LAS": "left-anterior-superior", "LPS": "left-posterior-superior"}
TYPES = {
    "i1": ("signed char", "int8", "int8_t"),
    "u1": ("uchar", "unsigned char", "uint8", "uint8_t"),
    "i2": ("short", "short int", "signed short", "signed short int", "int16", "int16_t"),
    "u2": ("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"),
    "i4": ("int", "signed int", "int32", "int32_t"),
    "u4": ("uint", "unsigned int", "uint32", "uint32_t"),
    "i8": ("longlong", "long long", "long long int", "signed long long", "signed long long int", "int64", "int64_t"),
    "u8": ("ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t"),
    "f4": ("float",),
    "f8": ("double",),
}
DATA_FILE = ("data file", "datafile")
"""Fields of headers whose voxels lie in another file."""
SKIPS = ("line skip", "lineskip", "byte skip", "byteskip")
"""Fields of files whose voxels lie after something else."""
DETACHED = ".nhdr"
LONGEST_HEADER = 1 << 22
"""Bytes; a segmentation of hundreds of segments has some 100 kB."""
LISTS = ("list", "vector", "point", "none", "???")
"""Kinds of an axis that is no axis of space; segments lie over each other along it."""

_MAGIC = re.compile(rb"NRRD000[1-5]")


def read_nrrd(path: Path, what: str) -> Volume:
    """Read one 3-D volume, or the layers of a segmentation.

    Args:
        path: file that ends in .nrrd, or in .nhdr with its voxels in a file beside it.
        what: how messages call it.

    Raises:
        InputError: unreadable or cut short, not one 3-D volume of numbers, voxels in another place, without a space
            that tells left from right, or with a header that contradicts itself or the length of the file.
    """
    try:
        with path.open("rb") as file:
            header = _header(file, path, what)
            if (name := _elsewhere(header, path, what)) is None:
                return _volume(header, file, path, what)
        with file_beside(path, name, what).open("rb") as voxels:
            return _volume(header, voxels, path, what)
    except InputError:
        raise
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{what} {path} is damaged or cut short ({first_line(error)}); export it again") from error
    except MemoryError as error:
        raise InputError(f"{what} {path} does not fit into the memory; crop it to the vertebra") from error
    except (nrrd.NRRDError, ValueError, TypeError, OverflowError, KeyError, IndexError) as error:
        raise InputError(f"{what} {path} is not a readable NRRD file ({first_line(error)}); export it again") from error


def companion(path: Path) -> Path | None:
    """The file that holds the voxels of a .nhdr; None where it holds them itself, or cannot be read.

    Raises:
        InputError: it names a file that is missing or not beside it.
    """
    with path.open("rb") as file:
        try:
            name = _elsewhere(_header(file, path, "image"), path, "image")
        except (InputError, nrrd.NRRDError, ValueError, TypeError, OverflowError, KeyError, IndexError):
            return None
    return None if name is None else file_beside(path, name, "image")


def _header(file: IO[bytes], path: Path, what: str) -> dict[str, Any]:
    """The fields of the header."""
    return nrrd.read_header([line.decode("utf-8", "replace") for line in _header_lines(file, path, what)])


def _detached(path: Path) -> bool:
    return path.name.lower().endswith(DETACHED)


def _elsewhere(header: dict[str, Any], path: Path, what: str) -> str | None:
    """Name of the file that holds the voxels; None where they follow the header."""
    named, detached = [field for field in DATA_FILE if field in header], _detached(path)
    if wrong := [field for field in (*(() if detached else DATA_FILE), *SKIPS) if field in header]:
        raise InputError(
            f"{what} {path} keeps its voxels in another place by its field {wrong[0]!r}; save it as one .nrrd file"
        )
    if detached and len(named) != 1:
        raise InputError(f"{what} {path} does not name the file of its voxels (data file); save it as one .nrrd file")
    return str(header[named[0]]) if named else None


def _header_lines(file: IO[bytes], path: Path, what: str) -> list[bytes]:
    """The lines before the empty one after which the voxels begin."""
    lines: list[bytes] = []
    while (line := file.readline(LONGEST_HEADER)).strip():
        lines.append(line)
        if file.tell() > LONGEST_HEADER:
            break
    else:
        # a header alone may end with its file
        if (line or _detached(path)) and _MAGIC.fullmatch(lines[0].rstrip(b"\r\n") if lines else b""):
            return lines
    raise InputError(f"{what} {path} is damaged: it holds no whole header of an NRRD file; export it again")


def _volume(header: dict[str, Any], file: IO[bytes], path: Path, what: str) -> Volume:
    sizes = tuple(int(size) for size in header["sizes"])
    if header["dimension"] != len(sizes) or min(sizes) < 1:
        raise InputError(f"{what} {path} contradicts itself in dimension and sizes of its header; export it again")
    layers, shape, directions = _axes(header, sizes, path, what)
    check_shape(shape, path, what)
    check_count(sizes, path, what)
    values = _numbers(header, sizes, file, path, what).reshape(sizes, order="F")
    if layers:
        values = values.transpose(1, 2, 3, 0)
        values = values[..., 0] if values.shape[3] == 1 else values
    affine = _affine(header, directions, path, what)
    check_affine(affine, shape, path, what)
    segments = _segments(header, values.shape[3] if values.ndim == 4 else 1, path, what)
    if values.ndim == 4 and not segments:
        raise InputError(
            f"{what} {path} holds {values.shape[3]} numbers a voxel and does not name them as segments; one number a "
            "voxel is needed"
        )
    return Volume(values, affine, segments, part_of_scan=bool(segments))


def _axes(
    header: dict[str, Any], sizes: tuple[int, ...], path: Path, what: str
) -> tuple[bool, tuple[int, ...], NDArray[np.float64]]:
    """Whether the first axis counts layers, the (3,) shape in space, and the (3, 3) directions as columns."""
    if "space directions" not in header or header["space directions"] is None:
        raise InputError(
            f"{what} {path} does not say where left and right are (its header has no space directions); export it with "
            "its orientation"
        )
    rows = [np.ravel(np.asarray(row if row is not None else [], dtype=float)) for row in header["space directions"]]
    in_space = [row for row in rows if row.size == 3 and not np.isnan(row).all()]
    kinds = [str(kind).lower() for kind in header.get("kinds", ())]
    layers = len(sizes) == 4 and len(in_space) == 3 and not (rows[0].size == 3 and not np.isnan(rows[0]).all())
    if kinds and layers and kinds[0] not in LISTS:
        raise InputError(
            f"{what} {path} holds an axis of the kind {kinds[0]!r} besides those of space; one 3-D volume is needed"
        )
    shape = sizes[1:] if layers else sizes
    if len(in_space) != len(rows) - layers or len(rows) != len(sizes) or len(shape) != 3:
        raise InputError(
            f"{what} {path} is {' x '.join(map(str, sizes))} with {len(in_space)} directions in space; one 3-D volume "
            "is needed"
        )
    return layers, shape, np.array(in_space).T


def _affine(header: dict[str, Any], directions: NDArray[np.float64], path: Path, what: str) -> NDArray[np.float64]:
    """(4, 4) from voxel indices to RAS mm."""
    given = str(header.get("space", "none")).strip()
    space = SHORT_SPACES.get(given.upper(), given.lower())
    if space not in TO_RAS:
        raise InputError(
            f"{what} {path} does not say where left and right are (its space is {given}); export it with the space "
            f"{', '.join(TO_RAS)}"
        )
    if foreign := [
        unit for unit in header.get("space units", ()) if unit not in ("mm", "", "millimeter", "millimetre")
    ]:
        raise InputError(
            f"{what} {path} gives its lengths in {foreign[0]} by its header; mm are needed, so convert it again"
        )
    origin = np.ravel(np.asarray(header.get("space origin", [np.nan]), dtype=float))
    if origin.size != 3:
        raise InputError(f"{what} {path} does not say where it lies (no space origin of 3 numbers); export it again")
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = directions, origin
    return TO_RAS[space] @ affine


def _numbers(header: dict[str, Any], sizes: tuple[int, ...], file: IO[bytes], path: Path, what: str) -> NDArray[Any]:
    """All numbers of the file."""
    found = [short for short, names in TYPES.items() if header["type"] in names]
    if not found:
        raise InputError(f"{what} {path} holds values of the type {header['type']}; one number a voxel is needed")
    dtype = np.dtype(found[0])
    if dtype.itemsize > 1:
        if header.get("endian") not in ("little", "big"):
            raise InputError(f"{what} {path} does not say in which order its bytes are (endian); export it again")
        dtype = dtype.newbyteorder("<" if header["endian"] == "little" else ">")
    openers: dict[str, Any] = {"raw": lambda stream: stream, "gzip": gzip.open, "bzip2": bz2.open}
    encoding = {"gz": "gzip", "bz2": "bzip2"}.get(str(header["encoding"]).lower(), str(header["encoding"]).lower())
    if encoding not in openers:
        raise InputError(
            f"{what} {path} is encoded as {header['encoding']}; {', '.join(openers)} are read, so save it again"
        )
    stream = cast("IO[bytes]", openers[encoding](file))
    return read_numbers(stream, dtype, int(np.prod(sizes)), path, what)


def _segments(header: dict[str, Any], layers: int, path: Path, what: str) -> tuple[Segment, ...]:
    """What Slicer says of the segments; empty in other files."""
    found = sorted({int(m[1]) for field in header if (m := re.fullmatch(r"Segment(\d+)_\w+", field))})
    segments = []
    for index in found:
        number = header.get(f"Segment{index}_LabelValue", index + 1)
        layer = header.get(f"Segment{index}_Layer", 0)
        name = str(header.get(f"Segment{index}_Name", header.get(f"Segment{index}_ID", f"segment {index}")))
        try:
            segment = Segment(name, int(number), int(layer))
        except ValueError:
            raise InputError(
                f"{what} {path} has a segment {name} with the number {number} in layer {layer}; whole numbers are "
                "needed, so export it again"
            ) from None
        if not 0 <= segment.layer < layers:
            raise InputError(
                f"{what} {path} puts its segment {name} into layer {segment.layer}, but holds {layers}; export it again"
            )
        segments.append(segment)
    return tuple(segments)
