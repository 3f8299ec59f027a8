"""The images of virtual vertebrae: what a case file reads in the place of a scan."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

from experiments.cohorts.virtual_patient import VirtualVertebra
from experiments.export.nifti import write_nifti
from materials.bone import LinearCalibration
from meshes.body_heights import body_heights
from meshes.demo_patient import demo_patient
from meshes.images.image import Image
from meshes.modelled_vertebra import ARCH, BODY, VertebraShape, even_bone, modelled_vertebra
from meshes.vertebra import Vertebra, read_vertebra

SPACING = 1.0
"""mm between the voxels of modelled vertebrae (tag D)."""

SHELL = 0.35 * 800.0
"""Mineral of a modelled shell beyond the bone inside, in mg/cm3 mm: 0.35 mm of 800 mg/cm3 (tag M)."""

CORE = 5.0
"""mm below the surface from which on the demo's bone counts as its trabecular bone (tag D)."""

_TAIL = 5e-4  # of the voxels beyond which none counts for a dimension


def body_tables(vertebra: VirtualVertebra, folder: Path) -> dict[str, Any]:
    """The tables ``[patient]`` and ``[bone]`` of a virtual vertebra; its images are written where they are missing.

    Equal arguments give equal files, byte for byte.

    Args:
        vertebra: what it is like.
        folder: for the images of the cohort.
    """
    own = folder / f"{vertebra.patient:05d}_{vertebra.number}"
    paths = {role: own / f"{role}.nii.gz" for role in ("ct", "mask")}
    image, mask = _demo_images(vertebra.shape) if vertebra.real else _modelled_images(vertebra)
    own.mkdir(parents=True, exist_ok=True)
    for role, values in (("ct", image), ("mask", mask)):
        if not paths[role].exists():
            part = paths[role].with_name(f"{role}.part.nii.gz")
            write_nifti(part, values)
            part.replace(paths[role])
    bone: dict[str, Any] = {
        "heterogeneity_sd": vertebra.heterogeneity_sd,
        "heterogeneity_length_mm": vertebra.heterogeneity_length,
        "heterogeneity_seed": vertebra.heterogeneity_seed,
    }
    if vertebra.real:
        bone["hu_intercept_mg_per_cm3"] = vertebra.density - demo_density()
    else:
        bone["units"] = "mg/cm3"
    patient = {
        **{role: str(path.resolve()) for role, path in paths.items()},
        "level": vertebra.level,
        "body_labels": [BODY],
        "arch_labels": [ARCH],
        "age_years": round(vertebra.age, 1),
    }
    return {"patient": patient, "bone": bone}


@cache
def demo_density() -> float:
    """Mean density in mg/cm3 of the demo's bone in the core of its body, by the default calibration."""
    vertebra = _demo_vertebra()
    depth = ndimage.distance_transform_edt(vertebra.body, sampling=vertebra.ct.spacing)
    return 1000.0 * float(LinearCalibration().density(vertebra.ct.values[depth > CORE]).mean())


@cache
def demo_dimensions() -> tuple[float, float, float]:
    """Width, depth and height in mm of the demo's body, measured as those of the virtual ones are meant.

    Width and depth are the largest, the height is the mean of the anterior and the posterior one.
    """
    vertebra = _demo_vertebra()
    return body_dimensions(vertebra)


def body_dimensions(vertebra: Vertebra) -> tuple[float, float, float]:
    """Largest width and depth, and the mean of anterior and posterior height of a body, in mm."""
    voxels = vertebra.frame.to_frame(vertebra.ct.to_world(np.argwhere(vertebra.body)))[:, :2]
    low, high = np.quantile(voxels, [_TAIL, 1.0 - _TAIL], axis=0)
    width, depth = high - low + vertebra.ct.spacing[:2]
    heights = body_heights(vertebra.body, vertebra.ct, vertebra.frame)
    return float(width), float(depth), 0.5 * (heights.anterior + heights.posterior)


def _modelled_images(vertebra: VirtualVertebra) -> tuple[Image, Image]:
    mask = modelled_vertebra(vertebra.shape, SPACING)
    return even_bone(mask, vertebra.density, SHELL), mask


def _demo_images(shape: VertebraShape) -> tuple[Image, Image]:
    """CT and mask of the demo's L3 with its dimensions brought to those of ``shape``.

    The voxels keep their values and change their spacing, so that nothing is smoothed. They lie within four degrees of
    the anatomical axes, which leaves dimensions right to half a percent.
    """
    vertebra = _demo_vertebra()
    wanted = (shape.width, shape.depth, shape.height)
    factors = [asked / own for asked, own in zip(wanted, demo_dimensions(), strict=True)]
    affine = vertebra.ct.affine @ np.diag([*factors, 1.0])
    labels = np.where(vertebra.body, BODY, np.where(vertebra.arch, ARCH, 0)).astype(np.uint8)
    return Image(np.rint(vertebra.ct.values).astype(np.int16), affine), Image(labels, affine)


@cache
def _demo_vertebra() -> Vertebra:
    demo = demo_patient()
    return read_vertebra(demo.ct, demo.mask, demo.level, demo.labels, demo.subregions)
