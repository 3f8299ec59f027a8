"""The image itself: built, a sweep inside it, and the services of the compose file as processes of it."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from distributed import Client

from experiments.sweep.table import SweepTable

pytestmark = pytest.mark.image

PROJECT = Path(__file__).parents[2]
IMAGE, BASE = "vertebroplasty", "debian:trixie-slim"
SERVICES = yaml.safe_load((PROJECT / "docker" / "compose.yaml").read_text(encoding="utf-8"))["services"]
SWEEP = """
[base]
patient = { demo = true }
mesh = { size_mm = 4.0 }
injection = { volume_ml = 1.0 }
mechanics = { degree = 1 }

[[vary]]
path = "cement.viscosity"
values = ["low", "medium"]
"""


@dataclass(frozen=True)
class Builder:
    """What builds and runs images here: Docker, or buildah where no engine of Docker works.

    Attributes:
        build: command that builds the image.
        run: command that runs something in it, with the image's user, network of this machine and these mounts.
    """

    build: list[str]
    run: Callable[[dict[Path, str]], list[str]]


@pytest.fixture(scope="module")
def builder() -> Iterator[Builder]:
    """A builder with the image built; skips where there is none, or no base image."""
    with ExitStack() as stack:
        found = _docker() or _buildah(stack)
        if found is None:
            pytest.skip(f"neither a working engine of Docker nor buildah with {BASE} is here")
        subprocess.run(found.build, cwd=PROJECT, check=True)
        yield found


def _works(*command: str) -> bool:
    return shutil.which(command[0]) is not None and subprocess.run(command, capture_output=True).returncode == 0


def _docker() -> Builder | None:
    if not _works("docker", "info"):
        return None

    def run(mounts: dict[Path, str]) -> list[str]:
        volumes = [part for host, inside in mounts.items() for part in ("-v", f"{host}:{inside}")]
        return ["docker", "run", "--rm", "--init", "--network", "host", *volumes, "--entrypoint", "env", IMAGE]

    return Builder(["docker", "build", "-f", "docker/Dockerfile", "-t", IMAGE, "."], run)


def _buildah(stack: ExitStack) -> Builder | None:
    if not (_works("buildah", "inspect", "--type", "image", BASE) or _works("buildah", "pull", BASE)):
        return None
    isolated = ["--isolation", "chroot", "--network", "host"]

    def run(mounts: dict[Path, str]) -> list[str]:
        command = ["buildah", "from", f"localhost/{IMAGE}"]
        container = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        stack.callback(subprocess.run, ["buildah", "rm", container], capture_output=True)
        volumes = [part for host, inside in mounts.items() for part in ("-v", f"{host}:{inside}")]
        return ["buildah", "run", *isolated, *volumes, container, "--", "env"]

    build = ["buildah", "bud", "--layers", "--format", "docker", *isolated, "-f", "docker/Dockerfile", "-t", IMAGE, "."]
    return Builder(build, run)


@pytest.fixture
def mounts(tmp_path: Path) -> dict[Path, str]:
    """Folders for results and cases, open to the user of the image, with a sweep of two cases."""
    for name in ("results", "cases"):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(0o777)
    (tmp_path / "cases" / "two.toml").write_text(SWEEP)
    return {tmp_path / name: f"/data/{name}" for name in ("results", "cases")}


def assert_two_finished(results: Path) -> None:
    assert SweepTable.read(results / "two").rows["status"].to_pylist() == ["finished", "finished"]
    assert (results / "two" / "results.parquet").stat().st_uid == 1000


def test_a_sweep_runs_in_the_image(builder: Builder, mounts: dict[Path, str], tmp_path: Path) -> None:
    command = [*builder.run(mounts), "vertebroplasty", "sweep", "cases/two.toml", "--dashboard", "127.0.0.1:0"]
    outcome = subprocess.run(command, capture_output=True, text=True)
    assert outcome.returncode == 0, outcome.stderr
    assert "2 of 2 done" in outcome.stdout
    assert_two_finished(tmp_path / "results")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_the_services_of_the_compose_file_share_a_sweep(
    builder: Builder, mounts: dict[Path, str], tmp_path: Path
) -> None:
    port, dashboard = free_port(), free_port()
    address = f"tcp://127.0.0.1:{port}"
    enter = builder.run(mounts)

    def command(*parts: str) -> list[str]:
        here = {"tcp://scheduler:8786": address, "8786": str(port), ":8787": f":{dashboard}"}
        return [*enter, f"DASK_SCHEDULER_ADDRESS={address}", *(here.get(part, part) for part in parts)]

    health = [*enter, f"DASK_SCHEDULER_ADDRESS={address}", "python", "/opt/vertebroplasty/health.py"]
    assert b"no scheduler of Dask answers" in subprocess.run(health, capture_output=True).stderr
    with ExitStack() as stack:
        for service in ("scheduler", "worker", "worker"):
            parts = [*SERVICES[service]["entrypoint"], *SERVICES[service]["command"]]
            process = subprocess.Popen(command(*parts), start_new_session=True)
            stack.callback(_end, process)
        with Client(address, timeout=120.0) as client:
            client.wait_for_workers(2, timeout=120.0)
            assert subprocess.run(health).returncode == 0
            sweep = ("vertebroplasty", "sweep", "--scheduler", "tcp://scheduler:8786", "cases/two.toml")
            subprocess.run(command(*sweep), check=True)
            client.shutdown()
    assert_two_finished(tmp_path / "results")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Wait until a process ends, which its scheduler told to; kill its group where it does not."""
    deadline = time.monotonic() + 30.0
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
