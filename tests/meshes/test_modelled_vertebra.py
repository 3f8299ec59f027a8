import math

import numpy as np
import pytest
from scipy import ndimage

from meshes.body_heights import body_heights
from meshes.endplates import fit_endplates
from meshes.frame import frame_of_body
from meshes.modelled_vertebra import ARCH, BODY, VertebraShape, even_bone, modelled_vertebra

L3 = VertebraShape(46.0, 35.0, 27.8, 10.3, 15.0, 26.0, 16.7, math.radians(14.0))
T7 = VertebraShape(29.0, 27.0, 21.0, 5.6, 12.0, 18.0, 16.7, math.radians(12.0))


@pytest.mark.parametrize("shape", [L3, T7])
@pytest.mark.parametrize("spacing", [0.5, 1.0])
def test_a_body_has_the_dimensions_asked_for(shape: VertebraShape, spacing: float) -> None:
    mask = modelled_vertebra(shape, spacing)
    body = mask.values == BODY
    x, y, _ = mask.to_world(np.argwhere(body)).T
    assert np.ptp(x) + spacing == pytest.approx(shape.width, abs=spacing)
    assert np.ptp(y) + spacing == pytest.approx(shape.depth, abs=spacing)
    heights = body_heights(body, mask, frame_of_body(body, mask, np.eye(3), "landmarks"))
    for height in (heights.anterior, heights.posterior):
        assert height == pytest.approx(shape.height, abs=spacing)
    assert heights.middle < shape.height - 1.0  # the endplates sink in
    middle = np.abs(mask.to_world(np.argwhere(body))[:, 2]) <= 0.5 * spacing
    assert np.ptp(x[middle]) < 0.92 * np.ptp(x)  # the waist


def test_it_is_symmetric_in_one_piece_and_leaves_the_canal_free() -> None:
    mask = modelled_vertebra(L3, 1.0)
    np.testing.assert_array_equal(mask.values, mask.values[::-1])
    assert ndimage.label(mask.values > 0)[1] == 1
    assert ndimage.label(mask.values == BODY)[1] == 1
    behind = round(0.5 * L3.depth + 0.5 * L3.canal_depth - mask.affine[1, 3])
    row = mask.values[:, behind, mask.values.shape[2] // 2]
    free = np.abs(mask.to_world(np.argwhere(row == 0) * [1, 0, 0])[:, 0])
    assert np.count_nonzero(free < 0.5 * L3.canal_width - 1.0) >= L3.canal_width - 3.0
    normals = fit_endplates(mask.values == BODY, mask.spacing, np.array([0.0, 0.0, 1.0])).bisector
    np.testing.assert_allclose(normals, [0.0, 0.0, 1.0], atol=0.01)


def test_pedicles_are_as_wide_as_asked_and_diverge_to_the_back() -> None:
    mask = modelled_vertebra(L3, 0.5)
    arch = mask.values == ARCH

    def section(behind: float) -> np.ndarray:
        row = round((0.5 * L3.depth + behind - mask.affine[1, 3]) / 0.5)
        points = mask.to_world(np.argwhere(arch[:, [row]]))
        return points[points[:, 0] > 0.0]

    near, far = section(1.0), section(2.0)
    assert np.ptp(near[:, 0]) == pytest.approx(L3.pedicle_width, abs=1.0)
    assert np.ptp(near[:, 2]) == pytest.approx(L3.pedicle_height, abs=1.0)
    assert far[:, 0].mean() > near[:, 0].mean()


def test_bone_is_even_inside_a_shell_of_the_mineral_asked_for() -> None:
    mask = modelled_vertebra(T7, 1.0)
    image = even_bone(mask, 80.0, 280.0)
    assert set(np.unique(image.values)) == {0, 80, 360}
    core = ndimage.binary_erosion(mask.values > 0)
    assert (image.values[core] == 80).all()
    assert (image.values[mask.values == 0] == 0).all()
