import nibabel as nib
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from meshes.body_split import SplitError, split_body
from meshes.errors import InputError
from meshes.vertebra import read_vertebra

LPS_OF_RAS = np.diag([-1.0, -1.0, 1.0])


def read(patient, **options):
    return read_vertebra(patient.ct, patient.mask, patient.level, **({"subregions": patient.subregions} | options))


def dice(first: np.ndarray, second: np.ndarray) -> float:
    return float(2 * (first & second).sum() / (first.sum() + second.sum()))


def relabelled(numbers: dict[int, int]):
    """A change of the mask's labels; labels that are not named vanish."""

    def change(name, values):
        if name != "mask":
            return values
        changed = np.zeros_like(values)
        for old, new in numbers.items():
            changed[values == old] = new
        return changed

    return change


def test_the_demo_vertebra(demo_vertebra):
    assert (demo_vertebra.level, demo_vertebra.label, demo_vertebra.label_map) == ("L3", 22, "verse")
    # Counted in the files: 11 632 voxels of 49 and 50 inside label 22 at 1.5 mm.
    assert demo_vertebra.body_volume == pytest.approx(39258.0)
    assert demo_vertebra.body.shape == demo_vertebra.arch.shape == demo_vertebra.ct.values.shape
    assert not (demo_vertebra.body & demo_vertebra.arch).any()
    assert demo_vertebra.ct.values.dtype == np.float32
    assert 40 < np.median(demo_vertebra.ct.values[demo_vertebra.body]) < 120
    assert demo_vertebra.warnings == ()
    width, depth, height = np.diff(demo_vertebra.frame.extents, axis=1)[:, 0]
    assert 40 < width < 50
    assert 28 < depth < 38
    assert 18 < height < 28


@pytest.mark.parametrize("order", ["RAS", "LAS", "LPI", "SRP"])
def test_voxel_order_does_not_matter(order, rewrite, demo_vertebra, tmp_path):
    again = read(rewrite(tmp_path, order=order))
    np.testing.assert_array_equal(again.ct.values, demo_vertebra.ct.values)
    np.testing.assert_array_equal(again.body, demo_vertebra.body)
    np.testing.assert_array_equal(again.arch, demo_vertebra.arch)
    np.testing.assert_allclose(again.ct.affine, demo_vertebra.ct.affine, atol=1e-9)
    np.testing.assert_allclose(again.frame.axes, demo_vertebra.frame.axes, atol=1e-9)
    np.testing.assert_allclose(again.frame.origin, demo_vertebra.frame.origin, atol=1e-9)
    np.testing.assert_allclose(again.frame.extents, demo_vertebra.frame.extents, atol=1e-9)


@pytest.mark.parametrize("axis", [[1, 0, 0], [0, 0, 1], [0.6, 0.8, 0]])
@pytest.mark.parametrize("with_subregions", [True, False])
def test_a_turned_patient_has_a_turned_frame(axis, with_subregions, rewrite, demo_files, tmp_path):
    rotation = Rotation.from_rotvec(np.radians(20) * np.array(axis)).as_matrix()
    options = {} if with_subregions else {"subregions": None}
    straight = read(demo_files, **options)
    turned = read(rewrite(tmp_path, rotation=rotation), **options)
    in_lps = LPS_OF_RAS @ rotation @ LPS_OF_RAS
    np.testing.assert_array_equal(turned.ct.values, straight.ct.values)
    # NIfTI keeps affines in single precision: 1e-7 of some 200 mm.
    np.testing.assert_allclose(turned.frame.axes, straight.frame.axes @ in_lps.T, atol=1e-6)
    np.testing.assert_allclose(turned.frame.origin, in_lps @ straight.frame.origin, atol=1e-4)
    np.testing.assert_allclose(turned.frame.extents, straight.frame.extents, atol=1e-4)
    target = straight.frame.to_scanner(straight.frame.point(0.4, 0.25, 0.5))
    found = turned.frame.fractions(turned.frame.to_frame(in_lps @ target))
    np.testing.assert_allclose(found, (0.4, 0.25, 0.5), atol=1e-5)


def test_body_is_split_from_the_arch_by_shape(demo_files, demo_vertebra):
    vertebra = read(demo_files, subregions=None)
    assert dice(vertebra.body, demo_vertebra.body) > 0.99
    assert vertebra.body_volume == pytest.approx(demo_vertebra.body_volume, rel=0.01)
    np.testing.assert_allclose(vertebra.frame.origin, demo_vertebra.frame.origin, atol=0.15)
    assert vertebra.frame.method == "principal_axes"
    turned = Rotation.from_matrix(vertebra.frame.axes @ demo_vertebra.frame.axes.T).magnitude()
    assert np.degrees(turned) < 1.5
    assert vertebra.provenance["body_source"] == "split from the arch by the spinal canal"
    assert any("no subregion mask" in warning for warning in vertebra.warnings)
    assert any("without landmarks" in warning for warning in vertebra.warnings)


@pytest.mark.parametrize("rotation", [[25, 0, 0], [-30, 5, 0], [10, 12, 15]])
def test_the_split_finds_a_tilted_canal(rotation, demo_vertebra):
    """The vertebra itself lies askew in the grid, as L5 does."""
    body = demo_vertebra.body
    matrix = Rotation.from_euler("xyz", rotation, degrees=True).as_matrix()
    shape = np.array([90, 90, 70])
    points = np.moveaxis(np.indices(shape), 0, -1) - (shape - 1) / 2
    source = np.rint(points @ matrix + (np.array(body.shape) - 1) / 2).astype(int)
    inside = ((source >= 0) & (source < body.shape)).all(axis=-1)

    def turned(mask):
        result = np.zeros(shape, dtype=bool)
        result[inside] = mask[tuple(source[inside].T)]
        return result

    split = split_body(turned(body | demo_vertebra.arch), np.full(3, 1.5))
    assert dice(split.body, turned(body)) > 0.97
    assert not (split.body & split.arch).any()


def test_body_alone(rewrite, demo_vertebra, demo_files, tmp_path):
    parts = np.asanyarray(nib.load(demo_files.subregions).dataobj)
    patient = rewrite(
        tmp_path, change=lambda name, v: ((v == 22) & (parts >= 49)).astype(np.uint8) if name == "mask" else v
    )
    vertebra = read(patient, subregions=None)
    assert vertebra.label_map == "binary"
    np.testing.assert_array_equal(vertebra.body.sum(), demo_vertebra.body.sum())
    assert not vertebra.arch.any()
    assert any("posterior is where the image's header says" in warning for warning in vertebra.warnings)
    turned = Rotation.from_matrix(vertebra.frame.axes @ demo_vertebra.frame.axes.T).magnitude()
    assert np.degrees(turned) < 5.0


def test_neither_vertebra_nor_body():
    u_shape = np.zeros((40, 40, 20), dtype=bool)
    u_shape[5:35, 5:10] = u_shape[5:10, 5:35] = u_shape[30:35, 5:35] = True
    with pytest.raises(SplitError, match="no spinal canal was found"):
        split_body(u_shape, np.ones(3))


def test_a_flat_mask_is_no_body():
    flat = np.zeros((40, 40, 3), dtype=bool)
    flat[5:35, 5:35, 1] = True
    with pytest.raises(SplitError, match="voxels lie in one plane"):
        split_body(flat, np.array([1.0, 1.0, 3.0]))


@pytest.mark.parametrize(
    ("numbers", "labels", "label_map"),
    [
        ({21: 21, 22: 20, 23: 19}, None, "totalsegmentator_v1"),
        ({21: 30, 22: 29, 23: 28}, "totalsegmentator_v2", "totalsegmentator_v2"),
        ({22: 1}, None, "binary"),
        ({21: 7, 22: 9, 23: 8}, "9", "number"),
    ],
)
def test_other_conventions_give_the_same_vertebra(numbers, labels, label_map, rewrite, demo_vertebra, tmp_path):
    vertebra = read(rewrite(tmp_path, change=relabelled(numbers)), labels=labels)
    assert (vertebra.level, vertebra.label, vertebra.label_map) == ("L3", numbers[22], label_map)
    np.testing.assert_array_equal(vertebra.body, demo_vertebra.body)
    np.testing.assert_array_equal(vertebra.frame.axes, demo_vertebra.frame.axes)


def test_the_totalsegmentator_file_of_one_vertebra(rewrite, demo_vertebra, tmp_path):
    patient = rewrite(tmp_path, change=relabelled({22: 1}))
    path = patient.mask.rename(tmp_path / "vertebrae_L3.nii.gz")
    vertebra = read_vertebra(patient.ct, path, None, subregions=patient.subregions)
    assert vertebra.level == "L3"
    np.testing.assert_array_equal(vertebra.body, demo_vertebra.body)


def test_two_conventions_are_refused(rewrite, tmp_path):
    with pytest.raises(InputError, match=r"can be read as totalsegmentator_v1 .*or totalsegmentator_v2 "):
        read(rewrite(tmp_path, change=relabelled({21: 30, 22: 29, 23: 28})))


@pytest.mark.parametrize(
    ("level", "face", "seen"), [("L4", "inferior", "32 mm are seen, about 24 mm"), ("L2", "superior", "30 mm are seen")]
)
def test_a_vertebra_cut_by_the_image(level, face, seen, demo_files):
    with pytest.raises(InputError, match=rf"{level} \(label \d+\) .* is cut by the {face} face of the image \({seen}"):
        read_vertebra(demo_files.ct, demo_files.mask, level)


def test_files_that_are_missing_empty_or_apart(rewrite, demo_files, tmp_path):
    with pytest.raises(InputError, match=r"subregion mask .*nowhere.nii does not exist"):
        read(demo_files, subregions=tmp_path / "nowhere.nii")
    with pytest.raises(InputError, match="is empty: all its voxels are 0"):
        read(rewrite(tmp_path, change=lambda name, v: v * 0 if name == "mask" else v))
    other_grid = rewrite(tmp_path, change=lambda name, v: v[1:] if name == "mask" else v)
    with pytest.raises(InputError, match=r"lie on different grids: 73 x 72 x 47 against 73 x 73 x 47 voxels"):
        read(other_grid)
    other_parts = rewrite(tmp_path, change=lambda name, v: v[1:] if name == "subregions" else v)
    with pytest.raises(InputError, match=r"subregion mask .* lie on different grids"):
        read(other_parts)
    no_corpus = rewrite(tmp_path, change=lambda name, v: np.where(v > 48, 41, v) if name == "subregions" else v)
    with pytest.raises(InputError, match=r"holds no corpus \(49, 50\) inside L3"):
        read(no_corpus)


def test_stray_voxels_and_broken_vertebrae(rewrite, demo_vertebra, tmp_path):
    def with_island(size):
        def change(name, values):
            if name == "mask":
                values = values.copy()
                values[2 : 2 + size, 20 : 20 + size, 2 : 2 + size] = 22
            return values

        return change

    strayed = read(rewrite(tmp_path, change=with_island(3)))
    assert any("dropped 27 stray voxels in 1 islands" in warning for warning in strayed.warnings)
    np.testing.assert_array_equal(strayed.body, demo_vertebra.body)
    with pytest.raises(InputError, match=r"falls into 2 pieces, the second with \d+ % of the voxels \(at most 5 %"):
        read(rewrite(tmp_path, change=with_island(12)))


@pytest.mark.parametrize(("width", "volume"), [(1, "0.0034"), (5, "0.42")])
def test_a_speck_is_no_vertebra(rewrite, tmp_path, width, volume):
    def change(name, values):
        if name == "mask":
            values = np.zeros_like(values)
            values[30 : 30 + width, 20 : 20 + width, 30 : 30 + width] = 1
        return values

    with pytest.raises(InputError, match=rf"has {volume} ml, at least 1 ml are expected"):
        read(rewrite(tmp_path, change=change), subregions=None)
