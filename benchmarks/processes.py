"""Running commands and telling what they took."""

from __future__ import annotations

import ctypes
import gc
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Cost:
    """What a process took: seconds on the wall and of all processors, and MB at most."""

    wall: float
    processor: float
    memory: float


class ProcessError(Exception):
    """A command failed, or passed its limit; the message is one short reason."""


def python(module: str, *arguments: object, ranks: int = 1) -> list[str]:
    """Command that runs a module of this project with this Python on some MPI ranks."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    if ranks > 1:
        command = [str(Path(sys.executable).parent / "mpiexec"), "-n", str(ranks), *command]
    return command


def run(
    command: Sequence[str],
    folder: Path,
    threads: int = 1,
    seconds: float = float("inf"),
    memory: float | None = None,
    variables: Mapping[str, str] | None = None,
) -> tuple[Cost, str]:
    """Run a command to its end in ``folder`` and return what it took and printed.

    Args:
        command: program and arguments.
        folder: where it runs.
        threads: that it may use.
        seconds: after which it is ended.
        memory: address space in MB that it may use; None: no limit.
        variables: of its environment, besides those of this process.

    Raises:
        ProcessError: it failed or passed a limit; the last line that it wrote stands in the message.
    """
    counts = {"OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads)}
    environment = {**os.environ, **counts, **(variables or {})}

    def limit() -> None:
        if memory is not None:
            resource.setrlimit(resource.RLIMIT_AS, (int(memory * 2**20),) * 2)

    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=output, stderr=errors, preexec_fn=limit
        )  # fmt: skip
        ended, status, most = 0, 0, 0.0
        while not ended:
            most = max(most, peak_memory(process.pid))
            time.sleep(0.02)
            ended, status, usage = os.wait4(process.pid, os.WNOHANG)
            if not ended and time.perf_counter() - start > seconds:
                process.kill()
                process.wait()
                raise ProcessError(f"not done after {seconds:.0f} s")
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        text = output.read()
        if process.returncode:
            lines = [line for line in (errors.read() + "\n" + text).splitlines() if line.strip()]
            said = lines[-1].strip()[:200] if lines else "nothing said"
            raise ProcessError(f"{Path(command[0]).name} ended with {process.returncode}: {said}")
        return Cost(wall, usage.ru_utime + usage.ru_stime, most), text


def peak_memory(process: int | str = "self") -> float:
    """The most memory in MB that a process has held; 0 once it has ended.

    The figure of ``getrusage`` does not do: a process starts with that of the one which started it.
    """
    return _status(process, "VmHWM")


def memory(process: int | str = "self") -> float:
    """The memory in MB that a process holds now."""
    return _status(process, "VmRSS")


def forget_peak_memory() -> None:
    """Give back what this process holds but does not use, and let :func:`peak_memory` begin again from there."""
    gc.collect()
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")


def _status(process: int | str, key: str) -> float:
    status = Path(f"/proc/{process}/status").read_text()
    found = re.search(rf"{key}:\s+(\d+) kB", status)
    return 0.0 if found is None else int(found[1]) / 1024.0
