"""No error leaves a rank waiting: wherever one fails, all end, with a message and an exit code."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import dolfinx_solver  # noqa: F401
from mpi4py import MPI

import pytest
from ranks import Ranks

from experiments.case.schema import demo_case
from experiments.run import pipeline

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

class Outcome:
    def write(self, folder):
        (folder / "results.json").write_text("{}")
        fail_in("write")

def fail_in(place):
    if place == "PLACE" and comm.rank == RANK:
        raise ERROR

def run_case(case, progress, comm, watch):
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


class UnsendableError(Exception):
    """An error that does not survive the way to another rank."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} and {second}")


def said_while_writing(comm: MPI.Comm, error: Exception, out: Path) -> list[str] | None:
    """What every rank is told where rank 0 cannot write."""

    class Outcome:
        def write(self, folder: Path) -> None:
            (folder / "results.json").write_text("{}")
            raise error

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "run_case", lambda case, progress, comm, watch: Outcome())
        try:
            pipeline.run_and_store(demo_case(), out, comm=comm)
        except Exception as told:
            return comm.gather(f"{type(told).__name__}: {told}")
    return None


@pytest.mark.mpi
def test_an_error_while_rank_0_writes_is_raised_on_both(on_ranks: Ranks, tmp_path: Path) -> None:
    said = on_ranks(2, said_while_writing, OSError("disk is full"), tmp_path / "out")
    assert said == ["OSError: disk is full"] * 2
    assert list(tmp_path.iterdir()) == []


def unsendable_while_writing(comm: MPI.Comm, out: Path) -> list[str] | None:
    return said_while_writing(comm, UnsendableError("a", "b"), out)


@pytest.mark.mpi
def test_an_error_that_cannot_be_sent_arrives_in_words(on_ranks: Ranks, tmp_path: Path) -> None:
    said = on_ranks(2, unsendable_while_writing, tmp_path / "out")
    assert said == ["UnsendableError: a and b", "RuntimeError: UnsendableError: a and b"]
    assert list(tmp_path.iterdir()) == []
