"""Who computes the cases: workers of a Dask cluster, on this machine or behind the address of a scheduler."""

from __future__ import annotations

import importlib.util
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import dask
from distributed import Client, LocalCluster

from experiments.sweep.case_process import close_all
from meshes.errors import InputError

CONNECT_TIMEOUT = 10.0
"""Seconds within which a scheduler must answer."""

SELF_WATCHING = {"distributed.worker.profile.enabled": False, "distributed.admin.tick.interval": "500ms"}
"""Settings of Dask by which a cluster of this machine watches itself with 1 % of a core instead of 5 %."""

LOST = "the scheduler was lost; finished cases are whole, and the same command goes on"


@dataclass(frozen=True)
class Cluster:
    """The workers to ask for.

    Attributes:
        workers: how many on this machine; one for each core by default.
        scheduler: address of a running scheduler, whose workers are asked instead.
        dashboard: host and port of Dask's page on a cluster of this machine.
    """

    workers: int | None = None
    scheduler: str | None = None
    dashboard: str = "127.0.0.1:8787"

    @property
    def size(self) -> int:
        """How many cases can run at a time; those who compute behind a scheduler are counted there.

        Raises:
            InputError: no scheduler answers at the address, or it is lost.
        """
        if self.scheduler is None:
            return self.workers or cores()
        with self.client() as client:
            return case_slots(client)

    @contextmanager
    def client(self) -> Iterator[Client]:
        """Connect for as long as the block lasts; workers of this machine then end, even in the middle of a case.

        A worker of this machine is a thread that waits for a process of its own, in which the cases run.

        Raises:
            InputError: no scheduler answers at the address, or the page cannot be served there.
        """
        logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # what goes wrong is told by whoever asked
        if self.scheduler is not None:
            try:
                client = Client(self.scheduler, timeout=CONNECT_TIMEOUT, set_as_default=False)
            except (OSError, ValueError) as error:
                raise InputError(
                    f"--scheduler {self.scheduler}: no scheduler of Dask answers there ({error}); start one with 'dask "
                    "scheduler' and give its address, as in tcp://192.168.0.10:8786"
                ) from None
            with client:
                yield client
            return
        with warnings.catch_warnings(), dask.config.set(SELF_WATCHING):
            warnings.filterwarnings("ignore", message="Port .* is already in use")
            try:
                cluster = LocalCluster(
                    n_workers=self.workers or cores(),
                    threads_per_worker=1,
                    processes=False,
                    memory_limit=0,
                    dashboard_address=self.dashboard,
                    worker_dashboard_address=f"{self.dashboard.rpartition(':')[0]}:0",
                    silence_logs=logging.CRITICAL,
                )
            except (OSError, ValueError, RuntimeError) as error:
                raise InputError(f"--dashboard {self.dashboard}: cannot be served ({error}); give HOST:PORT") from None
        with cluster, Client(cluster, set_as_default=False) as client:
            try:
                self._tell_dashboard(client)
                yield client
            finally:
                close_all()

    def _tell_dashboard(self, client: Client) -> None:
        """Print where the dashboard is, where Bokeh is installed, without which it is empty."""
        if importlib.util.find_spec("bokeh") is not None:
            port = client.scheduler_info()["services"]["dashboard"]
            print(f"dashboard: http://{self.dashboard.rpartition(':')[0]}:{port}/status", file=sys.stderr, flush=True)


def case_slots(client: Client) -> int:
    """How many cases the workers of a cluster can compute at a time.

    Raises:
        InputError: the scheduler is lost.
    """
    try:
        return sum(client.nthreads().values())
    except (OSError, TimeoutError):
        raise InputError(LOST) from None


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))
