"""Every format, written by a library that does not read it here, gives what the same voxels give as NIfTI."""

import re
from collections.abc import Callable
from pathlib import Path

import highdicom
import nibabel as nib
import nrrd
import numpy as np
import pytest
import SimpleITK
from highdicom.seg import Segmentation, SegmentDescription
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.sr.codedict import codes
from pydicom.uid import CTImageStorage, EnhancedCTImageStorage, ExplicitVRLittleEndian, generate_uid
from scipy.spatial.transform import Rotation

from meshes.errors import InputError
from meshes.images.formats import companions, file_of_level
from meshes.images.image import Image, Mask, read_ct, read_mask
from meshes.images.segments import level_of_name

SHAPE = (9, 11, 7)
SPACING = np.array([0.8, 1.1, 2.0])
UPRIGHT = np.diag([-1.0, -1.0, 1.0])  # from LPS to RAS
OBLIQUE = UPRIGHT @ Rotation.from_rotvec([0.1, -0.2, 0.15]).as_matrix()
MIRRORED = OBLIQUE @ np.diag([-1.0, 1.0, 1.0])
TURNED = UPRIGHT @ np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
DIRECTIONS = {"upright": UPRIGHT, "oblique": OBLIQUE, "mirrored": MIRRORED, "turned": TURNED}


def labels() -> NDArray[np.uint8]:
    """Two vertebrae and their left transverse processes, alike under no mirror."""
    values = np.zeros(SHAPE, dtype=np.uint8)
    values[2:7, 3:8, 1:3], values[7, 5, 2] = 2, 2
    values[2:6, 3:8, 4:6], values[6, 6, 5] = 1, 1
    return values


def hounsfield() -> NDArray[np.int16]:
    return np.linspace(-900, 1200, int(np.prod(SHAPE))).reshape(SHAPE).astype(np.int16)


def affine(directions: NDArray[np.float64]) -> NDArray[np.float64]:
    """(4, 4) from voxel indices to RAS mm."""
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = directions * SPACING, [40.25, -31.5, -310.75]
    return matrix


def in_itk(values: NDArray, matrix: NDArray[np.float64]) -> SimpleITK.Image:
    lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ matrix
    image = SimpleITK.GetImageFromArray(np.ascontiguousarray(values.transpose(2, 1, 0)))
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(lps[:3, 3].tolist())
    image.SetDirection((lps[:3, :3] / spacing).ravel().tolist())
    return image


def itk(ending: str, compressed: bool) -> Callable[..., Path]:
    def write(folder: Path, values: NDArray, matrix: NDArray[np.float64]) -> Path:
        SimpleITK.WriteImage(in_itk(values, matrix), str(folder / f"image{ending}"), useCompression=compressed)
        return folder / f"image{ending}"

    return write


def pynrrd(space: str, encoding: str) -> Callable[..., Path]:
    to_space = {"right-anterior-superior": [1, 1, 1], "LAS": [-1, 1, 1], "left-posterior-superior": [-1, -1, 1]}[space]

    def write(folder: Path, values: NDArray, matrix: NDArray[np.float64]) -> Path:
        placed = np.diag([*to_space, 1.0]) @ matrix
        header = {
            "space": space,
            "space directions": placed[:3, :3].T,
            "space origin": placed[:3, 3],
            "kinds": ["domain"] * 3,
            "encoding": encoding,
        }
        nrrd.write(str(folder / "image.nrrd"), values, header)
        return folder / "image.nrrd"

    return write


WRITERS = {
    "NRRD by ITK": itk(".nrrd", False),
    "NRRD by ITK, compressed": itk(".nrrd", True),
    "NRRD, RAS": pynrrd("right-anterior-superior", "raw"),
    "NRRD, LAS, bzip2": pynrrd("LAS", "bzip2"),
    "NRRD, LPS, gzip": pynrrd("left-posterior-superior", "gzip"),
    "NRRD with its voxels beside it": itk(".nhdr", False),
    "NRRD with its voxels beside it, compressed": itk(".nhdr", True),
    "MHA": itk(".mha", False),
    "MHA, compressed": itk(".mha", True),
    "MHD": itk(".mhd", False),
    "MHD, compressed": itk(".mhd", True),
}


def as_nifti(folder: Path, values: NDArray, matrix: NDArray[np.float64]) -> Path:
    nib.save(nib.Nifti1Image(values, matrix), folder / "image.nii.gz")
    return folder / "image.nii.gz"


def check_equal(found: Image, expected: Image) -> None:
    np.testing.assert_array_equal(found.values, expected.values)
    np.testing.assert_allclose(found.affine, expected.affine, atol=2e-5)  # NIfTI has single precision


@pytest.mark.parametrize("directions", DIRECTIONS.values(), ids=DIRECTIONS)
@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_images_and_masks_are_those_of_nifti(
    write: Callable[..., Path], directions: NDArray[np.float64], tmp_path: Path
) -> None:
    matrix = affine(directions)
    for values, read in ((hounsfield(), read_ct), (labels(), read_mask)):
        expected = read(as_nifti(tmp_path, values, matrix))
        check_equal(read(write(tmp_path, values, matrix)), expected)
    # The process of the second label lies at the greatest index of the first axis, wherever that points.
    process = np.argwhere(labels() == 2)[-1]
    lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ matrix @ [*process, 1.0]
    assert (
        read_mask(write(tmp_path, labels(), matrix)).values[tuple(np.rint(expected.to_indices(lps[:3])).astype(int))]
        == 2
    )


@pytest.mark.parametrize("kind", [np.uint16, np.int32, np.float32, np.float64])
@pytest.mark.parametrize("ending", [".nrrd", ".mha"])
def test_types_of_numbers(kind: type, ending: str, tmp_path: Path) -> None:
    values = labels().astype(kind)
    check_equal(
        read_mask(itk(ending, True)(tmp_path, values, affine(OBLIQUE))),
        read_mask(as_nifti(tmp_path, labels(), affine(OBLIQUE))),
    )


def test_what_itk_carries_over_from_other_formats_does_no_harm(tmp_path: Path) -> None:
    """Among it fields such as ``dim[0]``."""
    stored = as_nifti(tmp_path, labels(), affine(OBLIQUE))
    SimpleITK.WriteImage(SimpleITK.ReadImage(str(stored)), str(tmp_path / "image.mha"))
    assert b"dim[1] = 9" in (tmp_path / "image.mha").read_bytes()
    check_equal(read_mask(tmp_path / "image.mha"), read_mask(stored))


def slicer_header(matrix: NDArray[np.float64], segments: list[tuple[str, int, int]], layered: bool) -> dict:
    """As 3D Slicer writes it."""
    header = {
        "space": "left-posterior-superior",
        "space directions": (np.diag([-1.0, -1.0, 1.0]) @ matrix[:3, :3]).T,
        "space origin": np.diag([-1.0, -1.0, 1.0]) @ matrix[:3, 3],
        "kinds": ["domain"] * 3,
        "encoding": "gzip",
        "Segmentation_ContainedRepresentationNames": "Binary labelmap|Closed surface|",
        "Segmentation_ReferenceImageExtentOffset": "0 0 0",
    }
    if layered:
        header["space directions"] = np.vstack([np.full(3, np.nan), header["space directions"]])
        header["kinds"] = ["list", *header["kinds"]]
    for index, (name, number, layer) in enumerate(segments):
        header |= {
            f"Segment{index}_ID": f"Segment_{index}",
            f"Segment{index}_Name": name,
            f"Segment{index}_LabelValue": str(number),
            f"Segment{index}_Layer": str(layer),
            f"Segment{index}_Color": "0.5 0.5 0.5",
        }
    return header


def write_slicer(
    path: Path, values: NDArray, matrix: NDArray[np.float64], segments: list[tuple[str, int, int]]
) -> Path:
    nrrd.write(str(path), values, slicer_header(matrix, segments, values.ndim == 4))
    return path


VERTEBRAE = [("L3", 1, 0), ("vertebrae_L4", 2, 0)]


def test_slicers_segments_have_names(tmp_path: Path) -> None:
    mask = read_mask(write_slicer(tmp_path / "a.seg.nrrd", labels(), affine(MIRRORED), VERTEBRAE))
    check_equal(mask, read_mask(as_nifti(tmp_path, labels(), affine(MIRRORED))))
    assert dict(mask.names) == {1: "L3", 2: "vertebrae_L4"}
    assert mask.part_of_scan


def layered(*parts: NDArray) -> NDArray[np.uint8]:
    return np.stack(parts).astype(np.uint8)


def test_layers_that_overlap_elsewhere_leave_the_vertebrae_whole(tmp_path: Path) -> None:
    cement = np.zeros(SHAPE)
    cement[3:5, 4:6, 1:6] = 1
    segments = [*VERTEBRAE, ("cement", 1, 1)]
    path = write_slicer(tmp_path / "a.seg.nrrd", layered(labels(), cement), affine(OBLIQUE), segments)
    expected = read_mask(as_nifti(tmp_path, labels(), affine(OBLIQUE)))
    check_equal(read_mask(path, wanted=lambda name: level_of_name(name) is not None), expected)
    alone = read_mask(path, wanted=lambda name: name == "cement")
    assert (alone.values > 0).sum() == (cement > 0).sum()
    with pytest.raises(InputError, match="has segments that overlap: vertebrae_L4 and cement share 8 voxels or more"):
        read_mask(path)


def test_two_vertebrae_that_overlap_are_refused(tmp_path: Path) -> None:
    values = labels()
    other = np.where(values == 2, 1, 0)
    other[3, 4, 4] = 1
    path = write_slicer(
        tmp_path / "a.seg.nrrd", layered(values == 1, other), affine(UPRIGHT), [("L3", 1, 0), ("L4", 1, 1)]
    )
    with pytest.raises(InputError, match=r"a.seg.nrrd has segments that overlap: L3 and L4 share 1 voxels"):
        read_mask(path)


CONTRADICTIONS = {
    "number of no segment": ([("L3", 1, 0)], "voxels with the number 2, which belongs to none of its segments"),
    "a number twice": ([("L3", 1, 0), ("L4", 1, 0), ("L5", 2, 0)], "gives the segments L3 and L4 the same number 1"),
    "layer that is missing": ([("L3", 1, 0), ("L4", 2, 3)], "puts its segment L4 into layer 3, but holds 1"),
}


@pytest.mark.parametrize(("segments", "sentence"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_segments_that_contradict_their_voxels(segments: list, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=sentence):
        read_mask(write_slicer(tmp_path / "a.seg.nrrd", labels(), affine(UPRIGHT), segments))


def slices_of_ct(matrix: NDArray[np.float64]) -> list[Dataset]:
    """The CT that a DICOM segmentation refers to."""
    lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ matrix
    axes = lps[:3, :3] / np.linalg.norm(lps[:3, :3], axis=0)
    study, series, frame = generate_uid(), generate_uid(), generate_uid()
    slices = []
    for k in range(SHAPE[2]):
        slices.append(piece := Dataset())
        piece.file_meta = Dataset()
        piece.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        piece.SOPClassUID, piece.SOPInstanceUID = CTImageStorage, generate_uid()
        piece.StudyInstanceUID, piece.SeriesInstanceUID, piece.FrameOfReferenceUID = study, series, frame
        piece.Modality, piece.PatientID, piece.PatientName, piece.PatientBirthDate = "CT", "1", "A^B", ""
        piece.PatientSex, piece.StudyID, piece.AccessionNumber, piece.ReferringPhysicianName = "", "1", "", ""
        piece.StudyDate, piece.StudyTime, piece.InstanceNumber = "20200101", "000000", k + 1
        piece.Rows, piece.Columns, piece.NumberOfFrames = SHAPE[1], SHAPE[0], 1
        piece.ImagePositionPatient = [float(f"{x:.9g}") for x in lps[:3, 3] + k * lps[:3, 2]]
        piece.ImageOrientationPatient = [float(f"{x:.9g}") for x in [*axes[:, 0], *axes[:, 1]]]
        piece.PixelSpacing, piece.SliceThickness = [SPACING[1], SPACING[0]], SPACING[2]
        del piece.NumberOfFrames
    return slices


def write_dicom_segmentation(
    path: Path, masks: dict[str, NDArray], matrix: NDArray[np.float64], kind: str = "BINARY"
) -> Path:
    """By highdicom, which leaves out empty slices."""
    described = [
        SegmentDescription(
            number,
            name,
            codes.cid7150.AnatomicalStructure,
            codes.cid7150.AnatomicalStructure,
            highdicom.seg.SegmentAlgorithmTypeValues.MANUAL,
        )
        for number, name in enumerate(masks, 1)
    ]
    frames = np.stack([mask.transpose(2, 1, 0) for mask in masks.values()], axis=-1).astype(np.uint8)
    if kind == "LABELMAP":
        frames = (frames * np.arange(1, frames.shape[-1] + 1)).max(axis=-1).astype(np.uint8)
    Segmentation(
        slices_of_ct(matrix),
        frames,
        kind,
        described,
        generate_uid(),
        1,
        generate_uid(),
        1,
        "maker",
        "model",
        "1",
        "serial",
    ).save_as(path)
    return path


# DICOM has slices along the cross product of rows and columns, so a mirrored grid is stored in another order there.
@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
@pytest.mark.parametrize("directions", [UPRIGHT, OBLIQUE, TURNED], ids=["upright", "oblique", "turned"])
def test_a_dicom_segmentation_is_that_of_nifti(kind: str, directions: NDArray[np.float64], tmp_path: Path) -> None:
    masks = {"L3": labels() == 1, "vertebrae_L4": labels() == 2}
    mask = read_mask(write_dicom_segmentation(tmp_path / "a.dcm", masks, affine(directions), kind))
    expected = read_mask(as_nifti(tmp_path, labels(), affine(directions)))
    assert dict(mask.names) == {1: "L3", 2: "vertebrae_L4"}
    for number in (1, 2):
        there, known = (image.to_world(np.argwhere(image.values == number)) for image in (mask, expected))
        np.testing.assert_allclose(
            there[np.lexsort(np.round(there, 2).T)], known[np.lexsort(np.round(known, 2).T)], atol=2e-5
        )


def test_segments_of_dicom_may_overlap_beside_the_vertebrae(tmp_path: Path) -> None:
    masks = {"L3": labels() == 1, "canal": labels() > 0}
    path = write_dicom_segmentation(tmp_path / "a.dcm", masks, affine(OBLIQUE))
    assert dict(read_mask(path, wanted=lambda name: name == "L3").names) == {1: "L3"}
    with pytest.raises(InputError, match=r"segments that overlap: L3 and canal share \d+ voxels or more"):
        read_mask(path)


NAMES = {
    "L3": "L3", "vertebrae_L3": "L3", "L3 vertebra": "L3", "vertebra T12": "T12", "Th12": "T12", " l3 ": "L3",
    "L03": "L3", "C-7": "C7",
    "L3 body": None, "L3/L4 disc": None, "cement": None, "L3_L4": None, "nerve L3": None, "Segment_1": None,
}  # fmt: skip


@pytest.mark.parametrize(("name", "level"), NAMES.items())
def test_names_of_vertebrae(name: str, level: str | None) -> None:
    assert level_of_name(name) == level


def test_a_folder_of_masks_holds_one_file_of_the_vertebra(tmp_path: Path) -> None:
    for name in ("vertebrae_L3.nii.gz", "vertebrae_L4.nii.gz", "spinal_cord.nii.gz"):
        as_nifti(tmp_path, labels(), affine(UPRIGHT)).rename(tmp_path / name)
    assert file_of_level(tmp_path, "L4", "mask") == tmp_path / "vertebrae_L4.nii.gz"
    with pytest.raises(InputError, match="holds no mask of L5; it has masks of L3, L4"):
        file_of_level(tmp_path, "L5", "mask")
    with pytest.raises(InputError, match="holds masks of L3, L4; choose one with the level"):
        file_of_level(tmp_path, None, "mask")
    (tmp_path / "L4.nrrd").touch()
    with pytest.raises(InputError, match=r"several masks of L4 \(L4.nrrd, vertebrae_L4.nii.gz\)"):
        file_of_level(tmp_path, "L4", "mask")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"a folder without a mask such as vertebrae_L3.nii.gz"):
        file_of_level(tmp_path / "empty", "L4", "mask")


@pytest.mark.parametrize("ending", [".mhd", ".nhdr"])
def test_the_voxels_of_a_header_count_as_its_own(ending: str, tmp_path: Path) -> None:
    path = itk(ending, False)(tmp_path, labels(), affine(UPRIGHT))
    assert companions(path) == (tmp_path / "image.raw",)
    assert companions(itk(".mha", False)(tmp_path, labels(), affine(UPRIGHT))) == ()
    (tmp_path / "image.raw").unlink()
    with pytest.raises(InputError, match=r"keeps its voxels in image.raw, which is no file beside it"):
        read_mask(path)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (
            "data file: ../image.raw",
            r"keeps its voxels in \.\./image\.raw, which is no file beside it; give both files",
        ),
        ("data file: /dev/zero", r"keeps its voxels in /dev/zero, which is no file beside it"),
        ("data file: LIST", r"keeps its voxels in LIST, which is no file beside it"),
        ("data file: image.raw\nbyte skip: 4", r"in another place by its field 'byte skip'; save it as one \.nrrd"),
        ("", r"does not name the file of its voxels \(data file\); save it as one \.nrrd file"),
    ],
)
def test_a_header_that_leads_elsewhere(line: str, sentence: str, tmp_path: Path) -> None:
    path = itk(".nhdr", False)(tmp_path, labels(), affine(UPRIGHT))
    path.write_text(re.sub(r"data file: .*\n", f"{line}\n" if line else "", path.read_text()))
    with pytest.raises(InputError, match=sentence):
        read_mask(path)


def test_what_dicom_is_not_read_says_so_in_one_sentence(tmp_path: Path) -> None:
    path = write_dicom_segmentation(tmp_path / "a.dcm", {"L3": labels() == 1}, affine(UPRIGHT))
    with pytest.raises(InputError, match=r"^CT \S+a\.dcm is one file of DICOM; give the folder with all slices"):
        read_ct(path)
    dataset = dcmread(path)
    dataset.SegmentationType = "FRACTIONAL"
    dataset.save_as(tmp_path / "shares.dcm")
    with pytest.raises(InputError, match=r"^mask \S+ holds shares of voxels \(FRACTIONAL\); export it as a binary"):
        read_mask(tmp_path / "shares.dcm")
    frames = int(dataset.NumberOfFrames)
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = EnhancedCTImageStorage
    (tmp_path / "enhanced").mkdir()
    dataset.save_as(tmp_path / "enhanced" / "1.dcm")
    with pytest.raises(InputError, match=rf"^CT \S+ holds an enhanced CT with {frames} frames in one file, .* NIfTI$"):
        read_ct(tmp_path / "enhanced")


def replaced(path: Path, old: bytes, new: bytes) -> Path:
    raw = path.read_bytes()
    assert old in raw
    path.write_bytes(raw.replace(old, new, 1))
    return path


DAMAGED = {
    "no space": (".nrrd", b"space: left-posterior-superior", b"space dimension: 3", "where left and right are"),
    "foreign space": (".nrrd", b"left-posterior-superior", b"scanner-xyz", "its space is scanner-xyz"),
    "detached": (".nrrd", b"encoding: raw", b"encoding: raw\ndata file: x.raw", "keeps its voxels in another place"),
    "unknown type": (".nrrd", b"type: short", b"type: block", "holds values of the type block"),
    "longer": (
        ".nrrd",
        b"sizes: 9 11 7",
        b"sizes: 9 11 6",
        "for its voxels it holds 1386 bytes, but its header .* 1188",
    ),
    "gigabytes": (".nrrd", b"sizes: 9 11 7", b"sizes: 9999 9999 9999", "voxels by its header; at most"),
    "inches": (".nrrd", b"kinds:", b'space units: "inch" "inch" "inch"\nkinds:', "gives its lengths in inch"),
    "no NRRD": (".nrrd", b"NRRD0004", b"PNG\r\n", "holds no whole header of an NRRD file"),
    "no matrix": (
        ".mha",
        b"TransformMatrix",
        b"Comment",
        "where left and right are .its header has no TransformMatrix",
    ),
    "shorter": (".mha", b"DimSize = 9 11 7", b"DimSize = 9 11 8", "for its voxels it holds 1386 bytes, but its header"),
    "colours": (".mha", b"MET_SHORT", b"MET_SHORT_ARRAY", "holds values of the type MET_SHORT_ARRAY"),
    "long axes": (".mha", b"TransformMatrix = 1 ", b"TransformMatrix = 2 ", "directions .* that are not of length 1"),
    "twice": (".mha", b"BinaryData = True", b"NDims = 3", "gives NDims twice"),
    "no image": (".mha", b"ObjectType = Image", b"ObjectType = Tube", "is a Tube, not an image"),
}


@pytest.mark.parametrize(("ending", "old", "new", "sentence"), DAMAGED.values(), ids=DAMAGED)
def test_headers_that_cannot_be_read_in_one_way(
    ending: str, old: bytes, new: bytes, sentence: str, tmp_path: Path
) -> None:
    path = itk(ending, False)(tmp_path, hounsfield(), affine(UPRIGHT))
    with pytest.raises(InputError, match=sentence):
        read_ct(replaced(path, old, new))


def test_other_dicom_objects_are_no_mask(tmp_path: Path) -> None:
    path = write_dicom_segmentation(tmp_path / "a.dcm", {"L3": labels() == 1}, affine(UPRIGHT))
    uid = b"1.2.840.10008.5.1.4.1.1.66.4"
    with pytest.raises(InputError, match="is a DICOM object but no segmentation; give one"):
        read_mask(replaced(path, uid, uid[:-1] + b"9").rename(tmp_path / "b.dcm") and _both(tmp_path / "b.dcm", uid))
    (tmp_path / "c.dcm").write_text("text")
    with pytest.raises(InputError, match=r"c.dcm is no DICOM file"):
        read_mask(tmp_path / "c.dcm")


def _both(path: Path, uid: bytes) -> Path:
    """The class stands in the file's head and in its body."""
    return replaced(path, uid, uid[:-1] + b"9") if uid in path.read_bytes() else path


def test_a_segmentation_is_no_ct(tmp_path: Path) -> None:
    segments = [("L3", 1, 0), ("L4", 1, 1)]
    path = write_slicer(tmp_path / "a.seg.nrrd", layered(labels() == 1, labels() == 2), affine(UPRIGHT), segments)
    with pytest.raises(InputError, match="is a segmentation with layers; give the CT itself"):
        read_ct(path)
    assert isinstance(read_mask(path), Mask)
