"""The part ``injection.networks`` of the results: how many of many random vein networks leak."""

from __future__ import annotations

from collections.abc import Mapping

from experiments.case.sections.base import Site
from experiments.results.parts.base import Part, number, share, table


class LeakShare(Part):
    """In how many networks a leak is observed, with the interval of Wilson 1927 (10.1080/01621459.1927.10502953)."""

    observed: float = share("observed", "Networks with an observed leak over all that were computed.")
    low: float = share("lower end", "Lower end of the 95 % interval of that share.")
    high: float = share("upper end", "Upper end of the 95 % interval of that share.")
    volume_ml: float = number("ml", "cement leaked, mean", "Cement that has left, mean of all networks.")


class NetworkShares(Part):
    """The same injection through many random networks of veins, with the seeds from 1 on, beside the case's own."""

    networks: int = number("1", "vein networks", "Random networks of veins that were computed.")
    failed: int = number("1", "vein networks, failed", "Networks whose injection was refused or did not converge.")
    anywhere: LeakShare = table("anywhere", "Leaks at any site.")
    sites: Mapping[Site, LeakShare] = table("", "Leaks at each site.")
    classes_yeom: Mapping[str, LeakShare] = table("", "Leaks at any site of each of Yeom's classes.")
