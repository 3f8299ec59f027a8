"""The voxels of a MetaImage, ``.mha`` in one file or ``.mhd`` with its voxels in another, and their grid.

The fields are those of https://itk.org/Wiki/ITK/MetaIO/Documentation; world coordinates are LPS. ITK's own reader takes
what is missing for an upright image at the origin, and what is short for an image of its remains, so this one asks.
"""

from __future__ import annotations

import io
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from meshes.errors import InputError
from meshes.images.grids import RAS_TO_LPS, Volume, check_affine, check_shape, file_beside, first_line, read_numbers

TYPES = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_LONG": "i4",
    "MET_ULONG": "u4",
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}
SAME = {
    "Orientation": "TransformMatrix",
    "Rotation": "TransformMatrix",
    "Origin": "Offset",
    "Position": "Offset",
    "ElementByteOrderMSB": "BinaryDataByteOrderMSB",
}
"""Other names of fields."""
LONGEST_HEADER = 1 << 16
"""Bytes."""
HERE = "LOCAL"


def read_metaimage(path: Path, what: str) -> Volume:
    """Read one 3-D volume.

    Args:
        path: file that ends in .mha or .mhd.
        what: how messages call it.

    Raises:
        InputError: unreadable or cut short, not one 3-D volume of numbers, without an orientation, or with a header
            that contradicts itself or the length of its voxels.
    """
    try:
        with path.open("rb") as file:
            header = _header(file, path, what)
            shape, dtype, affine = _grid(header, path, what)
            if header["ElementDataFile"] != HERE:
                with file_beside(path, header["ElementDataFile"], what).open("rb") as voxels:
                    values = _numbers(header, voxels, shape, dtype, path, what)
            else:
                values = _numbers(header, file, shape, dtype, path, what)
    except InputError:
        raise
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{what} {path} is damaged or cut short ({first_line(error)}); export it again") from error
    except MemoryError as error:
        raise InputError(f"{what} {path} does not fit into the memory; crop it to the vertebra") from error
    except (KeyError, ValueError, OverflowError) as error:
        reason = f"it lacks {error}" if isinstance(error, KeyError) else first_line(error)
        raise InputError(f"{what} {path} is not a readable MetaImage ({reason}); export it again") from error
    check_affine(affine, shape, path, what)
    return Volume(values.reshape(shape, order="F"), affine)


def companion(path: Path) -> Path | None:
    """The file that holds the voxels of a .mhd; None where it holds them itself, or cannot be read.

    Raises:
        InputError: it names a file that is missing or not beside it.
    """
    with path.open("rb") as file:
        try:
            name = _header(file, path, "image")["ElementDataFile"]
        except InputError:
            return None
    return None if name == HERE else file_beside(path, name, "image")


def _header(file: IO[bytes], path: Path, what: str) -> dict[str, str]:
    """The fields, up to the one after which the voxels begin."""
    fields: dict[str, str] = {}
    while "ElementDataFile" not in fields:
        line = file.readline(LONGEST_HEADER)
        name, equals, value = line.decode("ascii", "replace").partition("=")
        name = SAME.get(name.strip(), name.strip())
        if not equals or not (name[:1].isalpha() and name.isprintable()) or file.tell() > LONGEST_HEADER:
            raise InputError(
                f"{what} {path} is not a readable MetaImage (its header does not end with ElementDataFile); export it "
                "again"
            )
        if name in fields:
            raise InputError(f"{what} {path} gives {name} twice in its header; export it again")
        fields[name] = value.strip()
    return fields


def _grid(header: dict[str, str], path: Path, what: str) -> tuple[tuple[int, ...], np.dtype[Any], NDArray[np.float64]]:
    """Shape, type of the numbers and the (4, 4) affine to RAS mm."""
    if header.get("ObjectType", "Image") != "Image":
        raise InputError(f"{what} {path} is a {header['ObjectType']}, not an image; give an image")
    shape = tuple(int(size) for size in header["DimSize"].split())
    if int(header["NDims"]) != len(shape):
        raise InputError(f"{what} {path} contradicts itself in NDims and DimSize of its header; export it again")
    check_shape(shape, path, what)
    if header["ElementType"] not in TYPES or header.get("ElementNumberOfChannels", "1") != "1":
        raise InputError(
            f"{what} {path} holds values of the type {header['ElementType']}; one number a voxel is needed"
        )
    if missing := [field for field in ("TransformMatrix", "Offset", "ElementSpacing") if field not in header]:
        raise InputError(
            f"{what} {path} does not say where left and right are (its header has no {missing[0]}); export it with its "
            "orientation"
        )
    matrix, offset, spacing = (
        np.array([float(number) for number in header[field].split()])
        for field in ("TransformMatrix", "Offset", "ElementSpacing")
    )
    if (matrix.size, offset.size, spacing.size) != (9, 3, 3) or not (spacing > 0.0).all():
        raise InputError(
            f"{what} {path} needs 9 numbers of TransformMatrix, 3 of Offset and 3 above 0 of ElementSpacing; export it "
            "again"
        )
    if not np.allclose(np.linalg.norm(matrix.reshape(3, 3), axis=1), 1.0, atol=1e-3):
        raise InputError(f"{what} {path} has directions in TransformMatrix that are not of length 1; export it again")
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = matrix.reshape(3, 3).T * spacing, offset
    order = {"true": ">", "false": "<"}[header.get("BinaryDataByteOrderMSB", "False").lower()]
    return shape, np.dtype(order + TYPES[header["ElementType"]]), RAS_TO_LPS @ affine


def _numbers(
    header: dict[str, str], file: IO[bytes], shape: tuple[int, ...], dtype: np.dtype[Any], path: Path, what: str
) -> NDArray[Any]:
    if header.get("BinaryData", "True").lower() != "true" or header.get("HeaderSize", "0") != "0":
        raise InputError(f"{what} {path} keeps its voxels as text or after a foreign header; save it again as .mha")
    count = int(np.prod(shape))
    if header.get("CompressedData", "False").lower() != "true":
        return read_numbers(file, dtype, count, path, what)
    unpacked = zlib.decompressobj(zlib.MAX_WBITS | 32)  # zlib, as ITK has it, or gzip
    content = unpacked.decompress(file.read(), count * dtype.itemsize + 1)
    if len(content) == count * dtype.itemsize and not unpacked.eof:
        raise EOFError("its compressed voxels do not end")
    return read_numbers(io.BytesIO(content), dtype, count, path, what)
