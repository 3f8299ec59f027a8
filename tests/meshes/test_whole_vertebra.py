from dataclasses import replace

import numpy as np
import pytest

from meshes.errors import InputError
from meshes.quality import gamma
from meshes.tetmesh import FACET_REGIONS, TetMesh
from meshes.vertebra import Vertebra
from meshes.whole_vertebra import ARCH, mesh_vertebra, whole_vertebra


@pytest.fixture(scope="module")
def body(demo_mesh) -> TetMesh:
    return demo_mesh(3.0)


@pytest.fixture(scope="module")
def whole(demo_vertebra, body) -> TetMesh:
    return mesh_vertebra(demo_vertebra, 3.0, body)


def test_it_encloses_the_mask_of_body_and_arch(demo_vertebra: Vertebra, whole):
    mask = (demo_vertebra.body | demo_vertebra.arch).sum() * demo_vertebra.ct.voxel_volume
    assert whole.volume == pytest.approx(mask, rel=2e-3)  # holes inside the bone are filled
    assert gamma(whole).min() > 0.1


def test_cells_are_told_apart(demo_vertebra: Vertebra, whole):
    assert set(whole.cell_regions) == {"cancellous", "cortical_shell", ARCH}
    assert sorted(np.concatenate(list(whole.cell_regions.values()))) == list(range(len(whole.cells)))
    arch = whole.cell_volumes[whole.cell_regions[ARCH]].sum()
    assert arch == pytest.approx(demo_vertebra.arch.sum() * demo_vertebra.ct.voxel_volume, rel=0.03)
    assert whole.cell_centroids[whole.cell_regions[ARCH], 1].min() > 0.0


def test_endplates_are_those_of_the_body(body, whole):
    assert set(whole.facet_regions) == {*FACET_REGIONS, ARCH}
    assert sorted(np.concatenate(list(whole.facet_regions.values()))) == list(range(len(whole.facets)))
    for name in ("superior_endplate", "inferior_endplate"):
        alone, together = body.facet_regions[name], whole.facet_regions[name]
        area = body.facet_areas[alone].sum()
        assert whole.facet_areas[together].sum() == pytest.approx(area, rel=0.03)
        centroids = [
            np.average(mesh.facet_centroids[rows], axis=0, weights=mesh.facet_areas[rows])
            for mesh, rows in ((body, alone), (whole, together))
        ]
        np.testing.assert_allclose(*centroids, atol=0.5)


def test_the_arch_hides_the_pedicles(body, whole):
    for name in ("left_pedicle", "right_pedicle"):
        left = whole.facet_areas[whole.facet_regions[name]].sum()
        assert left < 0.7 * body.facet_areas[body.facet_regions[name]].sum()


def test_refuses_a_mask_without_arch(demo_vertebra: Vertebra):
    with pytest.raises(InputError, match="holds no arch"):
        whole_vertebra(replace(demo_vertebra, arch=np.zeros_like(demo_vertebra.arch)))


def test_refuses_an_arch_apart_from_the_body(demo_vertebra: Vertebra):
    y = np.argwhere(demo_vertebra.body)[:, 1].max() + 4
    arch = demo_vertebra.arch.copy()
    arch[:, :y] = False
    assert arch.any()
    with pytest.raises(InputError, match="does not touch"):
        whole_vertebra(replace(demo_vertebra, arch=arch))
