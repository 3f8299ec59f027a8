"""Images that cut a vertebra: through its arch they are told of, through its body they are refused."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from meshes.body_mesh import mesh_body
from meshes.demo_patient import DemoPatient
from meshes.errors import InputError
from meshes.vertebra import Vertebra, read_vertebra
from meshes.whole_vertebra import whole_vertebra

POSTERIOR = 0
"""Axis of the demo's files along which the index grows backwards."""


@pytest.fixture
def without_last(rewrite: Callable[..., DemoPatient], tmp_path: Path) -> Callable[..., DemoPatient]:
    """The demo patient without the hindmost voxels."""

    def cropped(lost: int) -> DemoPatient:
        return rewrite(tmp_path, change=lambda name, values: values[: values.shape[POSTERIOR] - lost])

    return cropped


def read(files: DemoPatient, **options: object) -> Vertebra:
    return read_vertebra(files.ct, files.mask, files.level, **({"subregions": files.subregions} | options))


@pytest.mark.parametrize("subregions", [True, False])
def test_a_cut_spinous_process_leaves_the_body_as_it_was(
    subregions: bool, without_last: Callable[..., DemoPatient], demo_files: DemoPatient, demo_vertebra: Vertebra
) -> None:
    options = {} if subregions else {"subregions": None}
    whole = demo_vertebra if subregions else read(demo_files, **options)
    vertebra = read(without_last(12), **options)
    assert "posterior face of the image (" in vertebra.cut
    assert "spinous process" in vertebra.cut
    assert any("its body is whole" in warning for warning in vertebra.warnings)
    assert len(vertebra.cut_points)
    assert vertebra.body.sum() == whole.body.sum()
    assert vertebra.arch.sum() < whole.arch.sum()
    # Of the whole vertebra's voxels those are there that the image shows, and no mask touches a face of the grid.
    for part in (vertebra.body, vertebra.arch):
        places = np.argwhere(part)
        assert places.min() > 0
        assert (places.max(axis=0) < np.array(part.shape) - 1).all()
    np.testing.assert_allclose(vertebra.frame.origin, whole.frame.origin, atol=1e-9)
    np.testing.assert_allclose(vertebra.frame.extents, whole.frame.extents, atol=0.05 if subregions else 0.5)


def test_the_whole_vertebra_cannot_be_had_of_a_cut_one(without_last: Callable[..., DemoPatient]) -> None:
    with pytest.raises(
        InputError, match=r"L3 is cut by the posterior face of the image .*choose mechanics.domain = 'bo"
    ):
        whole_vertebra(read(without_last(12)))


def test_a_body_without_any_cut_says_so(demo_vertebra: Vertebra) -> None:
    assert demo_vertebra.cut == ""
    assert not len(demo_vertebra.cut_points)


def test_the_cut_body_is_refused(without_last: Callable[..., DemoPatient]) -> None:
    files = without_last(48)
    with pytest.raises(InputError, match=r"L3 .* is cut by the posterior face of the image \(\d+ mm are seen\)"):
        read(files)
    with pytest.raises(InputError, match=r"L3 .* is cut by the posterior face of the image \(\d+ mm are seen\)"):
        read(files, subregions=None)


def test_the_mesh_of_the_body_is_the_same(without_last: Callable[..., DemoPatient], demo_vertebra: Vertebra) -> None:
    ours, whole = (mesh_body(vertebra, 4.0).volume for vertebra in (read(without_last(12)), demo_vertebra))
    assert ours == pytest.approx(whole, rel=1e-4)
