"""What a CT would show of a finished run, and the truth behind it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyvista
from numpy.typing import NDArray
from scipy import ndimage

from experiments.case.schema import build_case
from experiments.export.leak_shapes import grown_leaks
from experiments.export.nifti import write_nifti
from experiments.model.patient import read_patient
from experiments.results.finished_case import FinishedCase
from experiments.results.grids import cells_around
from experiments.results.store import in_place_of
from materials.provenance import check_ranges, quantity
from meshes.errors import InputError
from meshes.images.image import Image
from meshes.images.regrid import whole_voxels
from meshes.images.units import HOUNSFIELD
from meshes.vertebra import Vertebra

REACH = 40.0
"""mm of CT around the vertebra that the image shows, as far as ``measure`` follows cement."""

FINE = 0.4
"""mm between the points at which cement is looked up, at most (tag D)."""

MARROW_HU = 0.0
"""CT number of the marrow that cement takes the place of: between fat, about -100, and blood, about 50 (tag M)."""

LOWEST_HU, HIGHEST_HU = -1024, 3071
"""CT numbers of scanners with 12 bits."""

SEED = 1
"""Of the noise: the same options give the same image."""

BODY, ARCH = 50, 41
"""Numbers of TPTBox subregions."""

FWHM = float(np.sqrt(8.0 * np.log(2.0)))
"""Width at half the height of a Gaussian over its standard deviation."""


@dataclass(frozen=True)
class Scanner:
    """A CT scanner and the cement's contrast.

    Attributes:
        cement: CT number of cement without bone.
        blur: width at half the height of the point-spread function by which cement is blurred; the bone of the CT
            has been through one already.
        noise: standard deviation that is added, independent from voxel to voxel.
        voxel: width of a voxel within a slice; None for the CT's own.
        slice: thickness of slices, which lie next to each other; None for the CT's own.
    """

    cement: float = quantity(
        3000.0,
        "HU",
        "upper end of 1500 to 3071 HU, cement with its barium in 585 vertebrae, 10.1186/s12891-022-05135-w",
        "D",
        1000.0,
        10000.0,
    )
    blur: float = quantity(1.0, "mm", "resolution of a standard body kernel within a slice", "M", 0.0, 5.0)
    noise: float = quantity(30.0, "HU", "thin slices of a spine", "M", 0.0, 500.0)
    voxel: float | None = quantity(None, "mm", "that of the CT", "D", 0.2, 3.0, optional=True)
    slice: float | None = quantity(None, "mm", "that of the CT", "D", 0.2, 3.0, optional=True)

    def __post_init__(self) -> None:
        """Check the ranges of the values."""
        check_ranges(self)


@dataclass(frozen=True)
class Scanned:
    """What a scanner shows of a case.

    Attributes:
        ct: HU.
        mask: 1 in the vertebra.
        parts: body and arch as TPTBox subregions.
        truth: what is in the image, and the scanner's settings.
    """

    ct: Image
    mask: Image
    parts: Image
    truth: dict[str, Any]


def scan_case(case: FinishedCase, scanner: Scanner | None = None) -> Scanned:
    """Scan a case at its last stored time.

    In a pore that cement fills, its CT number takes the place of marrow: HU = HU of the CT + porosity x saturation x
    (cement - marrow). Veins and leaks are full of cement alone. See :func:`experiments.export.leak_shapes.grown_leaks`
    for the shapes of leaks, of which a run knows the volume only.

    Raises:
        InputError: the case was measured in a CT, its CT is not in HU, or the patient's files cannot be read any more.
    """
    scanner = scanner or Scanner()
    if case.measured:
        raise InputError(f"{case.folder}: is a measured CT, not a run; its CT is ct.nii.gz in the folder")
    if case.image_units is not HOUNSFIELD:
        raise InputError(f"{case.folder}: its CT counts {case.image_units.symbol}; --as-ct needs one in HU")
    patient = _patient(case)
    volumes: dict[str, Any] = {}

    def cement(fine: Image) -> NDArray[np.float32]:
        added, known = _cement(case, patient, fine, scanner)
        volumes.update(known)
        return added

    seen = scan_vertebra(patient, scanner, cement)
    told = {"case": case.identity, "level": case.manifest.patient.level, "scanner": _settings(scanner, seen.ct)}
    return replace(seen, truth=told | volumes)


def scan_vertebra(patient: Vertebra, scanner: Scanner, cement: Callable[[Image], NDArray[np.float32]]) -> Scanned:
    """Scan a vertebra with cement that its CT does not show.

    Args:
        patient: CT in HU and masks.
        scanner: the scanner.
        cement: HU that cement adds at the points of a grid that is no coarser than :data:`FINE`.
    """
    old = patient.ct
    widths = [scanner.voxel or old.spacing[0], scanner.voxel or old.spacing[1], scanner.slice or old.spacing[2]]
    spacing = np.array(widths, dtype=float)
    grid = _grid(old, spacing)
    resample = [
        _overlaps(count, width, new, size)
        for count, width, new, size in zip(old.values.shape, old.spacing, grid.values.shape, spacing, strict=True)
    ]
    values = _averaged(old.values.astype(float), resample)
    body, arch = (_averaged(part.astype(float), resample) for part in (patient.body, patient.arch))
    values = values + _blurred(cement, grid, scanner)
    values += np.random.default_rng(SEED).normal(0.0, scanner.noise, values.shape)
    ct = replace(grid, values=np.clip(np.rint(values), LOWEST_HU, HIGHEST_HU).astype(np.int16))
    whole = body + arch >= 0.5
    parts = np.where(whole, np.where(body >= arch, BODY, ARCH), 0).astype(np.uint8)
    return Scanned(ct, replace(grid, values=whole.astype(np.uint8)), replace(grid, values=parts), {})


def _blurred(cement: Callable[[Image], NDArray[np.float32]], grid: Image, scanner: Scanner) -> NDArray[np.float64]:
    """(nx, ny, nz) HU that cement adds to the voxels of a grid, through the point-spread function."""
    parts = np.ceil(grid.spacing / FINE).astype(int)
    fine = _grid(grid, grid.spacing / parts)
    added = ndimage.gaussian_filter(cement(fine), scanner.blur / FWHM / fine.spacing)
    (nx, ny, nz), (kx, ky, kz) = grid.values.shape, parts
    return np.asarray(added.reshape(nx, kx, ny, ky, nz, kz).mean(axis=(1, 3, 5), dtype=float))


def write_scan(path: Path, case: FinishedCase, scanner: Scanner | None = None) -> list[Path]:
    """Write ``NAME.nii.gz``, and beside it ``NAME_mask.nii.gz``, ``NAME_subregions.nii.gz`` and ``NAME_truth.json``.

    All are made before any takes its place.

    Raises:
        InputError: see :func:`scan_case`; or the name does not end in .nii.gz, or one of the files is there already.
    """
    if not path.name.endswith(".nii.gz"):
        raise InputError(f"{path}: a CT is written as NIfTI; choose a name that ends in .nii.gz")
    stem = path.name.removesuffix(".nii.gz")
    paths = [path, *(path.with_name(f"{stem}_{part}") for part in ("mask.nii.gz", "subregions.nii.gz", "truth.json"))]
    for file in paths:
        if file.exists():
            raise InputError(f"{file}: is there already and is not replaced; choose a new name with -o")
    scanned = scan_case(case, scanner)
    with (
        in_place_of(paths[0]) as ct,
        in_place_of(paths[1]) as mask,
        in_place_of(paths[2]) as parts,
        in_place_of(paths[3]) as truth,
    ):
        write_nifti(ct, scanned.ct)
        write_nifti(mask, scanned.mask)
        write_nifti(parts, scanned.parts)
        truth.write_text(json.dumps(scanned.truth, indent=2) + "\n", encoding="utf-8")
    return paths


def _patient(case: FinishedCase) -> Vertebra:
    """The patient of the case with :data:`REACH` of CT, in which the run's own CT has its place."""
    asked = {name: value for name, value in case.manifest.case["patient"].items() if value is not None}
    asked = {"demo": True} if asked.get("demo") else asked
    patient = read_patient(build_case({"patient": asked}, str(case.folder)), REACH)
    own = case.ct()
    start = whole_voxels(patient.ct, own)
    if start is None:
        raise InputError(f"{case.folder}: the patient's CT lies on another grid than when the case ran; run it again")
    stop = start + own.values.shape
    low, high = np.maximum(start, 0), np.minimum(stop, patient.ct.values.shape)
    values = patient.ct.values.astype(np.float32)
    there = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    values[there] = own.values[tuple(slice(a, b) for a, b in zip(low - start, high - start, strict=True))]
    ct = replace(patient.ct, values=values)
    if case.results.fracture is not None:
        centres = case.frame.to_frame(ct.to_world(np.moveaxis(np.indices(values.shape), 0, -1).reshape(-1, 3)))
        body = (cells_around(case.mesh, pyvista.PolyData(centres)) >= 0).reshape(values.shape)
        return replace(patient, ct=ct, body=body, arch=patient.arch & ~body)
    return replace(patient, ct=ct)


def _cement(
    case: FinishedCase, patient: Vertebra, fine: Image, scanner: Scanner
) -> tuple[NDArray[np.float32], dict[str, Any]]:
    """(nx, ny, nz) HU that the cement of a run adds, and its volumes."""
    shape = fine.values.shape
    share = np.zeros(shape, dtype=np.float32)
    to_corner = case.frame.to_scanner(case.mesh.points)
    index = fine.to_indices(to_corner)
    low = np.maximum(np.floor(index.min(axis=0)).astype(int), 0)
    high = np.minimum(np.ceil(index.max(axis=0)).astype(int) + 1, shape)
    window = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    points = np.stack(np.meshgrid(*[np.arange(a, b) for a, b in zip(low, high, strict=True)], indexing="ij"), axis=-1)
    cells = cells_around(case.mesh, pyvista.PolyData(case.frame.to_frame(fine.to_world(points.reshape(-1, 3)))))
    inside = np.zeros(shape, dtype=bool)
    inside[window] = (cells >= 0).reshape(points.shape[:-1])
    saturation = case.saturation()
    pores = np.asarray(case.grid().cell_data["porosity"], dtype=float) * saturation
    share[window] = np.append(pores, 0.0)[cells].reshape(points.shape[:-1])
    in_veins = _fill_veins(case, fine, share)
    background = looked_up(patient.ct, fine)
    added = share * np.float32(scanner.cement - MARROW_HU)
    leaks: dict[str, dict[str, float]] = {}
    if case.injected and any(site.leaked_ml > 0.0 for site in case.leak_sites()):
        arch = looked_up(replace(patient.ct, values=patient.arch.astype(np.float32)), fine) >= 0.5
        depth = np.asarray(ndimage.distance_transform_edt(~inside, sampling=fine.spacing), dtype=np.float32)
        for site, taken in grown_leaks(case, fine, ~inside & ~arch & (share == 0.0), depth).items():
            added[taken] = np.float32(scanner.cement) - background[taken]
            leaked = next(found.leaked_ml for found in case.leak_sites() if found.site == site)
            leaks[site] = {"leaked_ml": leaked, "shown_ml": float(taken.sum()) * fine.voxel_volume / 1000.0}
    fill = case.results.fill
    volumes = {
        "body": {
            "occupied_ml": fill.occupied_ml,
            "occupied_by_side_ml": fill.occupied_by_side_ml,
            "occupied_by_third_ml": fill.occupied_by_third_ml,
            "cement_ml": float(pores @ case.mesh.cell_volumes) / 1000.0,
            "in_veins_ml": in_veins / 1000.0,
        },
        "leaks": leaks,
    }
    return added, json.loads(json.dumps(volumes, default=dict))


def _fill_veins(case: FinishedCase, fine: Image, share: NDArray[np.float32]) -> float:
    """Add the cement in veins to the share of cement of each point; mm3 that was added."""
    pieces = case.vein_cement()
    if pieces is None:
        return 0.0
    before = float(share.sum(dtype=float))
    for (start, end), diameter, filling in zip(pieces.ends, pieces.diameters, pieces.filling, strict=True):
        if filling <= 0.0:
            continue
        length, axis = float(np.linalg.norm(end - start)), (end - start) / np.linalg.norm(end - start)
        step = 0.5 * float(fine.spacing.min())
        rings = max(int(np.ceil(0.5 * diameter / step)), 1)
        first = np.cross(axis, np.eye(3)[np.abs(axis).argmin()])
        first /= np.linalg.norm(first)
        second = np.cross(axis, first)
        # equal areas: radii in the middle of rings, each with the same number of directions
        radii = 0.5 * diameter * np.sqrt((np.arange(rings) + 0.5) / rings)
        angles = np.linspace(0.0, 2.0 * np.pi, 6 * rings, endpoint=False)
        disc = (radii[:, None, None] * (np.cos(angles)[:, None] * first + np.sin(angles)[:, None] * second)).reshape(
            -1, 3
        )
        count = max(int(np.ceil(length / step)), 1)
        line = start + (np.arange(count) + 0.5)[:, None] / count * (end - start)
        voxels = fine.nearest_voxels(case.frame.to_scanner((line[:, None] + disc).reshape(-1, 3)))
        kept = ((voxels >= 0) & (voxels < share.shape)).all(axis=1)
        volume = 0.25 * np.pi * diameter**2 * length * filling
        np.add.at(share, tuple(voxels[kept].T), np.float32(volume / fine.voxel_volume / len(voxels)))
    np.clip(share, 0.0, 1.0, out=share)
    return (float(share.sum(dtype=float)) - before) * fine.voxel_volume


def _grid(image: Image, spacing: NDArray[np.float64]) -> Image:
    """Voxels of another size in the place of an image, from the outer corner of its first voxel on."""
    counts = np.floor(np.array(image.values.shape) * image.spacing / spacing + 1e-6).astype(int)
    affine = image.affine.copy()
    affine[:3, :3] *= spacing / image.spacing
    affine[:3, 3] = image.to_world(0.5 * spacing / image.spacing - 0.5)
    return Image(np.broadcast_to(np.float32(0.0), tuple(counts)), affine)


def _overlaps(count: int, width: float, new_count: int, new_width: float) -> NDArray[np.float64]:
    """(new_count, count) share of each new voxel in each old one, along one axis."""
    old, new = width * np.arange(count), new_width * np.arange(new_count)[:, None]
    shared = np.minimum(old + width, new + new_width) - np.maximum(old, new)
    return np.maximum(shared, 0.0) / new_width


def _averaged(values: NDArray[np.float64], weights: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Means over the new voxels."""
    return np.einsum("ai,bj,ck,ijk->abc", *weights, values, optimize=True)


def looked_up(image: Image, fine: Image) -> NDArray[np.float32]:
    """The image's values at the points of a grid along its axes, that of the voxel around each."""
    axes = []
    for axis, count in enumerate(fine.values.shape):
        index = np.zeros((count, 3))
        index[:, axis] = np.arange(count)
        found = image.nearest_voxels(fine.to_world(index))[:, axis]
        axes.append(np.clip(found, 0, image.values.shape[axis] - 1))
    return image.values[np.ix_(*axes)].astype(np.float32)


def _settings(scanner: Scanner, grid: Image) -> dict[str, Any]:
    names = {"cement": "cement_hu", "blur": "blur_mm", "noise": "noise_hu"}
    given = asdict(scanner)
    return {**{shown: given[name] for name, shown in names.items()}, "voxel_mm": grid.spacing.tolist(), "seed": SEED}
