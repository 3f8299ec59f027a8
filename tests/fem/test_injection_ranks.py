"""The same injection on one, two and three MPI ranks.

The load-bearing check: every number of the history and every field, by the number of the cell in the whole mesh, agrees
to 1e-6 of its size, the numbers beside a smallest scale of 1e-6 ml, 1 ms and 1 Pa.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).parent
MILLISECOND, PASCAL = 1e-3, 1e-6
VOLUME_SCALE = 1e-3
"""1e-6 ml in mm3."""

SCALES = {
    "time": MILLISECOND,
    "onset_time": MILLISECOND,
    "tip_pressure": PASCAL,
    "syringe_pressure": PASCAL,
    "pressure": PASCAL,
    "saturation": 1.0,
    "velocity": 1e-3,
    "rate": 1e-3,
}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Ranks -> the arrays that rank 0 wrote."""
    folder = tmp_path_factory.mktemp("ranks")
    mpiexec = Path(sys.executable).with_name("mpiexec")
    environment = os.environ | {"PYTHONPATH": str(HERE), "OMP_NUM_THREADS": "1"}
    arrays = {}
    for ranks in (1, 2, 3):
        output = folder / f"{ranks}.npz"
        command = [mpiexec, "-n", str(ranks), sys.executable, HERE / "injection_on_ranks.py", output]
        done = subprocess.run(list(map(str, command)), env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        arrays[ranks] = dict(np.load(output))
    return arrays


@pytest.mark.mpi
@pytest.mark.parametrize("ranks", [2, 3])
def test_ranks_agree(results, ranks):
    one, several = results[1], results[ranks]
    assert set(one) == set(several)
    assert one["stop_reason"] == several["stop_reason"]
    for name in sorted(set(one) - {"stop_reason", "errors"}):
        scale = SCALES.get(name.rstrip("_0123456789"), VOLUME_SCALE)
        assert one[name].shape == several[name].shape, name
        np.testing.assert_array_equal(np.isnan(one[name]), np.isnan(several[name]))
        allowed = 1e-6 * np.maximum(np.maximum(np.abs(one[name]), np.abs(several[name])), scale)
        worst = np.nanmax(np.abs(one[name] - several[name]) / allowed)
        assert worst <= 1.0, f"{name}: {worst:.1e} times what is allowed"


@pytest.mark.mpi
@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_the_case_is_worth_comparing(results, ranks):
    """It leaks at two sites, is limited in pressure for a part of the time, and its books close on every rank."""
    case = results[ranks]
    assert case["stop_reason"] == "leak_limit:canal_posterior_wall"
    assert (case["leaked"][-1] > 20.0).sum() == 2
    assert 0 < (case["rate"] < 50.0).sum() < len(case["rate"])
    assert "saturation_2" in case
    balance, divergence = case["errors"]
    assert balance <= 1e-10
    assert divergence <= 1e-8
