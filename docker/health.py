"""Whether a container does its part: a scheduler answers, a worker is in touch with it, any other run is alive.

The address of the scheduler is that of Dask's own variable, DASK_SCHEDULER_ADDRESS. Without it there is nobody to ask:
a container that runs a case ends with it.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time

SILENCE = 60.0
"""Seconds without a word from a worker after which it counts as lost; it speaks while it computes as well."""

PATIENCE = 15.0
"""Seconds within which the scheduler must answer."""


async def complaint(address: str) -> str | None:
    """What is wrong with this container, if anything.

    Args:
        address: of the scheduler, as in tcp://scheduler:8786.
    """
    from distributed.core import rpc

    try:
        async with rpc(address, timeout=PATIENCE) as scheduler:
            cluster = await asyncio.wait_for(scheduler.identity(n_workers=-1), PATIENCE)
    except (OSError, TimeoutError) as error:
        return f"no scheduler of Dask answers at {address} ({error})"
    own = _own_hosts()
    if _host(cluster["address"]) in own:
        return None
    heard = [worker["last_seen"] for worker in cluster["workers"].values() if worker["host"] in own]
    if not heard:
        return f"the scheduler at {address} knows no worker of this container"
    silent = time.time() - max(heard)
    return f"the scheduler has not heard of this worker for {silent:.0f} s" if silent > SILENCE else None


def _host(address: str) -> str:
    return address.rpartition("://")[2].rpartition(":")[0]


def _own_hosts() -> set[str]:
    """The addresses of this container."""
    import psutil

    return {entry.address for entries in psutil.net_if_addrs().values() for entry in entries}


def main() -> None:
    """Exit code 0 for a healthy container, 1 with one sentence otherwise."""
    address = os.environ.get("DASK_SCHEDULER_ADDRESS")
    wrong = asyncio.run(complaint(address)) if address else None
    sys.exit(wrong)


if __name__ == "__main__":
    main()
