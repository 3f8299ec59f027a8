from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from phantoms import box

from meshes import inclusions
from meshes.errors import InputError
from meshes.images.grids import RAS_TO_LPS
from meshes.images.image import Image
from meshes.inclusions import (
    ball_of_diameter,
    ball_of_volume,
    cells_grown_from,
    cells_in_ellipsoid,
    cells_with_label,
    read_lesion_mask,
    shell_around,
)
from meshes.sampling import voxel_weights
from meshes.tetmesh import TetMesh
from meshes.vertebra import Vertebra
from meshes.wall_damage import cells_behind

LESION = 7


@pytest.fixture(scope="module", autouse=True)
def weights_once() -> Iterator[None]:
    """Weights of a mesh in the voxels, which have tests of their own, are found once."""
    found: dict[tuple[int, int], Any] = {}

    def weights(mesh: TetMesh, vertebra: Vertebra) -> Any:
        key = (id(mesh), id(vertebra))
        if key not in found:
            found[key] = voxel_weights(mesh, vertebra)
        return found[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inclusions, "voxel_weights", weights)
        yield


@pytest.fixture(scope="module")
def body(demo_mesh) -> TetMesh:
    return demo_mesh(2.0)


@pytest.fixture(scope="module")
def block() -> TetMesh:
    """Box of 40 x 30 x 24 mm about the origin."""
    mesh = box((40.0, 30.0, 24.0), 2.0)
    return replace(mesh, points=mesh.points - [20.0, 15.0, 12.0])


def volume(mesh: TetMesh, cells: np.ndarray) -> float:
    assert len(np.unique(cells)) == len(cells)
    return float(mesh.cell_volumes[cells].sum())


def ball_on_grid(vertebra: Vertebra, centre: np.ndarray, radius: float, spacing: float) -> Image:
    """Label image with a ball of the anatomical frame, on a grid of its own, turned against the CT's.

    No voxel's centre lies on the sphere, so that no rounding decides on it.
    """
    turn = np.array([[0.8, -0.6, 0.0], [0.6, 0.8, 0.0], [0.0, 0.0, 1.0]])
    affine = np.eye(4)
    affine[:3, :3] = spacing * turn
    count = int(2.4 * radius / spacing)
    affine[:3, 3] = vertebra.frame.to_scanner(centre) - affine[:3, :3] @ np.full(3, 0.5 * (count - 1))
    image = Image(np.zeros((count, count, count), dtype=np.int32), affine)
    from_centre = spacing * (np.moveaxis(np.indices(image.values.shape), 0, -1) - 0.5 * (count - 1))
    distance = np.linalg.norm(from_centre, axis=-1)
    assert np.abs(distance - radius).min() > 1e-6
    return replace(image, values=np.where(distance <= radius, LESION, 0))


def save(image: Image, path) -> None:
    nib.save(nib.Nifti1Image(image.values.astype(np.int16), RAS_TO_LPS @ image.affine), path)


def test_an_ellipsoid_has_its_volume_and_its_place(body):
    centre, semi_axes = np.array([5.0, 2.0, 0.0]), np.array([8.0, 6.0, 5.0])
    cells = cells_in_ellipsoid(body, centre, semi_axes)
    assert volume(body, cells) == pytest.approx(4.0 / 3.0 * np.pi * semi_axes.prod(), rel=0.05)
    np.testing.assert_allclose(body.cell_centroids[cells].mean(axis=0), centre, atol=0.5)
    np.testing.assert_allclose(np.ptp(body.cell_centroids[cells], axis=0), 2.0 * semi_axes, rtol=0.12)


def test_an_ellipsoid_without_cells_is_refused(body):
    with pytest.raises(InputError, match=r"semi-axes \(0.1, 0.1, 0.1\) mm .* cells measure 2\.\d mm"):
        cells_in_ellipsoid(body, np.array([0.02, 0.0, 0.0]), np.full(3, 0.1))
    with pytest.raises(InputError, match="above 0 mm"):
        cells_in_ellipsoid(body, np.zeros(3), np.array([1.0, 0.0, 1.0]))


@pytest.mark.parametrize("fraction", [0.05, 0.3, 0.8])
def test_growth_from_a_plane_is_a_slab(block, fraction):
    cells = cells_grown_from(block, "y_max", fraction)
    assert volume(block, cells) == pytest.approx(fraction * block.volume, abs=block.cell_volumes.max())
    border = 15.0 - 30.0 * fraction
    away = np.setdiff1d(np.arange(len(block.cells)), cells)
    assert block.cell_centroids[cells, 1].min() == pytest.approx(border, abs=1.0)
    assert block.cell_centroids[cells, 1].min() >= block.cell_centroids[away, 1].max()


def test_a_metastasis_starts_at_the_posterior_wall(body):
    cells = cells_grown_from(body, "posterior_wall", 0.2)
    assert volume(body, cells) == pytest.approx(0.2 * body.volume, abs=body.cell_volumes.max())
    assert body.cell_centroids[cells, 1].min() > 0.0
    assert set(cells_behind(body, body.facet_regions["posterior_wall"])) <= set(cells)
    with pytest.raises(InputError, match="above 0 and below 1"):
        cells_grown_from(body, "posterior_wall", 1.0)
    with pytest.raises(InputError, match="choose one of superior_endplate"):
        cells_grown_from(body, "roof", 0.2)


@pytest.mark.parametrize("spacing", [0.7, 2.0])
def test_a_labelled_ball_is_found_on_any_grid(body, demo_vertebra, spacing):
    # In one place voxels of 2 mm, seen by those of the CT, miss the ball's volume by 5 % (one sigma over many places).
    radius, volumes, overlaps = 6.2, [], []
    for centre in np.array([[-6.0, -3.0, 1.0], [-5.2, -2.1, 0.3], [5.3, 2.2, -0.4]]):
        cells = cells_with_label(body, demo_vertebra, ball_on_grid(demo_vertebra, centre, radius, spacing), LESION)
        volumes.append(volume(body, cells))
        expected = np.linalg.norm(body.cell_centroids - centre, axis=1) <= radius
        found = np.isin(np.arange(len(body.cells)), cells)
        overlaps.append(2 * (found & expected).sum() / (found.sum() + expected.sum()))
    assert np.mean(volumes) == pytest.approx(4.0 / 3.0 * np.pi * radius**3, rel=0.08)
    assert np.mean(overlaps) > 0.85


def test_a_mask_whose_voxels_divide_those_of_the_ct_is_read_alike_on_any_processor(body, demo_vertebra):
    ct = demo_vertebra.ct
    halves = np.diag([0.5, 0.5, 0.5, 1.0])
    halves[:3, 3] = -0.75  # the voxels of the CT have their centres on corners of the mask's
    values = np.where(np.indices(2 * np.array(ct.values.shape) + 2).sum(axis=0) % 3 == 0, LESION, 0)
    found = cells_with_label(body, demo_vertebra, Image(values, ct.affine @ halves), LESION)
    last_digits = 1.0 + np.finfo(float).eps * np.random.default_rng(0).integers(-2, 3, (4, 4))
    mask = Image(values, ct.affine @ halves * last_digits)
    np.testing.assert_array_equal(cells_with_label(body, demo_vertebra, mask, LESION), found)


def test_the_body_s_own_mask_holds_all_cells(body, demo_vertebra):
    mask = Image(demo_vertebra.body.astype(np.int32), demo_vertebra.ct.affine)
    assert len(cells_with_label(body, demo_vertebra, mask, 1)) > 0.99 * len(body.cells)


def test_a_speck_fills_no_cell(body, demo_vertebra):
    speck = ball_on_grid(demo_vertebra, np.array([2.0, 1.0, 0.0]), 0.6, 0.3)
    with pytest.raises(InputError, match="fills no cell by more than half"):
        cells_with_label(body, demo_vertebra, speck, LESION)


def test_a_lesion_mask_is_read_and_checked(body, demo_vertebra, tmp_path):
    image = ball_on_grid(demo_vertebra, np.zeros(3), 5.0, 1.0)
    save(image, tmp_path / "lesion.nii.gz")
    read = read_lesion_mask(tmp_path / "lesion.nii.gz", demo_vertebra, LESION)
    np.testing.assert_array_equal(
        cells_with_label(body, demo_vertebra, read, LESION), cells_with_label(body, demo_vertebra, image, LESION)
    )
    with pytest.raises(InputError, match=r"has no label 4: it holds 7; choose"):
        read_lesion_mask(tmp_path / "lesion.nii.gz", demo_vertebra, 4)
    with pytest.raises(InputError, match="between 1 and 65535"):
        read_lesion_mask(tmp_path / "lesion.nii.gz", demo_vertebra, 0)
    save(ball_on_grid(demo_vertebra, np.array([0.0, 0.0, 60.0]), 5.0, 1.0), tmp_path / "above.nii.gz")
    with pytest.raises(InputError, match=r"outside of the body of L3 \(its centroid is 60 mm from the body's\)"):
        read_lesion_mask(tmp_path / "above.nii.gz", demo_vertebra, LESION)
    with pytest.raises(InputError, match=r"lesion mask .* does not exist"):
        read_lesion_mask(tmp_path / "nowhere.nii.gz", demo_vertebra, LESION)


@pytest.mark.parametrize("asked", [200.0, 1000.0, 4000.0])
def test_a_balloon_has_its_volume_to_a_cell(body, asked):
    cells = ball_of_volume(body, np.zeros(3), asked)
    assert volume(body, cells) == pytest.approx(asked, abs=body.cell_volumes.max())
    distance = np.linalg.norm(body.cell_centroids, axis=1)
    assert distance[cells].max() <= np.delete(distance, cells).min()
    assert distance[cells].max() == pytest.approx((0.75 * asked / np.pi) ** (1 / 3), abs=0.5)


def test_diameter_and_volume_give_the_same_balloon(block):
    centre = np.array([3.0, 1.0, -1.0])
    np.testing.assert_array_equal(
        ball_of_diameter(block, centre, 12.0), ball_of_volume(block, centre, np.pi / 6.0 * 12.0**3)
    )


def test_half_a_balloon_does_not_fit(block):
    with pytest.raises(
        InputError, match=r"ball of 1.1 ml \(12.8 mm across\) does not fit into the body: 0.5[45]\d? ml"
    ):
        ball_of_volume(block, np.array([0.0, 15.0, 0.0]), 1100.0)
    touching = ball_of_diameter(block, np.array([0.0, 15.0 - 6.0, 0.0]), 12.0)
    assert volume(block, touching) == pytest.approx(np.pi / 6.0 * 12.0**3, rel=0.01)
    with pytest.raises(InputError, match="more than 0 ml"):
        ball_of_volume(block, np.zeros(3), 0.0)


def test_the_compacted_shell_lies_around_the_balloon(body):
    balloon = ball_of_volume(body, np.zeros(3), 1500.0)
    radius = (0.75 * 1500.0 / np.pi) ** (1 / 3)
    shell = shell_around(body, balloon, 2.0)
    assert not np.intersect1d(shell, balloon).size
    assert volume(body, shell) == pytest.approx(4.0 / 3.0 * np.pi * ((radius + 2.0) ** 3 - radius**3), rel=0.12)
    distance = np.linalg.norm(body.cell_centroids[shell], axis=1)
    assert distance.min() > radius - 1.0
    assert distance.max() < radius + 3.5


def test_a_shell_thinner_than_a_cell_is_refused(body):
    balloon = ball_of_volume(body, np.zeros(3), 1500.0)
    with pytest.raises(InputError, match="holds no cell"):
        shell_around(body, balloon, 1e-3)
    with pytest.raises(InputError, match="holds no cell"):
        shell_around(body, np.arange(len(body.cells)), 2.0)
    with pytest.raises(InputError, match="above 0 mm"):
        shell_around(body, balloon, 0.0)
