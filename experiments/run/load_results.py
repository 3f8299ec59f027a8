"""Numbers of a load that are told of more than one bone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from experiments.results.parts.load import EndplatePressureResults
from fem.mechanics.endplate_pressure import EndplatePressure

FloatArray = NDArray[np.float64]

PERCENTILES = {"p95": 0.95, "p99": 0.99}


def peaks(values: FloatArray, weights: FloatArray) -> dict[str, float]:
    """Percentiles over the volume, and the largest value of a cell."""
    shares = np.quantile(values, list(PERCENTILES.values()), weights=weights, method="inverted_cdf")
    return {**dict(zip(PERCENTILES, shares.tolist(), strict=True)), "max": float(values.max())}


def pressure_results(pressure: EndplatePressure) -> EndplatePressureResults:
    """A pressure as the results hold it."""
    return EndplatePressureResults(
        force_n=pressure.force,
        mean_mpa=pressure.mean,
        p95_mpa=pressure.percentile_95,
        p99_mpa=pressure.percentile_99,
        max_mpa=pressure.largest,
        left_share=pressure.left_share,
        anterior_share=pressure.anterior_share,
    )
