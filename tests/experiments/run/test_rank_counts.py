"""A run on two and on three ranks, whose numbers and fields are those of one."""

import json
import tomllib
from pathlib import Path
from typing import Any

import dolfinx_solver  # noqa: F401
from mpi4py import MPI

import numpy as np
import pytest
from ranks import Ranks
from ready_demo import ready_made
from shared import Shared
from test_invariance import PLAIN, PROCEDURE, check_equal
from typer.testing import CliRunner

from experiments.case.schema import build_case
from experiments.cli.main import app
from experiments.results.fields import read_step
from experiments.run.pipeline import run_and_store


def carried_out(comm: MPI.Comm, procedure: str, folder: Path, made: Path) -> dict[str, Any] | None:
    """What a run writes: by the command where it takes all ranks of the launch, else from Python."""
    with ready_made(Shared(made)):
        if comm.size == MPI.COMM_WORLD.size:
            file = folder.with_suffix(".toml")
            if comm.rank == 0:
                file.write_text(procedure)
            comm.barrier()
            done = CliRunner().invoke(app, ["run", str(file), "-o", str(folder)], catch_exceptions=False)
            assert done.exit_code == 0, done.output
        else:
            run_and_store(build_case(tomllib.loads(procedure)), folder, comm=comm)
    return json.loads((folder / "results.json").read_text()) if comm.rank == 0 else None


@pytest.mark.mpi
@pytest.mark.parametrize("several", [3, pytest.param(2, marks=pytest.mark.slow)])
def test_ranks_give_the_same_results(tmp_path: Path, on_ranks: Ranks, shared: Shared, several: int) -> None:
    counts = (1, several)
    check_equal(*(on_ranks(ranks, carried_out, PLAIN, tmp_path / str(ranks), shared.folder) for ranks in counts))
    one, other = (read_step(tmp_path / str(ranks) / "fields.vtkhdf", 1) for ranks in counts)
    for name in ("saturation", "pressure_kpa", "darcy_velocity_mm_per_s"):
        first, second = one.cell_data[name], other.cell_data[name]
        assert np.abs(first - second).max() <= 1e-6 * np.abs(first).max(), name


@pytest.mark.mpi
def test_two_ranks_give_the_numbers_of_one_with_a_cavity(tmp_path: Path, on_ranks: Ranks, shared: Shared) -> None:
    """Single cells, in which cement circles, differ by more: they magnify the last digits of the pressure."""
    check_equal(*(on_ranks(ranks, carried_out, PROCEDURE, tmp_path / str(ranks), shared.folder) for ranks in (1, 2)))
