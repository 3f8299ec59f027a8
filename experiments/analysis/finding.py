"""One finding of an analysis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from matplotlib.figure import Figure

from experiments.analysis.table import ResultTable


@dataclass(frozen=True)
class Finding:
    """One table and what is drawn of it.

    Attributes:
        table: the numbers.
        plots: name of the file -> figure.
        drawn: what stands for chance in its intervals where there are several vertebrae: the cases of just these, or
            the vertebrae too, of which its own remarks tell.
    """

    table: ResultTable
    plots: Mapping[str, Figure] = field(default_factory=dict)
    drawn: Literal["cases", "vertebrae"] = "cases"

    def over(self, vertebrae: int) -> Finding:
        """The finding with what its intervals say of other vertebrae, in the table and on the plots.

        Args:
            vertebrae: how many there are; of one alone the whole analysis says so.
        """
        if vertebrae == 1 or not self.table.has_intervals:
            return self
        remarks = self.table.remarks
        if self.drawn == "cases":
            remarks += (f"Intervals hold for these {vertebrae} vertebrae only: cases were drawn again, not vertebrae.",)
        only = f"for these {vertebrae} vertebrae only" if self.drawn == "cases" else f"over {vertebrae} vertebrae"
        for figure in self.plots.values():
            figure.suptitle(f"intervals {only}", fontsize="x-small")
        return replace(self, table=replace(self.table, remarks=remarks))
