"""What every finished case says of leakage: whether, where and at which volume first, and what ended the injection."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from experiments.analysis.sample import Sample
from meshes.leak_sites import LEAK_CLASSES

CENSORED, LEAK, FRONT = 0, 1, 2
"""How the observation of a case ends: without either, with a leak, or by a stop because the front came too far."""

_ONSET = re.compile(r"injection\.leaks\.\w+\.onset_injected_ml")


@dataclass(frozen=True)
class Leaks:
    """Leakage of the finished rows that injected cement.

    A leak counts from its onset on, when an image would show it, or when it ended the injection before
    that.

    Attributes:
        rows: (n,) place of each among the finished rows.
        leaked: (n,) whether cement left anywhere.
        volume: (n,) ml injected at the first leak, or at the end where there was none.
        status: (n,) :data:`LEAK`, :data:`FRONT` or :data:`CENSORED`.
        reasons: (n,) what ended the injection.
        classes: clinical class -> (n,) whether a leak was observed at any of its sites.
    """

    rows: NDArray[np.int64]
    leaked: NDArray[np.bool_]
    volume: NDArray[np.float64]
    status: NDArray[np.int64]
    reasons: tuple[str, ...]
    classes: dict[str, NDArray[np.bool_]]

    @classmethod
    def of(cls, sample: Sample) -> Leaks | None:
        """The leakage of a sample, or None where its cases inject nothing or stem from another version."""
        names = sample.rows.column_names
        if not {"injection.stop_reason", "injection.injected_ml", "injection.leaked_ml"} <= set(names):
            return None
        reasons = sample.rows["injection.stop_reason"].to_pylist()
        rows = np.array(
            [i for i, reason in enumerate(reasons) if reason is not None and reason != "no_flow"], dtype=int
        )
        if not len(rows):
            return None
        onsets = [_numbers(sample.rows[name]) for name in names if _ONSET.fullmatch(name)]
        first = (
            np.nanmin(np.where(np.isnan(onsets), np.inf, onsets), axis=0) if onsets else np.full(len(reasons), np.inf)
        )
        injected = _numbers(sample.rows["injection.injected_ml"])
        ended_by_leak = np.array([str(reason).startswith("leak_limit") for reason in reasons])
        leaked = np.isfinite(first) | ended_by_leak
        front = np.array([reason == "front_limit" for reason in reasons])
        status = np.where(leaked, LEAK, np.where(front, FRONT, CENSORED))
        classes: dict[str, NDArray[np.bool_]] = {}
        for name, sites in LEAK_CLASSES.items():
            columns = [f"injection.leaks.{site}.observed" for site in sites]
            observed = [_numbers(sample.rows[column])[rows] == 1.0 for column in columns if column in names]
            if observed:
                classes[name] = np.any(observed, axis=0)
        return cls(
            rows,
            leaked[rows],
            np.minimum(first, injected)[rows],
            status[rows],
            tuple(reasons[row] for row in rows),
            classes,
        )


def _numbers(column: pa.ChunkedArray) -> NDArray[np.float64]:
    """A column with NaN for what is missing."""
    return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=float)
