"""The plan of the veins of a body, and how they lie in its shape."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from meshes.body_wall import BodyWall
from meshes.errors import InputError
from meshes.regions import FORAMEN_WIDTH
from meshes.vein_network import VeinNetwork
from meshes.vertebra import Vertebra

RISING = ("T10", "T11", "T12", "T13", "L1", "L2", "L3", "L4")
"""Levels whose foramina lie nearer to the upper plate (Tzika 2021, 10.1007/s00276-021-02690-0; tag S)."""

SINKING = ("T1", "T2", "T3", "T4", "T6", "T7", "T8", "L5", "L6")
"""Levels whose foramina lie nearer to the lower plate (Tzika 2021, 10.1007/s00276-021-02690-0; tag S; L6 as L5)."""

_PARTS = 4  # segments of a branch, each of one calibre


@dataclass(frozen=True)
class VeinPlan:
    """The veins of a body before they are laid into its shape.

    From every foramen in the posterior wall a trunk runs forward to a confluence, and from there branches run to the
    wall. A single trunk has a confluence in the midline; several have two, one on each side.

    Attributes:
        trunks: (f,) calibres of the trunks in mm, one per foramen from right to left.
        confluences: (1,) or (2,) depths of the confluences as shares of the body's depth from the back; the right one
            first.
        spread: of each of two confluences from the midline as a share of the half width.
        rise: of foramina and confluences from mid-height as a share of the height, towards the plate that they are
            nearer to by their level.
        directions: (b,) rad of the branches in the horizontal plane, 0 straight ahead, positive to the left, from
            right to left.
        inclinations: (b,) rad above the horizontal.
        calibres: (b, 2) mm at the confluence and at the wall; linear between them.
        odd_side: 0 or 1: which of two confluences takes the middle one of an odd number.
        cut: how many of the calibres were drawn outside :data:`meshes.vein_network.DIAMETERS`, and stand at the bound.
    """

    trunks: NDArray[np.float64]
    confluences: NDArray[np.float64]
    spread: float
    rise: float
    directions: NDArray[np.float64]
    inclinations: NDArray[np.float64]
    calibres: NDArray[np.float64]
    odd_side: int = 0
    cut: int = 0


def lay_veins(plan: VeinPlan, vertebra: Vertebra) -> VeinNetwork:
    """Lay veins into a body.

    Only the mask and the frame decide where they lie: trunks end where a line backwards from the place of their
    foramen leaves the mask, branches where a ray from their confluence does. So they are the same in every mesh.

    Args:
        plan: what is to be laid.
        vertebra: mask, frame and level.

    Returns:
        The network in the anatomical frame; its trees begin at a foramen, and every end has its leak site.

    Raises:
        InputError: a confluence lies outside the body.
    """
    wall = BodyWall(vertebra)
    frame = vertebra.frame
    height = 0.5 + plan.rise * ((vertebra.level in RISING) - (vertebra.level in SINKING))
    sides = (0.0,) if len(plan.confluences) == 1 else (-plan.spread, plan.spread)
    nodes = [frame.point(side, 1.0 - back, height) for side, back in zip(sides, plan.confluences, strict=True)]
    if not wall.contains(np.array(nodes)).all():
        raise InputError(
            f"the body of {vertebra.level} does not surround the confluence of its veins; lower the spread of the "
            "confluences, or give the network as a file"
        )
    network = _Growing(nodes)
    foramina = FORAMEN_WIDTH * ((np.arange(len(plan.trunks)) + 0.5) / len(plan.trunks) - 0.5)
    for owner, x, calibre in zip(_owners(len(foramina), plan), foramina, plan.trunks, strict=True):
        start = network.nodes[owner]
        inside = np.array([x, start[1], start[2]])
        foramen = wall.exit(inside if wall.contains(inside[None])[0] else start, np.array([0.0, 1.0, 0.0]))
        network.trunk(owner, foramen, calibre)
    across, up = plan.directions, plan.inclinations
    rays = np.stack([np.sin(across) * np.cos(up), -np.cos(across) * np.cos(up), np.sin(up)], axis=1)
    ends = []
    for owner, ray, calibres in zip(_owners(len(rays), plan), rays, plan.calibres, strict=True):
        ends.append(network.branch(owner, wall.exit(network.nodes[owner], ray), calibres))
    sites = wall.vein_sites(np.array([network.nodes[end] for end in ends]))
    return network.finished({end: site for end, site in zip(ends, sites, strict=True) if site is not None})


def _owners(count: int, plan: VeinPlan) -> NDArray[np.int64]:
    """The confluence of each of so many trunks or branches, from right to left."""
    if len(plan.confluences) == 1:
        return np.zeros(count, dtype=np.int64)
    right = (count + (plan.odd_side == 0)) // 2
    return (np.arange(count) >= right).astype(np.int64)


class _Growing:
    """A network that grows by trunks and branches."""

    def __init__(self, nodes: list[NDArray[np.float64]]) -> None:
        self.nodes = list(nodes)
        self._segments: list[tuple[int, int]] = []
        self._diameters: list[float] = []
        self._sites: dict[int, str] = {}
        self._rooted: set[int] = set()

    def trunk(self, confluence: int, foramen: NDArray[np.float64], calibre: float) -> None:
        """Add a trunk; the first one of a confluence is the root of its tree."""
        self.nodes.append(foramen)
        end = len(self.nodes) - 1
        self._segments.append((confluence, end) if confluence in self._rooted else (end, confluence))
        self._rooted.add(confluence)
        self._diameters.append(calibre)
        self._sites[end] = "basivertebral_foramen"

    def branch(self, confluence: int, exit_: NDArray[np.float64], calibres: NDArray[np.float64]) -> int:
        """Add a tapering branch, and return the node at its end."""
        before, start = confluence, self.nodes[confluence]
        for part in range(1, _PARTS + 1):
            self.nodes.append(start + part / _PARTS * (exit_ - start))
            self._segments.append((before, len(self.nodes) - 1))
            self._diameters.append(float(calibres[0] + (part - 0.5) / _PARTS * (calibres[1] - calibres[0])))
            before = len(self.nodes) - 1
        return before

    def finished(self, sites: dict[int, str]) -> VeinNetwork:
        """The network, with the leak sites at the ends of its branches."""
        return VeinNetwork(
            np.array(self.nodes), np.array(self._segments), np.array(self._diameters), {**self._sites, **sites}
        )
