"""What lies where around a vertebra, on the voxels of its heat: tissues, and the places whose temperatures are told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import csr_array
from scipy.spatial import cKDTree

from experiments.model.tissues import TissueMap
from experiments.results.parts.heat import HeatedTissue
from materials.surroundings import SpinalSurroundings
from meshes.box_grid import BoxGrid
from meshes.tetmesh import TetMesh
from meshes.vertebra import Vertebra

FloatArray = NDArray[np.float64]
Mask = NDArray[np.bool_]

TISSUES: tuple[HeatedTissue, ...] = get_args(HeatedTissue)
"""Tissues in their order: what fills a voxel besides cement, by the largest share."""

CENTRE = 3.0
"""mm around the middle of the cement that count as its centre (tag D)."""

_BEHIND = 6.0  # mm of box behind the canal
_LARGER = 0.5  # share from which a voxel counts as one of a kind


@dataclass(frozen=True)
class Surroundings:
    """The voxels around one vertebra.

    Attributes:
        grid: the voxels, in the anatomical frame.
        shares: (cells, n) what part of each cell of the body lies in each voxel.
        body: (n,) share of each voxel in the body.
        arch: (n,) share in the arch or in other vertebrae.
        outside: tissue -> voxels of it outside of the bones: epidural, neural, disc and soft.
        places: place -> voxels, of those that do not depend on where the cement is; no lesion where there is none.
    """

    grid: BoxGrid
    shares: csr_array
    body: FloatArray
    arch: FloatArray
    outside: dict[str, Mask]
    places: dict[str, Mask]

    @property
    def bone(self) -> FloatArray:
        """(n,) share of each voxel in bones."""
        return np.minimum(self.body + self.arch, 1.0)


def surroundings_of(
    vertebra: Vertebra, mesh: TetMesh, tissues: TissueMap, dimensions: SpinalSurroundings, spacing: float, margin: float
) -> Surroundings:
    """Lay the voxels around a body and tell what is in them.

    Args:
        vertebra: CT, masks and frame; a mask without an arch leaves soft tissue in its place.
        mesh: of the body, in its anatomical frame, with named facets.
        tissues: lesions among the cells.
        dimensions: of what no image shows.
        spacing: edge of the voxels in mm.
        margin: mm of tissue on all sides; behind the body as far as the canal reaches, and a little more.
    """
    low, high = mesh.points.min(axis=0), mesh.points.max(axis=0)
    behind = max(margin, dimensions.canal_depth + _BEHIND)
    grid = BoxGrid.around(low - margin, high + np.array([margin, behind, margin]), spacing)
    shares = grid.shares_of(mesh)
    body = np.minimum(shares.T @ mesh.cell_volumes / grid.voxel_volume, 1.0)
    arch = _share_of_mask(vertebra, vertebra.arch, grid) * (1.0 - body)
    free = (body + arch) < _LARGER
    places, outside = _outside(mesh, dimensions, grid, body >= _LARGER, free)
    lesions = [cells for name, cells in tissues.cells.items() if name.startswith("lesion_")]
    if lesions:
        volume = np.zeros(len(mesh.cells))
        volume[np.concatenate(lesions)] = mesh.cell_volumes[np.concatenate(lesions)]
        places["lesion"] = shares.T @ volume >= _LARGER * grid.voxel_volume
    # Beyond the discs lie other vertebrae.
    beyond = outside.pop("beyond")
    return Surroundings(grid, shares, body, np.where(beyond, 1.0, arch), outside, places)


def places_around(surroundings: Surroundings, cement: FloatArray, room: FloatArray) -> dict[str, Mask]:
    """Place -> voxels, with those that the cement decides.

    Args:
        surroundings: of the body.
        cement: (n,) mm3 of cement.
        room: (n,) mm3 that it could fill.
    """
    grid, body = surroundings.grid, surroundings.body >= _LARGER
    filled = cement > _LARGER * room
    places = {"cement": filled}
    inside = np.where(body, cement, 0.0)
    if inside.sum() > 0.0:
        middle = inside @ grid.centres / inside.sum()
        near = np.linalg.norm(grid.centres - middle, axis=1)
        places["centre"] = near <= max(CENTRE, near.min())
    beside = ndimage.binary_dilation(filled.reshape(grid.shape)).ravel()
    places["interface"] = beside & body & ~filled
    tissue = {name: members & ~filled for name, members in surroundings.places.items()}
    return {name: members for name, members in (places | tissue).items() if members.any()}


def tissue_numbers(surroundings: Surroundings) -> NDArray[np.int64]:
    """(n,) index in :data:`TISSUES` of what each voxel holds besides cement."""
    numbers = np.full(surroundings.grid.count, TISSUES.index("soft"))
    for name, members in surroundings.outside.items():
        numbers[members] = TISSUES.index(name)
    numbers[surroundings.bone >= _LARGER] = TISSUES.index("bone")
    if (lesion := surroundings.places.get("lesion")) is not None:
        numbers[lesion] = TISSUES.index("tumour")
    return numbers


def _share_of_mask(vertebra: Vertebra, mask: Mask, grid: BoxGrid) -> FloatArray:
    """(n,) share of each voxel of the grid in a mask on the voxels of the CT."""
    offsets = (np.arange(3) - 1.0) / 3.0 * grid.spacing
    samples = np.stack(np.meshgrid(*3 * [offsets], indexing="ij"), axis=-1).reshape(-1, 3)
    share = np.zeros(grid.count)
    for sample in samples:
        places = vertebra.ct.nearest_voxels(vertebra.frame.to_scanner(grid.centres + sample))
        inside = ((places >= 0) & (places < mask.shape)).all(axis=1)
        share[inside] += mask[tuple(places[inside].T)]
    return share / len(samples)


def _outside(
    mesh: TetMesh, dimensions: SpinalSurroundings, grid: BoxGrid, body: Mask, free: Mask
) -> tuple[dict[str, Mask], dict[str, Mask]]:
    """Places, and tissues outside of the bones, by where they lie beside the body's named walls."""
    centres, regions = grid.centres, mesh.facet_regions
    posterior = np.concatenate([regions["posterior_wall"], regions.get("basivertebral_foramen", np.empty(0, int))])
    wall = mesh.facet_centroids[posterior]
    back = _surface_height(wall[:, [0, 2]], wall[:, 1], centres[:, [0, 2]])
    behind, aside = centres[:, 1] - back, np.abs(centres[:, 0] - wall[:, 0].mean())
    canal = free & (behind > 0.0) & (behind < dimensions.canal_depth) & (aside < 0.5 * dimensions.canal_width)
    sac_half = 0.5 * (dimensions.canal_depth - dimensions.epidural_gap)
    sac = (
        ((behind - dimensions.epidural_gap - sac_half) / sac_half) ** 2
        + (aside / (0.5 * dimensions.canal_width - dimensions.epidural_gap)) ** 2
    ) < 1.0
    neural = canal & sac
    touching = ndimage.binary_dilation(~body.reshape(grid.shape)).ravel() & body
    places: dict[str, Mask] = {"canal": canal, "posterior_wall": _nearest_to(centres, wall, touching, grid.spacing)}
    disc, beyond = np.zeros(grid.count, dtype=bool), np.zeros(grid.count, dtype=bool)
    for end, way in (("superior", 1.0), ("inferior", -1.0)):
        plate = mesh.facet_centroids[regions[f"{end}_endplate"]]
        places[f"endplate_{end}"] = _nearest_to(centres, plate, touching, grid.spacing)
        height = way * (centres[:, 2] - _surface_height(plate[:, :2], plate[:, 2], centres[:, :2]))
        low, high = plate[:, :2].min(axis=0), plate[:, :2].max(axis=0)
        middle, half = 0.5 * (low + high), 0.5 * (high - low)
        over = (((centres[:, :2] - middle) / half) ** 2).sum(axis=1) < 1.0
        here = free & ~canal & over & (height > -grid.spacing)
        places[f"disc_{end}"] = here & (height < dimensions.disc_height)
        disc |= places[f"disc_{end}"]
        beyond |= here & (height >= dimensions.disc_height)
    for side in ("left", "right"):
        pedicle = mesh.facet_centroids[regions[f"{side}_pedicle"]]
        if not len(pedicle):
            continue
        root = np.array([pedicle[:, 0].mean(), pedicle[:, 1].max(), pedicle[:, 2].min()])
        root += 0.5 * dimensions.root_diameter * np.array([0.0, 0.5, -1.2])
        around = np.linalg.norm(centres - root, axis=1)
        here = free & (around < max(0.5 * dimensions.root_diameter, float(np.where(free, around, np.inf).min()) + 1e-9))
        places[f"nerve_root_{side}"] = here
        neural |= here
    disc &= ~neural
    epidural = canal & ~neural
    soft = free & ~canal & ~disc & ~beyond & ~neural
    return places, {"epidural": epidural, "neural": neural, "disc": disc, "soft": soft, "beyond": beyond}


def _surface_height(flat: FloatArray, height: FloatArray, points: FloatArray) -> FloatArray:
    """(n,) height over (n, 2) points of a wall given at (k, 2) places: that of the nearest of them."""
    _, nearest = cKDTree(flat).query(points)
    return height[nearest]


def _nearest_to(centres: FloatArray, wall: FloatArray, members: Mask, spacing: float) -> Mask:
    """Those of some voxels that lie at a wall, at most a voxel's diagonal away."""
    chosen = np.flatnonzero(members)
    distance, _ = cKDTree(wall).query(centres[chosen])
    result = np.zeros(len(centres), dtype=bool)
    result[chosen[distance < 1.2 * spacing]] = True
    return result
