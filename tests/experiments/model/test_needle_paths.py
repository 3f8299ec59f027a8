"""Needles on the real L3 and on a vertebra of blocks: axes, entries, openings, withdrawal and what is refused."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from experiments.case.schema import build_case
from experiments.model.needle_paths import NeedlePath, plan_paths, with_track
from experiments.model.pedicle import SAMPLE_STEP, pedicle_contact
from materials.cannula import Cannula
from meshes.body_mesh import mesh_body
from meshes.errors import InputError
from meshes.frame import frame_of_body
from meshes.images.image import Image
from meshes.line_markup import write_line
from meshes.tetmesh import TetMesh
from meshes.vertebra import Vertebra

PARAPEDICULAR = {"approach": "parapedicular"}
STRAIGHT = {"approach": "free", "camber_deg": 0.0, "sagittal_deg": 0.0}
SIDES = {"left": 1.0, "right": -1.0}


def plan(vertebra: Vertebra, *needles: dict[str, Any]) -> tuple[NeedlePath, ...]:
    case = build_case({"patient": {"demo": True}, "needles": list(needles)})
    return plan_paths(case.needles, [Cannula(needle.gauge) for needle in case.needles], vertebra)


@pytest.fixture(scope="module")
def mesh(demo_mesh: Callable[..., TetMesh]) -> TetMesh:
    return demo_mesh(3.0)


@pytest.fixture(scope="module")
def blocks() -> Vertebra:
    """Body of 40 x 30 x 24 mm, pedicles of 10 x 8 mm behind it and the tip of a rib at its left wall."""
    grid = Image(np.zeros((60, 60, 18), dtype=np.float32), np.diag([1.0, 1.0, 2.0, 1.0]))
    body, arch = np.zeros((2, *grid.values.shape), dtype=bool)
    body[10:50, 10:40, 3:15] = True
    arch[38:48, 40:50, 9:13] = arch[12:22, 40:50, 9:13] = arch[50:52, 32:35, 9:10] = True
    frame = frame_of_body(body, grid, np.eye(3), "landmarks")
    return Vertebra("L3", 22, "verse", grid, body, arch, frame)


def off_axis(points: NDArray[np.float64], path: NeedlePath) -> NDArray[np.float64]:
    return np.linalg.norm(np.cross(points - path.tip, path.direction), axis=-1)


@pytest.mark.parametrize("side", SIDES)
def test_the_pedicle_of_the_voxels_is_that_of_the_mesh(demo_vertebra: Vertebra, mesh: TetMesh, side: str) -> None:
    facets = mesh.facet_regions[f"{side}_pedicle"]
    centre = np.average(mesh.facet_centroids[facets], axis=0, weights=mesh.facet_areas[facets])
    (path,) = plan(demo_vertebra, {"side": side})
    assert np.linalg.norm(path.entry - centre) < 1.0


@pytest.mark.parametrize(("side", "sign"), SIDES.items())
def test_contact_of_blocks_is_exact_and_leaves_the_rib_out(blocks: Vertebra, side: str, sign: float) -> None:
    centres, areas = pedicle_contact(blocks, side)
    assert np.average(centres, axis=0, weights=areas) == pytest.approx([sign * 13.0, 15.0, 4.0], abs=1e-9)
    assert areas.sum() == pytest.approx(80.0, rel=1e-12)


@pytest.mark.parametrize(("side", "sign"), SIDES.items())
def test_entries_into_blocks(blocks: Vertebra, side: str, sign: float) -> None:
    (through,) = plan(blocks, {"side": side})
    assert through.entry == pytest.approx([sign * 13.0, 15.0, 4.0], abs=1e-9)
    (beside,) = plan(blocks, {"side": side, **PARAPEDICULAR})
    # The contact's voxels have their centres 1 to 7 mm high; 4 mm lead forwards from the back at 15 mm.
    assert beside.entry == pytest.approx([sign * 20.0, 11.0, 6.0], abs=SAMPLE_STEP + 1e-9)
    assert beside.warnings == ()


def test_the_transpedicular_axis_runs_from_the_pedicle_to_the_target(demo_vertebra: Vertebra) -> None:
    (path,) = plan(demo_vertebra, {"left": 0.1, "depth": 0.3, "height": 0.6})
    assert path.tip == pytest.approx(demo_vertebra.frame.point(0.1, 0.3, 0.6))
    assert np.linalg.norm(path.direction) == pytest.approx(1.0)
    assert off_axis(path.entry, path) == pytest.approx(0.0, abs=1e-9)
    assert (path.entry - path.tip) @ path.direction < 0.0
    assert np.degrees(path.camber) == pytest.approx(
        np.degrees(np.arctan((path.entry - path.tip)[0] / (path.entry - path.tip)[1]))
    )


@pytest.mark.parametrize(("side", "sign"), SIDES.items())
def test_the_parapedicular_needle_enters_beside_the_pedicle(
    demo_vertebra: Vertebra, mesh: TetMesh, side: str, sign: float
) -> None:
    (path,) = plan(demo_vertebra, {"side": side, **PARAPEDICULAR})
    (through,) = plan(demo_vertebra, {"side": side})
    contact, _ = pedicle_contact(demo_vertebra, side)
    assert (sign * contact[:, 0]).max() - 1.0 < sign * path.entry[0]
    assert contact[:, 1].min() - 6.0 < path.entry[1] < contact[:, 1].max() - 2.0
    assert contact[:, 2].mean() < path.entry[2] < contact[:, 2].max()
    assert path.camber > through.camber + np.radians(5.0)
    assert path.warnings == ()
    # It meets the skin side of the mesh on the side wall or the pedicle's rim, not on the posterior wall.
    crossed = np.concatenate([mesh.facet_regions[f"{side}_wall"], mesh.facet_regions[f"{side}_pedicle"]])
    assert set(with_track(path, mesh).track_facets) <= set(crossed)


def test_a_parapedicular_needle_behind_a_process_warns(blocks: Vertebra) -> None:
    lateral = {"left": 0.9, "depth": 0.3, "height": 0.7, **PARAPEDICULAR}
    (path,) = plan(blocks, lateral)
    assert path.warnings == ()
    arch = blocks.arch.copy()
    arch[38:56, 40:50, 9:13] = True
    (path,) = plan(replace(blocks, arch=arch), lateral)
    assert "run through the left pedicle or its processes" in path.warnings[0]


def test_angles_place_the_needle_where_the_pedicle_would(demo_vertebra: Vertebra, mesh: TetMesh) -> None:
    (through,) = plan(demo_vertebra, {"side": "right"})
    angles = {"camber_deg": float(np.degrees(through.camber)), "sagittal_deg": float(np.degrees(through.sagittal))}
    (path,) = plan(demo_vertebra, {"side": "right", "approach": "free", **angles})
    assert path.direction == pytest.approx(through.direction, abs=1e-12)
    assert np.linalg.norm(path.entry - through.entry) < 2.0
    assert path.warnings == ()
    tracked = with_track(path, mesh).track_facets
    assert set(tracked) == set(with_track(through, mesh).track_facets)
    assert off_axis(mesh.facet_centroids[tracked], path).max() < 3.0
    assert (mesh.facet_normals[tracked] @ path.direction < 0.0).all()


def test_a_free_needle_through_the_canal_warns(demo_vertebra: Vertebra) -> None:
    (path,) = plan(demo_vertebra, {**STRAIGHT, "left": 0.0})
    assert path.direction == pytest.approx([0.0, -1.0, 0.0])
    assert "beside the base of its left pedicle" in path.warnings[0]


def test_a_front_opening_is_the_bore_at_the_tip(demo_vertebra: Vertebra) -> None:
    (path,) = plan(demo_vertebra, {"gauge": 13})
    assert path.opening_positions == pytest.approx(path.tip[None])
    assert path.opening_radius == pytest.approx(0.5 * Cannula(13).bore)


@pytest.mark.parametrize(("side", "left"), [("left", 0.2), ("right", -0.2), ("left", -0.2), ("left", 0.0)])
def test_a_side_window_faces_the_midline_behind_the_tip(demo_vertebra: Vertebra, side: str, left: float) -> None:
    (path,) = plan(demo_vertebra, {"side": side, "left": left, "opening": "side"})
    cannula = Cannula(11)
    (window,) = path.opening_positions
    assert (path.tip - window) @ path.direction == pytest.approx(cannula.bore)
    assert off_axis(window, path) == pytest.approx(0.5 * cannula.outer_diameter)
    outwards = window - path.tip + cannula.bore * path.direction
    towards = -np.sign(left) if left else -SIDES[side]
    assert towards * outwards[0] > 0.0
    # No other direction across the axis leads more straight to the midsagittal plane.
    assert np.cross(outwards, path.direction)[0] == pytest.approx(0.0, abs=1e-9)
    assert np.pi * path.opening_radius**2 == pytest.approx(cannula.bore * 2.0 * cannula.bore)


@pytest.mark.parametrize(("distance", "places"), [(0.0, 1), (1.0, 2), (1.5, 2), (6.0, 5), (6.1, 6)])
def test_withdrawal_in_equal_steps_along_the_axis(demo_vertebra: Vertebra, distance: float, places: int) -> None:
    (path,) = plan(demo_vertebra, {"withdraw_mm": distance})
    assert len(path.opening_positions) == places
    expected = path.tip - np.linspace(0.0, distance, places)[:, None] * path.direction
    assert path.opening_positions == pytest.approx(expected)


def test_withdrawal_out_of_the_body_says_how_far_it_may_go(demo_vertebra: Vertebra) -> None:
    with pytest.raises(
        InputError, match=r"needles\[1\].withdraw_mm = 30 draws .* of L3; choose 0 to [\d.]+ mm"
    ) as caught:
        plan(demo_vertebra, {"depth": 0.5, "withdraw_mm": 30.0})
    possible = float(str(caught.value).split("choose 0 to ")[1].split(" ")[0])
    assert 5.0 < possible < 30.0
    (path,) = plan(demo_vertebra, {"depth": 0.5, "withdraw_mm": possible})
    assert np.linalg.norm(path.opening_positions[-1] - path.tip) == pytest.approx(possible)
    with pytest.raises(InputError, match="withdraw_mm"):
        plan(demo_vertebra, {"depth": 0.5, "withdraw_mm": possible + 0.2})


@pytest.mark.parametrize(
    ("needle", "expected"),
    [
        ({"left": 0.95, "depth": 0.05, "height": 0.9}, r"needles\[1\]: the target .* lies outside the bone of L3"),
        (
            {"side": "right", "left": 0.7, "depth": 0.9, "height": 0.2},
            r"from the right pedicle to the target leaves the bone by \d+\.\d mm \(allowed 0 to 1.5 mm\)",
        ),
    ],
)
def test_what_leaves_the_bone_is_refused(demo_vertebra: Vertebra, needle: dict[str, Any], expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        plan(demo_vertebra, needle)


@pytest.mark.parametrize(
    ("needle", "expected"),
    [
        (
            {**PARAPEDICULAR, "left": 0.9, "depth": 0.1},
            "from its entry beside the left pedicle to the target leaves the bone by",
        ),
        ({**STRAIGHT, "left": 0.9, "depth": 0.1}, "from its entry into the body to the target leaves the bone by"),
        (
            {**STRAIGHT, "left": 0.15, "depth": 0.5, "opening": "side"},
            "opening = 'side': the window .* outside the bone",
        ),
        ({**STRAIGHT, "left": 0.9, "depth": 0.895, "withdraw_mm": 5.0}, "choose 0 to 3.1 mm"),
    ],
    ids=["parapedicular", "free", "side window", "withdrawal"],
)
def test_what_leaves_the_blocks_is_refused(blocks: Vertebra, needle: dict[str, Any], expected: str) -> None:
    body = blocks.body.copy()
    body[44:50, 20:30] = False  # a groove in the left wall
    body[28:32, 15:35] = False  # a hole in the middle
    with pytest.raises(InputError, match=expected):
        plan(replace(blocks, body=body), needle)
    plan(blocks, {**needle, "withdraw_mm": 0.0})


def test_angles_through_the_pedicle_place_the_tip_at_their_depth(demo_vertebra: Vertebra) -> None:
    (to_target,) = plan(demo_vertebra, {"side": "right", "left": 0.1, "depth": 0.3, "height": 0.4})
    angles = {key: float(np.degrees(getattr(to_target, key[:-4]))) for key in ("camber_deg", "sagittal_deg")}
    (path,) = plan(demo_vertebra, {"side": "right", "depth": 0.3, **angles})
    assert path.tip == pytest.approx(to_target.tip, abs=1e-9)
    assert path.direction == pytest.approx(to_target.direction, abs=1e-12)
    assert path.entry == pytest.approx(to_target.entry, abs=1e-12)
    (deeper,) = plan(demo_vertebra, {"side": "right", "depth": 0.6, **angles})
    assert demo_vertebra.frame.fractions(deeper.tip)[1] == pytest.approx(0.6)
    assert off_axis(deeper.tip, path) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(("side", "sign"), SIDES.items())
def test_angles_through_the_pedicle_of_blocks(blocks: Vertebra, side: str, sign: float) -> None:
    (path,) = plan(blocks, {"side": side, "depth": 0.5, "camber_deg": 30.0, "sagittal_deg": 10.0})
    # 15 mm forwards from (13, 15, 4): inwards by tan(30 deg), downwards by tan(10 deg) / cos(30 deg) of that.
    inwards, down = 15.0 * np.tan(np.radians(30.0)), 15.0 * np.tan(np.radians(10.0)) / np.cos(np.radians(30.0))
    assert path.tip == pytest.approx([sign * (13.0 - inwards), 0.0, 4.0 - down], abs=1e-9)
    assert np.degrees([path.camber, path.sagittal]) == pytest.approx([30.0, 10.0])


@pytest.mark.parametrize(
    ("needle", "expected"),
    [
        (
            {"camber_deg": 0.0, "sagittal_deg": 45.0, "depth": 0.6},
            # 8 mm behind its start at z = 4 the axis is at 9.7, in the voxel that follows the pedicle's last at 7.
            r"from the left pedicle to the target leaves the bone by 2.0 mm \(allowed 0 to 1.5 mm\); change camber",
        ),
        (
            {"camber_deg": 60.0, "sagittal_deg": 0.0, "depth": 0.05},
            # From (13, 15, 4) to (0, -13.5, 0): atan(13 / 28.5) and atan(4 / hypot(13, 28.5)).
            r"needles\[1\]: at camber_deg = 60 and .* outside the bone of L3; 25 and 7 deg would lead to the middle",
        ),
    ],
    ids=["behind the body", "tip"],
)
def test_angles_out_of_the_blocks_are_refused(blocks: Vertebra, needle: dict[str, Any], expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        plan(blocks, needle)


def test_a_depth_behind_the_pedicle_is_refused(blocks: Vertebra) -> None:
    body, arch = blocks.body.copy(), blocks.arch.copy()
    body[30:, 34:] = False  # the left half of the body ends 6 mm in front of the right one
    arch[38:48, 34:40, 9:13] = True
    angles = {"camber_deg": 20.0, "sagittal_deg": 0.0}
    with pytest.raises(
        InputError, match=r"needles\[1\].depth = 0.95 lies behind the base of the left pedicle at depth"
    ):
        plan(replace(blocks, body=body, arch=arch), {"depth": 0.95, **angles})
    plan(replace(blocks, body=body, arch=arch), {"depth": 0.5, **angles})


@pytest.mark.parametrize("side", SIDES)
def test_a_mask_without_the_arch_has_its_pedicles_by_shape(demo_vertebra: Vertebra, side: str) -> None:
    (path,) = plan(demo_vertebra, {"side": side})
    alone = replace(demo_vertebra, arch=np.zeros_like(demo_vertebra.arch))
    (guessed,) = plan(alone, {"side": side})
    assert path.warnings == ()
    assert f"the centre of the {side} pedicle is taken from the body's shape" in guessed.warnings[0]
    assert np.linalg.norm(guessed.entry - path.entry) < 4.0
    assert np.degrees(np.arccos(guessed.direction @ path.direction)) < 8.0
    region = mesh_body(alone, 3.0)
    assert set(with_track(guessed, region).track_facets) <= set(region.facet_regions[f"{side}_pedicle"])
    # Angles go through the same centre.
    angles = {key: float(np.degrees(getattr(guessed, key[:-4]))) for key in ("camber_deg", "sagittal_deg")}
    (by_angles,) = plan(alone, {"side": side, **angles})
    assert by_angles.tip == pytest.approx(guessed.tip, abs=1e-9)
    assert by_angles.warnings == guessed.warnings


@pytest.mark.parametrize(("side", "sign"), SIDES.items())
def test_pedicles_of_a_block_by_shape(blocks: Vertebra, side: str, sign: float) -> None:
    (path,) = plan(replace(blocks, arch=np.zeros_like(blocks.arch)), {"side": side})
    # 0.65 of the outermost voxel centre, the voxel at the back, 0.65 up between centres 22 mm apart.
    assert path.entry == pytest.approx([sign * 0.65 * 19.5, 14.5, -11.0 + 0.65 * 22.0], abs=1e-6)


def test_a_body_that_bears_no_pedicle_is_refused(blocks: Vertebra) -> None:
    body = blocks.body.copy()
    body[40:48, 22:, 8:15] = False
    with pytest.raises(InputError, match=r"the mask shows no left pedicle and the body has no upper outer end"):
        plan(replace(blocks, body=body, arch=np.zeros_like(blocks.arch)), {})


@pytest.mark.parametrize(("approach", "arch"), [("parapedicular", False), ("transpedicular", True)])
def test_a_needle_whose_pedicle_is_missing_needs_a_free_approach(blocks: Vertebra, approach: str, arch: bool) -> None:
    other = blocks.arch & (np.arange(60) < 30)[:, None, None] & arch
    alone = replace(blocks, arch=other)
    with pytest.raises(InputError, match=r"the mask shows no left pedicle; use approach = 'free'"):
        plan(alone, {"approach": approach})
    (path,) = plan(alone, {"approach": "free", "camber_deg": 20.0, "sagittal_deg": 5.0})
    assert path.warnings == ()


def test_two_needles_do_not_open_in_the_same_place(demo_vertebra: Vertebra) -> None:
    right = {"side": "right", "left": 0.1}
    with pytest.raises(InputError, match=r"needles\[2\] opens 2.3 mm from where needles\[1\] does, .* need 2.4 mm"):
        plan(demo_vertebra, {"left": 0.2}, right)
    assert [path.number for path in plan(demo_vertebra, {"left": 0.2}, {**right, "left": 0.0})] == [0, 1]
    # Far apart at first, the second comes near when it is drawn back.
    near = plan(demo_vertebra, {})[0].opening_positions[0] - 5.0 * plan(demo_vertebra, {})[0].direction
    left, depth, height = demo_vertebra.frame.fractions(near)
    place = {"side": "right", "left": left, "depth": depth, "height": height}
    assert len(plan(demo_vertebra, {}, place)) == 2
    with pytest.raises(InputError, match=r"needles\[2\] opens"):
        plan(demo_vertebra, {"withdraw_mm": 6.0}, place)


def test_distances_are_measured_once_for_all_needles(demo_vertebra: Vertebra, monkeypatch: pytest.MonkeyPatch) -> None:
    calls, transform = [], ndimage.distance_transform_edt

    def counted(*args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        return transform(*args, **kwargs)

    monkeypatch.setattr(ndimage, "distance_transform_edt", counted)
    plan(demo_vertebra, {}, {"side": "right"}, {"depth": 0.6}, {"side": "right", "depth": 0.6, **PARAPEDICULAR})
    assert len(calls) == 3  # outside of body and bone, inside of the body


@pytest.mark.parametrize("approach", ["transpedicular", "parapedicular"])
def test_a_pedicle_that_the_image_cuts_is_refused(demo_vertebra: Vertebra, approach: str) -> None:
    left, _ = pedicle_contact(demo_vertebra, "left")
    cut_behind = demo_vertebra.frame.to_scanner(left.mean(axis=0) + np.array([0.0, 6.0, 0.0]))
    cut = replace(demo_vertebra, cut="left face of the image (70 mm are seen)", cut_points=cut_behind[None])
    target = {"approach": approach}
    with pytest.raises(InputError, match=r"L3 is cut by the left face .* the left pedicle within 8 mm behind the body"):
        plan(cut, {"side": "left", **target})
    assert plan(cut, {"side": "right", **target})[0].side == "right"
    assert plan(cut, STRAIGHT)[0].side


def drawn(vertebra: Vertebra, folder: Path, ends: NDArray[np.float64], **needle: Any) -> tuple[NeedlePath, ...]:
    """A needle along a line of (2, 3) mm in the anatomical frame, as a file of 3D Slicer."""
    write_line(folder / "needle.mrk.json", vertebra.frame.to_scanner(ends), ("entry", "tip"))
    content = {"patient": {"demo": True}, "needles": [{"approach": "drawn", "line": "needle.mrk.json", **needle}]}
    case = build_case(content, "case.toml", folder)
    return plan_paths(case.needles, [Cannula(needle.gauge) for needle in case.needles], vertebra)


@pytest.mark.parametrize("side", SIDES)
def test_a_drawn_needle_lies_where_its_line_does(demo_vertebra: Vertebra, side: str, tmp_path: Path) -> None:
    (through,) = plan(demo_vertebra, {"side": side})
    ends = np.stack([through.tip - 80.0 * through.direction, through.tip])
    for order in (ends, ends[::-1]):
        (path,) = drawn(demo_vertebra, tmp_path, order, side=side)
        np.testing.assert_allclose(path.tip, through.tip, atol=1e-9)
        np.testing.assert_allclose(path.direction, through.direction, atol=1e-9)
        assert (path.camber, path.sagittal) == pytest.approx((through.camber, through.sagittal))


def test_drawn_needles_that_cannot_be_meant_are_refused(demo_vertebra: Vertebra, tmp_path: Path) -> None:
    (through,) = plan(demo_vertebra, {"side": "left"})
    ends = np.stack([through.tip - 80.0 * through.direction, through.tip])
    with pytest.raises(InputError, match="the needle comes from the patient's left, but side = 'right'; correct"):
        drawn(demo_vertebra, tmp_path, ends, side="right")
    with pytest.raises(InputError, match=r"no end of the line lies in the body of L3, the nearer one is \d+ mm away"):
        drawn(demo_vertebra, tmp_path, ends - 60.0 * through.direction, side="left")
    with pytest.raises(InputError, match="depth does not go with line, which places the needle"):
        drawn(demo_vertebra, tmp_path, ends, depth=0.3)
    with pytest.raises(InputError, match='approach = "drawn" and line go together'):
        drawn(demo_vertebra, tmp_path, ends, approach="free", camber_deg=0.0, sagittal_deg=0.0)
