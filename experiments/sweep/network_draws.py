"""One injection through many random networks of veins: what a single draw cannot say of leaks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from experiments.case.schema import Case
from experiments.results.parts.networks import LeakShare, NetworkShares
from experiments.results.probability import Probability
from experiments.sweep.cases import given_tables, plan_cases
from experiments.sweep.cluster import Cluster
from experiments.sweep.engine import TIME_LIMIT, SweepProgress, run_sweep
from experiments.sweep.folder import SweepFolder
from experiments.sweep.sweep_file import SweepFile
from fem.measures.severity import YEOM_CLASSES
from meshes.errors import InputError
from meshes.leak_sites import SITES

FIRST_SEED = 1
"""Seed of the first network; the others follow it one by one."""

SHORTEST_MIN = 1.0
"""Least value of ``heat.until_min``: temperatures are followed as long as cement flows, and no longer than that."""

Draw = Callable[[Case], NetworkShares]
Leaks = Mapping[str, Mapping[str, Any]]


def draw_networks(
    case: Case, count: int, cluster: Cluster, watch: Callable[[SweepProgress], None] = lambda progress: None
) -> NetworkShares:
    """Inject through ``count`` networks, with seeds from :data:`FIRST_SEED` on, and count the leaks.

    Args:
        case: with a random network; its own seed plays no part.
        count: of networks.
        cluster: who computes.
        watch: is told how far the injections are, about once a second.

    Raises:
        InputError: the case has no random network, or no network can be injected through.
    """
    check_drawable(case)
    tables = given_tables(case)
    tables["mechanics"] = {**tables.get("mechanics", {}), "enabled": False}
    if case.heat.enabled:
        # What warms the cement while it flows decides how it leaks; what comes after does not.
        tables["heat"] = {**tables["heat"], "until_min": SHORTEST_MIN}
    seeds = list(range(FIRST_SEED, FIRST_SEED + count))
    sweep = SweepFile.model_validate({"base": tables, "vary": [{"path": "veins.seed", "values": seeds}]})
    with TemporaryDirectory() as path:
        folder = SweepFolder(Path(path) / "networks")
        run_sweep(plan_cases(sweep, "networks", Path()), folder, cluster, TIME_LIMIT, watch=watch)
        rows = folder.rows().values()
    finished = [row["outcome"]["results"]["injection"]["leaks"] for row in rows if not row.get("error")]
    if not finished:
        raise InputError(f"no network could be injected through: {next(iter(rows))['error']['message']}")
    return shares_of(finished, len(rows) - len(finished))


def drawing(count: int, watch: Callable[[SweepProgress], None] = lambda progress: None) -> Draw:
    """What injects through ``count`` networks of a case on all cores of this machine; see :func:`draw_networks`."""
    return lambda case: draw_networks(case, count, Cluster(), watch)


def check_drawable(case: Case) -> None:
    """Refuse a case of which there is nothing to draw.

    Raises:
        InputError: it injects nothing, or its network is not a random one.
    """
    if case.prescribed_cement is not None or case.veins.network != "random":
        raise InputError(
            'many networks are drawn for an injection with veins.network = "random"; give the case one, or leave the '
            "number of networks out"
        )


def shares_of(leaks: Sequence[Leaks], failed: int) -> NetworkShares:
    """The shares of ``leaks``, the part ``injection.leaks`` of each network."""
    return NetworkShares(
        networks=len(leaks) + failed,
        failed=failed,
        anywhere=_share(leaks, SITES),
        sites={site: _share(leaks, (site,)) for site in SITES},
        classes_yeom={name: _share(leaks, sites) for name, sites in YEOM_CLASSES.items()},
    )


def _share(leaks: Sequence[Leaks], sites: Sequence[str]) -> LeakShare:
    observed = sum(any(one[site]["observed"] for site in sites) for one in leaks)
    found = Probability.of(observed, len(leaks))
    volume = sum(one[site]["volume_ml"] for one in leaks for site in sites)
    return LeakShare(observed=found.estimate, low=found.low, high=found.high, volume_ml=volume / len(leaks))
