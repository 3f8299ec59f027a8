"""Label maps and masks that no segmentation should give are refused, or read and meshed with the volume they hold."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from label_changes import SEVERAL, Change, changed
from outcomes import READING_LIMIT, Tally, campaign, explore
from phantom import ARCH, CORPUS, LABEL, SHAPE, PhantomFiles, subregions
from scipy import ndimage

from meshes.body_mesh import mesh_body
from meshes.errors import InputError
from meshes.images.labels import PartLabels
from meshes.inclusions import read_lesion_mask
from meshes.scanned_cement import bone_under_cement, cement_by_threshold, read_cement_mask
from meshes.vertebra import Vertebra, read_vertebra

BODY_VOLUME_TOLERANCE = 1e-6


@dataclass(frozen=True)
class LabelCase:
    """Masks of one vertebra and how they are asked for."""

    mask: tuple[Change, ...] = ()
    parts: tuple[Change, ...] | None = None
    level: str | None = "L3"
    labels: str | int | None = "verse"
    numbers: PartLabels | None = None
    dtype: str = "float64"


LABEL_CASES = st.builds(
    LabelCase,
    mask=SEVERAL,
    parts=st.one_of(st.none(), SEVERAL),
    level=st.sampled_from(["L3", "L3", "L3", None, "L1", "T12", "L9", "l3 ", ""]),
    labels=st.sampled_from(
        ["verse", "verse", None, "totalsegmentator_v1", "totalsegmentator_v2", 22, 1, 0, -5, "22", "²"]
    ),
    numbers=st.sampled_from(
        [
            *[None] * 4,
            PartLabels((CORPUS,), (ARCH,)),
            PartLabels((CORPUS,)),
            PartLabels((ARCH,), (CORPUS,)),
            PartLabels((CORPUS, ARCH)),
            PartLabels((LABEL,)),
            PartLabels((LABEL, 7)),
        ]
    ),
    dtype=st.sampled_from(["float64", "float32", "int32", "int16", "uint8"]),
)
"""Half of the draws leave the question as it should be, so that what is damaged is read at all."""


@pytest.fixture(scope="module")
def vertebra(phantom: PhantomFiles) -> Vertebra:
    return read_vertebra(phantom.ct, phantom.mask, "L3", "verse", phantom.subregions)


def read_case(case: LabelCase, ct: Path, folder: Path) -> Vertebra:
    parts = subregions()
    mask = changed(folder / "mask.nii", LABEL * (parts > 0), case.mask, case.dtype)
    named = None if case.parts is None else changed(folder / "parts.nii", parts, case.parts, case.dtype)
    return read_vertebra(ct, mask, case.level, case.labels, named, case.numbers)


def check_vertebra(vertebra: Vertebra) -> None:
    """What holds for whatever is read."""
    assert vertebra.body.any()
    assert not (vertebra.body & vertebra.arch).any()
    assert ndimage.label(vertebra.body, np.ones((3, 3, 3)))[1] == 1
    matrix = vertebra.frame.matrix
    assert np.isfinite(matrix).all()
    assert np.linalg.det(matrix[:3, :3]) == pytest.approx(1.0)
    assert np.abs(matrix[:3, :3] @ matrix[:3, :3].T - np.eye(3)).max() < 1e-9


@campaign(30, 2500)
def test_label_maps_and_subregions(inputs: int, tally: Tally, phantom: PhantomFiles, tmp_path: Path) -> None:
    def check(case: LabelCase) -> None:
        vertebra = tally.attempt(lambda: read_case(case, phantom.ct, tmp_path))
        if vertebra is not None:
            check_vertebra(vertebra)

    explore(inputs, LABEL_CASES, check)


@campaign(2, 120)
def test_label_maps_up_to_the_mesh(inputs: int, tally: Tally, phantom: PhantomFiles, tmp_path: Path) -> None:
    shapes = st.builds(LabelCase, mask=SEVERAL, parts=st.one_of(st.none(), SEVERAL))

    def check(case: LabelCase) -> None:
        try:
            vertebra = read_case(case, phantom.ct, tmp_path)
        except InputError:
            return
        mesh = tally.attempt(lambda: mesh_body(vertebra, 4.0), 3.0 * READING_LIMIT)
        if mesh is not None:
            assert mesh.cell_volumes.min() > 0.0
            assert mesh.volume == pytest.approx(vertebra.body_volume, rel=BODY_VOLUME_TOLERANCE)

    explore(inputs, shapes, check)


@campaign(20, 400)
def test_lesion_masks(inputs: int, tally: Tally, vertebra: Vertebra, tmp_path: Path) -> None:
    def check(content: tuple[tuple[Change, ...], int]) -> None:
        path = changed(tmp_path / "lesion.nii", 3 * (subregions() == CORPUS), content[0], "float64")
        tally.attempt(lambda: read_lesion_mask(path, vertebra, content[1]))

    explore(inputs, st.tuples(SEVERAL, st.sampled_from([3, 3, 1, 22, 65535])), check)


@campaign(20, 400)
def test_cement_masks_and_thresholds(inputs: int, tally: Tally, vertebra: Vertebra, tmp_path: Path) -> None:
    def read(content: tuple[tuple[Change, ...], tuple[float, float] | None]) -> Any:
        changes, threshold = content
        if threshold is not None:
            return bone_under_cement(cement_by_threshold(vertebra, *threshold), vertebra)
        x, y, z = 2.0 * np.indices(SHAPE)
        ball = (x - 30.0) ** 2 + (y - 22.0) ** 2 + (z - 22.0) ** 2 < 64.0
        path = changed(tmp_path / "cement.nii", ball.astype(float), changes, "float64")
        return bone_under_cement(read_cement_mask(path, vertebra), vertebra)

    def check(content: tuple[tuple[Change, ...], tuple[float, float] | None]) -> None:
        bone = tally.attempt(lambda: read(content))
        if bone is not None:
            assert np.isfinite(bone.vertebra.ct.values).all()
            assert 80.0 < bone.value < 600.0

    thresholds = st.one_of(st.none(), st.none(), st.tuples(st.floats(-2000, 3000), st.floats(-2000, 3000)))
    explore(inputs, st.tuples(SEVERAL, thresholds), check)


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        (LabelCase(parts=(Change("mirrored", (1,)),)), "has no shape of a body: its centroid lies outside of it"),
        (LabelCase(labels="²"), "labels = '²' is not known; use one of verse"),
    ],
    ids=["ring for a body", "a digit that is no number"],
)
def test_what_the_campaign_has_found_is_refused(
    case: LabelCase, expected: str, phantom: PhantomFiles, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=expected):
        read_case(case, phantom.ct, tmp_path)
