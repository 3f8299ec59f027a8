"""Fields over time on tetrahedra as VTKHDF, which ParaView and PyVista open.

The layout is that of a temporal ``UnstructuredGrid`` in the VTKHDF specification, version 2.0 (Kitware,
https://docs.vtk.org/en/latest/vtk_file_formats/vtkhdf_file_format/index.html): the geometry and every static array are
written once and all time steps point to them by offset.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    import pyvista

VTK_TETRA = 10
COMPRESSION = {"compression": "gzip", "compression_opts": 4, "shuffle": True}


class FieldSeries:
    """A growing file of cell fields over time.

    Names carry their unit, as in ``pressure_kpa``. Numbers are stored in single precision, region numbers as integers.

    Args:
        path: file to write; an existing one is replaced.
        points: (n, 3) coordinates in mm.
        cells: (m, 4) indices into ``points``.
        static: name -> (m,) or (m, 3) cell values that do not change.
    """

    def __init__(
        self, path: Path, points: NDArray[np.float64], cells: NDArray[np.int64], static: Mapping[str, ArrayLike] = {}
    ) -> None:
        """Write the geometry and the static fields."""
        self._cells = len(cells)
        self._moving: frozenset[str] | None = None
        self._path = path
        # In memory until it is whole: HDF5 cannot close a file that a full disk has cut off.
        self._file = h5py.File(path, "w", driver="core", backing_store=False)
        root = self._file.create_group("VTKHDF", track_order=True)
        root.attrs["Version"] = np.array([2, 0], dtype=np.int64)
        root.attrs.create("Type", np.bytes_("UnstructuredGrid"), dtype=h5py.string_dtype("ascii", 16))
        for name, count in (
            ("NumberOfPoints", len(points)),
            ("NumberOfCells", len(cells)),
            ("NumberOfConnectivityIds", cells.size),
        ):
            root[name] = np.array([count], dtype=np.int64)
        root.create_dataset("Points", data=np.asarray(points, dtype=np.float64), **COMPRESSION)
        root.create_dataset("Connectivity", data=np.asarray(cells, dtype=np.int64).ravel(), **COMPRESSION)
        root.create_dataset("Offsets", data=np.arange(0, cells.size + 1, 4, dtype=np.int64), **COMPRESSION)
        root.create_dataset("Types", data=np.full(len(cells), VTK_TETRA, dtype=np.uint8), **COMPRESSION)
        self._data = root.create_group("CellData")
        self._steps = root.create_group("Steps")
        self._steps.attrs["NSteps"] = np.int64(0)
        for name in ("Values", "PartOffsets", "NumberOfParts", "PointOffsets"):
            dtype = np.float64 if name == "Values" else np.int64
            self._steps.create_dataset(name, shape=(0,), maxshape=(None,), dtype=dtype)
        for name in ("CellOffsets", "ConnectivityIdOffsets"):
            self._steps.create_dataset(name, shape=(0, 1), maxshape=(None, 1), dtype=np.int64)
        self._offsets = self._steps.create_group("CellDataOffsets")
        for name, values in static.items():
            array = self._checked(name, values)
            self._data.create_dataset(name, data=array, **COMPRESSION)
            self._offsets.create_dataset(name, shape=(0,), maxshape=(None,), dtype=np.int64)

    def append(self, time: float, fields: Mapping[str, ArrayLike]) -> None:
        """Add one time step.

        Args:
            time: in s, larger than the one before.
            fields: name -> (m,) or (m, 3) cell values; the same names at every step.

        Raises:
            ValueError: times do not increase, names change, or a size does not fit.
        """
        count = int(self._steps.attrs["NSteps"])
        if count and time <= self._steps["Values"][count - 1]:
            raise ValueError(f"time {time:g} s does not follow {self._steps['Values'][count - 1]:g} s")
        if self._moving is None:
            self._moving = frozenset(fields)
        if frozenset(fields) != self._moving:
            raise ValueError(f"fields {sorted(fields)} differ from those of the first step, {sorted(self._moving)}")
        arrays = {name: self._checked(name, values) for name, values in fields.items()}
        for name, array in arrays.items():
            self._extend(name, array, count)
        for name, value in (("Values", time), ("PartOffsets", 0), ("NumberOfParts", 1), ("PointOffsets", 0)):
            _push(self._steps[name], value)
        for name in ("CellOffsets", "ConnectivityIdOffsets"):
            _push(self._steps[name], 0)
        for name in self._offsets:
            _push(self._offsets[name], count * self._cells if name in self._moving else 0)
        self._steps.attrs["NSteps"] = np.int64(count + 1)

    def close(self) -> None:
        """Write the file."""
        self._file.flush()
        image = self._file.id.get_file_image()
        self._file.close()
        self._path.write_bytes(image)

    def __enter__(self) -> FieldSeries:
        """The series itself; leaving the block closes the file."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self.close()

    def _extend(self, name: str, array: NDArray[Any], count: int) -> None:
        if count == 0:
            if name in self._data:
                raise ValueError(f"field {name!r} is static already")
            self._data.create_dataset(
                name, data=array, maxshape=(None, *array.shape[1:]), chunks=array.shape, **COMPRESSION
            )
            self._offsets.create_dataset(name, shape=(0,), maxshape=(None,), dtype=np.int64)
            return
        dataset = self._data[name]
        dataset.resize((count + 1) * self._cells, axis=0)
        dataset[count * self._cells :] = array

    def _checked(self, name: str, values: ArrayLike) -> NDArray[Any]:
        array = np.asarray(values)
        if "/" in name:
            raise ValueError(f"field name {name!r} must not contain '/', which separates groups in HDF5")
        if array.shape not in ((self._cells,), (self._cells, 3)):
            raise ValueError(
                f"field {name!r} has shape {array.shape}; it must be ({self._cells},) or ({self._cells}, 3)"
            )
        return array.astype(np.int32 if array.dtype.kind in "iub" else np.float32)


def read_times(path: Path) -> NDArray[np.float64]:
    """(steps,) times in s of a field file."""
    with h5py.File(path) as file:
        return file["VTKHDF/Steps/Values"][:]


def read_step(path: Path, step: int) -> pyvista.UnstructuredGrid:
    """The grid with all its cell fields at one time step; negative steps count from the end.

    Raises:
        IndexError: the file has no such step.
    """
    import pyvista

    count = len(read_times(path))
    if not -count <= step < count:
        raise IndexError(f"{path}: step {step} of {count}")
    reader = pyvista.get_reader(path)
    reader.reader.SetStep(step % count)
    return reader.read()


def _push(dataset: h5py.Dataset, value: float) -> None:
    dataset.resize(dataset.shape[0] + 1, axis=0)
    dataset[-1] = value
