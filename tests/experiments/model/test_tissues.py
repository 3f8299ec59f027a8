"""Lesions, cavities and veins over the bone of the real L3: volumes, fluids, bone that is kept, what is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from ct_bone import ct_bone
from numpy.typing import NDArray

from experiments.case.laws import Laws
from experiments.case.schema import build_case
from experiments.model.tissues import TissueMap, build_tissues, check_tips, read_lesions
from fem.injection.needle_opening import NeedleOpening
from fem.injection.plan import Needle
from materials.bone import BoneField, BoneModel
from materials.cannula import Cannula
from meshes.errors import InputError
from meshes.images.grids import RAS_TO_LPS
from meshes.regions import wall_point
from meshes.tetmesh import TetMesh
from meshes.vertebra import Vertebra

CENTRE = {"left": 0.3, "depth": 0.4, "height": 0.5}
LYTIC = {"kind": "osteolytic", "fraction": 0.25}
BLASTIC = {"kind": "osteoblastic", **CENTRE, "semi_axes_mm": [7.0, 7.0, 6.0]}
BALLOON = {"kind": "balloon", **CENTRE, "volume_ml": 1.5}
CLEFT = {"kind": "cleft", "left": 0.0, "depth": 0.4, "height": 0.75, "semi_axes_mm": [12.0, 9.0, 3.0]}


@pytest.fixture(scope="module")
def mesh(demo_mesh: Callable[..., TetMesh]) -> TetMesh:
    return demo_mesh(3.0)


@pytest.fixture(scope="module")
def bone(demo_vertebra: Vertebra, mesh: TetMesh) -> BoneField:
    return ct_bone(demo_vertebra, mesh)


@pytest.fixture(scope="module")
def built(demo_vertebra: Vertebra, mesh: TetMesh, bone: BoneField) -> Any:
    def build(folder: Path | None = None, **sections: Any) -> TissueMap:
        veins = {"network": "none", **sections.pop("veins", {})}
        case = build_case({"patient": {"demo": True}, "veins": veins, **sections}, "case.toml", folder)
        masks = read_lesions(case, demo_vertebra)
        return build_tissues(case, Laws.of_case(case), demo_vertebra, mesh, bone, masks)

    return build


def needle_at(tissues: TissueMap, mesh: TetMesh, point: NDArray[np.float64], number: int = 0) -> Needle:
    return Needle(NeedleOpening.place(mesh, tissues.medium, point, 1.2), Cannula(11), number)


def axial(tissues: TissueMap, cells: NDArray[np.int64]) -> NDArray[np.float64]:
    return tissues.medium.permeability[cells, 2, 2]


def test_without_tables_there_is_bone_marrow_and_the_channel(built: Any, mesh: TetMesh, bone: BoneField) -> None:
    tissues = built()
    assert set(tissues.cells) == {"basivertebral_channel"}
    assert tissues.fluids.names == ()
    assert tissues.exchange is None
    assert np.array_equal(tissues.medium.porosity, bone.porosity)
    assert np.array_equal(tissues.modulus, bone.modulus)
    channel = tissues.cells["basivertebral_channel"]
    rest = np.setdiff1d(np.arange(len(mesh.cells)), channel)
    assert np.array_equal(axial(tissues, rest), bone.permeability_axial[rest])
    assert axial(tissues, channel) == pytest.approx(BoneModel().permeability.largest)
    assert (tissues.medium.permeability[channel, 1, 1] > tissues.medium.permeability[channel, 0, 0]).all()


@pytest.mark.parametrize("veins", [{"basivertebral_channel": False}, {"basivertebral_number": 0}])
def test_the_channel_can_be_left_out(built: Any, bone: BoneField, veins: dict[str, Any]) -> None:
    tissues = built(veins=veins)
    assert tissues.cells == {}
    assert np.array_equal(tissues.medium.permeability[:, 2, 2], bone.permeability_axial)


def test_an_osteolytic_lesion_is_soft_porous_and_full_of_tumour(built: Any, mesh: TetMesh, bone: BoneField) -> None:
    tissues = built(lesions=[LYTIC])
    lesion = tissues.cells["lesion_1"]
    assert tissues.summary["lesion_1"].fraction_of_body == pytest.approx(0.25, abs=0.002)
    assert tissues.summary["lesion_1"].volume_ml == pytest.approx(mesh.cell_volumes[lesion].sum() * 1e-3)
    assert mesh.cell_centroids[lesion, 1].mean() > mesh.cell_centroids[:, 1].mean()
    assert tissues.medium.porosity[lesion] == pytest.approx(0.95)
    assert (tissues.modulus[lesion] < bone.modulus[lesion]).mean() > 0.9
    assert tissues.fluids.names == ("tumour_1",)
    assert tissues.fluids.viscosities == pytest.approx([3e-5])
    assert np.array_equal(np.flatnonzero(tissues.fluids.shares[0]), lesion)
    assert (
        "basivertebral_channel" not in tissues.cells
        or not np.isin(tissues.cells["basivertebral_channel"], lesion).any()
    )
    assert tissues.exchange is not None
    # Moderate growth: 0.025 1/(s MPa) of tissue at 1 kPa.
    assert tissues.exchange.conductance.sum() == pytest.approx(0.025 * mesh.cell_volumes[lesion].sum())
    assert tissues.exchange.pressure[lesion] == pytest.approx(1e-3)


def test_an_osteoblastic_lesion_is_dense(built: Any, bone: BoneField) -> None:
    tissues = built(lesions=[BLASTIC])
    lesion = tissues.cells["lesion_1"]
    assert (tissues.medium.porosity[lesion] < bone.porosity[lesion]).all()
    assert (axial(tissues, lesion) < bone.permeability_axial[lesion]).all()
    assert (tissues.modulus[lesion] > bone.modulus[lesion]).mean() > 0.99


def test_an_immobile_lesion_is_an_obstacle_without_a_tracer(built: Any, demo_vertebra: Vertebra, mesh: TetMesh) -> None:
    mobile, immobile = (built(lesions=[LYTIC, {**BLASTIC, "mobile": choice}]) for choice in (True, False))
    lesion = immobile.cells["lesion_2"]
    assert axial(immobile, lesion) == pytest.approx(1e-6 * axial(mobile, lesion))
    assert mobile.fluids.names == ("tumour_1", "tumour_2")
    assert immobile.fluids.names == ("tumour_1",)
    assert (mobile.immobile, immobile.immobile) == ((), (2,))
    inside = demo_vertebra.frame.point(*CENTRE.values())
    outside = demo_vertebra.frame.point(-0.4, 0.4, 0.5)
    check_tips(immobile, [needle_at(immobile, mesh, outside)])
    check_tips(mobile, [needle_at(mobile, mesh, inside)])
    with pytest.raises(InputError, match=r"needles\[2\] opens inside or at the edge of lesions\[2\]"):
        check_tips(immobile, [needle_at(immobile, mesh, outside), needle_at(immobile, mesh, inside, 1)])


def test_a_lesion_by_its_label_lies_where_its_voxels_do(
    built: Any, demo_vertebra: Vertebra, mesh: TetMesh, tmp_path: Path
) -> None:
    grid = demo_vertebra.ct
    points = demo_vertebra.frame.to_frame(grid.to_world(np.moveaxis(np.indices(grid.values.shape), 0, -1)))
    centre = demo_vertebra.frame.point(*CENTRE.values())
    ball = (np.linalg.norm(points - centre, axis=-1) <= 7.0).astype(np.uint8) * 4
    nib.save(nib.Nifti1Image(ball, RAS_TO_LPS @ grid.affine), tmp_path / "lesions.nii")
    named = {"kind": "osteolytic", "mask": "lesions.nii"}
    lesion = built(tmp_path, lesions=[{**named, "label": 4}]).cells["lesion_1"]
    assert np.linalg.norm(mesh.cell_centroids[lesion].mean(axis=0) - centre) < 0.5
    assert mesh.cell_volumes[lesion].sum() == pytest.approx(4.0 / 3.0 * np.pi * 7.0**3, rel=0.1)
    case = build_case({"patient": {"demo": True}, "lesions": [{**named, "label": 5}]}, folder=tmp_path)
    with pytest.raises(InputError, match=r"lesions\[1\]: lesion mask .* has no label 5"):
        read_lesions(case, demo_vertebra)


def test_a_cavity_takes_its_cells_over_from_a_lesion(built: Any) -> None:
    alone, both = built(lesions=[LYTIC]), built(lesions=[LYTIC], cavities=[{**CLEFT, "depth": 0.75}])
    cleft = both.cells["cleft_1"]
    shared = np.intersect1d(alone.cells["lesion_1"], cleft)
    assert len(shared)
    assert np.array_equal(both.cells["lesion_1"], np.setdiff1d(alone.cells["lesion_1"], cleft))
    assert both.fluids.names == ("tumour_1", "blood")
    assert both.fluids.viscosities == pytest.approx([3e-5, 4e-8])
    assert np.array_equal(both.fluids.shares[:, shared], np.tile([[0.0], [1.0]], len(shared)))
    assert both.fluids.shares.sum(axis=0).max() == 1.0
    assert not both.exchange.conductance[shared].any()
    # A gap of 6 mm, h^2 / 12 = 3 mm2, is taken as wide as the cap.
    assert axial(both, cleft) == pytest.approx(1.0)
    assert both.medium.porosity[cleft] == pytest.approx(1.0)


def test_a_balloon_keeps_the_bone_that_it_pushes_aside(built: Any, mesh: TetMesh, bone: BoneField) -> None:
    tissues = built(cavities=[CLEFT, BALLOON])
    balloon, shell = tissues.cells["balloon_2"], tissues.cells["compacted_2"]
    volumes = mesh.cell_volumes
    assert tissues.summary["balloon_2"].volume_ml == pytest.approx(1.5, rel=0.01)
    assert not np.intersect1d(shell, np.concatenate([balloon, tissues.cells["cleft_1"]])).size
    bony = np.setdiff1d(balloon, built(cavities=[CLEFT]).cells["cleft_1"])
    assert len(bony) < len(balloon)
    lost = (1.0 - bone.porosity[bony]) @ volumes[bony]
    gained = (bone.porosity[shell] - tissues.medium.porosity[shell]) @ volumes[shell]
    assert gained == pytest.approx(lost, rel=1e-12)
    assert (axial(tissues, shell) < bone.permeability_axial[shell]).all()
    assert (tissues.modulus[shell] > bone.modulus[shell]).all()
    assert tissues.modulus[balloon] == pytest.approx(BoneModel().modulus.lowest)
    # The density of the shell rises with the bone it takes up, evenly by volume.
    rise = bone.bmd[bony].clip(0.0) @ volumes[bony] / volumes[shell].sum()
    law = BoneModel().modulus
    stiffer = law.modulus(bone.bmd[shell] + rise) - law.modulus(bone.bmd[shell])
    assert tissues.modulus[shell] - bone.modulus[shell] == pytest.approx(np.repeat(stiffer[:, None], 4, axis=1))


def test_bone_that_does_not_fit_into_a_thin_shell_is_told(built: Any) -> None:
    thin = {**BALLOON, "volume_ml": 6.0, "left": 0.0, "compacted_shell_mm": 0.7}
    (warning,) = built(cavities=[thin]).warnings
    assert warning.startswith("cavities[1]: ")
    assert "of the cavity's bone do not fit into the compacted shell of 0.7 mm" in warning
    bare = built(cavities=[{**BALLOON, "compacted_shell_mm": 0.0}])
    assert "compacted_1" not in bare.cells
    assert bare.warnings == ()


def test_an_ellipsoid_that_reaches_out_of_the_body_is_told(built: Any) -> None:
    (warning,) = built(lesions=[{**BLASTIC, "depth": 0.0}]).warnings
    assert warning.startswith("lesions[1]: its cells hold 0.")
    assert "instead of 1.23 ml" in warning


def test_bone_is_lost_behind_a_hole(built: Any, mesh: TetMesh, demo_vertebra: Vertebra) -> None:
    hole = {"wall": "posterior_wall", "left": 0.3, "height": 0.5, "diameter_mm": 6.0}
    assert "defect_1" not in built(defects=[hole]).cells
    tissues = built(lesions=[LYTIC], defects=[{"wall": "left_wall", "fraction": 0.2}, {**hole, "depth_mm": 10.0}])
    lost = tissues.cells["defect_2"]
    centre = wall_point(mesh, "posterior_wall", demo_vertebra.frame.point(0.3, 1.0, 0.5))
    aside = np.hypot(*(mesh.cell_centroids[lost] - centre)[:, [0, 2]].T)
    assert aside.max() <= 3.0
    assert np.ptp(mesh.cell_centroids[lost, 1]) > 5.0
    # A tube of its diameter, R^2 / 8, with marrow and without vessels.
    assert axial(tissues, lost) == pytest.approx(9.0 / 8.0)
    assert not np.isin(lost, tissues.cells["lesion_1"]).any()
    assert not tissues.fluids.shares[:, lost].any()
    assert not tissues.exchange.conductance[lost].any()


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        ({"lesions": [BLASTIC, {**BLASTIC, "left": 1.0, "depth": 0.0}]}, "lesions[2]: the ellipsoid with semi-axes"),
        ({"cavities": [{**BALLOON, "depth": 0.0}]}, "cavities[1]: a ball of 1.5 ml"),
        ({"lesions": [BLASTIC, {**BLASTIC, "semi_axes_mm": [9.0, 9.0, 9.0]}]}, "lesions[1] lies wholly under"),
        (
            {"cavities": [{**BALLOON, "volume_ml": 2.0}, {**CLEFT, **CENTRE, "semi_axes_mm": [3.0, 3.0, 3.0]}]},
            "cavities[2] lies wholly under what comes after it",
        ),
    ],
)
def test_what_does_not_fit_names_its_table(built: Any, sections: dict[str, Any], expected: str) -> None:
    with pytest.raises(InputError) as caught:
        built(**sections)
    assert str(caught.value).startswith(expected)


def test_every_combination_is_a_medium(built: Any) -> None:
    tissues = built(
        lesions=[LYTIC, {**BLASTIC, "left": -0.4, "mobile": False}],
        cavities=[BALLOON, CLEFT],
        defects=[{"wall": "posterior_wall", "left": 0.3, "height": 0.5, "diameter_mm": 6.0, "depth_mm": 10.0}],
    )
    assert np.linalg.eigvalsh(tissues.medium.permeability).min() > 0.0
    assert tissues.medium.porosity.min() > 0.0
    assert tissues.medium.porosity.max() <= 1.0
    assert tissues.modulus.min() >= BoneModel().modulus.lowest
    apart = np.concatenate([cells for name, cells in tissues.cells.items() if not name.startswith("compacted")])
    assert len(np.unique(apart)) == len(apart)
