"""Veins that are given as polylines with a diameter, from a scan or an atlas."""

from __future__ import annotations

import csv
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyvista as pv
from numpy.typing import NDArray
from scipy.cluster.hierarchy import DisjointSet
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order, connected_components
from scipy.spatial import cKDTree

from meshes.body_wall import BodyWall
from meshes.data_set_file import save
from meshes.errors import InputError
from meshes.frame import AnatomicalFrame
from meshes.leak_sites import SITES
from meshes.vein_network import DIAMETERS, VeinNetwork
from meshes.vertebra import Vertebra

DIAMETER = "diameter_mm"
"""Array of points or of lines, and column of a table, that holds the diameters."""

SITE = "site"
"""Array of points in files of runs that holds the number of their leak site."""

COLUMNS = ("line", "x_mm", "y_mm", "z_mm", DIAMETER)
"""Columns of a table; rows with the same entry in the first one are the points of a line in their order, even where
rows of others stand between them."""

REACH = 2.0
"""mm ahead of the end of a line within which the wall counts as reached: about a voxel of a CT (tag D)."""

MOST_SEGMENTS = 5000

_SAME_PLACE = 1e-3  # mm; points that lie closer are one
_JOIN = DIAMETERS[0]  # mm; an end that misses another line by less, the width of the thinnest vein, joins it
_STEP = 0.5  # mm between the places of a segment at which it is asked whether it lies inside: a voxel of a CT
_MOST_PLACES = 500  # of one segment; a longer one has its ends far outside


def read_veins(path: Path, vertebra: Vertebra) -> VeinNetwork:
    """Read the veins of a body.

    Lines join where they share a point, and where one ends within 0.05 mm of a point of another. Where they leave the
    body they are cut; an end within :data:`REACH` of the wall in the direction of its line is drawn out to it, and
    others are blind. Each end at the wall has the leak site that lies there. Trees begin at their thickest exit, those
    at the foramen first.

    Args:
        path: VTK file (``.vtp`` or ``.vtk``) of polylines with the array ``diameter_mm`` on points or lines, or a
            table (``.csv``) with :data:`COLUMNS`; in the scanner's LPS mm.
        vertebra: mask and frame.

    Returns:
        The network in the anatomical frame.

    Raises:
        InputError: the file cannot be read, holds no lines or diameters or absurd ones, or its veins lie outside the
            body or pass through it without a point inside, close loops, leave through an endplate, or have a piece
            that does not leave at all.
    """
    points, segments, diameters = _from_table(path) if path.suffix.lower() == ".csv" else _from_vtk(path)
    if len(segments) > MOST_SEGMENTS:
        raise InputError(
            f"{path}: holds {len(segments)} segments of veins, more than {MOST_SEGMENTS}; thin out its points"
        )
    if not np.isfinite(points).all():
        raise InputError(f"{path}: a coordinate is no number; give x, y and z in mm")
    low, high = DIAMETERS
    if not ((diameters >= low) & (diameters <= high)).all():
        worst = diameters[np.argmax(~((diameters >= low) & (diameters <= high)))]
        raise InputError(
            f"{path}: {DIAMETER} = {worst:g} is outside the allowed range {low:g} to {high:g} mm of a vein in a body; "
            "give diameters, not radii, in mm"
        )
    points, segments, diameters = _joined(vertebra.frame.to_frame(points), segments, diameters)
    if not len(segments):
        raise InputError(f"{path}: holds no lines; give polylines of two points or more")
    wall = BodyWall(vertebra)
    points, segments, diameters = _cut(path, wall, points, segments, diameters)
    return _rooted(path, wall, points, segments, diameters)


def write_veins(path: Path, network: VeinNetwork, frame: AnatomicalFrame) -> None:
    """Write a network as VTP in the scanner's LPS mm: a line per segment, which :func:`read_veins` reads as well.

    Lines have the array ``diameter_mm``, points the array ``site``: the number of the leak site in
    :data:`meshes.leak_sites.SITES`, -1 where a vein does not leave the bone.
    """
    lines = np.column_stack([np.full(len(network.segments), 2), network.segments])
    data = pv.PolyData(frame.to_scanner(network.nodes), lines=lines.ravel())
    data.cell_data[DIAMETER] = network.diameters
    site = np.full(len(network.nodes), -1, dtype=np.int32)
    for node, name in network.exit_sites.items():
        site[node] = SITES.index(name)
    data.point_data[SITE] = site
    save(data, path)


def load_veins(path: Path, frame: AnatomicalFrame) -> VeinNetwork:
    """The network that :func:`write_veins` wrote, in the anatomical frame."""
    points, segments, diameters = _from_vtk(path)
    sites = np.asarray(pv.read(path).point_data[SITE])
    exits = {node: SITES[sites[node]] for node in np.flatnonzero(sites >= 0).tolist()}
    return VeinNetwork(frame.to_frame(points), segments, diameters, exits)


def _from_table(path: Path) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """Points, segments and their diameters of a table."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            table = csv.DictReader(file)
            rows, names = list(table), table.fieldnames or ()
            if missing := [name for name in COLUMNS if name not in names]:
                raise InputError(f"{path}: has no column {missing[0]}; its first row must name {', '.join(COLUMNS)}")
            values = np.array([[float(row[name]) for name in COLUMNS[1:]] for row in rows]).reshape(-1, 4)
            lines: dict[str, list[int]] = {}
            for number, row in enumerate(rows):
                lines.setdefault(row[COLUMNS[0]], []).append(number)
    except InputError:
        raise
    except (OSError, ValueError, TypeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read as a table of veins ({error}); give numbers in mm") from None
    pairs = [pair for line in lines.values() for pair in pairwise(line)]
    segments = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return values[:, :3], segments, values[:, 3][segments].mean(axis=1)


def _from_vtk(path: Path) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """Points, segments and their diameters of a file of polylines."""
    try:
        with warnings.catch_warnings(), _unheard():
            warnings.simplefilter("error")  # PyVista warns of what VTK could not parse, and gives an empty mesh
            data = pv.read(path)
    except Exception as error:
        raise InputError(f"{path}: cannot be read as a VTK file ({error}); give .vtp, .vtk or .csv") from None
    if not isinstance(data, pv.PolyData):
        raise InputError(f"{path}: holds a {type(data).__name__}; give polylines (PolyData)")
    chains, owners, at = [], [], 0
    for line in range(data.n_lines):
        count = int(data.lines[at])
        chain = data.lines[at + 1 : at + 1 + count]
        chains.append(np.stack([chain[:-1], chain[1:]], axis=1))
        owners.append(np.full(count - 1, data.n_verts + line))
        at += count + 1
    segments = np.concatenate([np.empty((0, 2), dtype=np.int64), *chains]).astype(np.int64)
    if DIAMETER in data.point_data:
        diameters = _single(path, data.point_data[DIAMETER])[segments].mean(axis=1)
    elif DIAMETER in data.cell_data:
        owner = np.concatenate([np.empty(0, dtype=np.int64), *owners]).astype(np.int64)
        diameters = _single(path, data.cell_data[DIAMETER])[owner]
    else:
        raise InputError(f"{path}: its lines have no array {DIAMETER}; give each point or line its diameter in mm")
    return np.asarray(data.points, dtype=np.float64), segments, diameters


@contextmanager
def _unheard() -> Iterator[None]:
    """Keep what VTK prints and PyVista logs of a broken file to themselves; a sentence of our own tells of it."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with pv.vtk_verbosity("off"):
            yield
    finally:
        logging.disable(before)


def _single(path: Path, values: NDArray[Any]) -> NDArray[np.float64]:
    """An array of a file, once it has a single number for each of its points or lines."""
    if values.ndim != 1 or not np.issubdtype(values.dtype, np.number):
        raise InputError(f"{path}: its array {DIAMETER} is no single number per point or line; give the diameter in mm")
    return np.asarray(values, dtype=np.float64)


def _joined(
    points: NDArray[np.float64], segments: NDArray[np.int64], diameters: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """The same lines with one point for all that lie in the same place, and without segments of no length.

    An end that misses a line of another tree by less than a vein is wide is moved there, the nearest ones first.
    """
    _, first, place = np.unique(np.round(points / _SAME_PLACE), axis=0, return_index=True, return_inverse=True)
    segments = place.reshape(-1)[segments]
    kept = segments[:, 0] != segments[:, 1]
    points, segments, diameters = points[first], segments[kept], diameters[kept]
    degree = np.bincount(segments.ravel(), minlength=len(points))
    near = cKDTree(points).query_pairs(_JOIN, output_type="ndarray")
    near = near[(degree[near] == 1).any(axis=1) & (degree[near] > 0).all(axis=1)]
    near = near[np.argsort(np.linalg.norm(points[near[:, 1]] - points[near[:, 0]], axis=1), kind="stable")]
    trees, target = DisjointSet(range(len(points))), np.arange(len(points))
    for one, other in segments.tolist():
        trees.merge(one, other)
    for one, other in near.tolist():
        end, place_of_joint = (one, other) if degree[one] == 1 else (other, one)
        if trees.merge(end, place_of_joint):
            target[target == target[end]] = target[place_of_joint]
    return points, target[segments], diameters


def _cut(
    path: Path,
    wall: BodyWall,
    points: NDArray[np.float64],
    segments: NDArray[np.int64],
    diameters: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """What of the lines lies in the body, with an end of its own for each that leaves it."""
    nodes, kept = list(points), []
    for (first, last), diameter, inside in zip(
        segments.tolist(), diameters, _along(wall, points, segments), strict=True
    ):
        if inside.all():
            kept.append((first, last, diameter))
            continue
        if np.count_nonzero(inside[1:] & ~inside[:-1]) > inside[-1]:
            raise InputError(
                f"{path}: a line passes through a part of the body without a point inside; give it more points"
            )
        for within, beyond, there in ((first, last, inside[0]), (last, first, inside[-1])):
            if there:
                nodes.append(wall.exit(points[within], points[beyond] - points[within]))
                kept.append((within, len(nodes) - 1, diameter))
    if not kept:
        low, high = points.min(axis=0), points.max(axis=0)
        raise InputError(
            f"{path}: its veins lie outside the body, from its centroid {low[0]:.0f} to {high[0]:.0f} mm to the left, "
            f"{low[1]:.0f} to {high[1]:.0f} mm to the back and {low[2]:.0f} to {high[2]:.0f} mm upwards; give points "
            "in the scanner's LPS mm of this patient"
        )
    used, ends = np.unique([entry[:2] for entry in kept], return_inverse=True)
    return np.array(nodes)[used], ends.reshape(-1, 2).astype(np.int64), np.array([entry[2] for entry in kept])


def _along(wall: BodyWall, points: NDArray[np.float64], segments: NDArray[np.int64]) -> list[NDArray[np.bool_]]:
    """Whether each segment lies in the body, at places from one of its ends to the other."""
    lengths = np.linalg.norm(points[segments[:, 1]] - points[segments[:, 0]], axis=1)
    counts = np.minimum(np.ceil(lengths / _STEP) + 1.0, _MOST_PLACES).astype(np.int64)
    places = [
        np.linspace(points[first], points[last], count) for (first, last), count in zip(segments, counts, strict=True)
    ]
    return np.split(wall.contains(np.concatenate(places)), np.cumsum(counts)[:-1])


def _rooted(
    path: Path,
    wall: BodyWall,
    points: NDArray[np.float64],
    segments: NDArray[np.int64],
    diameters: NDArray[np.float64],
) -> VeinNetwork:
    """The network with its exits, the segments of each tree from its root on."""
    count = len(points)
    trees, tree_of = connected_components(_links(segments, count), directed=False)
    if trees != count - len(segments):
        raise InputError(f"{path}: its veins close a loop; give trees, with the vein cut at one place of each loop")
    degree = np.bincount(segments.ravel(), minlength=count)
    exits: dict[int, float] = {}
    for (first, last), diameter in zip(segments.tolist(), diameters, strict=True):
        for end, before in ((first, last), (last, first)):
            if degree[end] != 1:
                continue
            if not wall.contains(points[end][None])[0]:
                exits[end] = diameter
                continue
            out = wall.exit(points[end], points[end] - points[before])
            if np.linalg.norm(out - points[end]) <= REACH:
                points[end], exits[end] = out, diameter
    if not exits:
        raise InputError(
            f"{path}: none of its veins leaves the body; let a line end outside, or within {REACH:g} mm of the wall"
        )
    if closed := set(tree_of.tolist()).difference(tree_of[list(exits)].tolist()):
        piece = segments[tree_of[segments[:, 0]] == min(closed)]
        length = np.linalg.norm(points[piece[:, 1]] - points[piece[:, 0]], axis=1).sum()
        left, depth, height = wall.vertebra.frame.fractions(points[piece].mean(axis=(0, 1)))
        raise InputError(
            f"{path}: a piece of {length:.1f} mm (left {left:.2f}, depth {depth:.2f}, height {height:.2f}) joins no "
            f"vein that leaves the body; let it share a point with one, lead it to within {REACH:g} mm of the wall, or "
            "leave it out"
        )
    sites = dict(zip(exits, wall.vein_sites(points[list(exits)]), strict=True))
    if barred := [end for end, site in sites.items() if site is None]:
        left, depth, height = wall.vertebra.frame.fractions(points[barred[0]])
        raise InputError(
            f"{path}: a vein leaves through an endplate (left {left:.2f}, depth {depth:.2f}, height {height:.2f}), "
            "where no veins run; end it inside or lead it to a wall"
        )
    named = {end: site for end, site in sites.items() if site is not None}
    by_rank = sorted(exits, key=lambda end: (named[end] != "basivertebral_foramen", -exits[end], end))
    order, turned = _order(segments, count, [*by_rank, *np.flatnonzero(degree == 1).tolist()])
    return VeinNetwork(points, turned, diameters[order], named)


def _order(segments: NDArray[np.int64], count: int, roots: list[int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of the segments tree by tree from its first root on, and the segments turned away from it."""
    links = _links(segments, count).tocsr()
    row_of = {frozenset(ends): row for row, ends in enumerate(segments.tolist())}
    order, turned, seen = [], [], np.zeros(count, dtype=bool)
    for root in roots:
        if seen[root]:
            continue
        nodes, before = breadth_first_order(links, root, directed=False)
        seen[nodes] = True
        for node in nodes[1:].tolist():
            turned.append((int(before[node]), node))
            order.append(row_of[frozenset(turned[-1])])
    return np.array(order, dtype=np.int64), np.array(turned, dtype=np.int64)


def _links(segments: NDArray[np.int64], count: int) -> coo_array:
    return coo_array((np.ones(len(segments)), segments.T), shape=(count, count))
