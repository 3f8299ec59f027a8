"""The field file is read back by VTK's own reader, an implementation independent of the writer."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import pyvista as pv
from vtkmodules.vtkCommonExecutionModel import vtkStreamingDemandDrivenPipeline

from experiments.results.fields import FieldSeries, read_step, read_times

POINTS = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]], dtype=float)
CELLS = np.array([[0, 1, 2, 3], [1, 2, 3, 4]])
TIMES = (0.0, 1.5, 4.0)


def pressure(step: int) -> np.ndarray:
    return np.array([1.0, 2.0]) + 10.0 * step


def velocity(step: int) -> np.ndarray:
    return np.arange(6.0).reshape(2, 3) + 100.0 * step


@pytest.fixture
def series(tmp_path: Path) -> Path:
    path = tmp_path / "fields.vtkhdf"
    static = {"porosity": [0.8, 0.9], "cell_region": np.array([0, 7])}
    with FieldSeries(path, POINTS, CELLS, static) as file:
        for step, time in enumerate(TIMES):
            file.append(time, {"pressure_kpa": pressure(step), "darcy_velocity_mm_per_s": velocity(step)})
    return path


def test_vtk_reads_every_time_with_its_values(series: Path) -> None:
    reader = pv.get_reader(series)
    reader.reader.UpdateInformation()
    times = reader.reader.GetOutputInformation(0).Get(vtkStreamingDemandDrivenPipeline.TIME_STEPS())
    assert times == TIMES
    for step in (2, 0, 1):
        reader.reader.SetStep(step)
        grid = reader.read()
        assert grid.n_cells == 2
        np.testing.assert_array_equal(grid.points, POINTS)
        np.testing.assert_array_equal(grid.cells_dict[pv.CellType.TETRA], CELLS)
        np.testing.assert_allclose(grid.cell_data["pressure_kpa"], pressure(step), rtol=1e-6)
        np.testing.assert_allclose(grid.cell_data["darcy_velocity_mm_per_s"], velocity(step), rtol=1e-6)
        np.testing.assert_allclose(grid.cell_data["porosity"], [0.8, 0.9], rtol=1e-6)
        np.testing.assert_array_equal(grid.cell_data["cell_region"], [0, 7])


def test_a_step_is_read_by_number_also_from_the_end(series: Path) -> None:
    np.testing.assert_array_equal(read_times(series), TIMES)
    np.testing.assert_allclose(read_step(series, 1)["pressure_kpa"], pressure(1))
    np.testing.assert_allclose(read_step(series, -1)["pressure_kpa"], pressure(2))
    with pytest.raises(IndexError, match="step 3 of 3"):
        read_step(series, 3)


def test_geometry_and_static_fields_are_stored_once(series: Path) -> None:
    with h5py.File(series) as file:
        root = file["VTKHDF"]
        assert root["Points"].shape == (5, 3)
        assert root["CellData/porosity"].shape == (2,)
        assert root["CellData/pressure_kpa"].shape == (6,)


def test_a_step_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    series = FieldSeries(tmp_path / "f.vtkhdf", POINTS, CELLS, {"porosity": [0.8, 0.9]})
    with series as file, pytest.raises(ValueError, match="static already"):
        file.append(0.0, {"porosity": [1.0, 1.0]})
    with FieldSeries(tmp_path / "g.vtkhdf", POINTS, CELLS) as file:
        file.append(1.0, {"saturation": [0.0, 1.0]})
        with pytest.raises(ValueError, match="does not follow"):
            file.append(1.0, {"saturation": [0.0, 1.0]})
        with pytest.raises(ValueError, match="differ from those of the first step"):
            file.append(2.0, {"pressure_kpa": [0.0, 1.0]})
        with pytest.raises(ValueError, match="shape"):
            file.append(2.0, {"saturation": [0.0]})


def test_a_name_that_hdf5_would_split_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must not contain '/'"):
        FieldSeries(tmp_path / "f.vtkhdf", POINTS, CELLS, {"velocity [mm/s]": [0.0, 1.0]})
