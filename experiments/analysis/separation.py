"""Separation: inputs that tell events from the rest without error, so that a logistic regression has no estimate."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

Separation = Literal["complete", "quasi-complete"]

_LEAST = 1e-7
"""Optimum of the linear programme from which on it is above 0."""


def separation(inputs: NDArray[np.float64], events: NDArray[np.bool_]) -> Separation | None:
    """How far the inputs separate the events (Albert & Anderson 1984, 10.1093/biomet/71.1.1), None where they overlap.

    A plane separates where all events lie on one side of it or in it and all others on the other side or in it: two
    linear programmes find it (Konis 2007).

    Args:
        inputs: (cases, inputs) without the constant.
        events: (cases,) whether the event happened; both happen.
    """
    scaled = (inputs - inputs.mean(axis=0)) / np.where(inputs.std(axis=0) > 0.0, inputs.std(axis=0), 1.0)
    signed = np.where(events, 1.0, -1.0)[:, None] * np.column_stack([np.ones(len(scaled)), scaled])
    cases, columns = signed.shape
    margin = linprog(
        np.append(np.zeros(columns), -1.0),
        A_ub=np.column_stack([-signed, np.ones(cases)]),
        b_ub=np.zeros(cases),
        bounds=[(-1.0, 1.0)] * columns + [(None, 1.0)],
    )
    if -margin.fun > _LEAST:
        return "complete"
    touching = linprog(-signed.sum(axis=0), A_ub=-signed, b_ub=np.zeros(cases), bounds=[(-1.0, 1.0)] * columns)
    return "quasi-complete" if -touching.fun > _LEAST else None
