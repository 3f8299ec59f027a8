"""An interruption lets imports end, since VTK crashes where one is broken off."""

import signal
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
import typer

from experiments.cli.exit_codes import reported
from experiments.run.ranks import EXIT_INTERRUPTED

MODULE = """
import os, signal
os.kill(os.getpid(), signal.{name})
for _ in range(1000):
    pass
DONE = True
"""


@pytest.fixture
def own_signals() -> Iterator[None]:
    """The handlers of pytest, which come back."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
@pytest.mark.usefixtures("own_signals")
def test_an_interruption_waits_for_an_import(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / f"interrupted_by_{name}.py").write_text(MODULE.format(name=name))
    monkeypatch.syspath_prepend(tmp_path)
    found = []

    @reported()
    def command() -> None:
        found.append(import_module(f"interrupted_by_{name}").DONE)
        time.sleep(10.0)

    with pytest.raises(typer.Exit) as ended:
        command()
    assert found == [True]
    assert ended.value.exit_code == EXIT_INTERRUPTED


@pytest.mark.usefixtures("own_signals")
def test_an_ignored_interruption_stays_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with reported():
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


@pytest.mark.usefixtures("own_signals")
def test_an_interruption_that_a_library_passes_on_as_its_own_error_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    """PETSc does so where the signal comes into a function of Python that it calls."""

    @reported()
    def command() -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise RuntimeError("error code 101") from None

    with pytest.raises(typer.Exit) as ended:
        command()
    assert ended.value.exit_code == EXIT_INTERRUPTED
    assert capsys.readouterr().err == "interrupted; nothing unfinished was written\n"
