"""A run on two and on three ranks, whose numbers and fields are those of one; in a module, so a process, of its own."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from test_pipeline import differences

from experiments.results.fields import read_step


@pytest.mark.mpi
def test_two_and_three_ranks_give_the_same_results(tmp_path: Path) -> None:
    launcher = shutil.which("mpiexec", path=str(Path(sys.executable).parent)) or shutil.which("mpiexec")
    assert launcher is not None
    case = tmp_path / "case.toml"
    case.write_text(
        "[patient]\ndemo = true\n[mesh]\nsize_mm = 3.0\nneedle_size_mm = 1.0\n[[needles]]\ndepth = 0.75\n"
        '[[defects]]\nwall = "posterior_wall"\nleft = 0.2\nheight = 0.5\ndiameter_mm = 8.0\n'
        "[injection]\nleak_limit_ml = 0.1\n[output]\npictures = false\nfield_times = 2\n[mechanics]\ndegree = 1\n"
    )
    results, fields = [], []
    for ranks in (1, 2, 3):
        out = tmp_path / f"out{ranks}"
        command = [launcher, "-n", str(ranks), sys.executable, "-m", "vertebroplasty", "run", str(case), "-o", str(out)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
        assert done.returncode == 0, done.stderr
        results.append(json.loads((out / "results.json").read_text()))
        fields.append(read_step(out / "fields.vtkhdf", 1))
    assert results[0]["injection"]["leaks"]["canal_posterior_wall"]["volume_ml"] > 0.01
    for other in (1, 2):
        assert differences(results[0], results[other], 1e-6) == []
        for name in ("saturation", "pressure_kpa", "darcy_velocity_mm_per_s"):
            first, second = fields[0].cell_data[name], fields[other].cell_data[name]
            assert np.abs(first - second).max() <= 1e-6 * np.abs(first).max()
