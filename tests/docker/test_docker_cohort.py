"""The compose file with an engine: a cohort that loses a worker, and a case with images of its own."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import tomlkit

from experiments.cohorts.cohort_file import read_cohort
from experiments.cohorts.cohort_folder import CohortFolder
from experiments.cohorts.cohort_plan import vertebrae_of
from experiments.cohorts.cohort_run import run_cohort
from experiments.cohorts.vertebra_tables import vertebra_tables
from experiments.sweep.cluster import Cluster
from experiments.sweep.folder import SweepFolder
from experiments.sweep.table import SweepTable

pytestmark = pytest.mark.image

PROJECT, NAME = Path(__file__).parents[2], "vertebroplasty-test"
SCHEDULER = ("--scheduler", "tcp://scheduler:8786")
BODIES, BEFORE = 24, 4
"""Treated in all, and finished when the worker is lost."""

COHORT = f"""
title = "Bodies in containers"
patients = {BODIES}
seed = 8
mesh_mm = 3.0
"""
SWEEP = """
[base]
case = "own.toml"

[[vary]]
path = "cement.viscosity"
values = ["medium", "high"]
"""


@dataclass(frozen=True)
class Services:
    """The scheduler and two workers of the compose file.

    Attributes:
        engine: command of the engine.
        compose: command of its compose, with file and project.
        environment: with the folder of cases.
    """

    engine: str
    compose: list[str]
    environment: dict[str, str]

    def ask(self, *command: str) -> None:
        """Run a command of compose."""
        subprocess.run([*self.compose, *command], cwd=PROJECT, env=self.environment, check=True)

    def command(self, *command: str) -> list[str]:
        """What runs a command beside the scheduler, as docs/docker.md has it."""
        return [*self.compose, "exec", "-T", "scheduler", "vertebroplasty", *command, *SCHEDULER]

    def containers(self, service: str) -> list[str]:
        """Those of a service that run."""
        labels = {"project": NAME, "service": service}
        filters = [f"--filter=label=com.docker.compose.{key}={value}" for key, value in labels.items()]
        return self._said("ps", "-q", *filters).split()

    def finished(self, results: str) -> int:
        """Cases of a sweep that are finished."""
        (scheduler,) = self.containers("scheduler")
        return len(self._said("exec", scheduler, "find", f"/data/results/{results}", "-path", "*/rows/*.json").split())

    def kill(self, container: str) -> None:
        """End a container at once."""
        self._said("kill", container)

    def copy(self, results: str, target: Path) -> None:
        """Copy results out of the volume."""
        (scheduler,) = self.containers("scheduler")
        self._said("cp", f"{scheduler}:/data/results/{results}", str(target))

    def _said(self, *command: str) -> str:
        return subprocess.run([self.engine, *command], check=False, stdout=subprocess.PIPE, text=True).stdout


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of a user: a cohort, and a case with a CT and a mask beside it."""
    folder = tmp_path_factory.mktemp("cases")
    (folder / "bodies.toml").write_text(COHORT)
    (vertebra,) = vertebrae_of(read_cohort(folder / "bodies.toml"), 1)
    tables = vertebra_tables(vertebra, folder)
    tables["patient"] |= {
        role: str(Path(tables["patient"][role]).relative_to(folder.resolve())) for role in ("ct", "mask")
    }
    needle = {"side": "left", "left": 0.2, "depth": 0.3, "height": 0.5}
    tables |= {"needles": [needle], "injection": {"volume_ml": 1.0}, "mesh": {"size_mm": 4.0}}
    (folder / "own.toml").write_text(tomlkit.dumps({**tables, "mechanics": {"enabled": False}}))
    (folder / "two.toml").write_text(SWEEP)
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    return folder


@pytest.fixture(scope="module")
def services(cases: Path) -> Iterator[Services]:
    for engine, compose in (("docker", ["docker", "compose"]), ("podman", ["podman-compose"])):
        if all(shutil.which(one) and _works(one, *more) for one, *more in ([engine, "info"], [*compose, "version"])):
            break
    else:
        pytest.skip("neither Docker with its compose nor podman with podman-compose works here")
    environment = os.environ | {"CASES": str(cases), "WORKERS": "2"}
    found = Services(engine, [*compose, "-p", NAME, "-f", "docker/compose.yaml"], environment)
    found.ask("build")
    try:
        found.ask("up", "-d")
        deadline = time.monotonic() + 300.0
        while len(found.containers("worker")) < 2:
            assert time.monotonic() < deadline, "the workers do not start"
            time.sleep(1.0)
        yield found
    finally:
        found.ask("down", "-v")


def _works(*command: str) -> bool:
    return subprocess.run(command, capture_output=True).returncode == 0


def test_a_cohort_that_loses_a_worker_is_that_of_this_machine(services: Services, cases: Path, tmp_path: Path) -> None:
    command = services.command("cohort", "cases/bodies.toml", "-o", "results/bodies")
    with subprocess.Popen(command, cwd=PROJECT, env=services.environment) as client:
        while services.finished("bodies") < BEFORE:
            assert client.poll() is None, "the cohort ended before the worker was lost"
            time.sleep(0.5)
        lost, *_ = services.containers("worker")
        services.kill(lost)
        assert services.finished("bodies") < BODIES
    services.copy("bodies", tmp_path / "far")
    near = CohortFolder(tmp_path / "near")
    run_cohort(cases / "bodies.toml", near, Cluster(2, dashboard=":0"))
    far, expected = outcomes(CohortFolder(tmp_path / "far").sweep), outcomes(near.sweep)
    assert far.keys() == expected.keys()
    assert len({title.partition(",")[0] for title in far}) == BODIES
    for title in expected:
        assert_same(far[title], expected[title], title)


def test_a_case_of_ones_own_comes_with_its_images(services: Services, tmp_path: Path) -> None:
    subprocess.run(services.command("sweep", "cases/two.toml"), cwd=PROJECT, env=services.environment, check=True)
    services.copy("two", tmp_path / "two")
    assert SweepTable.read(tmp_path / "two").rows["status"].to_pylist() == ["finished", "finished"]


def outcomes(sweep: SweepFolder) -> dict[str, Any]:
    """Title of a case -> its results or its error."""
    rows = sweep.rows()
    found = {case["values"]["title"]: rows[case["identity"]] for case in sweep.plan()["cases"]}
    return {title: row.get("error") or row["outcome"]["results"] for title, row in found.items()}


def assert_same(one: Any, other: Any, place: str) -> None:
    """Two results are equal, numbers to 1e-9."""
    assert type(one) is type(other), place
    if isinstance(one, dict):
        assert one.keys() == other.keys(), place
        for key in one:
            assert_same(one[key], other[key], f"{place}: {key}")
    elif isinstance(one, list):
        assert len(one) == len(other), place
        for number, (first, second) in enumerate(zip(one, other, strict=True)):
            assert_same(first, second, f"{place}[{number}]")
    else:
        assert one == (pytest.approx(other, rel=1e-9, abs=1e-12) if isinstance(other, float) else other), place
