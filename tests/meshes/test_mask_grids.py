"""The demo patient with its masks in other formats and on other grids."""

from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import nrrd
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from meshes.demo_patient import DemoPatient
from meshes.errors import InputError
from meshes.scanned_cement import read_cement_mask
from meshes.vertebra import Vertebra, read_vertebra

RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0])
NAMES = {21: "L2", 22: "L3", 23: "L4"}


def dice(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    return 2.0 * float((one & other).sum() / (one.sum() + other.sum()))


@pytest.fixture(scope="module")
def stored(demo_files: DemoPatient) -> nib.Nifti1Image:
    return nib.load(demo_files.mask)


def write_segments(path: Path, values: NDArray, affine: NDArray, names: dict[int, str]) -> Path:
    header = {
        "space": "left-posterior-superior",
        "space directions": (RAS_TO_LPS @ affine[:3, :3]).T,
        "space origin": RAS_TO_LPS @ affine[:3, 3],
        "encoding": "gzip",
    }
    for index, (number, name) in enumerate(names.items()):
        header |= {f"Segment{index}_Name": name, f"Segment{index}_LabelValue": str(number)}
    nrrd.write(str(path), values, header)
    return path


def read(files: DemoPatient, mask: Path, **options: object) -> Vertebra:
    return read_vertebra(files.ct, mask, "L3", subregions=files.subregions, **options)


def cropped(image: nib.Nifti1Image, window: tuple[slice, ...]) -> tuple[NDArray, NDArray]:
    affine = image.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ [part.start or 0 for part in window]
    return np.asanyarray(image.dataobj)[window], affine


def test_segments_that_end_inside_of_the_scan_are_put_in_their_place(
    stored: nib.Nifti1Image, demo_files: DemoPatient, demo_vertebra: Vertebra, tmp_path: Path
) -> None:
    """Slicer saves the box around its segments."""
    values = np.where(np.asanyarray(stored.dataobj) == 22, 22, 0).astype(np.uint8)
    box = ndimage.find_objects(values)[21]
    alone = nib.Nifti1Image(values, stored.affine)
    vertebra = read(demo_files, write_segments(tmp_path / "a.seg.nrrd", *cropped(alone, box), {22: "L3"}))
    np.testing.assert_array_equal(vertebra.body, demo_vertebra.body)
    np.testing.assert_array_equal(vertebra.arch, demo_vertebra.arch)
    assert (vertebra.label_map, vertebra.cut) == ("segments", "")
    assert vertebra.warnings == demo_vertebra.warnings


def test_names_tell_the_vertebra(stored: nib.Nifti1Image, demo_files: DemoPatient, tmp_path: Path) -> None:
    values = np.asanyarray(stored.dataobj)
    vertebra = read(demo_files, write_segments(tmp_path / "a.seg.nrrd", values, stored.affine, NAMES))
    assert (vertebra.label, vertebra.label_map) == (22, "segments")
    swapped = write_segments(tmp_path / "b.seg.nrrd", values, stored.affine, {21: "L4", 22: "L3", 23: "L2"})
    with pytest.raises(InputError, match=r"has L2 \(23\) below L3 \(22\) by its names of the file's segments"):
        read(demo_files, swapped)
    with pytest.raises(InputError, match="is L3 by its number, but its segment has the name 'L1'"):
        read(
            demo_files,
            write_segments(tmp_path / "c.seg.nrrd", values, stored.affine, {21: "T12", 22: "L1", 23: "L2"}),
            labels="verse",
        )
    mine = write_segments(tmp_path / "d.seg.nrrd", values, stored.affine, {21: "a", 22: "b", 23: "c"})
    named = read(demo_files, mine, labels={"L2": 21, "L3": "b"})
    assert (named.label, named.label_map) == (22, "named")
    with pytest.raises(InputError, match=r"labels.L3 = 'x': .* has no segments of this name; its segments are a, b, c"):
        read(demo_files, mine, labels={"L3": "x"})
    with pytest.raises(InputError, match=r"has no L3 but holds L2 = 21; choose a level that it has"):
        read(demo_files, mine, labels={"L2": 21})


def test_a_folder_with_one_mask_for_each_structure(
    stored: nib.Nifti1Image, demo_files: DemoPatient, demo_vertebra: Vertebra, tmp_path: Path
) -> None:
    values = np.asanyarray(stored.dataobj)
    for number, name in NAMES.items():
        one = nib.Nifti1Image((values == number).astype(np.uint8), stored.affine)
        nib.save(one, tmp_path / f"vertebrae_{name}.nii.gz")
    vertebra = read(demo_files, tmp_path)
    np.testing.assert_array_equal(vertebra.body, demo_vertebra.body)
    assert vertebra.label_map == "binary"


def finer(image: nib.Nifti1Image) -> tuple[NDArray, NDArray]:
    """Every voxel cut into three along each axis: the same labels at the same places."""
    affine = image.affine.copy()
    affine[:3, 3] -= affine[:3, :3] @ np.full(3, 1.0 / 3.0)
    affine[:3, :3] /= 3.0
    return np.kron(np.asanyarray(image.dataobj), np.ones((3, 3, 3), dtype=np.uint8)), affine


def save(path: Path, values: NDArray, affine: NDArray) -> Path:
    nib.save(nib.Nifti1Image(values, affine), path)
    return path


def test_a_mask_on_another_grid_is_resampled_only_where_asked(
    stored: nib.Nifti1Image, demo_files: DemoPatient, demo_vertebra: Vertebra, tmp_path: Path
) -> None:
    mask = save(tmp_path / "fine.nii.gz", *finer(stored))
    with pytest.raises(
        InputError, match=r"different grids: .*; resample the mask .* as --resample or patient.resample"
    ):
        read(demo_files, mask)
    vertebra = read(demo_files, mask, resample=True)
    np.testing.assert_array_equal(vertebra.body, demo_vertebra.body)
    np.testing.assert_array_equal(vertebra.arch, demo_vertebra.arch)
    assert any(sentence in vertebra.warnings for sentence in vertebra.provenance["resampled"])
    assert "with nearest neighbour" in vertebra.provenance["resampled"][0]


def test_a_turned_mask_comes_back_to_the_voxel(
    stored: nib.Nifti1Image, demo_files: DemoPatient, demo_vertebra: Vertebra, tmp_path: Path
) -> None:
    """A mask drawn on a grid that is turned by 10 degrees, of voxels half as large."""
    c, s = np.cos(np.radians(10.0)), np.sin(np.radians(10.0))
    centre = stored.affine[:3, :3] @ (np.array(stored.shape) / 2) + stored.affine[:3, 3]
    affine = np.eye(4)
    affine[:3, :3] = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]]) * 0.75
    affine[:3, 3] = centre - affine[:3, :3] @ np.full(3, 90.0)
    to_stored = np.linalg.inv(stored.affine) @ affine
    values = ndimage.affine_transform(
        np.asanyarray(stored.dataobj), to_stored[:3, :3], to_stored[:3, 3], (180,) * 3, order=0
    )
    vertebra = read(demo_files, save(tmp_path / "turned.nii.gz", values, affine), resample=True)
    assert dice(vertebra.body, demo_vertebra.body) > 0.99
    np.testing.assert_allclose(vertebra.frame.origin, demo_vertebra.frame.origin, atol=0.1)


def test_masks_of_another_place_are_refused(stored: nib.Nifti1Image, demo_files: DemoPatient, tmp_path: Path) -> None:
    affine = stored.affine.copy()
    affine[2, 3] += 450.0
    mask = save(tmp_path / "far.nii.gz", np.asanyarray(stored.dataobj), affine)
    with pytest.raises(InputError, match=r"far.nii.gz and CT .* do not overlap: their centres lie 450 mm apart"):
        read(demo_files, mask, resample=True)
    far = write_segments(tmp_path / "far.seg.nrrd", np.asanyarray(stored.dataobj), affine, NAMES)
    with pytest.raises(InputError, match=r"far.seg.nrrd and CT .* do not overlap"):
        read(demo_files, far)


def test_a_mask_that_ends_inside_the_body_is_refused_although_the_ct_goes_on(
    stored: nib.Nifti1Image, demo_files: DemoPatient, tmp_path: Path
) -> None:
    half = cropped(stored, (slice(None), slice(0, 22), slice(None)))
    with pytest.raises(InputError, match=r"L3 .* is cut by the inferior face of the image"):
        read(demo_files, save(tmp_path / "half.nii.gz", *half), resample=True)


def test_cement_of_a_named_segment_and_of_another_grid(
    stored: nib.Nifti1Image, demo_vertebra: Vertebra, rewrite: Callable[..., DemoPatient], tmp_path: Path
) -> None:
    ball = demo_vertebra.body & (
        np.linalg.norm(
            np.moveaxis(np.indices(demo_vertebra.body.shape), 0, -1) - np.argwhere(demo_vertebra.body).mean(0), axis=-1
        )
        < 5.0
    )
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ demo_vertebra.ct.affine
    values = np.where(ball, 1, 2 * demo_vertebra.body).astype(np.uint8)
    named = write_segments(tmp_path / "a.seg.nrrd", values, affine, {1: "PMMA cement", 2: "L3"})
    np.testing.assert_array_equal(read_cement_mask(named, demo_vertebra).voxels, ball)
    other = write_segments(tmp_path / "b.seg.nrrd", values, affine, {1: "white", 2: "L3"})
    with pytest.raises(InputError, match="has the segments white, L3, none of which is named as cement"):
        read_cement_mask(other, demo_vertebra)
    fine = save(tmp_path / "fine.nii.gz", *finer(nib.Nifti1Image(ball.astype(np.uint8), affine)))
    with pytest.raises(InputError, match="different grids"):
        read_cement_mask(fine, demo_vertebra)
    cement = read_cement_mask(fine, demo_vertebra, resample=True)
    np.testing.assert_array_equal(cement.voxels, ball)
    assert "was resampled onto it with nearest neighbour" in cement.resampled
