"""How what follows from a case's geometry alone comes about: computed, or found where another case has computed it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol


class Maker(Protocol):
    """Calls a pure function, or gives what it gave for equal arguments before; nobody changes that afterwards."""

    def __call__[Result](self, function: Callable[..., Result], *arguments: Any) -> Result:
        """What ``function`` makes of its arguments."""
        ...


def make[Result](function: Callable[..., Result], *arguments: Any) -> Result:
    """What a function makes of its arguments, computed."""
    return function(*arguments)
