"""Runs what is missing of a sweep and keeps every case the moment that it is finished."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from queue import Empty, SimpleQueue
from tempfile import TemporaryDirectory
from typing import Any

from distributed import Client, Future, get_worker
from distributed.scheduler import KilledWorker

from experiments.case.schema import build_case
from experiments.sweep.case_process import SOLVER, CaseProcess, solve_in_process
from experiments.sweep.cases import Plan, SweepCase
from experiments.sweep.cluster import LOST, Cluster, case_slots
from experiments.sweep.folder import Row, SweepFolder, describe, identity_of
from experiments.sweep.table import SweepTable
from meshes.errors import InputError

TIME_LIMIT = 3600.0
"""Seconds after which a case has failed where nothing else is said."""

DISPLAY_INTERVAL = 1.0
"""Seconds after which the display and the number of workers are looked at, at the latest."""

TABLE_INTERVAL, TABLE_TIME_SHARE = 10.0, 0.02
"""Seconds between two writings of the table, and the share of the time that they may take."""


@dataclass(frozen=True)
class SweepProgress:
    """How far a sweep is; cases that the design repeats count once.

    Attributes:
        total: cases.
        earlier: of them, finished or failed before this start.
        finished: cases with results.
        failed: cases with an error.
        running: cases under way.
        workers: that are there.
        seconds: since this start.
        worst_balance: largest relative error of the cement's balance in any finished case.
    """

    total: int
    earlier: int
    finished: int
    failed: int
    running: int = 0
    workers: int = 0
    seconds: float = 0.0
    worst_balance: float = 0.0

    @property
    def rate(self) -> float:
        """Cases per second since this start."""
        return (self.finished + self.failed - self.earlier) / self.seconds if self.seconds > 0.0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the end at this rate; None as long as there is none."""
        return (self.total - self.finished - self.failed) / self.rate if self.rate > 0.0 else None

    def with_row(self, row: Row) -> SweepProgress:
        """After one more case."""
        if row.get("error"):
            return replace(self, failed=self.failed + 1)
        injection = row["outcome"].get("results", {}).get("injection", {})
        worst = max(self.worst_balance, injection.get("mass_balance_error", 0.0))
        return replace(self, finished=self.finished + 1, worst_balance=worst)


def run_sweep(
    plan: Plan,
    folder: SweepFolder,
    cluster: Cluster,
    time_limit: float | None = None,
    retry: bool = False,
    watch: Callable[[SweepProgress], None] = lambda progress: None,
    solver: str = SOLVER,
    keep_fields: Collection[int] = (),
) -> SweepProgress:
    """Compute the cases of a sweep that its folder lacks.

    Args:
        plan: the cases.
        folder: where they are kept.
        cluster: who computes.
        time_limit: seconds after which a case counts as failed.
        retry: whether failed cases of earlier starts run again.
        watch: is told how far the sweep is, about once a second.
        solver: what computes a case, as ``MODULE:FUNCTION``.
        keep_fields: numbers of the cases whose fields are kept as well; those that ran without are run again.

    Returns:
        How the sweep stands at its end.

    Raises:
        InputError: the folder or the workers cannot be used; finished cases are whole.
    """
    with folder.open(plan):
        if retry:
            folder.forget_failures()
        return _Run(plan, folder, time_limit, solver, watch, keep_fields).work(cluster)


def time_one(plan: Plan, case: SweepCase, time_limit: float) -> float:
    """Seconds that a case takes on one core of this machine; nothing of it is kept.

    Raises:
        InputError: the case fails.
    """
    with TemporaryDirectory() as folder:
        process = CaseProcess(SOLVER)
        try:
            answer = process.solve(request_of(plan, case, Path(folder)), time_limit)
        finally:
            process.close()
    if error := answer.get("error"):
        raise InputError(f"case {case.number} failed ({error['kind']}): {error['message']}")
    return float(sum(answer["outcome"]["seconds"].values()))


def request_of(plan: Plan, case: SweepCase, meshes: Path, fields: Path | None = None) -> dict[str, Any]:
    """What :func:`experiments.sweep.case_solver.solve` takes."""
    return {
        "content": case.content,
        "identity": case.identity,
        "code": plan.code,
        "meshes": str(meshes),
        "fields": None if fields is None else str(fields),
    }


class _Run:
    """One start of a sweep."""

    def __init__(
        self,
        plan: Plan,
        folder: SweepFolder,
        time_limit: float | None,
        solver: str,
        watch: Callable[[SweepProgress], None],
        keep_fields: Collection[int],
    ) -> None:
        self._folder, self._time_limit, self._solver, self._watch = folder, time_limit, solver, watch
        self._plan, self._description = plan, describe(plan)
        cases = plan.different
        self._fields: dict[str, Path] = {}
        for case in plan.cases:
            if case.number in keep_fields:  # equal cases of the design run once, and so have one folder
                self._fields.setdefault(case.identity, folder.fields(case.number))
        self._known = {
            identity: row
            for identity, row in folder.rows().items()
            if identity in cases and (row.get("error") or self._has_fields(identity))
        }
        self._missing = deque(case for identity, case in cases.items() if identity not in self._known)
        self._under_way: dict[Future[Any], SweepCase] = {}
        self._ended: SimpleQueue[Future[Any]] = SimpleQueue()
        self._progress = SweepProgress(len(cases), len(self._known), 0, 0)
        for row in self._known.values():
            self._progress = self._progress.with_row(row)
        self._start = self._tabled = time.perf_counter()
        self._pause = TABLE_INTERVAL

    def _has_fields(self, identity: str) -> bool:
        """Whether the fields of a finished case are there, or nobody wants them."""
        wanted = self._fields.get(identity)
        return wanted is None or identity_of(wanted) == identity

    def work(self, cluster: Cluster) -> SweepProgress:
        try:
            if self._missing:
                with cluster.client() as client:
                    self._work_off(client)
        except KeyboardInterrupt:
            self._write_table()
            raise
        self._write_table()
        return self._progress

    def _work_off(self, client: Client) -> None:
        looked = -DISPLAY_INTERVAL
        while self._missing or self._under_way:
            if (now := time.perf_counter()) - looked >= DISPLAY_INTERVAL:
                looked = now
                self._refresh_progress(case_slots(client))
                self._watch(self._progress)
            # No case waits at a worker: one that dies takes only the case that it computes with it.
            while self._missing and len(self._under_way) < self._progress.workers:
                case = self._missing.popleft()
                fields = self._fields.get(case.identity)
                request = request_of(self._plan, case, self._folder.meshes, fields)
                key = f"case-{case.identity}"
                future = client.submit(_compute, self._solver, request, self._time_limit, key=key)
                self._under_way[future] = case
                future.add_done_callback(self._ended.put)
            try:
                future = self._ended.get(timeout=DISPLAY_INTERVAL)
            except Empty:
                continue
            self._keep(self._under_way.pop(future), _answer(future))
            if time.perf_counter() - self._tabled > self._pause:
                self._write_table()
        self._refresh_progress(self._progress.workers)

    def _refresh_progress(self, workers: int) -> None:
        seconds = time.perf_counter() - self._start
        self._progress = replace(self._progress, workers=workers, running=len(self._under_way), seconds=seconds)

    def _keep(self, case: SweepCase, answer: Mapping[str, Any]) -> None:
        row = {"inputs": build_case(dict(case.content)).model_dump(mode="json"), **answer}
        self._folder.keep(case, row)
        self._known[case.identity] = row
        self._progress = self._progress.with_row(row)

    def _write_table(self) -> None:
        start = time.perf_counter()
        table = SweepTable.of(self._description, self._known)
        self._folder.write(self._folder.table.name, table.write)
        self._tabled = time.perf_counter()
        self._pause = max(TABLE_INTERVAL, (self._tabled - start) / TABLE_TIME_SHARE)


def _compute(solver: str, request: Mapping[str, Any], time_limit: float | None) -> dict[str, Any]:
    """Compute a case on a worker."""
    answer = solve_in_process(solver, request, time_limit)
    if answer.get("error", {}).get("kind") == "unfit worker":
        answer["error"]["message"] = f"the worker {get_worker().address} {answer['error']['message']}"
    return answer


def _answer(future: Future[Any]) -> dict[str, Any]:
    """What a worker says about a case.

    Raises:
        InputError: it cannot compute any, or the scheduler is lost.
    """
    if future.status in ("cancelled", "lost"):
        raise InputError(LOST)
    error = future.exception() if future.status == "error" else None
    if isinstance(error, KilledWorker):
        return {"error": {"kind": "crash", "message": f"{error}"}, "seconds": None}
    if error is not None:
        raise InputError(f"a worker cannot compute cases ({error!r}); install the same software there")
    answer: dict[str, Any] = future.result()
    if answer.get("error", {}).get("kind") == "unfit worker":
        raise InputError(answer["error"]["message"])
    return answer
