"""Veins from files: back and forth, cut at the wall, and refused in one sentence where they cannot be."""

from pathlib import Path

import numpy as np
import pytest
import pyvista as pv
from test_vein_layout import plan

from meshes.body_wall import BodyWall
from meshes.errors import InputError
from meshes.vein_file import read_veins
from meshes.vein_layout import lay_veins
from meshes.vein_network import VeinNetwork
from meshes.vertebra import Vertebra


def write_lines(path: Path, vertebra: Vertebra, lines, diameters=1.5, on_points: bool = False) -> Path:
    """Polylines given in the anatomical frame, as VTP in the scanner's."""
    points = np.concatenate([np.array(line, float) for line in lines])
    cells, at = [], 0
    for line in lines:
        cells += [len(line), *range(at, at + len(line))]
        at += len(line)
    data = pv.PolyData(vertebra.frame.to_scanner(points), lines=cells)
    count = len(points) if on_points else len(lines)
    (data.point_data if on_points else data.cell_data)["diameter_mm"] = np.broadcast_to(diameters, count)
    data.save(path)
    return path


@pytest.fixture
def given(demo_vertebra, tmp_path):
    def read(lines, diameters=1.5, on_points=False) -> VeinNetwork:
        return read_veins(
            write_lines(tmp_path / "veins.vtp", demo_vertebra, lines, diameters, on_points), demo_vertebra
        )

    return read


def test_a_network_comes_back_from_its_file(demo_vertebra, tmp_path) -> None:
    network = lay_veins(plan(trunks=np.full(2, 1.4), confluences=np.array([0.3, 0.4])), demo_vertebra)
    lines = [network.nodes[ends] for ends in network.segments]
    again = read_veins(write_lines(tmp_path / "a.vtp", demo_vertebra, lines, network.diameters), demo_vertebra)

    def content(veins: VeinNetwork) -> list[tuple[float, ...]]:
        middles = veins.nodes[veins.segments].mean(axis=1)
        return sorted(tuple(row) for row in np.round(np.column_stack([middles, veins.diameters, veins.lengths]), 2))

    np.testing.assert_allclose(content(again), content(network), atol=0.02)  # VTK keeps single precision
    assert sorted(again.exit_sites.values()) == sorted(network.exit_sites.values())
    heads = set(again.segments[:, 0].tolist()) - set(again.segments[:, 1].tolist())
    assert {again.exit_sites[head] for head in heads} == {"basivertebral_foramen"}


def test_lines_are_cut_at_the_wall_and_drawn_out_to_it(demo_vertebra, given) -> None:
    front, back = demo_vertebra.frame.extents[1]
    network = given([[(0.0, back - 1.0, 0.0), (0.0, 0.0, 0.0), (0.0, front - 30.0, 0.0)]])
    assert sorted(network.exit_sites.values()) == ["anterior_veins", "basivertebral_foramen"]
    assert network.lengths.sum() == pytest.approx(back - front, abs=1e-3)
    assert network.segments.tolist()[0][0] in [node for node, s in network.exit_sites.items() if s.startswith("basi")]


def test_an_end_far_from_the_wall_is_blind(demo_vertebra, given) -> None:
    _, back = demo_vertebra.frame.extents[1]
    network = given([[(0.0, back + 1.0, 0.0), (0.0, 0.0, 0.0)], [(0.0, 0.0, 0.0), (4.0, -4.0, 0.0)]], [2.0, 1.0])
    assert list(network.exit_sites.values()) == ["basivertebral_foramen"]
    assert network.diameters.tolist() == [2.0, 1.0]
    assert len(network.segments) == 2


def table(path: Path, vertebra: Vertebra, rows) -> Path:
    """Rows (line, point in the anatomical frame, diameter) as a table in the scanner's."""
    written = []
    for line, point, diameter in rows:
        x, y, z = vertebra.frame.to_scanner(np.array([point], float))[0]
        written.append(f"{line},{x},{y},{z},{diameter}")
    path.write_text("\n".join(["line,x_mm,y_mm,z_mm,diameter_mm", *written]) + "\n")
    return path


def test_rows_of_a_line_belong_together_wherever_they_stand(demo_vertebra, tmp_path) -> None:
    ahead, aside = [(0.0, 40.0 - 10.0 * n, 0.0) for n in range(5)], [(9.0 * n, 10.0, 0.0) for n in (0, 1, 2)]
    rows = [("a", point, 2.0) for point in ahead] + [("b", point, 1.0) for point in aside]
    plain = read_veins(table(tmp_path / "plain.csv", demo_vertebra, rows), demo_vertebra)
    mixed = [rows[number] for number in (0, 5, 1, 2, 6, 3, 4, 7)]
    again = read_veins(table(tmp_path / "mixed.csv", demo_vertebra, mixed), demo_vertebra)
    assert again.volume == pytest.approx(plain.volume)
    assert sorted(again.lengths) == pytest.approx(sorted(plain.lengths))
    assert len(plain.segments) == 4


@pytest.mark.parametrize("miss", [0.0, 1e-4, 2e-3, 0.04])
def test_a_joint_missed_by_less_than_the_thinnest_vein_is_one(given, miss: float) -> None:
    network = given([[(0.0, 40.0, 0.0), (0.0, 0.0, 0.0), (0.0, -4.0, 0.0)], [(miss, 0.0, 0.0), (6.0, -4.0, 0.0)]])
    assert (len(network.nodes), len(network.segments)) == (4, 3)


def test_dense_points_are_no_joints(given) -> None:
    network = given([[(0.0, 12.0 - 0.02 * n, 0.0) for n in range(400)] + [(0.0, -40.0, 0.0)]])
    assert len(network.segments) == 400


def test_a_segment_that_leaves_the_body_between_its_ends_is_cut(demo_vertebra, given) -> None:
    """Chords across the canal behind, whose parts outside were veins in the body."""
    frame, wall = demo_vertebra.frame, BodyWall(demo_vertebra)
    ends = np.array([frame.point(-0.45, 0.98, 0.5), frame.point(0.45, 0.98, 0.5)])
    places = np.linspace(*ends, 1000)
    inside = wall.contains(places)
    assert inside[[0, -1]].all()
    assert inside.mean() < 0.7
    network = given([ends.tolist()])
    assert network.lengths.sum() == pytest.approx(inside.mean() * np.linalg.norm(ends[1] - ends[0]), abs=0.1)
    assert len(network.segments) == 2
    with pytest.raises(InputError, match="through a part of the body without a point inside"):
        given([[frame.point(-0.425, 1.0, 0.5), frame.point(0.425, 1.0, 0.5)]])


def test_diameters_of_points_and_tables_are_read(demo_vertebra, given, tmp_path) -> None:
    _, back = demo_vertebra.frame.extents[1]
    line = [(0.0, back + 1.0, 0.0), (0.0, 5.0, 0.0), (0.0, 0.0, 0.0)]
    assert given([line], [3.0, 2.0, 1.0], on_points=True).diameters == pytest.approx([2.5, 1.5])
    in_scanner = demo_vertebra.frame.to_scanner(np.array(line))
    rows = [f"1,{x},{y},{z},{d}" for (x, y, z), d in zip(in_scanner, (3, 2, 1), strict=True)]
    (tmp_path / "veins.csv").write_text("\n".join(["line,x_mm,y_mm,z_mm,diameter_mm", *rows]))
    assert read_veins(tmp_path / "veins.csv", demo_vertebra).diameters == pytest.approx([2.5, 1.5])


@pytest.mark.parametrize(
    ("lines", "diameter", "message"),
    [
        ([[(0, 0, 500), (0, 10, 500)]], 1.5, "lie outside the body.*500 mm upwards.*LPS"),
        ([[(0, 40, 0), (0, 0, 0)]], 0.0015, "diameter_mm = 0.0015 is outside the allowed range 0.05 to 8 mm"),
        ([[(0, 40, 0), (0, 0, 0)]], float("nan"), "diameter_mm = nan"),
        ([[(0, 40, 0), (0, 0, 0), (5, 0, 0), (5, 5, 0), (0, 0, 0)]], 1.5, "close a loop"),
        ([[(0, 5, 0), (0, 0, 0)]], 1.5, "none of its veins leaves the body"),
        ([[(0, 40, 0), (0, 0, 0), (0, 0, 40)]], 1.5, "leaves through an endplate .*height 1.0"),
        ([[(0, 0, 0), (0, 0, 0)]], 1.5, "holds no lines"),
        ([[(-60, 0, 0), (60, 0, 0)], [(0, 10, 0), (0, 40, 0)]], 1.5, "without a point inside"),
        ([[(-60, 0, 0), (60, 0, 0)]], 1.5, "without a point inside"),
        ([[(0, 40, 0), (0, 5, 0)], [(5, 0, 0), (7, 0, 0)]], 1.5, r"a piece of 2.0 mm \(left 0.2.*joins no vein that"),
    ],
)
def test_veins_that_cannot_be_are_refused(given, lines, diameter, message) -> None:
    with pytest.raises(InputError, match=message):
        given(lines, diameter)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("veins.csv", "line,x_mm,y_mm,z_mm\n1,0,0,0\n1,0,9,0\n", "has no column diameter_mm"),
        ("veins.csv", "line,x_mm,y_mm,z_mm,diameter_mm\n1,0,0,a,1\n", "cannot be read as a table"),
        ("veins.csv", "line,x_mm,y_mm,z_mm,diameter_mm\n", "holds no lines"),
        ("veins.csv", "", "has no column line"),
        ("veins.vtp", "no XML", "cannot be read as a VTK file"),
        ("veins.txt", "1", "cannot be read as a VTK file"),
    ],
)
def test_files_that_cannot_be_read_are_refused(demo_vertebra, tmp_path, capfd, caplog, name, content, message) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=message):
        read_veins(tmp_path / name, demo_vertebra)
    assert capfd.readouterr() == ("", "")
    assert not caplog.records


@pytest.mark.parametrize("of", ["point_data", "cell_data"])
@pytest.mark.parametrize("values", [np.full((2, 3), 2.0), np.array(["wide", "wide"])], ids=["vectors", "words"])
def test_diameters_are_single_numbers(demo_vertebra, tmp_path, of: str, values) -> None:
    data = pv.PolyData(np.array([[0.0, 0, 0], [0.0, 0, 9]]), lines=[2, 0, 1, 2, 1, 0])
    getattr(data, of)["diameter_mm"] = values
    data.save(tmp_path / "veins.vtp")
    with pytest.raises(InputError, match="diameter_mm is no single number per point or line"):
        read_veins(tmp_path / "veins.vtp", demo_vertebra)


def test_lines_without_diameters_are_refused(demo_vertebra, tmp_path) -> None:
    pv.PolyData(np.zeros((2, 3)), lines=[2, 0, 1]).save(tmp_path / "veins.vtp")
    with pytest.raises(InputError, match="no array diameter_mm"):
        read_veins(tmp_path / "veins.vtp", demo_vertebra)
