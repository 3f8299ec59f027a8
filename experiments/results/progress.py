"""Stages of a run: their time, their memory, and how long the rest will take."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn
from rich.progress import Progress as Bars

from experiments.results.wording import duration


@dataclass(frozen=True)
class StageRecord:
    """What a finished stage took.

    Attributes:
        name: its name.
        seconds: wall-clock time.
        peak_memory_mb: largest memory the process had held by its end.
    """

    name: str
    seconds: float
    peak_memory_mb: float


class Stage:
    """A stage under way; tells the display how far it is."""

    def __init__(self, progress: Progress, name: str) -> None:
        """Start the clock of the stage."""
        self._progress = progress
        self.name = name
        self.start = time.perf_counter()
        self.fraction = 0.0

    def update(self, fraction: float, note: str = "") -> None:
        """Say how far the stage is.

        Args:
            fraction: share done, 0 to 1.
            note: a few words beside the bar, such as the injected volume.
        """
        self.fraction = min(max(fraction, 0.0), 1.0)
        self._progress._show(self, note)

    @property
    def seconds(self) -> float:
        """Time since its start."""
        return time.perf_counter() - self.start


class Progress:
    """Times the stages of a run and shows bars on a terminal, one line per stage elsewhere, or nothing.

    Args:
        visible: show anything at all; False on ranks other than 0 and as a library.
        console: where to show it; standard error by default.
    """

    def __init__(self, visible: bool = False, console: Console | None = None) -> None:
        """Set up the display, not yet shown."""
        self.records: list[StageRecord] = []
        self._console = console or Console(stderr=True)
        self._visible = visible
        self._expected: dict[str, float] = {}
        self._bars: Bars | None = None
        self._tasks: dict[str, TaskID] = {}
        if visible and self._console.is_terminal:
            self._bars = Bars(
                TextColumn("{task.description:<12}"),
                BarColumn(),
                TextColumn("{task.percentage:>3.0f}%"),
                TextColumn("{task.fields[left]}"),
                TextColumn("{task.fields[note]}"),
                console=self._console,
                transient=True,
            )

    def __enter__(self) -> Progress:
        """Show the display until the block ends."""
        if self._bars is not None:
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the display."""
        if self._bars is not None:
            self._bars.stop()

    def plan(self, expected: Mapping[str, float]) -> None:
        """Announce the stages of the run in their order.

        Args:
            expected: stage -> rough time in s; only the shares matter, the pace is learnt from the finished stages.
        """
        self._expected = dict(expected)

    @contextmanager
    def stage(self, name: str) -> Iterator[Stage]:
        """Run the block as the stage ``name`` and record what it took; a block that fails leaves no record."""
        running = Stage(self, name)
        self._show(running, "")
        yield running
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
        self.records.append(StageRecord(name, running.seconds, memory))
        running.fraction = 1.0
        if self._bars is not None:
            self._bars.remove_task(self._tasks.pop(name))
        elif self._visible:
            left = self._left(None)
            rest = f", about {duration(left)} left" if left else ""
            place = f"[{len(self.records)}/{len(self._expected)}] " if self._expected else ""
            self._console.print(f"{place}{name}: {running.seconds:.1f} s{rest}", highlight=False, markup=False)

    @property
    def seconds(self) -> dict[str, float]:
        """Stage -> wall-clock seconds, of the finished stages."""
        return {record.name: record.seconds for record in self.records}

    def _show(self, stage: Stage, note: str) -> None:
        if self._bars is None:
            return
        if stage.name not in self._tasks:
            self._tasks[stage.name] = self._bars.add_task(stage.name, total=1.0, left="", note="")
        stage_left = stage.seconds * (1.0 / stage.fraction - 1.0) if stage.fraction > 0.02 else None
        self._bars.update(
            self._tasks[stage.name],
            completed=stage.fraction,
            left=f"{duration(stage_left)} left" if stage_left is not None else "",
            note=note,
        )
        if not self._expected:
            return
        if "whole run" not in self._tasks:
            self._tasks["whole run"] = self._bars.add_task("whole run", total=1.0, left="", note="")
        left = self._left(stage)
        done = sum(self.seconds.values()) + stage.seconds
        self._bars.update(
            self._tasks["whole run"],
            completed=done / (done + left) if done + left > 0.0 else 0.0,
            left=f"about {duration(left)} left",
        )

    def _left(self, stage: Stage | None) -> float:
        """Seconds left: expected times of what is not done, at the pace of what is done."""
        seconds = self.seconds
        expected_done = sum(self._expected.get(name, 0.0) for name in seconds)
        taken = sum(time for name, time in seconds.items() if name in self._expected)
        pace = taken / expected_done if expected_done > 0.0 else 1.0
        left = pace * sum(
            time
            for name, time in self._expected.items()
            if name not in seconds and (stage is None or name != stage.name)
        )
        if stage is None:
            return left
        by_plan = max(pace * self._expected.get(stage.name, 0.0) - stage.seconds, 0.0)
        by_fraction = stage.seconds * (1.0 / stage.fraction - 1.0) if stage.fraction > 0.02 else by_plan
        return left + by_fraction
