"""Images that say the same in unusual words give the same vertebra."""

from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from damage import with_header
from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform
from numpy.typing import NDArray

from meshes.demo_patient import DemoPatient
from meshes.vertebra import Vertebra, read_vertebra

Writer = Callable[[nib.Nifti1Image, Path], Path]


def rewritten(values: NDArray, image: nib.Nifti1Image, path: Path) -> Path:
    nib.save(nib.Nifti1Image(values, image.affine), path)
    return path


def in_order(order: str) -> Writer:
    def write(image: nib.Nifti1Image, path: Path) -> Path:
        turned = image.as_reoriented(ornt_transform(io_orientation(image.affine), axcodes2ornt(order)))
        nib.save(turned, path)
        return path

    return write


def four_dimensional(image: nib.Nifti1Image, path: Path) -> Path:
    return rewritten(np.asanyarray(image.dataobj)[..., None], image, path)


def as_float64(image: nib.Nifti1Image, path: Path) -> Path:
    return rewritten(image.get_fdata(), image, path)


def big_endian(image: nib.Nifti1Image, path: Path) -> Path:
    swapped = nib.Nifti1Image(np.asanyarray(image.dataobj), image.affine, nib.Nifti1Header(endianness=">"))
    nib.save(swapped, path)
    assert path.read_bytes()[:4] == (348).to_bytes(4, "big")
    return path


def nifti_2(image: nib.Nifti1Image, path: Path) -> Path:
    nib.save(nib.Nifti2Image(np.asanyarray(image.dataobj), image.affine), path)
    return path


def with_slope(image: nib.Nifti1Image, path: Path) -> Path:
    """Stored in int16 as 2 (value + 1024)."""
    stored = (2 * (np.asanyarray(image.dataobj).astype(np.int16) + 1024)).astype(np.int16)
    raw = rewritten(stored, image, path).read_bytes()
    path.write_bytes(with_header(raw, {("scl_slope", 0): 0.5, ("scl_inter", 0): -1024.0}))
    return path


def qform_alone(image: nib.Nifti1Image, path: Path) -> Path:
    """A voxel order with qfac = -1, told by the quaternion only."""
    other = nib.Nifti1Image(np.asanyarray(image.dataobj), None)
    other.set_qform(image.affine, code=1)
    other.set_sform(None, code=0)
    nib.save(other, path)
    return path


def negative_voxel_sizes(image: nib.Nifti1Image, path: Path) -> Path:
    raw = rewritten(np.asanyarray(image.dataobj), image, path).read_bytes()
    path.write_bytes(with_header(raw, {("pixdim", axis): -1.5 for axis in (1, 2, 3)}))
    return path


WRITERS: dict[str, Writer] = {
    "flipped axes": in_order("LPS"),
    "left-handed axes": in_order("SAL"),
    "4-D with one frame": four_dimensional,
    "float64": as_float64,
    "big-endian": big_endian,
    "NIfTI-2": nifti_2,
    "slope and intercept": with_slope,
    "qform alone": qform_alone,
    "negative voxel sizes": negative_voxel_sizes,
}


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_unusual_files_give_the_same_vertebra(
    write: Writer, demo_files: DemoPatient, demo_vertebra: Vertebra, tmp_path: Path
) -> None:
    ct, mask, parts = (
        write(nib.load(getattr(demo_files, name)), tmp_path / f"{name}.nii") for name in ("ct", "mask", "subregions")
    )
    other = read_vertebra(ct, mask, demo_files.level, demo_files.labels, parts)
    np.testing.assert_array_equal(other.ct.values, demo_vertebra.ct.values)
    np.testing.assert_array_equal(other.body, demo_vertebra.body)
    np.testing.assert_allclose(other.ct.affine, demo_vertebra.ct.affine, atol=1e-4)
    np.testing.assert_allclose(other.frame.matrix, demo_vertebra.frame.matrix, atol=1e-4)


def test_an_oblique_patient_has_the_same_body_elsewhere(
    rewrite: Callable[..., DemoPatient], demo_vertebra: Vertebra, tmp_path: Path
) -> None:
    c, s = np.cos(0.3), np.sin(0.3)
    rotation = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]]) @ np.array(
        [[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]]
    )
    files = rewrite(tmp_path, rotation=rotation)
    other = read_vertebra(files.ct, files.mask, files.level, files.labels, files.subregions)
    assert other.body_volume == pytest.approx(demo_vertebra.body_volume, rel=1e-6)
    in_lps = np.diag([-1.0, -1.0, 1.0]) @ rotation @ np.diag([-1.0, -1.0, 1.0])
    np.testing.assert_allclose(other.frame.origin, in_lps @ demo_vertebra.frame.origin, atol=1e-3)
    np.testing.assert_allclose(other.frame.axes, demo_vertebra.frame.axes @ in_lps.T, atol=0.02)
