"""Damaged NRRD, MetaImage and DICOM segmentation files are refused in one sentence, or read as ITK reads them."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from damage import Damage, binary_damage
from hypothesis import strategies as st
from outcomes import Tally, campaign, explore
from phantom import PhantomFiles, affine_ras, subregions
from pydicom import dcmread, dcmwrite
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from meshes.errors import InputError
from meshes.images.image import Image, read_ct, read_mask

FIELDS = (
    b"type", b"dimension", b"space", b"sizes", b"space directions", b"kinds", b"endian", b"encoding", b"space origin",
    b"data file",
    b"Segment0_LabelValue", b"Segment0_Layer", b"Segment0_Name", b"Segment1_LabelValue",
    b"ObjectType", b"NDims", b"BinaryData", b"BinaryDataByteOrderMSB", b"CompressedData", b"TransformMatrix", b"Offset",
    b"ElementSpacing", b"DimSize", b"ElementType", b"ElementDataFile",
)  # fmt: skip
VALUES = (
    b"", b"0", b"-1", b"1", b"3", b"4", b"nan", b"1e30", b"none", b"LPS", b"right-anterior-superior", b"scanner-xyz",
    b"30 36 22", b"30 36 21", b"22 36 30", b"30 36 22 1", b"1 30 36 22", b"99999 99999 9", b"2 2 2",
    b"1 0 0 0 1 0 0 0 1",
    b"1 0 0 0 1 0 0 0 -1", b"1 0 0 0 1 0 0 1 0", b"(1,0,0) (0,1,0) (0,0,1)", b"(1,0,0) (0,1,0) (0,1,0)",
    b"none (1,0,0) (0,1,0) (0,0,1)", b"(1,0,0)", b"short", b"uint16", b"block", b"float", b"raw", b"gzip", b"hex",
    b"big",
    b"little", b"MET_SHORT", b"MET_UCHAR", b"MET_FLOAT", b"MET_OTHER", b"True", b"False", b"LOCAL", b"LIST", b"x.raw",
    b"/dev/zero", b"65536", b"255", b"domain domain domain", b"list domain domain domain", b"\xff\xfe", b"(" * 300,
)  # fmt: skip


def field(name: bytes, value: bytes) -> Damage:
    """Another value of a field of a header of text, where it has this field."""

    def apply(raw: bytes) -> bytes:
        for equals in (b":=", b": ", b" = "):
            start = raw.find(b"\n" + name + equals)
            if start >= 0:
                begin = start + 1 + len(name) + len(equals)
                return raw[:begin] + value + raw[raw.find(b"\n", begin) :]
        return raw

    return Damage(f"{name!r} as {value!r}", apply)


TEXTS = st.builds(field, st.sampled_from(FIELDS), st.sampled_from(VALUES))
DAMAGES = st.lists(st.one_of(TEXTS, TEXTS, TEXTS, binary_damage()), min_size=1, max_size=2)


def check_against_itk(image: Image, path: Path) -> None:
    """Every 97th voxel has the place in the world and the value that ITK gives it, unless ITK refuses the file."""
    try:
        other = SimpleITK.ReadImage(str(path))
    except RuntimeError:
        return
    values = SimpleITK.GetArrayFromImage(other).transpose(2, 1, 0)
    assert sorted(values.shape) == sorted(image.values.shape)
    indices = np.stack(np.unravel_index(np.arange(0, values.size, 97), values.shape), axis=1)
    points = np.array([other.TransformIndexToPhysicalPoint(index) for index in indices.tolist()])
    found = image.to_indices(points)
    np.testing.assert_allclose(found, np.rint(found), atol=0.12)
    places = tuple(np.rint(found).astype(int).T)
    np.testing.assert_allclose(image.values[places], values[tuple(indices.T)], rtol=1e-5, atol=1e-3)


def check_mask(tally: Tally, path: Path, raw: bytes, damages: list[Damage]) -> None:
    """A damaged mask is refused, or has three axes."""
    for damage in damages:
        raw = damage.apply(raw)
    path.write_bytes(raw)
    mask = tally.attempt(lambda: read_mask(path))
    if mask is not None:
        assert mask.values.ndim == 3


@campaign(40, 1500)
@pytest.mark.parametrize("ending", [".nrrd", ".nhdr", ".mha"])
def test_damaged_text_headers(inputs: int, ending: str, tally: Tally, phantom: PhantomFiles, tmp_path: Path) -> None:
    whole = tmp_path / f"whole{ending}"
    SimpleITK.WriteImage(SimpleITK.ReadImage(str(phantom.ct)), str(whole), useCompression=False)
    raw, path = whole.read_bytes(), tmp_path / f"image{ending}"

    def check(damages: list[Damage]) -> None:
        content = raw
        for damage in damages:
            content = damage.apply(content)
        path.write_bytes(content)
        image = tally.attempt(lambda: read_ct(path))
        if image is not None:
            check_against_itk(image, path)

    explore(inputs, DAMAGES, check)


@campaign(25, 800)
def test_damaged_segments_of_slicer(inputs: int, tally: Tally, phantom: PhantomFiles, tmp_path: Path) -> None:
    image = SimpleITK.ReadImage(str(phantom.subregions))
    for index, (name, number) in enumerate({"arch": 41, "L3": 50}.items()):
        image.SetMetaData(f"Segment{index}_Name", name)
        image.SetMetaData(f"Segment{index}_LabelValue", str(number))
        image.SetMetaData(f"Segment{index}_Layer", "0")
    path = tmp_path / "image.seg.nrrd"
    SimpleITK.WriteImage(image, str(path), useCompression=False)
    raw = path.read_bytes()
    assert dict(read_mask(path).names) == {41: "arch", 50: "L3"}

    explore(inputs, DAMAGES, lambda damages: check_mask(tally, path, raw, damages))


def write_segmentation(path: Path) -> Path:
    """The phantom's body as a binary segmentation, by pydicom alone."""
    body = (subregions() == 50).transpose(2, 1, 0)
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine_ras()
    shown = np.flatnonzero(body.any(axis=(1, 2)))
    dataset = FileDataset(str(path), {}, file_meta=FileMetaDataset(), preamble=b"\0" * 128)
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.66.4"
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = "1.2.3"
    dataset.SegmentationType, dataset.NumberOfFrames = "BINARY", len(shown)
    dataset.Rows, dataset.Columns = body.shape[1:]
    dataset.BitsAllocated = dataset.BitsStored = dataset.SamplesPerPixel = 1
    dataset.HighBit = dataset.PixelRepresentation = 0
    dataset.PhotometricInterpretation = "MONOCHROME2"

    def item(**elements: object) -> Dataset:
        made = Dataset()
        for name, value in elements.items():
            setattr(made, name, value)
        return made

    dataset.SegmentSequence = [item(SegmentNumber=1, SegmentLabel="L3")]
    dataset.SharedFunctionalGroupsSequence = [
        item(
            PlaneOrientationSequence=[item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])],
            PixelMeasuresSequence=[item(PixelSpacing=[2, 2], SliceThickness=2, SpacingBetweenSlices=2)],
        )
    ]
    dataset.PerFrameFunctionalGroupsSequence = [
        item(
            PlanePositionSequence=[item(ImagePositionPatient=[float(x) for x in affine[:3] @ [0, 0, k, 1]])],
            SegmentIdentificationSequence=[item(ReferencedSegmentNumber=1)],
        )
        for k in shown
    ]
    dataset.PixelData = np.packbits(body[shown].ravel(), bitorder="little").tobytes()
    dcmwrite(path, dataset, enforce_file_format=True)
    assert dcmread(path).NumberOfFrames == len(shown)
    return path


TAGS = (b"BINARY", b"1\\0\\0\\0\\1\\0", b"2\\2", b"L3", b"\x62\x00\x04\x00", b"\x20\x00\x32\x00", b"-40.0\\-25.0")
NEW = (b"LABELMAP", b"FRACTIONAL", b"1\\0\\0\\1\\0\\0", b"0\\0", b"nan", b"-1", b"\x62\x00\x05\x00", b"1e30\\0", b"x")


def replaced(old: bytes, new: bytes) -> Damage:
    """What stands first somewhere, with its length kept."""
    return Damage(f"{old!r} by {new!r}", lambda raw: raw.replace(old, new.ljust(len(old), b" ")[: len(old)], 1))


@campaign(25, 800)
def test_damaged_dicom_segmentations(inputs: int, tally: Tally, tmp_path: Path) -> None:
    path = write_segmentation(tmp_path / "image.dcm")
    raw = path.read_bytes()
    whole = read_mask(path)
    assert whole.values.sum() == (subregions() == 50).sum()
    damages = st.lists(
        st.one_of(st.builds(replaced, st.sampled_from(TAGS), st.sampled_from(NEW)), binary_damage()),
        min_size=1,
        max_size=2,
    )

    explore(inputs, damages, lambda found: check_mask(tally, path, raw, found))


def test_a_stranger_is_refused(tmp_path: Path) -> None:
    (tmp_path / "image.png").write_bytes(b"\x89PNG")
    with pytest.raises(InputError, match=r"image.png does not end in .nii or .nii.gz, nor as another format"):
        read_ct(tmp_path / "image.png")
