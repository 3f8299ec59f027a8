"""What a case cannot mean is refused in one sentence that names its table; what it may say breaks no law."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from experiments.case.keys import all_keys
from experiments.case.laws import Laws
from experiments.case.schema import Case, build_case
from experiments.model.preparation import prepare
from experiments.results.progress import Progress
from meshes.demo_patient import DemoPatient
from meshes.errors import InputError

COARSE: dict[str, Any] = {"patient": {"demo": True}, "mesh": {"size_mm": 4.0, "needle_size_mm": 1.2}}
CENTRE = {"left": 0.0, "depth": 0.5, "height": 0.5}
LYTIC = {"kind": "osteolytic"}
BALLOON = {"kind": "balloon", **CENTRE, "volume_ml": 1.0}
CLEFT = {"kind": "cleft", **CENTRE, "semi_axes_mm": [3.0, 3.0, 3.0]}
DISC = {"wall": "left_wall", "depth": 0.2, "height": 0.3, "diameter_mm": 3.0}
FRACTURE = {"wall": "superior_endplate", "left": 0.0, "depth": 0.5, "fracture_angle_deg": 0.0}
MASKED = {"lesions": [{**LYTIC, "label": 3, "mask": "lesion.nii.gz"}]}

BESIDE: dict[str, dict[str, Any]] = {
    "needles": {"approach": "free", "camber_deg": 20.0, "sagittal_deg": 0.0, "proximal_bore_mm": 3.0}
    | {"proximal_length_mm": 40.0},
    "needles.boluses": {"volume_ml": 1.0},
    "lesions": {**LYTIC, "fraction": 0.2},
    "cavities": BALLOON,
    "fracture": {"type": "wedge", "height_loss": 0.3},
    "defects": {"wall": "posterior_wall", "left": 0.0, "height": 0.5, "diameter_mm": 15.0},
    "outlets.shares": dict.fromkeys(
        ("cortical_walls", "pedicles", "basivertebral_foramen", "segmental_veins", "needle_track"), 0.0
    )
    | {"endplates": 1.0},
}
"""Table -> the keys without which a table of this kind is not complete."""


def bounds() -> Iterator[tuple[str, str, float]]:
    """(table, key, value) of both ends of every number's range."""
    for key in all_keys(Case).values():
        for bound in (key.low, key.high):
            if bound is not None:
                whole = key.allowed.startswith("a whole number")
                yield key.path.rpartition(".")[0], key.name, bound if whole else float(bound)


def with_value(table: str, key: str, value: float) -> dict[str, Any]:
    content: dict[str, Any] = {**BESIDE.get(table, {}), key: value}
    for name in reversed(table.split(".")):
        content = {name: [content] if name in ("needles", "boluses", "lesions", "cavities", "defects") else content}
    return content


@pytest.mark.parametrize(("table", "key", "value"), list(bounds()), ids=str)
def test_both_ends_of_every_range_suit_the_laws(table: str, key: str, value: float) -> None:
    try:
        case = build_case({**COARSE, **with_value(table, key, value)})
    except InputError:
        return  # It does not go with the keys beside it, which tests of the schema cover.
    if (key, value) == ("basivertebral_diameter_mm", 8.0):
        with pytest.raises(InputError, match="of their foramen"):
            Laws.of_case(case)
    else:
        Laws.of_case(case).leak_geometry({})


@pytest.fixture
def reading(tmp_path: Path, demo_files: DemoPatient) -> Callable[..., tuple[bool, str]]:
    """Whether a case was refused before the mesh was made, and in which sentence."""

    def read(change: Callable[[Any], None] | None = None, **sections: Any) -> tuple[bool, str]:
        image = nib.load(demo_files.mask)
        voxels = np.indices(image.shape)
        body = np.asanyarray(image.dataobj) == 22
        within = np.linalg.norm(voxels - np.argwhere(body).mean(axis=0)[:, None, None, None], axis=0) < 6.0
        content = (3 * (within & body)).astype(np.int16)
        lesion = nib.Nifti1Image(content, image.affine)
        nib.save(lesion if change is None else change(lesion), tmp_path / "lesion.nii.gz")
        case, progress = build_case({**COARSE, **sections}, "case.toml", tmp_path), Progress()
        with pytest.raises(InputError) as refused:
            prepare(case, Laws.of_case(case), progress)
        sentence = str(refused.value)
        assert "\n" not in sentence
        return "mesh" not in progress.seconds, sentence

    return read


def like(image: Any, values: Any = None, shift: float = 0.0) -> Any:
    """The image with other values, or moved by ``shift`` mm along every axis."""
    affine = image.affine.copy()
    affine[:3, 3] += shift
    return nib.Nifti1Image(np.asanyarray(image.dataobj) if values is None else values(image.get_fdata()), affine)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda image: like(image, shift=200.0), "label 3 of lesion mask .* outside of the body of L3"),
        (lambda image: like(image, lambda values: (values > 0).astype(np.uint8)), "has no label 3: it holds 1; choose"),
        (lambda image: like(image, lambda values: (0 * values).astype(np.uint8)), "no label 3: all its voxels are 0"),
        (lambda image: like(image, lambda values: 0.5 * values), "holds values such as 1.5; labels must be whole"),
        (lambda image: like(image, lambda values: np.where(values > 0, np.nan, 0.0)), "holds NaN or infinite values"),
        (lambda image: like(image, lambda values: (-values).astype(np.int16)), "holds values from -3 to 0; labels"),
        (lambda image: like(image, lambda values: np.stack([values, values], -1)), "one 3-D volume with at least"),
    ],
    ids=["another patient", "label missing", "empty", "fractions", "nan", "negative", "4-D"],
)
def test_a_lesion_mask_that_cannot_be_meant_is_refused_before_the_mesh(
    reading: Callable[..., tuple[bool, str]], change: Callable[[Any], Any], expected: str
) -> None:
    before, sentence = reading(change, **MASKED)
    assert before
    assert re.search(rf"^lesions\[1\]: .*{expected}", sentence), sentence


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "is not a readable NIfTI file .*; export it again"),
        (b"not an image", "is not a readable NIfTI file .*; export it again"),
    ],
    ids=["empty file", "text"],
)
def test_a_damaged_lesion_mask_is_refused(tmp_path: Path, content: bytes, expected: str) -> None:
    (tmp_path / "lesion.nii.gz").write_bytes(content)
    case = build_case({**COARSE, **MASKED}, "case.toml", tmp_path)
    with pytest.raises(InputError, match=rf"^lesions\[1\]: .*{expected}"):
        prepare(case, Laws.of_case(case), Progress())


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        (
            {"lesions": [{**LYTIC, "fraction": 0.95, "mobile": False}]},
            r"needles\[1\] opens inside or at the edge of lesions\[1\], .*; move the tip out of it or set mobile =",
        ),
        (
            {"lesions": [{**LYTIC, **CENTRE, "semi_axes_mm": [0.5, 0.5, 0.5]}]},
            r"lesions\[1\]: the ellipsoid .* holds no cell: .*; move or enlarge it, or refine the mesh there",
        ),
        (
            {"lesions": [{**LYTIC, "fraction": 0.2}, {**LYTIC, "fraction": 0.3}]},
            r"lesions\[1\] lies wholly under what comes after it; move or remove one of them",
        ),
        (
            {"lesions": [{**LYTIC, **CENTRE, "semi_axes_mm": [3.0, 3.0, 3.0]}], "cavities": [BALLOON]},
            r"lesions\[1\] lies wholly under what comes after it",
        ),
        ({"cavities": [CLEFT, BALLOON]}, r"cavities\[1\] lies wholly under what comes after it"),
        ({"cavities": [BALLOON, BALLOON]}, r"cavities\[1\] lies wholly under what comes after it"),
        (
            {"cavities": [{**BALLOON, "left": 1.0}]},
            r"cavities\[1\]: a ball .* does not fit into the body: .*; move its centre inwards or make",
        ),
        (
            {"cavities": [{**BALLOON, "compacted_shell_mm": 0.01}]},
            r"cavities\[1\]: the shell of 0.01 mm holds no cell, .*; thicken it or refine the mesh there",
        ),
        (
            {"defects": [{**FRACTURE, "left": 0.9, "fracture_length_mm": 20.0}]},
            r"defects\[1\]: only .* mm of fracture_length_mm = 20 lie on the superior_endplate; shorten, move or turn",
        ),
        (
            {"defects": [{"wall": "left_wall", "fraction": 0.2}, {"wall": "left_wall", "fraction": 1.0}]},
            r"defects\[1\]: its place on the left_wall is taken by .* later defects; move or enlarge it, or remove",
        ),
        ({"defects": [DISC, DISC]}, r"defects\[1\]: its place on the left_wall is taken"),
    ],
    ids=[
        "tip in an obstacle",
        "ellipsoid below a cell",
        "lesion under a lesion",
        "lesion under a balloon",
        "cleft under a balloon",
        "balloon under a balloon",
        "balloon in the wall",
        "thin shell",
        "fracture off the endplate",
        "defect under a defect",
        "twice the same hole",
    ],
)
@pytest.mark.usefixtures("demo_vertebra")
def test_what_does_not_fit_into_the_body_is_refused(
    reading: Callable[..., tuple[bool, str]], sections: dict[str, Any], expected: str
) -> None:
    _, sentence = reading(**sections)
    assert re.search(rf"^{expected}", sentence), sentence


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        (
            {"cement": {"injected_after_mixing_min": 20.0}},
            "cement.injected_after_mixing_min = 20 is too late, .*; inject earlier, cool the cement, or set",
        ),
        (
            {"injection": {"front_limit_depth": 0.4}, "needles": [{"depth": 0.5}]},
            r"injection.front_limit_depth = 0.4 lies in front of the opening of needles\[1\]",
        ),
        (
            {"needles": [{"depth": 0.03, "left": 0.95}]},
            r"needles\[1\]: the target .* lies outside the bone of L3; move",
        ),
        (
            {"needles": [{"depth": 0.25}, {"depth": 0.28}]},
            r"needles\[2\] opens .* mm from where needles\[1\] does, .*; move one of the targets or withdraw_mm",
        ),
        (
            {"veins": {"network": "none", "basivertebral_number": 4, "basivertebral_diameter_mm": 4.0}},
            r"veins: the basivertebral veins \(4 of 4 mm\) have a cross-section of 50 mm2, more than the 33 mm2",
        ),
    ],
    ids=["late cement", "front limit", "target outside", "openings overlap", "veins in the foramen"],
)
def test_what_needs_no_mesh_is_refused_before_it_is_made(
    reading: Callable[..., tuple[bool, str]], sections: dict[str, Any], expected: str
) -> None:
    before, sentence = reading(**sections)
    assert before
    assert re.search(rf"^{expected}", sentence), sentence
