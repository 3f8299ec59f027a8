"""What becomes of damaged inputs: refused in one sentence, run, or not converged; anything else is a bug."""

import faulthandler
import resource
import signal
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy

from fem.errors import ConvergenceError
from meshes.errors import InputError

SEED = 20261121
READING_LIMIT = 20.0
"""Seconds that reading or preparing one input may take, however busy the machine is."""
LONGEST_SENTENCE = 1010
"""Characters of a refusal, which names files by their whole path."""
MEMORY_LIMIT_MB = 500.0
"""Growth of the largest memory in use that one input may cause; all inputs are small."""


class TooSlowError(Exception):
    """An input has hung."""


@dataclass
class Tally:
    """What became of the inputs of one reader."""

    counts: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0

    def attempt[Result](self, task: Callable[[], Result], limit: float = READING_LIMIT) -> Result | None:
        """What ``task`` gives, or None where it refused its input or did not converge.

        Raises:
            TooSlowError: the time limit is over.
            AssertionError: the refusal is no sentence for people, or memory has grown too far.
        """
        start, before = time.perf_counter(), _peak_memory_mb()
        try:
            with limited(limit), warnings.catch_warnings():
                warnings.simplefilter("error", RuntimeWarning)
                result = task()
        except InputError as refused:
            check_sentence(str(refused))
            outcome, result = "refused", None
        except ConvergenceError as failed:
            check_sentence(str(failed))
            outcome, result = "not converged", None
        else:
            outcome = "ran"
        self.counts[outcome] += 1
        self.slowest = max(self.slowest, time.perf_counter() - start)
        assert _peak_memory_mb() - before < MEMORY_LIMIT_MB
        return result


def check_sentence(text: str) -> None:
    """A refusal is one printable line of bearable length."""
    assert text.strip()
    assert text.isprintable(), repr(text)
    assert len(text) <= LONGEST_SENTENCE, text


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise :class:`TooSlowError` after some seconds; compiled code that does not return ends the whole process."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise TooSlowError(f"not done after {seconds:g} s")

    earlier = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    faulthandler.dump_traceback_later(3.0 * seconds, exit=True, file=sys.__stderr__)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        faulthandler.cancel_dump_traceback_later()
        signal.signal(signal.SIGALRM, earlier)


def campaign(few: int, many: int) -> pytest.MarkDecorator:
    """Run a test with ``few`` inputs in the suite, and with ``many`` as a slow test."""
    return pytest.mark.parametrize("inputs", [few, pytest.param(many, marks=pytest.mark.slow)])


def explore(inputs: int, strategy: SearchStrategy[Any], check: Callable[[Any], None]) -> None:
    """Check ``inputs`` contents of a strategy, the same in every run, and not one less."""
    checked = 0

    @seed(SEED)
    @settings(
        max_examples=inputs,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(content=strategy)
    def every(content: Any) -> None:
        nonlocal checked
        checked += 1
        check(content)

    every()
    assert checked >= inputs, f"{checked} of {inputs} inputs were checked: the strategy has no more"


def _peak_memory_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
