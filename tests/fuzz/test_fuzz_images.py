"""Damaged NIfTI files are refused in one sentence, or read as an independent reader reads them."""

import gzip
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import SimpleITK
from damage import DamagedFile, header_damage, nifti_files, splice, with_header
from outcomes import READING_LIMIT, Tally, campaign, explore, limited
from phantom import PhantomFiles

from meshes.errors import InputError
from meshes.images.image import Image, read_ct, read_mask


def check_against_itk(image: Image, path: Path) -> None:
    """Every 97th voxel has the place in the world and the value that ITK gives it."""
    # ITK's own zlib may stop early beside the one of PETSc in this process, and ITK mirrors an axis whose voxel size is
    # negative, a sign that the sform makes meaningless.
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    stored = type(nib.load(path).header).from_fileobj(io.BytesIO(raw), check=False)
    sizes = {("pixdim", axis): abs(stored["pixdim"][axis]) for axis in (1, 2, 3)}
    path = path.with_name("positive.nii")
    path.write_bytes(with_header(raw, sizes, stored.endianness))
    other = SimpleITK.ReadImage(str(path))
    if other.GetDimension() == 4:
        other = other[:, :, :, 0]
    values = SimpleITK.GetArrayFromImage(other).transpose(2, 1, 0)
    assert sorted(values.shape) == sorted(image.values.shape)
    indices = np.stack(np.unravel_index(np.arange(0, values.size, 97), values.shape), axis=1)
    points = np.array([other.TransformIndexToPhysicalPoint(index) for index in indices.tolist()])
    found = image.to_indices(points)
    np.testing.assert_allclose(found, np.rint(found), atol=0.12)
    places = tuple(np.rint(found).astype(int).T)
    np.testing.assert_allclose(image.values[places], values[tuple(indices.T)], rtol=1e-5, atol=1e-3)


@campaign(60, 2500)
@pytest.mark.parametrize("kind", ["ct", "mask"])
def test_damaged_images(inputs: int, kind: str, tally: Tally, phantom: PhantomFiles, tmp_path: Path) -> None:
    raw = getattr(phantom, kind).read_bytes()
    read: Callable[[Path], Image] = read_ct if kind == "ct" else read_mask

    def check(damaged: DamagedFile) -> None:
        path = tmp_path / f"image{damaged.ending}"
        path.write_bytes(damaged.content(raw))
        image = tally.attempt(lambda: read(path))
        if image is not None:
            assert np.isfinite(image.values).all()
            check_against_itk(image, path)

    explore(inputs, nifti_files(), check)


def header(**fields: Any) -> DamagedFile:
    """A file in which the header says something else; ``dim_3`` is entry 3 of dim."""
    split = {name: name.rpartition("_") for name in fields}
    changes = {
        (name, 0) if not split[name][2].isdecimal() else (split[name][0], int(split[name][2])): value
        for name, value in fields.items()
    }
    return DamagedFile(".nii", (header_damage(changes),))


FOUND = {
    "voxels start later": (header(vox_offset=368), "it holds .* bytes, but its header describes"),
    "voxels start in the header": (header(vox_offset=0), "it holds .* bytes, but its header describes"),
    "fewer slices": (header(dim_3=21), "it holds .* bytes, but its header describes"),
    "smaller numbers": (header(datatype=2, bitpix=8), "it holds .* bytes, but its header describes"),
    "foreign end": (DamagedFile(".nii", (splice(-1, 0, b"end"),)), "it holds .* bytes, but its header describes"),
    "terabytes": (header(dim_1=32767, dim_2=32767, dim_3=1000), "voxels by its header; at most 1073741824 are read"),
    "a gigabyte in a small file": (
        DamagedFile(".nii.gz", (header_damage({("dim", axis): 1000 for axis in (1, 2, 3)}),)),
        "it holds .* bytes, but its header describes",
    ),
    "metres": (header(xyzt_units=1), "gives its lengths in metres by its header; mm are needed"),
    "qform beside the sform": (header(qform_code=1, qoffset_x=0.0), "two grids: its sform and its qform differ"),
    "voxel size beside the sform": (header(pixdim_3=2.5), "two grids: its sform and its pixdim differ"),
    "unknown code": (header(qform_code=32767), "has qform_code = 32767; NIfTI knows 0 to 5"),
    "no quaternion": (header(qform_code=1, quatern_b=-1.0), "is not a readable NIfTI file"),
    "far away": (header(srow_x_3=1e9), "lies 1e[+]09 mm from the scanner's origin"),
    "overflow": (header(scl_slope=3e38), "HU lie between -8192 and 32767"),
    "other compression": (DamagedFile(".nii.bz2", (), mislabelled=True), "does not end in .nii or .nii.gz"),
}
"""Header or file that was read wrongly, without a limit or with a traceback -> what refuses it."""


@pytest.mark.parametrize(("damaged", "expected"), FOUND.values(), ids=FOUND)
def test_what_the_campaign_has_found_is_refused(
    damaged: DamagedFile, expected: str, phantom: PhantomFiles, tmp_path: Path
) -> None:
    path = tmp_path / f"image{damaged.ending}"
    path.write_bytes(damaged.content(phantom.ct.read_bytes()))
    with pytest.raises(InputError, match=expected):
        read_ct(path)


def test_a_pipe_is_no_image(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "mask.nii")
    with limited(READING_LIMIT), pytest.raises(InputError, match="is no file; give one NIfTI file"):
        read_mask(tmp_path / "mask.nii")
