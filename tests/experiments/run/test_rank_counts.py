"""A run on two and on three ranks, whose numbers and fields are those of one; in a module, so a process, of its own."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from test_invariance import check_equal, results_of

from experiments.results.fields import read_step

MEAN_TOLERANCE, CELL_TOLERANCE = 1e-6, 1e-4
"""Of a field over its largest value. Where cement circles in a cavity, single cells magnify the last digits of the
pressure, up to 2e-5; numbers agree to 1e-6."""


@pytest.mark.mpi
def test_two_and_three_ranks_give_the_same_results(tmp_path: Path) -> None:
    launcher = shutil.which("mpiexec", path=str(Path(sys.executable).parent)) or shutil.which("mpiexec")
    assert launcher is not None
    results = [results_of(tmp_path, str(ranks), launcher, "-n", str(ranks)) for ranks in (1, 2, 3)]
    fields = [read_step(tmp_path / str(ranks) / "fields.vtkhdf", 1) for ranks in (1, 2, 3)]
    for other in (1, 2):
        check_equal(results[0], results[other])
        for name in ("saturation", "pressure_kpa", "darcy_velocity_mm_per_s"):
            first, second = fields[0].cell_data[name], fields[other].cell_data[name]
            difference = np.abs(first - second) / np.abs(first).max()
            assert difference.mean() <= MEAN_TOLERANCE
            assert difference.max() <= CELL_TOLERANCE
