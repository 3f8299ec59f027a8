"""Elastic constants of the states of a case, on the real L3: what cement, damage, anisotropy and the shell change."""

from typing import Any

import numpy as np
import pytest
from scipy.spatial import cKDTree

from experiments.case.laws import Laws
from experiments.case.schema import build_case
from experiments.model.cortex import shell_left
from experiments.model.elastic_states import ElasticState, elastic_states
from experiments.model.preparation import Preparation, prepare
from experiments.results.progress import Progress
from meshes.errors import InputError
from meshes.wall_damage import SHELL_WALLS

Prepared = tuple[Preparation, Laws, dict[str, ElasticState]]


def prepared(**sections: Any) -> Prepared:
    """The states of a case of the demo patient with a ball of cement in the middle of the body, half full outside."""
    mesh = {"size_mm": 4.0, "needle_size_mm": 1.4}
    mechanics = {"cortex": "voxels"} | sections.pop("mechanics", {})
    case = build_case({"patient": {"demo": True}, "mesh": mesh, "mechanics": mechanics, **sections}, "case.toml")
    laws = Laws.of_case(case)
    preparation = prepare(case, laws, Progress())
    assert preparation.specimen is not None
    return preparation, laws, elastic_states(laws, preparation, preparation.specimen, cement(preparation))


def cement(preparation: Preparation) -> Any:
    radius = np.linalg.norm(preparation.mesh.cell_centroids, axis=1)
    return np.where(radius < 6.0, 1.0, np.where(radius < 9.0, 0.5, 0.0))


@pytest.fixture(scope="module")
def plain() -> Prepared:
    return prepared()


def test_plain_bone_is_isotropic_and_cement_follows_the_composite_law(plain: Prepared) -> None:
    preparation, laws, states = plain
    assert list(states) == ["intact", "augmented"]
    intact, augmented = (state.material for state in states.values())
    modulus = preparation.tissues.modulus
    assert intact.axial_modulus == pytest.approx(modulus, rel=1e-12)
    assert augmented.axial_modulus == pytest.approx(laws.composite.modulus(modulus, cement(preparation)[:, None]))
    for material in (intact, augmented):
        assert np.array_equal(material.transverse_modulus, material.axial_modulus)
        assert material.axial_shear_modulus == pytest.approx(material.axial_modulus / 2.6)
    assert preparation.cortex is None


def test_bulk_cement_is_stiffer(plain: Prepared) -> None:
    preparation, _, states = plain
    bulk = prepared(mechanics={"composite": "bulk"})[2]
    soft = (cement(preparation) > 0.0)[:, None] & (preparation.tissues.modulus < 1937.0)
    stiffer = bulk["augmented"].material.axial_modulus / states["augmented"].material.axial_modulus
    assert (stiffer[soft] > 1.0).all()
    assert stiffer[~soft] == pytest.approx(1.0, rel=1e-12)
    assert np.array_equal(bulk["intact"].material.axial_modulus, states["intact"].material.axial_modulus)


def test_damage_weakens_bone_and_shell_but_not_the_cement(plain: Prepared) -> None:
    preparation, laws, states = prepared(bone={"damage_factor": 0.4})
    assert list(states) == ["intact", "fractured", "augmented"]
    moduli = {name: state.material.axial_modulus for name, state in states.items()}
    undamaged = {name: state.material.axial_modulus for name, state in plain[2].items()}
    assert np.array_equal(moduli["intact"], undamaged["intact"])
    assert moduli["fractured"] == pytest.approx(np.maximum(0.4 * moduli["intact"], laws.bone.modulus.lowest))
    full = (cement(preparation) == 1.0)[:, None] & (moduli["intact"] < laws.composite.filled_modulus)
    assert moduli["augmented"][full] == pytest.approx(undamaged["augmented"][full])
    assert (
        moduli["augmented"][cement(preparation) == 0.0] < undamaged["augmented"][cement(preparation) == 0.0]
    ).mean() > 0.99


def test_anisotropic_bone_turns_isotropic_with_cement_and_tumours_are_isotropic(plain: Prepared) -> None:
    lesion = {"kind": "osteolytic", "left": 0.6, "depth": 0.5, "height": 0.5, "semi_axes_mm": [6.0, 6.0, 6.0]}
    preparation, laws, states = prepared(mechanics={"transverse_isotropy": True}, lesions=[lesion])
    intact, augmented = (state.material for state in states.values())
    tumour = preparation.tissues.cells["lesion_1"]
    bone = np.setdiff1d(np.arange(len(preparation.mesh.cells)), tumour)
    before = intact.axial_modulus / intact.transverse_modulus
    assert np.array_equal(before[tumour], np.ones((len(tumour), 4)))
    assert (before[bone].min(), before[bone].max()) == (pytest.approx(2.0), pytest.approx(4.0))
    assert np.array_equal(intact.axial_modulus[bone], plain[2]["intact"].material.axial_modulus[bone])
    after = augmented.axial_modulus / augmented.transverse_modulus
    saturation, soft = cement(preparation), intact.axial_modulus < laws.composite.filled_modulus
    assert after[(saturation == 1.0)[:, None] & soft] == pytest.approx(1.0)
    half = (saturation == 0.5)[:, None] & soft
    half[tumour] = False
    assert half.any()
    assert (after[half] < before[half]).all()
    assert (after[half] > 1.0).all()


def test_the_shell_is_a_layer_and_does_not_count_twice(plain: Prepared) -> None:
    preparation, _, states = prepared(mechanics={"cortex": "shell"})
    cortex, mesh = preparation.cortex, preparation.mesh
    assert cortex is not None
    assert set(cortex.thickness) == set(SHELL_WALLS)
    assert all(0.2 < thickness < 0.8 for thickness in cortex.thickness.values())
    assert cortex.modulus == 4700.0
    spread = cortex.spread(mesh, np.ones(len(mesh.facets)))
    for layer, of_plates in ((spread.walls, False), (spread.endplates, True)):
        held = mesh.cell_volumes @ layer.share.mean(axis=1)
        asked = sum(
            value * mesh.facet_areas[mesh.facet_regions[wall]].sum()
            for wall, value in cortex.thickness.items()
            if wall.endswith("_endplate") == of_plates
        )
        assert held == pytest.approx(asked, rel=0.08)  # the layer lies inside a curved surface
    both = (spread.walls.share > 0.1) & (spread.endplates.share > 0.1)
    assert both.any()  # the walls stand on the endplates
    depth = cKDTree(mesh.facet_centroids).query(mesh.cell_centroids)[0]
    near, deep = depth < 2.0, depth > 6.0
    ratio = {
        name: np.median(each.tissues.modulus[near]) / np.median(each.tissues.modulus[deep])
        for name, each in (("shell", preparation), ("voxels", plain[0]))
    }
    assert ratio["shell"] < 1.3 < 1.8 < ratio["voxels"]
    bone, whole = preparation.tissues.modulus, states["intact"].material
    assert (whole.axial_modulus >= bone * (1.0 - 1e-12)).all()
    assert whole.axial_modulus[deep] == pytest.approx(bone[deep], rel=1e-12)
    plates = np.concatenate([mesh.facet_regions[name] for name in ("superior_endplate", "inferior_endplate")])
    facing = (spread.endplates.across > 0.9)[mesh.facet_cells[plates]]
    softer = (whole.axial_modulus < 0.5 * whole.transverse_modulus) | (spread.walls.share > 0.0)
    assert softer[mesh.facet_cells[plates]][facing].mean() > 0.9


def test_holes_have_no_shell_and_own_thicknesses_count() -> None:
    hole = {"wall": "anterior_wall", "left": 0.0, "height": 0.5, "diameter_mm": 10.0}
    preparation, _, _ = prepared(
        mechanics={"cortex": "shell"}, defects=[hole], walls={"thickness_mm": {"left_wall": 0.9}}
    )
    cortex, specimen, mesh = preparation.cortex, preparation.specimen, preparation.mesh
    assert cortex is not None
    assert specimen is not None
    assert cortex.thickness["left_wall"] == 0.9
    openings = preparation.cement.walls.openings  # type: ignore[union-attr]
    share = shell_left(mesh, openings, specimen.mesh)
    facets = next(opening.facets for opening in openings if opening.site == "paravertebral_anterior")
    lost = (1.0 - share[facets]) @ mesh.facet_areas[facets]
    assert lost == pytest.approx(min(np.pi * 25.0, mesh.facet_areas[facets].sum()))
    assert share.min() >= 0.0
    assert (share == 1.0).mean() > 0.9


def test_pores_of_bulk_cement_are_refused() -> None:
    with pytest.raises(InputError, match='cement_porosity belongs to composite = "kinzl"'):
        build_case({"patient": {"demo": True}, "mechanics": {"composite": "bulk", "cement_porosity": 0.1}}, "case.toml")
