"""Cement outside of the body in a CT, and the site at which it would have left, told by where it lies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull
from scipy.spatial.distance import pdist

from experiments.scans.postoperative import TOUCHING, PostoperativeScan
from materials.observation import ComputedTomography
from meshes.leak_sites import LEAK_SITES, SITE_BEHIND_WALL, SITES, VEIN_SITE_OF_WALL
from meshes.surface import Surface, nearest_facets
from meshes.tetmesh import FACET_REGIONS

RIM_VOXELS, RIM_MM = 1.5, 1.0
"""Distance from the body, in voxels and in mm, up to which cement may be blur of what lies in the body (tag D)."""

LEAST_VOXELS = 2
"""Voxels of the smallest leak; one alone may be noise (tag D)."""

LEAST_PEAK = 0.75
"""Share of the median CT number of the cement in the body that a piece apart from it must reach somewhere: bone at the
rims of endplates and in joints passes 1500 HU, too (tag D; it reaches 1961 HU in the demo patient)."""

SPILL = 0.25
"""Share of a leak from which on its part in front of another wall counts as a leak of that one, too (tag D)."""

VEIN_WIDTH, VEIN_SLENDERNESS = 4.0, 3.0
"""Cement at the sides and in front is a cast of a vein where it is at most so many mm wide, as lumbar segmental veins
are (2 to 4 mm, tag M), and at least so many times as long: a ball has 1.2, a cube 2 (tag D)."""

CONTACT = 1.5
"""Voxels beyond the nearest ones of a leak in the canal that tell whether it hangs on the foramen (tag D)."""

TRACK = "needle_track"
CANAL = SITE_BEHIND_WALL["posterior_wall"]
FORAMEN = SITE_BEHIND_WALL["basivertebral_foramen"]

_RAY = np.linspace(0.0, 0.9, 40)  # parts of the way to the body at which the arch is looked for

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Leak:
    """A connected part of the cement outside of the body.

    Attributes:
        site: one of :data:`meshes.leak_sites.SITES`.
        voxels: (n, 3) indices.
        volume: mm3.
        size: its largest extent in mm.
    """

    site: str
    voxels: NDArray[np.int64]
    volume: float
    size: float


@dataclass(frozen=True)
class OutsideCement:
    """What lies outside of the body.

    Attributes:
        leaks: in the order of their sites, the largest of each first.
        rim: mm3 along the body's wall that reach no farther.
        small: mm3 in pieces that are too small or too far away.
    """

    leaks: tuple[Leak, ...]
    rim: float
    small: float

    def of_site(self, site: str) -> list[Leak]:
        """The leaks of a site."""
        return [leak for leak in self.leaks if leak.site == site]

    @property
    def volume(self) -> float:
        """Of all leaks in mm3."""
        return sum(leak.volume for leak in self.leaks)

    @property
    def volumes(self) -> dict[str, float]:
        """Site -> mm3, for every site."""
        return {site: sum(leak.volume for leak in self.of_site(site)) for site in SITES}


def find_leaks(scan: PostoperativeScan) -> OutsideCement:
    """Tell the cement outside of the body by the wall that it lies in front of.

    A voxel belongs to the wall whose surface it lies nearest to; where the arch is in between, or it lies in the arch
    itself, it came along the needle. Pieces that are connected are one leak, divided among walls where at least
    :data:`SPILL` of it lies in front of each. In front of the posterior wall a leak is that of the foramen where it
    hangs on it. At the sides and in front slender casts are those of veins, and anything else is in soft tissue.
    """
    body, grid = scan.vertebra.body, scan.vertebra.ct
    outside = scan.own & ~body
    away, away_mm = scan.from_body
    far = outside & (away > RIM_VOXELS) & (away_mm > RIM_MM)
    deep = outside & ndimage.binary_dilation(far, TOUCHING, iterations=2)
    stray = int((scan.cement.voxels & ~scan.others & ~body & ~scan.own).sum())
    rim, small = int((outside & ~deep).sum()), stray
    pieces, _ = ndimage.label(deep, TOUCHING)
    connected, _ = ndimage.label(scan.own, TOUCHING)
    with_body, least = np.unique(connected[scan.inside]), LEAST_PEAK * np.median(grid.values[scan.inside])
    leaks: list[Leak] = []
    for number, box in enumerate(ndimage.find_objects(pieces), start=1):
        corner = np.array([part.start for part in box])
        voxels = np.argwhere(pieces[box] == number) + corner
        index = tuple(voxels.T)
        if (
            scan.cement.kind == "threshold"
            and connected[index][0] not in with_body
            and grid.values[index].max() < least
        ):
            small += len(voxels)
            continue
        for site, part in _parts(scan, voxels):
            leak = Leak(site, part, len(part) * scan.voxel, _extent(scan, part))
            if _counts(leak):
                leaks.append(leak)
            else:
                small += len(part)
    leaks.sort(key=lambda leak: (SITES.index(leak.site), -leak.volume))
    return OutsideCement(tuple(leaks), rim * scan.voxel, small * scan.voxel)


def _counts(leak: Leak) -> bool:
    """Whether CT shows so little at the site."""
    seen, venous = ComputedTomography(), LEAK_SITES[leak.site].yeom_class in ("B", "S")
    volume = seen.venous_volume if venous else seen.cortical_volume
    length = seen.venous_length if venous else seen.cortical_length
    return len(leak.voxels) >= LEAST_VOXELS and (leak.volume >= volume or (length is not None and leak.size >= length))


def _parts(scan: PostoperativeScan, voxels: NDArray[np.int64]) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """Divide (n, 3) voxels of one leak among sites."""
    places = _places(scan, voxels)
    surface = Surface(scan.mesh.points, scan.mesh.facets)
    facets, nearest = nearest_facets(surface, places)
    walls = np.array(FACET_REGIONS)[_wall_numbers(scan)[facets]]
    spaces = np.array(_spaces(scan, walls, places))
    spaces[_behind_arch(scan, places, nearest)] = TRACK
    names, counts = np.unique(spaces, return_counts=True)
    largest = names[counts.argmax()]
    for name in names[counts < SPILL * len(voxels)]:
        spaces[spaces == name] = largest
    for name in np.unique(spaces):
        chosen = spaces == name
        distances = np.linalg.norm(nearest[chosen] - places[chosen], axis=1)
        yield _site(scan, str(name), voxels[chosen], walls[chosen], distances), voxels[chosen]


def _wall_numbers(scan: PostoperativeScan) -> NDArray[np.int64]:
    numbers = np.zeros(len(scan.mesh.facets), dtype=np.int64)
    for number, name in enumerate(FACET_REGIONS):
        numbers[scan.mesh.facet_regions[name]] = number
    return numbers


def _spaces(scan: PostoperativeScan, walls: NDArray[np.str_], places: FloatArray) -> list[str]:
    """Name of the site behind each wall; beside a pedicle, canal and soft tissue lie on either side of it."""
    found = []
    for wall, place in zip(walls.tolist(), places, strict=True):
        if wall.endswith("_pedicle"):
            middle = abs(float(scan.mesh.facet_centroids[scan.mesh.facet_regions[wall], 0].mean()))
            side = "left" if place[0] > 0.0 else "right"
            found.append(CANAL if abs(place[0]) < middle else SITE_BEHIND_WALL[f"{side}_wall"])
        else:
            found.append(CANAL if wall == "basivertebral_foramen" else SITE_BEHIND_WALL[wall])
    return found


def _behind_arch(scan: PostoperativeScan, places: FloatArray, nearest: FloatArray) -> NDArray[np.bool_]:
    """(n,) whether a place lies in the arch, or the arch between it and the nearest place of the body."""
    way = places[:, None] + _RAY[:, None] * (nearest - places)[:, None]
    index = scan.vertebra.ct.to_indices(scan.vertebra.frame.to_scanner(way))
    arch = ndimage.map_coordinates(scan.vertebra.arch.astype(np.float32), np.moveaxis(index, -1, 0), order=1)
    return (arch >= 0.5).any(axis=1)


def _site(
    scan: PostoperativeScan, space: str, voxels: NDArray[np.int64], walls: NDArray[np.str_], distances: FloatArray
) -> str:
    """The site of a part of a leak in front of one wall."""
    if space == CANAL:
        width = scan.voxel ** (1.0 / 3.0)
        contact = walls[distances <= distances.min() + CONTACT * width]
        return FORAMEN if (contact == "basivertebral_foramen").mean() >= 0.5 else CANAL
    wall = LEAK_SITES[space].wall
    if wall is None or wall not in VEIN_SITE_OF_WALL:
        return space
    length = _extent(scan, voxels)
    width = float(np.sqrt(4.0 * len(voxels) * scan.voxel / (np.pi * length)))
    slender = width <= VEIN_WIDTH and length >= VEIN_SLENDERNESS * width
    return VEIN_SITE_OF_WALL[wall] if slender else space


def _places(scan: PostoperativeScan, voxels: NDArray[np.int64]) -> FloatArray:
    return scan.vertebra.frame.to_frame(scan.vertebra.ct.to_world(voxels))


def _extent(scan: PostoperativeScan, voxels: NDArray[np.int64]) -> float:
    """Largest distance in mm between two points of some voxels: between their centres, and a voxel more."""
    places = _places(scan, voxels)
    if len(places) > 50:
        # Joggled, because voxels often lie in a few planes.
        places = places[ConvexHull(places, qhull_options="QJ").vertices]
    apart = float(pdist(places).max()) if len(places) > 1 else 0.0
    return apart + scan.voxel ** (1.0 / 3.0)
