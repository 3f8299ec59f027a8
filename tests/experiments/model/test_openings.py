"""The walls of a case on the real L3: what each opening is made of, who gets which facet, and what adds up."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from ct_bone import ct_bone

from experiments.case.laws import Laws
from experiments.case.schema import build_case
from experiments.case.units import to_clinical
from experiments.model.defects import refinements
from experiments.model.needle_paths import NeedlePath, plan_paths, with_track
from experiments.model.openings import case_openings, case_walls, openings_summary
from experiments.model.tissues import build_tissues, read_lesions
from fem.injection.walls import Opening, Walls
from materials.bone import BoneField
from materials.outlets import MarrowOutlets
from meshes.errors import InputError
from meshes.regions import region_area
from meshes.tetmesh import TetMesh
from meshes.vertebra import Vertebra

HOLE = {"wall": "posterior_wall", "left": 0.35, "height": 0.5, "diameter_mm": 6.0}
BREACH = {"wall": "left_wall", "fraction": 0.3}
FRACTURE = {
    "wall": "superior_endplate",
    "left": 0.0,
    "depth": 0.4,
    "fracture_length_mm": 20.0,
    "fracture_angle_deg": 90.0,
}
NO_VEINS = {"basivertebral_number": 0, "segmental_number_per_side": 0}
LYTIC = {"kind": "osteolytic", "fraction": 0.25}
SHARES = MarrowOutlets().shares


@pytest.fixture(scope="module")
def mesh(demo_mesh: Callable[..., TetMesh]) -> TetMesh:
    return demo_mesh(3.0)


@pytest.fixture(scope="module")
def bone(demo_vertebra: Vertebra, mesh: TetMesh) -> BoneField:
    return ct_bone(demo_vertebra, mesh)


@pytest.fixture(scope="module")
def paths(demo_vertebra: Vertebra, mesh: TetMesh) -> tuple[NeedlePath, ...]:
    """A needle from the left, one from the right, and one beside the first."""
    case = build_case({"patient": {"demo": True}, "needles": [{}, {"side": "right"}, {"depth": 0.5}]})
    laws = Laws.of_case(case)
    return tuple(with_track(path, mesh) for path in plan_paths(case.needles, laws.cannulas, demo_vertebra))


class Built(NamedTuple):
    """The walls of a case, and what it warns of."""

    walls: Walls
    warnings: tuple[str, ...]


@pytest.fixture(scope="module")
def built(demo_vertebra: Vertebra, mesh: TetMesh, bone: BoneField, paths: tuple[NeedlePath, ...]) -> Any:
    def build(needles: tuple[NeedlePath, ...] = paths[:1], **sections: Any) -> Built:
        veins = {"network": "none", **sections.pop("veins", {})}
        case = build_case({"patient": {"demo": True}, "veins": veins, **sections}, "case.toml")
        laws = Laws.of_case(case)
        tissues = build_tissues(case, laws, demo_vertebra, mesh, bone, read_lesions(case, demo_vertebra))
        openings = case_openings(case, laws, demo_vertebra, mesh, needles, tissues)
        return Built(case_walls(case, laws, mesh, openings), openings.warnings)

    return build


def at(walls: Built, site: str) -> list[Opening]:
    return [opening for opening in walls.walls.openings if opening.site == site]


def total(walls: Built) -> float:
    return to_clinical(walls.walls.total_conductance, "ml/(s kPa)")


def test_an_intact_body_leaks_along_its_veins_and_its_needle(built: Any, mesh: TetMesh) -> None:
    walls = built()
    sites = [opening.site for opening in walls.walls.openings]
    assert sites == ["needle_track", "basivertebral_foramen", "segmental_veins_left", "segmental_veins_right"]
    assert total(walls) == pytest.approx(0.05)
    by_site = walls.walls.site_conductance()
    for group, members in (
        ("needle_track", ["needle_track"]),
        ("basivertebral_foramen", ["basivertebral_foramen"]),
        ("segmental_veins", ["segmental_veins_left", "segmental_veins_right"]),
    ):
        assert sum(by_site[site] for site in members) == pytest.approx(SHARES[group] * 5e4)
    assert by_site["segmental_veins_left"] == pytest.approx(by_site["segmental_veins_right"])
    for opening in walls.walls.openings:
        assert walls.walls.open_area[opening.facets].sum() == pytest.approx(opening.area)
    assert np.array_equal(at(walls, "basivertebral_foramen")[0].facets, mesh.facet_regions["basivertebral_foramen"])


def test_wide_veins_conduct_more_than_their_share(built: Any) -> None:
    walls = built(veins={"basivertebral_number": 2, "basivertebral_diameter_mm": 2.0}, marrow={"viscosity_pa_s": 0.1})
    (foramen,) = at(walls, "basivertebral_foramen")
    # Two tubes by Poiseuille, pi d^4 / (128 mu L) each, in mm3/(s MPa).
    assert foramen.conductance == pytest.approx(2.0 * np.pi * 2.0**4 / (128.0 * 1e-7 * 12.4))
    thick = built(veins={"basivertebral_number": 2, "basivertebral_diameter_mm": 2.0}, marrow={"viscosity_pa_s": 100.0})
    assert at(thick, "basivertebral_foramen")[0].conductance == pytest.approx(SHARES["basivertebral_foramen"] * 5e4)


def test_closed_veins_leave_their_share_to_intact_wall(built: Any, mesh: TetMesh) -> None:
    walls = built(veins=NO_VEINS)
    assert [opening.site for opening in walls.walls.openings] == ["needle_track"]
    assert total(walls) == pytest.approx(0.05)
    foramen = mesh.facet_regions["basivertebral_foramen"]
    # The segmental group has no wall of its own: its share goes to the others in proportion.
    without_segmental = 1.0 - SHARES["segmental_veins"] - SHARES["needle_track"]
    expected = 5e4 * (1.0 - SHARES["needle_track"]) * SHARES["basivertebral_foramen"] / without_segmental
    assert walls.walls.conductance[foramen].sum() == pytest.approx(expected)
    assert (walls.walls.opening[foramen] < 0).all()


def test_segmental_veins_alone_lie_outside_of_the_bone(built: Any) -> None:
    """What is in them has leaked; a track, the foramen and the shell hold what they have."""
    walls = built(defects=[HOLE, FRACTURE])
    outside = {opening.site for opening in walls.walls.openings if not opening.in_bone}
    assert outside == {"segmental_veins_left", "segmental_veins_right"}
    assert len(walls.walls.openings) == 6


def test_several_segmental_veins_share_their_group(built: Any) -> None:
    walls = built(veins={"segmental_number_per_side": 2, "segmental_diameter_mm": 0.8})
    left, right = at(walls, "segmental_veins_left"), at(walls, "segmental_veins_right")
    assert (len(left), len(right)) == (2, 2)
    assert sum(opening.conductance for opening in left + right) == pytest.approx(SHARES["segmental_veins"] * 5e4)
    assert left[0].area == pytest.approx(0.25 * np.pi * 0.8**2)


def test_needles_share_the_track_and_never_a_facet(built: Any, paths: tuple[NeedlePath, ...]) -> None:
    walls = built(paths)
    tracks = at(walls, "needle_track")
    facets = np.concatenate([track.facets for track in tracks])
    assert len(np.unique(facets)) == len(facets)
    assert set(facets) == set(np.concatenate([path.track_facets for path in paths]))
    # The two gaps on the left conduct more to marrow of 0.1 Pa s than half of what the group has.
    for track in tracks:
        own = track.area * track.path.conductance_per_area / 1e-7
        assert track.conductance == pytest.approx(max(own, 0.5 * SHARES["needle_track"] * 5e4))
    # A ring of 0.1 mm around every 11G needle.
    assert sum(track.area for track in tracks) == pytest.approx(len(paths) * np.pi * (3.05 + 0.1) * 0.1)


def test_needles_on_the_same_way_share_one_track_of_both_gaps(built: Any, paths: tuple[NeedlePath, ...]) -> None:
    walls = built((paths[0], paths[0]))
    (track,) = at(walls, "needle_track")
    assert set(track.facets) == set(paths[0].track_facets)
    assert track.area == pytest.approx(2.0 * np.pi * (3.05 + 0.1) * 0.1)
    assert track.conductance == pytest.approx(SHARES["needle_track"] * 5e4)


def test_a_disc_is_an_open_hole_of_its_own_diameter(built: Any) -> None:
    hole, open_wall = at(built(defects=[HOLE]), "canal_posterior_wall"), built(veins=NO_VEINS, defects=[HOLE])
    assert (hole[0].path.shape, hole[0].path.aperture, hole[0].path.length) == ("tube", 6.0, 0.35)
    assert hole[0].area == pytest.approx(9.0 * np.pi)
    assert hole[0].conductance == pytest.approx(np.pi * 6.0**4 / (128.0 * 1e-7 * 0.35))
    assert total(open_wall) == pytest.approx(0.05 + to_clinical(hole[0].conductance, "ml/(s kPa)"))


def test_an_aperture_makes_fissures_in_a_wall_of_its_thickness(built: Any) -> None:
    thick = {"thickness_mm": {"posterior_wall": 0.7}}
    (fissured,) = at(built(defects=[{**HOLE, "aperture_mm": 0.4}], walls=thick), "canal_posterior_wall")
    assert (fissured.path.shape, fissured.path.aperture, fissured.path.length) == ("slot", 0.4, 0.7)
    assert fissured.area == pytest.approx(0.3 * 9.0 * np.pi)


def test_a_disc_over_the_edge_of_its_wall_is_open_where_there_is_wall(built: Any, mesh: TetMesh) -> None:
    over = {**HOLE, "left": 1.0, "height": 1.0, "diameter_mm": 14.0}
    walls, fissured = built(defects=[BREACH, over]), built(defects=[over | {"aperture_mm": 0.4}])
    (hole,) = at(walls, "canal_posterior_wall")
    # The share of the disc that lies on the wall, of the disc's own area.
    there = region_area(mesh, hole.facets)
    assert there < 0.5 * 49.0 * np.pi
    assert (hole.area, hole.path.aperture) == (pytest.approx(there, rel=0.03), 14.0)
    there = hole.area
    assert at(fissured, "canal_posterior_wall")[0].area == pytest.approx(0.3 * there)
    (warning,) = walls.warnings
    assert f"defects[2]: its disc has 153.9 mm2, but the posterior wall has room for {there:.1f} mm2 of it" in warning


def test_a_disc_that_later_openings_take_is_open_where_they_leave_it(built: Any, mesh: TetMesh) -> None:
    assert built(defects=[HOLE]).warnings == ()
    walls = built(defects=[HOLE, {**HOLE, "diameter_mm": 5.0}])
    first, second = sorted(at(walls, "canal_posterior_wall"), key=lambda opening: opening.path.aperture)
    assert first.area == pytest.approx(6.25 * np.pi)
    assert second.area == pytest.approx(region_area(mesh, second.facets), rel=0.2)
    assert second.area < 0.5 * 9.0 * np.pi
    (warning,) = walls.warnings
    assert warning.startswith("defects[1]: its disc has 28.3 mm2")


def test_a_destroyed_part_of_a_wall_is_fissured(built: Any, mesh: TetMesh) -> None:
    (opening,) = at(built(veins=NO_VEINS, defects=[BREACH]), "paravertebral_left")
    wall = region_area(mesh, mesh.facet_regions["left_wall"])
    assert opening.area == pytest.approx(0.3 * 0.3 * wall, rel=0.05)
    assert opening.path.aperture == 1.0


def test_a_fracture_is_one_slot_of_its_length(built: Any, mesh: TetMesh) -> None:
    (opening,) = at(built(defects=[{**FRACTURE, "aperture_mm": 0.5}]), "disc_superior")
    assert opening.area == pytest.approx(10.0)
    assert np.ptp(mesh.facet_centroids[opening.facets, 1]) > 15.0
    across = built(defects=[{**FRACTURE, "fracture_angle_deg": 0.0}])
    assert np.ptp(mesh.facet_centroids[at(across, "disc_superior")[0].facets, 0]) > 15.0


def test_a_fracture_must_lie_on_its_endplate(built: Any) -> None:
    with pytest.raises(
        InputError, match=r"defects\[2\]: only .* mm of fracture_length_mm = 60 lie on the superior_end"
    ):
        built(defects=[BREACH, {**FRACTURE, "fracture_length_mm": 60.0}])


def test_a_lesion_destroys_the_walls_that_it_touches(built: Any, mesh: TetMesh) -> None:
    walls = built(lesions=[{**LYTIC, "aperture_mm": 1.5}])
    (canal,) = at(walls, "canal_posterior_wall")
    assert np.isin(canal.facets, mesh.facet_regions["posterior_wall"]).all()
    assert canal.area == pytest.approx(0.3 * region_area(mesh, canal.facets))
    assert canal.path.aperture == 1.5
    opened = np.concatenate([opening.facets for opening in walls.walls.openings if opening.path.aperture == 1.5])
    for closed in ("left_pedicle", "right_pedicle", "basivertebral_foramen", "anterior_wall"):
        assert not np.isin(opened, mesh.facet_regions[closed]).any()
    assert not at(built(lesions=[{**LYTIC, "destroys_walls": False}]), "canal_posterior_wall")


def test_veins_and_defects_keep_their_facets_in_a_destroyed_wall(built: Any, mesh: TetMesh) -> None:
    intact, lesion = built(), {**LYTIC, "fraction": 0.6}
    walls = built(lesions=[lesion], defects=[HOLE, {**HOLE, "diameter_mm": 2.0}])
    canal = at(walls, "canal_posterior_wall")
    assert [opening.path.shape for opening in canal] == ["tube", "tube", "slot"]
    # The later defect lies in the earlier one.
    assert [opening.path.aperture for opening in canal[:2]] == [2.0, 6.0]
    facets = np.concatenate([opening.facets for opening in walls.walls.openings])
    assert len(np.unique(facets)) == len(facets)
    for site in ("needle_track", "basivertebral_foramen", "segmental_veins_left"):
        assert np.array_equal(at(walls, site)[0].facets, at(intact, site)[0].facets)
    free = np.setdiff1d(mesh.facet_regions["posterior_wall"], np.concatenate([canal[0].facets, canal[1].facets]))
    assert np.isin(canal[2].facets, free).all()


def test_shell_that_the_ct_does_not_show_is_opened_with_a_warning(built: Any, mesh: TetMesh) -> None:
    assert built().warnings == ()
    walls = built(walls={"missing_shell": "open"})
    (warning,) = walls.warnings
    (gap,) = at(walls, "canal_posterior_wall")
    assert f"the CT shows no shell on {region_area(mesh, gap.facets):.0f} mm2 of the posterior wall" in warning
    assert gap.path.shape == "slot"


def test_pressures_outside_and_single_walls_arrive(built: Any, mesh: TetMesh) -> None:
    outside = {"canal_kpa": 1.0, "disc_kpa": 2.0, "veins_kpa": 3.0, "soft_tissue_kpa": -1.0}
    walls = built(outside=outside, walls={"conductance_ml_per_s_kpa": {"anterior_wall": 0.01}}).walls
    for region, pressure in (
        ("posterior_wall", 1e-3),
        ("superior_endplate", 2e-3),
        ("basivertebral_foramen", 3e-3),
        ("anterior_wall", -1e-3),
    ):
        assert walls.outside_pressure[mesh.facet_regions[region]] == pytest.approx(pressure)
    assert walls.conductance[mesh.facet_regions["anterior_wall"]].sum() == pytest.approx(1e4)


def test_a_thick_wall_seeps_less(built: Any, mesh: TetMesh) -> None:
    plain, thick = built().walls, built(walls={"thickness_mm": {"anterior_wall": 0.7}}).walls
    anterior, posterior = mesh.facet_regions["anterior_wall"], mesh.facet_regions["posterior_wall"]
    ratio = [walls.conductance[anterior].sum() / walls.conductance[posterior].sum() for walls in (plain, thick)]
    assert ratio[1] == pytest.approx(0.5 * ratio[0])


def test_the_summary_tells_conduits_by_number_or_length(built: Any, mesh: TetMesh) -> None:
    veins = {"basivertebral_number": 2, "basivertebral_diameter_mm": 1.0, "opening_pressure_kpa": 0.5}
    rows = openings_summary(mesh, built(veins=veins, defects=[{**FRACTURE, "aperture_mm": 0.5}]).walls)
    told = {row.site: row for row in rows}
    foramen, fracture = told["basivertebral_foramen"], told["disc_superior"]
    assert (foramen.wall, foramen.shape, foramen.length_mm) == ("basivertebral_foramen", "tube", 12.4)
    assert foramen.number == pytest.approx(2.0)
    assert foramen.total_length_mm is None
    # 0.5 kPa to open the vein and 4 gamma / d = 0.12 kPa to push the front in.
    assert foramen.entry_pressure_kpa == pytest.approx(0.62)
    assert (fracture.wall, fracture.shape, fracture.number) == ("superior_endplate", "slot", None)
    assert fracture.total_length_mm == pytest.approx(20.0)
    assert told["needle_track"].wall == "left_pedicle"


def test_the_mesh_is_finer_at_defects_if_asked(demo_vertebra: Vertebra) -> None:
    frame = demo_vertebra.frame
    defects = [{**HOLE, "depth_mm": 8.0}, {"wall": "superior_endplate", "fraction": 0.25}, FRACTURE]
    # Discs come out round unasked: a sixth of the diameter, no finer than 0.4 mm, no coarser than the mesh.
    (alone,) = refinements(build_case({"patient": {"demo": True}, "defects": defects}), frame)
    assert (alone.radius, alone.size) == (3.0, 1.0)
    for diameter, size in ((1.5, 0.4), (12.0, 1.5)):
        case = {"patient": {"demo": True}, "mesh": {"size_mm": 1.5}, "defects": [{**HOLE, "diameter_mm": diameter}]}
        assert refinements(build_case(case), frame)[0].size == size
    case = build_case({"patient": {"demo": True}, "mesh": {"defect_size_mm": 1.0}, "defects": defects})
    hole, breach, fracture = refinements(case, frame)
    assert (hole.radius, hole.size) == (3.0, 1.0)
    assert np.array(hole.end) - np.array(hole.start) == pytest.approx([0.0, -8.0, 0.0])
    assert breach.start == breach.end == pytest.approx(tuple(frame.point(0.0, 0.5, 1.0)))
    assert np.pi * breach.radius**2 == pytest.approx(0.25 * np.prod(np.ptp(frame.extents, axis=1)[:2]))
    assert np.array(fracture.end) - np.array(fracture.start) == pytest.approx([0.0, 20.0, 0.0])
