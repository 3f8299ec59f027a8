"""Where cement can leave a vertebral body: one row for each site, from which everything else that knows sites follows.

The order of the rows is that of numbered sites in results and fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

Space = Literal["canal", "disc", "veins", "soft_tissue"]
"""A space outside the body with a pressure of its own."""

ClinicalClass = Literal["canal", "vessel", "disc", "paravertebral"]
YeomClass = Literal["B", "S", "C"]
Shape = Literal["half_ball", "pool", "ball", "vein_cast", "track_cast"]
Conduits = Literal["breach", "basivertebral_veins", "segmental_veins", "vein_network", "needle_track"]


@dataclass(frozen=True)
class LeakSite:
    """A place where cement can leave a vertebral body.

    Attributes:
        name: as case files, results and pictures have it.
        space: outside the body, into which it opens.
        clinical_class: what clinics count it among; None where they count it by itself.
        yeom_class: through the basivertebral vein (B), segmental veins (S) or a defect of the cortex (C); Yeom 2003,
            10.1302/0301-620X.85B1.13026. None where it belongs to none of them.
        shape: of what leaked, see :class:`fem.measures.severity.LeakGeometry`.
        conduits: what cement leaves through: a breach of the wall's shell, the veins of the foramen, segmental veins at
            the wall's waist, veins of a network in the body alone, or the gap around a needle.
        wall: facet region in which the conduits lie; None where needles decide it.
    """

    name: str
    space: Space
    clinical_class: ClinicalClass | None
    yeom_class: YeomClass | None
    shape: Shape
    conduits: Conduits
    wall: str | None

    @property
    def leak_class(self) -> str:
        """Its clinical class, or its own name where clinics count it by itself."""
        return self.clinical_class or self.name


LEAK_SITES: Mapping[str, LeakSite] = {
    site.name: site
    for site in (
        LeakSite("canal_posterior_wall", "canal", "canal", "C", "half_ball", "breach", "posterior_wall"),
        LeakSite(
            "basivertebral_foramen", "veins", "canal", "B", "half_ball", "basivertebral_veins", "basivertebral_foramen"
        ),
        LeakSite("disc_superior", "disc", "disc", "C", "pool", "breach", "superior_endplate"),
        LeakSite("disc_inferior", "disc", "disc", "C", "pool", "breach", "inferior_endplate"),
        LeakSite("paravertebral_left", "soft_tissue", "paravertebral", "C", "ball", "breach", "left_wall"),
        LeakSite("paravertebral_right", "soft_tissue", "paravertebral", "C", "ball", "breach", "right_wall"),
        LeakSite("paravertebral_anterior", "soft_tissue", "paravertebral", "C", "ball", "breach", "anterior_wall"),
        LeakSite("segmental_veins_left", "veins", "vessel", "S", "vein_cast", "segmental_veins", "left_wall"),
        LeakSite("segmental_veins_right", "veins", "vessel", "S", "vein_cast", "segmental_veins", "right_wall"),
        LeakSite("needle_track", "soft_tissue", None, None, "track_cast", "needle_track", None),
        LeakSite("anterior_veins", "veins", "vessel", "S", "vein_cast", "vein_network", "anterior_wall"),
    )
}
"""Name -> site."""

SITES = tuple(LEAK_SITES)
"""Names of all sites in their order."""

LEAK_CLASSES: Mapping[ClinicalClass, tuple[str, ...]] = {
    name: tuple(site.name for site in LEAK_SITES.values() if site.clinical_class == name)
    for name in get_args(ClinicalClass)
}
"""Clinical class of a leak -> its sites."""

SITE_BEHIND_WALL: Mapping[str, str] = {
    site.wall: site.name
    for site in LEAK_SITES.values()
    if site.wall is not None and site.conduits in ("breach", "basivertebral_veins")
}
"""Facet region -> the site that cement reaches through a defect of it, or through the foramen."""

VEIN_SITE_OF_WALL: Mapping[str, str] = {
    site.wall: site.name for site in LEAK_SITES.values() if site.wall is not None and site.space == "veins"
}
"""Facet region -> the site at which veins in the body leave through it."""
