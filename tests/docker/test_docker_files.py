"""What the image is built from: pins that fit the project, sources that reach it, services for this machine alone."""

import asyncio
import importlib.util
import re
import time
import tomllib
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import yaml
from distributed import Scheduler, Worker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

PROJECT = Path(__file__).parents[2]
DOCKER = PROJECT / "docker"
DOCKERFILE = (DOCKER / "Dockerfile").read_text(encoding="utf-8")
CONTENT = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
ABOUT = CONTENT["project"]
SERVICES = yaml.safe_load((DOCKER / "compose.yaml").read_text(encoding="utf-8"))["services"]


def test_pins_cover_the_dependencies_and_keep_their_bounds() -> None:
    lines = (DOCKER / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins: dict[str, Version] = {}
    for line in lines:
        if line and not line.startswith("#"):
            requirement = Requirement(line)
            (only,) = requirement.specifier
            assert only.operator == "=="
            pins[canonicalize_name(requirement.name)] = Version(only.version)
    assert "://" not in "".join(lines)
    for dependency in (*ABOUT["dependencies"], *ABOUT["optional-dependencies"]["dashboard"]):
        requirement = Requirement(dependency)
        assert pins[canonicalize_name(requirement.name)] in requirement.specifier, dependency
    tested = {pin.name: pin.specifier for pin in map(Requirement, CONTENT["tool"]["uv"]["constraint-dependencies"])}
    other = [name for name, pinned in pins.items() if pinned not in tested[name]]
    assert not other, f"{', '.join(other)}: in the image in another version than the tests; run '.ci/pin'"


def test_what_the_image_copies_is_let_through_and_is_there() -> None:
    copied = [
        source
        for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, flags=re.MULTILINE)
        for source in line.split()[:-1]
    ]
    ignored = (PROJECT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    let_through = [line.removeprefix("!") for line in ignored if line.startswith("!")]
    assert sorted(copied) == sorted(let_through)
    assert all((PROJECT / source).exists() for source in copied)


def test_the_label_has_the_version_and_the_user_is_not_root() -> None:
    assert f'org.opencontainers.image.version="{ABOUT["version"]}"' in DOCKERFILE
    last = DOCKERFILE.rpartition("\nFROM ")[2]
    assert re.findall(r"^USER (\w+)$", last, flags=re.MULTILINE) == ["vertebroplasty"]


def test_ports_are_those_of_this_machine_alone() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert sorted(ports) == ["127.0.0.1:8786:8786", "127.0.0.1:8787:8787"]


def test_workers_and_commands_beside_the_scheduler_see_the_same_results_and_cases() -> None:
    assert SERVICES["worker"]["volumes"] == SERVICES["scheduler"]["volumes"]
    assert SERVICES["worker"]["volumes"][0] == "results:/data/results"


def test_both_composes_start_scheduler_and_workers_alone() -> None:
    """podman-compose 1.0 knows neither profiles nor --scale, but variables."""
    assert set(SERVICES) == {"scheduler", "worker"}
    assert SERVICES["worker"]["deploy"]["replicas"] == "${WORKERS:-2}"
    assert not any("profiles" in service for service in SERVICES.values())


@pytest.fixture(scope="module")
def health() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docker_health", DOCKER / "health.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("hosts", "later", "wrong"),
    [
        ({"127.0.0.1"}, 0.0, None),
        ({"127.0.0.2"}, 0.0, None),
        ({"127.0.0.2"}, 1000.0, r"has not heard of this worker for \d+ s"),
        ({"127.0.0.3"}, 0.0, "knows no worker of this container"),
    ],
)
def test_health_is_that_of_the_part_that_a_container_plays(
    health: ModuleType, monkeypatch: pytest.MonkeyPatch, hosts: set[str], later: float, wrong: str | None
) -> None:
    async def said() -> str | None:
        scheduler = Scheduler(host="127.0.0.1", port=0, dashboard=False)
        async with scheduler, Worker(scheduler.address, host="127.0.0.2", dashboard=False):
            return await health.complaint(scheduler.address)

    monkeypatch.setattr(health, "_own_hosts", lambda: hosts)
    monkeypatch.setattr(health, "time", SimpleNamespace(time=lambda: time.time() + later))
    sentence = asyncio.run(said())
    assert (sentence is None) if wrong is None else re.search(wrong, sentence or "")


def test_a_scheduler_that_is_not_there_is_said(health: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "PATIENCE", 0.2)
    said = asyncio.run(health.complaint("tcp://127.0.0.1:9"))
    assert said.startswith("no scheduler of Dask answers at tcp://127.0.0.1:9")


def test_a_container_without_a_scheduler_is_healthy(health: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DASK_SCHEDULER_ADDRESS", raising=False)
    with pytest.raises(SystemExit) as end:
        health.main()
    assert end.value.code is None
