"""A run on two and on three ranks, whose numbers and fields are those of one; in a module, so a process, of its own."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from test_invariance import PLAIN, check_equal, results_of

from experiments.results.fields import read_step


@pytest.fixture
def launcher() -> str:
    found = shutil.which("mpiexec", path=str(Path(sys.executable).parent)) or shutil.which("mpiexec")
    assert found is not None
    return found


@pytest.mark.mpi
def test_two_and_three_ranks_give_the_same_results(tmp_path: Path, launcher: str) -> None:
    results = [results_of(tmp_path, str(ranks), launcher, "-n", str(ranks), procedure=PLAIN) for ranks in (1, 2, 3)]
    fields = [read_step(tmp_path / str(ranks) / "fields.vtkhdf", 1) for ranks in (1, 2, 3)]
    for other in (1, 2):
        check_equal(results[0], results[other])
        for name in ("saturation", "pressure_kpa", "darcy_velocity_mm_per_s"):
            first, second = fields[0].cell_data[name], fields[other].cell_data[name]
            assert np.abs(first - second).max() <= 1e-6 * np.abs(first).max(), name


@pytest.mark.mpi
def test_two_ranks_give_the_numbers_of_one_with_a_cavity(tmp_path: Path, launcher: str) -> None:
    """Single cells, in which cement circles, differ by more: they magnify the last digits of the pressure."""
    check_equal(*(results_of(tmp_path, str(ranks), launcher, "-n", str(ranks)) for ranks in (1, 2)))
