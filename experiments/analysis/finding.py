"""One finding of an analysis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from matplotlib.figure import Figure

from experiments.analysis.table import ResultTable


@dataclass(frozen=True)
class Finding:
    """One table and what is drawn of it.

    Attributes:
        table: the numbers.
        plots: name of the file -> figure.
    """

    table: ResultTable
    plots: Mapping[str, Figure] = field(default_factory=dict)
