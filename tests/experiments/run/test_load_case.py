"""The load of a case: parts of the bone, numbers, file and picture, on a box that looks like a body."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import pyvista
from matplotlib.image import imread
from numpy.typing import NDArray
from phantoms import box

from experiments.case.laws import Laws
from experiments.pictures.mechanics import draw_mechanics
from experiments.run.load_case import CORTEX_DEPTH, LoadedBone, LoadedState, SpecimenParts
from fem.mechanics.elastic_material import ElasticMaterial
from fem.mechanics.plates import PlateProblem
from fem.mechanics.stress import ElasticFields, elastic_fields
from fem.partition import Partition
from materials.strength import OverstrainedVolume
from meshes.frame import AnatomicalFrame
from meshes.tetmesh import TetMesh
from vertebroplasty import build_case

LENGTHS = np.array([16.0, 14.0, 12.0])
LOAD = 300.0
MODULUS = {"bone": 100.0, "cement": 900.0}
SIDES = {
    "x_min": "right_wall",
    "x_max": "left_wall",
    "y_min": "anterior_wall",
    "y_max": "posterior_wall",
    "z_min": "inferior_endplate",
    "z_max": "superior_endplate",
}


@pytest.fixture(scope="module")
def body() -> TetMesh:
    mesh = box((16.0, 14.0, 12.0), 2.0)
    mesh = replace(mesh, points=mesh.points - 0.5 * LENGTHS)
    return mesh.with_regions({SIDES[name]: facets for name, facets in mesh.facet_regions.items()})


def inside(mesh: TetMesh, left: bool) -> NDArray[np.bool_]:
    """Cells of a ball in the left or the right half."""
    centre = np.array([3.0 if left else -3.0, 0.0, 0.0])
    return np.linalg.norm(mesh.cell_centroids - centre, axis=1) < 3.0


@pytest.fixture(scope="module")
def loaded(body: TetMesh) -> LoadedBone:
    """A body with a cavity on its right, and cement on its left."""
    partition = Partition.build(body)
    cavity, cement = inside(body, left=False), inside(body, left=True).astype(float)
    states = {}
    with PlateProblem(partition, 1) as problem:
        for name, saturation in (("intact", 0.0 * cement), ("augmented", cement)):
            modulus = np.where(cavity, 10.0, np.where(saturation > 0.0, MODULUS["cement"], MODULUS["bone"]))
            material = ElasticMaterial.isotropic(modulus, 0.3)
            problem.assemble(material)
            stiffness = -problem.solve([0.0, 0.0, -1.0, 0.0, 0.0, 0.0]).reaction_superior[2]
            response = problem.solve([0.0, 0.0, -LOAD / stiffness, 0.0, 0.0, 0.0])
            fields = elastic_fields(partition, response.displacement, material)
            assert fields is not None
            states[name] = LoadedState.of(body, fields, material, SpecimenParts.of(body, saturation, cavity))
    porosity = np.where(body.cell_centroids[:, 2] > 0.0, 0.9, 0.8)
    return LoadedBone(body, LOAD, porosity, cement, states)


def test_every_cell_is_one_part(body: TetMesh) -> None:
    cement, lost = inside(body, left=True).astype(float), inside(body, left=False)
    parts = SpecimenParts.of(body, cement, lost)
    assert (np.sum([parts.cement, parts.cortex, parts.cancellous, parts.arch], axis=0) == 1).all()
    assert np.array_equal(parts.cement, cement > 0.5)
    assert np.array_equal(parts.sound, (cement == 0.0) & ~lost)
    x, y, _ = body.cell_centroids.T
    depth = np.min([0.5 * LENGTHS[0] - np.abs(x), 0.5 * LENGTHS[1] - np.abs(y)], axis=0)
    assert not parts.cortex[depth > CORTEX_DEPTH].any()
    assert parts.cortex[depth < 0.7 * CORTEX_DEPTH].all()
    assert set(parts.carriers) == {"cortex", "cancellous", "cement"}


def test_the_arch_is_a_part_of_its_own(body: TetMesh) -> None:
    behind = body.cell_centroids[:, 1] > 4.0
    mesh = body.with_regions(cell_regions={"arch": np.flatnonzero(behind)})
    parts = SpecimenParts.of(mesh, np.zeros(len(body.cells)), np.zeros(len(body.cells), dtype=bool))
    assert np.array_equal(parts.carriers["arch"], behind)
    assert not (parts.sound | parts.cortex | parts.cancellous)[behind].any()


def test_numbers_of_the_load(loaded: LoadedBone) -> None:
    numbers = loaded.results()
    for state in ("intact", "augmented"):
        result = numbers[state]
        assert result.tilt_forward_deg == pytest.approx(0.0, abs=1e-12)
        assert result.tilt_left_deg == pytest.approx(0.0, abs=1e-12)
        assert result.strain_energy_mj == pytest.approx(0.5 * LOAD * result.shortening_mm, rel=1e-8)
        shares = result.load_share
        assert np.add(shares.cortex, np.add(shares.cancellous, shares.cement)) == pytest.approx(np.ones(9))
        assert shares.arch is None
        for pressure in result.endplate_pressure.values():
            assert pressure.force_n == pytest.approx(LOAD, rel=1e-8)
            assert pressure.mean_mpa == pytest.approx(LOAD / (LENGTHS[0] * LENGTHS[1]))
            assert pressure.mean_mpa < pressure.p95_mpa <= pressure.p99_mpa <= pressure.max_mpa
        for peaks in result.von_mises_mpa.values():
            assert peaks.p95 <= peaks.p99 <= peaks.max
    intact, augmented = numbers["intact"], numbers["augmented"]
    assert "cement" not in intact.von_mises_mpa
    assert max(intact.load_share.cement) == 0.0
    assert augmented.load_share.cement[4] > 0.2
    assert augmented.shortening_mm < intact.shortening_mm
    # the soft cavity pushes the load to the left, and the cement takes it there
    assert intact.endplate_pressure["superior_endplate"].left_share > 0.51
    assert (
        augmented.endplate_pressure["superior_endplate"].left_share
        > intact.endplate_pressure["superior_endplate"].left_share + 0.03
    )


def test_strength_does_not_depend_on_the_load_nor_on_what_is_no_bone(loaded: LoadedBone) -> None:
    def linear(bone: LoadedBone, failure: OverstrainedVolume) -> float | None:
        return bone.strength(failure, {})["intact"].linear_n

    strength = linear(loaded, OverstrainedVolume())
    assert strength is not None
    state = loaded.states["intact"]
    strain = np.where(state.parts.sound, 2.0 * state.effective_strain, 1.0)
    doubled = replace(
        loaded, load=2.0 * LOAD, states={**loaded.states, "intact": LoadedState(state.fields, strain, state.parts)}
    )
    assert linear(doubled, OverstrainedVolume()) == pytest.approx(strength)
    assert linear(loaded, OverstrainedVolume(0.014)) == pytest.approx(2.0 * strength)
    volumes = (loaded.mesh.cell_volumes * (1.0 - loaded.porosity))[state.parts.sound]
    beyond = state.effective_strain[state.parts.sound] * strength / LOAD > 0.007 * (1.0 + 1e-12)
    assert 0.01 < volumes[beyond].sum() / volumes.sum() <= 0.02


def test_the_file_holds_both_states_in_the_scanner_frame(loaded: LoadedBone, tmp_path: Path) -> None:
    turn = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    frame = AnatomicalFrame(np.array([5.0, -3.0, 40.0]), turn, np.zeros((3, 2)), "landmarks")
    loaded.write(tmp_path / "mechanics.vtu", frame)
    grid = pyvista.read(tmp_path / "mechanics.vtu")
    assert isinstance(grid, pyvista.UnstructuredGrid)
    mesh, fields = loaded.mesh, loaded.states["augmented"].fields
    np.testing.assert_allclose(grid.points, frame.to_scanner(mesh.points), atol=1e-5)
    moved = frame.to_scanner(mesh.points + fields.displacement) - frame.to_scanner(mesh.points)
    np.testing.assert_allclose(grid.point_data["displacement_augmented_mm"], moved, atol=1e-6)
    np.testing.assert_allclose(grid.cell_data["von_mises_augmented_mpa"], fields.von_mises, rtol=1e-6)
    np.testing.assert_allclose(grid.cell_data["principal_stress_augmented_mpa"], fields.principal_stresses, rtol=1e-3)
    assert (np.diff(grid.cell_data["principal_strain_intact"], axis=1) <= 0.0).all()
    assert set(grid.cell_data["part_intact"]) == {0, 1}
    assert np.array_equal(grid.cell_data["part_augmented"] == 2, loaded.saturation > 0.5)
    assert {"effective_strain_intact", "strain_energy_density_intact_mj_per_mm3", "saturation"} <= set(grid.cell_data)


def test_the_picture_shows_both_states_on_one_scale(loaded: LoadedBone, tmp_path: Path) -> None:
    """The cement, at the patient's left and so on the right, is the brightest place of the stress."""
    picture = imread(draw_mechanics(loaded.grid(), "300 N", tmp_path / "mechanics.png"))[..., :3]
    height, width = picture.shape[0] // 2, picture.shape[1] // 2
    stress = picture[:height, int(0.45 * 2 * width) : int(0.85 * 2 * width)]
    yellow = (stress[..., 0] > 0.5) & (stress[..., 1] > 0.75) & (stress[..., 2] < 0.45)
    dark = (stress.max(axis=-1) < 0.6) & (stress[..., 2] > stress[..., 0] + 0.1)
    assert yellow.sum() > 500
    assert np.nonzero(yellow)[1].mean() > np.nonzero(dark)[1].mean()
    intact = picture[:height, : int(0.42 * 2 * width)]
    assert ((intact[..., 0] > 0.5) & (intact[..., 1] > 0.75) & (intact[..., 2] < 0.45)).sum() < yellow.sum()


def test_the_picture_of_a_broken_body_shows_the_one_before(loaded: LoadedBone, tmp_path: Path) -> None:
    """States on two meshes, here equal ones, are drawn as those on one."""
    before, after = (replace(loaded, states={name: state}) for name, state in loaded.states.items())
    whole = imread(draw_mechanics(loaded.grid(), "300 N", tmp_path / "one.png"))
    parts = imread(draw_mechanics(after.grid(), "300 N", tmp_path / "two.png", before.grid()))
    assert np.array_equal(whole, parts)


def test_a_picture_without_cement(loaded: LoadedBone, tmp_path: Path) -> None:
    states = {"intact": loaded.states["intact"]}
    bare = replace(loaded, saturation=0.0 * loaded.saturation, states=states)
    picture = imread(draw_mechanics(bare.grid(), "300 N", tmp_path / "mechanics.png"))
    assert picture.shape[0] == 2 * picture.shape[1]
    assert (picture[..., :3].max(axis=-1) < 0.6).mean() > 0.1


def test_the_keys_of_the_case_reach_the_criterion() -> None:
    given = build_case({"patient": {"demo": True}, "mechanics": {"yield_strain": 0.0077, "overstrained_share": 0.05}})
    assert Laws.of_case(given).failure == OverstrainedVolume(0.0077, 0.05)
    default = build_case({"patient": {"demo": True}})
    assert Laws.of_case(default).failure == OverstrainedVolume(0.007, 0.02)
    assert default.mechanics.load_n == 500.0


def test_fields_of_a_specimen_with_discs_end_with_the_bone(loaded: LoadedBone) -> None:
    fields = loaded.states["intact"].fields
    part = fields.first(10, 20)
    assert isinstance(part, ElasticFields)
    assert [len(values) for values in (part.displacement, part.strain, part.stress, part.energy_density)] == [
        10,
        20,
        20,
        20,
    ]
