"""No error leaves a rank waiting: wherever one fails, all end, with a message and an exit code."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

WAITING = 60.0
"""s after which ranks count as waiting; these end within seconds."""

PIPELINE = """
import sys
from pathlib import Path

import dolfinx_solver
from mpi4py import MPI

from experiments.case.schema import demo_case
from experiments.run import pipeline

comm = MPI.COMM_WORLD

class Unsendable(Exception):
    def __init__(self, first, second):
        super().__init__(f"{first} and {second}")

class Outcome:
    def write(self, folder):
        (folder / "results.json").write_text("{}")
        fail_in("write")

def fail_in(place):
    if place == "PLACE" and comm.rank == RANK:
        raise ERROR

def run_case(case, progress, comm):
    comm.barrier()
    fail_in("run")
    comm.barrier()
    return Outcome()

if "PLACE" == "prepare":
    pipeline.prepare = lambda *arguments: fail_in("prepare")
else:
    pipeline.run_case = run_case
"""
"""Stands in for what takes time in a run, and fails on one rank."""

LIBRARY = PIPELINE + "pipeline.run_and_store(demo_case(), Path('out'))"

LEAVE = "sys.argv[1:] = ['demo', '-o', 'out']; from experiments.cli.main import main; main()"

COMMAND = PIPELINE + LEAVE

BEFORE_MPI = f"""
import sys
from experiments.case import schema
from experiments.cli.exit_codes import rank
from meshes.errors import InputError

def demo_case(*arguments):
    if rank() == RANK:
        raise ERROR
    from mpi4py import MPI
    MPI.COMM_WORLD.barrier()

schema.demo_case = demo_case
{LEAVE}
"""


def two_ranks(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    launcher = shutil.which("mpiexec", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    assert launcher is not None
    return subprocess.run(
        [launcher, "-n", "2", sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=WAITING,
        check=False,
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", "")]),
        },
    )


@pytest.mark.mpi
@pytest.mark.parametrize(
    ("code", "place", "rank", "error", "exit_code", "message", "speakers"),
    [
        pytest.param(LIBRARY, "prepare", 0, "RuntimeError('no mesh')", 1, "RuntimeError: no mesh", 2, id="prepare"),
        pytest.param(LIBRARY, "write", 0, "OSError('disk is full')", 1, "OSError: disk is full", 2, id="write"),
        pytest.param(LIBRARY, "write", 0, "Unsendable('a', 'b')", 1, "Unsendable: a and b", 2, id="unsendable"),
        pytest.param(LIBRARY, "run", 1, "RuntimeError('no sweep')", 1, "RuntimeError: no sweep", 1, id="rank 1 alone"),
        pytest.param(COMMAND, "write", 0, "KeyboardInterrupt", 130, "interrupted; nothing", 1, id="interrupted"),
        pytest.param(COMMAND, "run", 1, "KeyboardInterrupt", 130, "interrupted; nothing", 1, id="rank 1 interrupted"),
        pytest.param(BEFORE_MPI, "", 0, "InputError('not there')", 2, "error: not there", 1, id="before MPI, rank 0"),
    ],
)
def test_an_error_on_one_of_two_ranks_ends_both(
    code: str, place: str, rank: int, error: str, exit_code: int, message: str, speakers: int, tmp_path: Path
) -> None:
    """A rank that fails alone speaks; where all ranks get the error, a library raises it on all of them."""
    ended = two_ranks(code.replace("PLACE", place).replace("RANK", str(rank)).replace("ERROR", error), tmp_path)
    assert ended.returncode == exit_code, ended.stderr
    assert ended.stderr.count(message) == speakers, ended.stderr
    assert list(tmp_path.iterdir()) == []
