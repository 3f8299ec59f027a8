"""Cement put into the demo's CT comes back from it, by mask and by threshold, and leaves plausible bone behind."""

from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from meshes.demo_patient import DemoPatient
from meshes.errors import InputError
from meshes.scanned_cement import bone_under_cement, cement_by_threshold, read_cement_mask
from meshes.vertebra import Vertebra

CEMENT_HU = 2200.0


def near(
    vertebra: Vertebra, point: NDArray[np.float64], radius: float, voxels: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Voxels, by their LPS mm, within a distance of a point of the anatomical frame."""
    return np.linalg.norm(vertebra.frame.to_frame(voxels) - point, axis=-1) < radius


@pytest.fixture(scope="module")
def scan(demo_vertebra: Vertebra) -> tuple[Vertebra, NDArray[np.bool_]]:
    """The demo with 3 ml of cement in the body and a drop in the canal, and where they are."""
    ct, frame = demo_vertebra.ct, demo_vertebra.frame
    voxels = ct.to_world(np.moveaxis(np.indices(ct.values.shape), 0, -1))
    cement = near(demo_vertebra, frame.point(0.3, 0.35, 0.5), 9.0, voxels)
    cement |= near(demo_vertebra, frame.point(0.0, 1.15, 0.5), 3.0, voxels)
    return replace(demo_vertebra, ct=replace(ct, values=np.where(cement, CEMENT_HU, ct.values))), cement


def write(
    folder: Path, files: DemoPatient, vertebra: Vertebra, radius: float, step: int = 1, shift: float = 0.0
) -> Path:
    """A mask on the grid of the whole CT, or on every ``step``-th voxel of it, or shifted."""
    ct = nib.load(files.ct)
    affine = ct.affine @ np.diag([step, step, step, 1.0])
    index = np.moveaxis(np.indices(ct.shape)[:, ::step, ::step, ::step], 0, -1)
    lps = (index @ ct.affine[:3, :3].T + ct.affine[:3, 3]) * [-1.0, -1.0, 1.0]
    cement = near(vertebra, vertebra.frame.point(0.3, 0.35, 0.5), radius, lps)
    affine[:3, 3] += shift
    path = folder / "cement.nii.gz"
    nib.save(nib.Nifti1Image(cement.astype(np.uint8), affine), path)
    return path


def test_a_threshold_finds_the_cement_inside_and_outside(scan: tuple[Vertebra, NDArray[np.bool_]]) -> None:
    vertebra, truth = scan
    cement = cement_by_threshold(vertebra, 1500.0, 3071.0)
    assert cement.voxels[truth].all()
    assert (cement.voxels & ~truth).sum() < 0.05 * truth.sum()
    assert cement.inside == pytest.approx(4.0 / 3.0 * np.pi * 9.0**3, rel=0.05)
    assert cement.outside == pytest.approx((cement.voxels & ~vertebra.body).sum() * vertebra.ct.voxel_volume)
    assert cement.outside > 80.0


def test_a_mask_is_read_on_the_grid_of_the_whole_ct(
    demo_vertebra: Vertebra, demo_files: DemoPatient, tmp_path: Path
) -> None:
    cement = read_cement_mask(write(tmp_path, demo_files, demo_vertebra, 6.0), demo_vertebra)
    voxels = demo_vertebra.ct.to_world(np.moveaxis(np.indices(demo_vertebra.ct.values.shape), 0, -1))
    expected = near(demo_vertebra, demo_vertebra.frame.point(0.3, 0.35, 0.5), 6.0, voxels)
    assert np.array_equal(cement.voxels, expected)
    assert cement.outside == 0.0


def test_the_bone_under_the_cement_is_the_trabecular_median(
    scan: tuple[Vertebra, NDArray[np.bool_]], demo_vertebra: Vertebra
) -> None:
    vertebra, _ = scan
    bone = bone_under_cement(cement_by_threshold(vertebra, 1500.0, 3071.0), vertebra)
    assert bone.vertebra.ct.values[vertebra.body].max() < 1500.0
    changed = bone.vertebra.ct.values != vertebra.ct.values
    assert not (changed & ~ndimage.binary_dilation(vertebra.ct.values >= 1500.0)).any()
    assert (changed & ~vertebra.body).any()
    assert bone.volume == pytest.approx(4.0 / 3.0 * np.pi * 10.2**3, rel=0.1)  # one voxel of 1.5 mm around 9 mm
    middle = near(
        demo_vertebra,
        np.zeros(3),
        8.0,
        demo_vertebra.ct.to_world(np.moveaxis(np.indices(demo_vertebra.ct.values.shape), 0, -1)),
    )
    assert bone.value == pytest.approx(np.median(demo_vertebra.ct.values[middle]), abs=30.0)


@pytest.mark.parametrize(
    ("radius", "step", "shift", "sentence"),
    [
        (0.0, 1, 0.0, "is empty: all its voxels are 0"),
        (6.0, 2, 0.0, "different grids: the mask does not cover L3 and 8 mm around it"),
        (6.0, 1, 0.7, r"different grids: shifted by \(-0.70, -0.70, 0.70\) mm"),
    ],
)
def test_masks_that_cannot_be_used_are_refused(
    demo_vertebra: Vertebra,
    demo_files: DemoPatient,
    tmp_path: Path,
    radius: float,
    step: int,
    shift: float,
    sentence: str,
) -> None:
    path = write(tmp_path, demo_files, demo_vertebra, radius, step, shift)
    with pytest.raises(InputError, match=sentence):
        read_cement_mask(path, demo_vertebra)


def test_a_body_without_cement_is_refused(demo_vertebra: Vertebra) -> None:
    with pytest.raises(InputError, match="shows no cement in the body of L3"):
        cement_by_threshold(demo_vertebra, 2900.0, 3071.0)


def test_cement_that_leaves_no_trabecular_bone_is_refused(demo_vertebra: Vertebra) -> None:
    everything = replace(demo_vertebra, ct=replace(demo_vertebra.ct, values=np.full_like(demo_vertebra.ct.values, 2e3)))
    with pytest.raises(InputError, match="leaves 0 voxels of trabecular bone"):
        bone_under_cement(cement_by_threshold(everything, 1500.0, 3071.0), everything)
