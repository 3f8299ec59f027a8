from collections import defaultdict

import pytest
from outcomes import SEED, Tally
from phantom import PhantomFiles, write_phantom

TALLIES = pytest.StashKey[dict[str, Tally]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[TALLIES] = defaultdict(Tally)


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Tally:
    """The tally of the test's reader, which the end of the run shows."""
    return request.config.stash[TALLIES][request.node.originalname.removeprefix("test_").replace("_", " ")]


@pytest.fixture(scope="session")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> PhantomFiles:
    return write_phantom(tmp_path_factory.mktemp("phantom"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    tallies = config.stash[TALLIES]
    if not tallies:
        return
    terminalreporter.section(f"damaged inputs, seed {SEED}")
    line = "{:<62}{:>8}{:>9}{:>7}{:>15}{:>13}".format
    terminalreporter.line(line("", "inputs", "refused", "ran", "not converged", "slowest [s]"))
    total = Tally()
    for name, tally in tallies.items():
        terminalreporter.line(line(*_row(name, tally)))
        total.counts += tally.counts
        total.slowest = max(total.slowest, tally.slowest)
    terminalreporter.line(line(*_row("all", total)))


def _row(name: str, tally: Tally) -> tuple[object, ...]:
    ends = [tally.counts[outcome] for outcome in ("refused", "ran", "not converged")]
    return name, sum(ends), *ends, f"{tally.slowest:.2f}"
