"""One thread for BLAS unless the user asks for more."""

import os

import pytest

from experiments.cli.main import main


@pytest.mark.parametrize(("given", "expected"), [(None, "1"), ("4", "4")])
def test_the_command_takes_one_thread_or_what_is_given(
    given: str | None, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["vertebroplasty", "--version"])
    monkeypatch.setenv("OMP_NUM_THREADS", given or "")
    if given is None:
        monkeypatch.delenv("OMP_NUM_THREADS")
    with pytest.raises(SystemExit):
        main()
    assert os.environ["OMP_NUM_THREADS"] == expected
