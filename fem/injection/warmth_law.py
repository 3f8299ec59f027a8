"""What an injection lets follow it step by step."""

from __future__ import annotations

from typing import Protocol

from fem.injection.injection_state import InjectionState
from fem.injection.warmth import WarmthState


class WarmthLaw(Protocol):
    """How the warmth follows from the states of an injection."""

    def begin(self, state: InjectionState) -> WarmthState:
        """What is known when the injection begins; collective."""
        ...

    def follow(self, known: WarmthState, before: InjectionState, after: InjectionState) -> WarmthState:
        """What is known after the transport of a step; collective."""
        ...
