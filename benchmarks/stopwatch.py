"""Seconds spent in functions, without a change to them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter, process_time
from typing import Any


class Stopwatch:
    """Seconds by name since the last :meth:`take`, on the wall and, as ``NAME CPU``, of this process.

    The second ones stay what they are where other work keeps the machine busy, as long as nobody waits for other ranks.
    """

    def __init__(self) -> None:
        """Start with nothing."""
        self._seconds: defaultdict[str, float] = defaultdict(float)

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        """Add the time that the body takes to ``name``."""
        wall, processor = perf_counter(), process_time()
        try:
            yield
        finally:
            self._seconds[name] += perf_counter() - wall
            self._seconds[f"{name} CPU"] += process_time() - processor

    def watch(self, owner: Any, attribute: str, name: str) -> None:
        """Measure every call of a function of ``owner``, an object or a module, from here on."""
        function: Callable[..., Any] = getattr(owner, attribute)

        def timed(*arguments: Any, **named: Any) -> Any:
            with self.measure(name):
                return function(*arguments, **named)

        setattr(owner, attribute, timed)

    def take(self) -> dict[str, float]:
        """The seconds so far; the next ones begin at zero."""
        taken, self._seconds = dict(self._seconds), defaultdict(float)
        return taken
