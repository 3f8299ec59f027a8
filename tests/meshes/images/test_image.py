from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK

from meshes.errors import InputError
from meshes.images.image import Image, canonical_image, check_same_grid, read_ct, read_mask
from meshes.images.units import DENSITY

SHAPE = (6, 7, 8)


def hounsfield(shape=SHAPE) -> np.ndarray:
    return np.linspace(-900, 1200, int(np.prod(shape))).reshape(shape).astype(np.int16)


def save(path: Path, values: np.ndarray, affine: np.ndarray | None = None) -> Path:
    nib.save(nib.Nifti1Image(values, np.diag([1.0, 1.0, 2.0, 1.0]) if affine is None else affine), path)
    return path


def test_voxel_centres_keep_their_place_in_the_patient(tmp_path):
    affine = np.array([[0, 0, 1.5, -78], [-1.25, 0, 0, -135], [0, -2.0, 0, -34], [0, 0, 0, 1.0]])
    values = hounsfield()
    image = read_ct(save(tmp_path / "pir.nii.gz", values, affine))
    assert image.values.shape == (8, 6, 7)
    np.testing.assert_allclose(image.spacing, [1.5, 1.25, 2.0])
    np.testing.assert_allclose(np.diag(image.affine)[:3], image.spacing)
    for stored in ((0, 0, 0), (5, 2, 7), (1, 6, 3)):
        right, anterior, superior = affine[:3, :3] @ stored + affine[:3, 3]
        found = np.rint(image.to_indices(np.array([-right, -anterior, superior]))).astype(int)
        assert image.values[tuple(found)] == values[stored]


def test_crop_stays_where_it_was():
    image = canonical_image(hounsfield(), np.array([[0, 0, -1, 4], [1, 0, 0, 9], [0, 2, 0, 7], [0, 0, 0, 1.0]]))
    part = image.crop((slice(1, 4), slice(2, 5), slice(3, 6)))
    assert part.values[1, 0, 2] == image.values[2, 2, 5]
    np.testing.assert_allclose(part.to_world(np.array([1, 0, 2])), image.to_world(np.array([2, 2, 5])))
    np.testing.assert_allclose(part.to_indices(part.to_world(np.array([[[1.5, 0, 2]]]))), [[[1.5, 0, 2]]], atol=1e-12)


def test_missing_and_damaged_files(tmp_path, demo_files):
    with pytest.raises(InputError, match=r"CT .*nowhere.nii.gz does not exist"):
        read_ct(tmp_path / "nowhere.nii.gz")
    with pytest.raises(InputError, match="does not exist"):
        read_mask(tmp_path / "nowhere.nii.gz")
    cut = tmp_path / "cut.nii.gz"
    cut.write_bytes(demo_files.ct.read_bytes()[:50_000])
    with pytest.raises(InputError, match=r"cut.nii.gz is damaged or cut short"):
        read_ct(cut)
    text = tmp_path / "text.nii.gz"
    text.write_text("no image at all")
    with pytest.raises(InputError, match="is not a readable NIfTI file"):
        read_ct(text)
    with pytest.raises(InputError, match="is a folder; give one file: NIfTI"):
        read_mask(tmp_path)


@pytest.mark.parametrize("place", [-200, -6], ids=["content", "check sum"])
def test_a_flipped_byte_is_found(place, tmp_path):
    path = save(tmp_path / "ct.nii.gz", np.random.default_rng(1).integers(-900, 1200, (40, 40, 40)).astype(np.int16))
    read_ct(path)
    raw = bytearray(path.read_bytes())
    raw[place] ^= 0x10
    path.write_bytes(raw)
    with pytest.raises(InputError, match=r"ct.nii.gz is damaged or cut short"):
        read_ct(path)


def test_only_one_volume_of_numbers_with_an_orientation(tmp_path):
    with pytest.raises(InputError, match=r"is 6 x 7 x 8 x 2; one 3-D volume"):
        read_ct(save(tmp_path / "four.nii", hounsfield((*SHAPE, 2))))
    with pytest.raises(InputError, match="colours or complex numbers"):
        read_ct(save(tmp_path / "colour.nii", hounsfield().astype(np.complex64)))
    nowhere = nib.Nifti1Image(hounsfield(), None)
    nowhere.header["qform_code"] = nowhere.header["sform_code"] = 0
    nib.save(nowhere, tmp_path / "nowhere.nii")
    with pytest.raises(InputError, match="does not say where left and right are"):
        read_ct(tmp_path / "nowhere.nii")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.clip(hounsfield() / 8, 0, 255).astype(np.uint8), r"from 0 to 150 \(uint8\), as an 8-bit or rescaled image"),
        ((hounsfield() + 1024).astype(np.uint16), r"from 124 to 2224 \(uint16\).*rescale slope and intercept"),
        (hounsfield() / 4000, r"from -0.225 to 0.3 .*above 200 HU"),
        (hounsfield() * 100.0, r"from -90000 to 120000 .*HU lie between -8192 and 32767"),
        (np.where(hounsfield() > 1100, np.nan, hounsfield()), r"NaN or infinite values \(4.7.* % of the voxels\)"),
        (np.where(hounsfield() > 1100, np.inf, hounsfield()), "NaN or infinite values"),
    ],
)
def test_values_that_are_no_hounsfield_units(tmp_path, values, message):
    with pytest.raises(InputError, match=message):
        read_ct(save(tmp_path / "ct.nii.gz", values))


def test_a_calibrated_image_keeps_its_densities_and_may_be_empty_outside(tmp_path):
    density = np.maximum(0.8 * hounsfield(), 0.0)
    path = save(tmp_path / "ct.nii.gz", density)
    np.testing.assert_array_equal(read_ct(path, DENSITY).values, np.float32(density)[::-1, ::-1])
    with pytest.raises(InputError, match=r'from 0 to 960 .*or set bone\.units = "mg/cm3" where these are densities'):
        read_ct(path)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.clip(hounsfield() / 8, 0, 255).astype(np.uint8), "not in mg/cm3: .*8-bit or rescaled image or a mask"),
        (0.8e-3 * hounsfield(), r"from -0.72 to 0.96 .*reaches above 160 mg/cm3; export the calibrated image"),
        (hounsfield() * 100.0, r"mg/cm3 lie between -6553.6 and 26213.6"),
        (np.where(hounsfield() > 1100, np.nan, hounsfield()), "every voxel needs its mg/cm3"),
    ],
)
def test_values_that_are_no_densities(tmp_path, values, message):
    with pytest.raises(InputError, match=message):
        read_ct(save(tmp_path / "ct.nii.gz", values), DENSITY)


def test_grids_that_cannot_be_used(tmp_path):
    def affine(**entries):
        matrix = np.diag([1.0, 1.0, 1.0, 1.0])
        for place, value in entries.items():
            matrix[int(place[1]), int(place[2])] = value
        return matrix

    with pytest.raises(InputError, match=r"slices 5.00 mm apart; at most 3 mm"):
        read_ct(save(tmp_path / "thick.nii", hounsfield(), affine(a22=5.0)))
    assert read_ct(save(tmp_path / "three.nii", hounsfield(), affine(a22=3.0))).spacing[2] == 3.0
    with pytest.raises(InputError, match=r"sheared grid \(two voxel axes meet at 78.7 degrees"):
        read_ct(save(tmp_path / "sheared.nii", hounsfield(), affine(a12=0.2)))
    with pytest.raises(InputError, match=r"singular affine \(voxel spacing 1 x 1 x 1 mm\)"):
        read_ct(save(tmp_path / "singular.nii", hounsfield(), affine(a22=0.0, a02=1.0)))
    # nibabel cannot write a zero spacing as a file, so it is put into the header's bytes.
    zero = nib.load(save(tmp_path / "zero.nii", hounsfield()))
    zero.header["srow_z"], zero.header["vox_offset"] = 0.0, 352
    raw = bytearray((tmp_path / "zero.nii").read_bytes())
    raw[: len(zero.header.binaryblock)] = zero.header.binaryblock
    (tmp_path / "zero.nii").write_bytes(raw)
    with pytest.raises(InputError, match=r"singular affine \(voxel spacing 1 x 1 x 0 mm\)"):
        read_ct(tmp_path / "zero.nii")


def test_masks_hold_whole_numbers(tmp_path):
    labels = np.zeros(SHAPE, dtype=np.float32)
    labels[2:4] = 22
    read = read_mask(save(tmp_path / "whole.nii", labels))
    assert read.values.dtype == np.uint8
    assert set(np.unique(read.values)) == {0, 22}
    labels[0, 0, 0] = 21.4
    with pytest.raises(InputError, match=r"values such as 21.4; labels must be whole numbers"):
        read_mask(save(tmp_path / "interpolated.nii", labels))
    labels[0, 0, 0] = np.nan
    with pytest.raises(InputError, match="NaN or infinite"):
        read_mask(save(tmp_path / "nan.nii", labels))
    with pytest.raises(InputError, match=r"values from -900 to 1200; labels"):
        read_mask(save(tmp_path / "ct.nii", hounsfield()))


def test_grids_are_compared_in_the_world(tmp_path):
    ct = canonical_image(hounsfield(), np.diag([1.0, 1.0, 2.0, 1.0]), Path("ct.nii"))

    def mask(shape=SHAPE, affine=None) -> Image:
        affine = np.diag([1.0, 1.0, 2.0, 1.0]) if affine is None else affine
        return canonical_image(np.zeros(shape, dtype=np.int32), affine, Path("mask.nii"))

    flipped = np.diag([-1.0, 1.0, 2.0, 1.0])
    flipped[0, 3] = SHAPE[0] - 1
    check_same_grid(ct, mask(affine=flipped))
    single_precision = np.diag([1.0, 1.0, 2.0, 1.0])
    single_precision[:3, 3] = 1e-3
    check_same_grid(ct, mask(affine=single_precision))

    shifted = np.diag([1.0, 1.0, 2.0, 1.0])
    shifted[1, 3] = 1.5
    with pytest.raises(InputError, match=r"different grids: shifted by \(0.00, -1.50, 0.00\) mm in LPS"):
        check_same_grid(ct, mask(affine=shifted))
    with pytest.raises(InputError, match=r"6 x 7 x 9 against 6 x 7 x 8 voxels"):
        check_same_grid(ct, mask(shape=(6, 7, 9)))
    with pytest.raises(InputError, match=r"voxels of 1 x 1 x 1.9 mm against 1 x 1 x 2 mm"):
        check_same_grid(ct, mask(affine=np.diag([1.0, 1.0, 1.9, 1.0])))
    c, s = np.cos(0.1), np.sin(0.1)
    turned = np.array([[c, -s, 0, 0], [s, c, 0, 0], [0, 0, 2, 0], [0, 0, 0, 1.0]])
    with pytest.raises(InputError, match="axes point differently"):
        check_same_grid(ct, mask(affine=turned))


def write_series(folder: Path, heights: list[float]) -> None:
    folder.mkdir()
    writer = SimpleITK.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    for k, height in enumerate(heights):
        piece = SimpleITK.GetImageFromArray((np.arange(20).reshape(1, 4, 5) * 100 - 900 + k).astype(np.int16))
        piece.SetSpacing((0.8, 0.9, 2.0))
        tags = {
            "0008|0060": "CT",
            "0020|000d": "1.2.3",
            "0020|000e": "1.2.3.4",
            "0008|0018": f"1.2.3.4.{k + 1}",
            "0020|0013": str(k + 1),
            "0020|0032": f"10\\20\\{height}",
            "0020|0037": "1\\0\\0\\0\\1\\0",
            "0028|1052": "0",
            "0028|1053": "1",
        }
        for tag, value in tags.items():
            piece.SetMetaData(tag, value)
        writer.SetFileName(str(folder / f"{k}.dcm"))
        writer.Execute(piece)


def test_dicom_series(tmp_path):
    write_series(tmp_path / "whole", [30.0, 32.0, 34.0])
    image = read_ct(tmp_path / "whole")
    assert image.values.shape == (5, 4, 3)
    np.testing.assert_allclose(image.affine, [[0.8, 0, 0, 10], [0, 0.9, 0, 20], [0, 0, 2, 30], [0, 0, 0, 1]], atol=1e-9)
    assert image.values[3, 2, 1] == 13 * 100 - 900 + 1
    write_series(tmp_path / "gap", [30.0, 32.0, 36.0])
    with pytest.raises(InputError, match=r"slices 2.00 to 4.00 mm apart; slices are missing"):
        read_ct(tmp_path / "gap")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no DICOM series"):
        read_ct(tmp_path / "empty")
