"""Damaged DICOM series are refused in one sentence, or read as their slices say one by one."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from damage import Damage, binary_damage, flip
from hypothesis import strategies as st
from outcomes import Tally, campaign, explore

from meshes.errors import InputError
from meshes.images.image import Image, read_ct

SLICES = 4
TEXTS = (b"", b"0", b"-1", b"nan", b"1e30", b"\\\\", b"x", b"1.5\\2.5", b"1\\0\\0\\0\\0\\1", b"30", b"34.0", b"1.2.3.5")
STORED = (b"10\\20\\32", b"10\\20\\36", b"1\\0\\0\\0\\1\\0", b".9\\.8", b"1.2.3.4.2", b"1.2.3.4", b"CT")
"""What stands in the files: a position, the directions, the spacing, identities of an image and of the series."""


@dataclass(frozen=True)
class FolderDamage:
    """What happens to the files of a series."""

    removed: frozenset[int] = frozenset()
    copied: frozenset[int] = frozenset()
    damage: tuple[tuple[int, Damage], ...] = ()

    def apply(self, whole: Path, folder: Path) -> None:
        """Write the damaged series."""
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(whole, folder)
        for number, damage in self.damage:
            path = folder / f"{number}.dcm"
            path.write_bytes(damage.apply(path.read_bytes()))
        for number in self.copied:
            shutil.copy(folder / f"{number}.dcm", folder / f"copy{number}.dcm")
        for number in self.removed:
            (folder / f"{number}.dcm").unlink()


def _replaced(old: bytes, new: bytes) -> Damage:
    """Text of a tag, with its length kept so that the file stays readable."""
    return Damage(f"{old!r} by {new!r}", lambda raw: raw.replace(old, new.ljust(len(old), b" ")[: len(old)]))


NUMBERS = st.integers(0, SLICES - 1)
TAGS = st.builds(_replaced, st.sampled_from(STORED), st.sampled_from(TEXTS))
DAMAGES = st.builds(
    FolderDamage,
    removed=st.one_of(st.just(frozenset()), st.frozensets(NUMBERS)),
    copied=st.one_of(st.just(frozenset()), st.frozensets(NUMBERS, max_size=1)),
    damage=st.lists(st.tuples(NUMBERS, st.one_of(TAGS, TAGS, binary_damage())), max_size=2).map(tuple),
)


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dicom")
    writer = SimpleITK.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    for number in range(SLICES):
        values = (np.arange(20).reshape(1, 4, 5) * 100 - 900 + number).astype(np.int16)
        image = SimpleITK.GetImageFromArray(values)
        image.SetSpacing((0.8, 0.9, 2.0))
        tags = {
            "0008|0060": "CT",
            "0020|000d": "1.2.3",
            "0020|000e": "1.2.3.4",
            "0008|0018": f"1.2.3.4.{number + 1}",
            "0020|0013": str(number + 1),
            "0020|0032": f"10\\20\\{30 + 2 * number}",
            "0020|0037": "1\\0\\0\\0\\1\\0",
            "0028|1052": "0",
            "0028|1053": "1",
        }
        for tag, value in tags.items():
            image.SetMetaData(tag, value)
        writer.SetFileName(str(folder / f"{number}.dcm"))
        writer.Execute(image)
    return folder


def check_against_slices(image: Image, folder: Path) -> None:
    """A pixel of every slice of the series has the place and the value that its file gives it.

    Foreign files may lie beside a series; one at its end that is damaged beyond recognition is among these, and then
    the CT has another grid than its mask.
    """
    for name in SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder)):
        piece = SimpleITK.ReadImage(name)
        tags = ("0020|0032", "0020|0037", "0028|0030")
        position, axes, (row, column) = (np.array(piece.GetMetaData(tag).split("\\"), dtype=float) for tag in tags)
        found = image.to_indices(position + 3 * column * axes[:3] + 2 * row * axes[3:])
        np.testing.assert_allclose(found, np.rint(found), atol=0.1)
        assert image.values[tuple(np.rint(found).astype(int))] == piece[3, 2, 0]


@campaign(25, 600)
def test_dicom_series(inputs: int, tally: Tally, series: Path, tmp_path: Path) -> None:
    folder = tmp_path / "damaged"

    def check(damage: FolderDamage) -> None:
        damage.apply(series, folder)
        image = tally.attempt(lambda: read_ct(folder))
        if image is not None:
            check_against_slices(image, folder)

    explore(inputs, DAMAGES, check)


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (FolderDamage(copied=frozenset([2])), "slices -2.00 to 2.00 mm apart; slices are missing, there twice"),
        (FolderDamage(removed=frozenset([1, 2, 3]), copied=frozenset([0])), "slices 0.00 to 0.00 mm apart"),
        (FolderDamage(damage=((1, _replaced(b".9\\.8", b"1.\\.8")),)), "slices of different pixel sizes or directions"),
        (FolderDamage(damage=((1, _replaced(b"1\\0\\0\\0\\1\\0", b"0\\1\\0\\1\\0\\0")),)), "different pixel sizes"),
        (FolderDamage(damage=((0, flip([(162, 0)])),)), "0.dcm is damaged or cut short: it describes 775040731 bytes"),
    ],
    ids=[
        "last slice but one twice",
        "one slice twice",
        "one larger pixel",
        "one turned slice",
        "a gigabyte promised",
    ],
)
def test_what_the_campaign_has_found_is_refused(
    damage: FolderDamage, expected: str, series: Path, tmp_path: Path
) -> None:
    damage.apply(series, tmp_path / "damaged")
    with pytest.raises(InputError, match=expected):
        read_ct(tmp_path / "damaged")
