"""Lines of 3D Slicer: read in either coordinate system, written so that they come back, and refused when damaged."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from meshes.errors import InputError
from meshes.line_markup import read_line, write_line

LPS = [[12.5, 80.0, -310.0], [3.0, 20.5, -315.0]]
RAS = [[-12.5, -80.0, -310.0], [-3.0, -20.5, -315.0]]


def save(path: Path, points: list, system: Any = "LPS", **fields: Any) -> Path:
    """As 3D Slicer 5 writes a line."""
    line = {
        "type": "Line",
        "coordinateSystem": system,
        "coordinateUnits": "mm",
        "locked": False,
        "fixedNumberOfControlPoints": False,
        "labelFormat": "%N-%d",
        "lastUsedControlPointNumber": 2,
        "controlPoints": [
            {
                "id": str(number),
                "label": f"L-{number}",
                "description": "",
                "associatedNodeID": "",
                "position": position,
                "orientation": [-1.0, -0.0, -0.0, -0.0, -1.0, -0.0, 0.0, 0.0, 1.0],
                "selected": True,
                "locked": False,
                "visibility": True,
                "positionStatus": "defined",
            }
            for number, position in enumerate(points, 1)
        ],
        "measurements": [{"name": "length", "enabled": True, "value": 60.8, "units": "mm"}],
        **fields,
    }
    path.write_text(json.dumps({"@schema": "x", "markups": [line]}))
    return path


def test_left_stays_left_in_both_coordinate_systems(tmp_path: Path) -> None:
    np.testing.assert_allclose(read_line(save(tmp_path / "a.mrk.json", LPS)), LPS)
    np.testing.assert_allclose(read_line(save(tmp_path / "b.mrk.json", RAS, "RAS")), LPS)


def test_what_is_written_comes_back(tmp_path: Path) -> None:
    path = write_line(tmp_path / "a.mrk.json", np.array(LPS), ("entry", "tip"))
    np.testing.assert_allclose(read_line(path), LPS)
    (line,) = json.loads(path.read_text())["markups"]
    assert (line["type"], line["coordinateSystem"]) == ("Line", "LPS")
    assert [point["label"] for point in line["controlPoints"]] == ["entry", "tip"]


BAD = {
    "no system": ({"system": None}, "does not say where left and right are .its coordinateSystem is None"),
    "one point": ({"points": LPS[:1]}, "has 1 defined points; a needle is a line of two"),
    "a point of no numbers": ({"points": [LPS[0], [0.0, float("nan"), 0.0]]}, "a needle is a line of two"),
    "no length": ({"points": [LPS[0], LPS[0]]}, "is shorter than 1 mm"),
    "inches": ({"coordinateUnits": "in"}, "has coordinates in 'in'; mm are needed"),
    "another markup": ({"type": "Curve"}, "holds 0 lines and Curve"),
    "no points": ({"controlPoints": 3}, "is no markup file of 3D Slicer"),
}


@pytest.mark.parametrize(("changes", "sentence"), BAD.values(), ids=BAD)
def test_what_is_no_needle_is_refused(changes: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=sentence):
        read_line(save(tmp_path / "a.mrk.json", **{"points": LPS, **changes}))


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"markups": [1]}', "[" * 100_000, "\x00"])
def test_what_is_no_markup_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "a.mrk.json").write_text(content)
    with pytest.raises(InputError, match="is no markup file of 3D Slicer"):
        read_line(tmp_path / "a.mrk.json")
    (tmp_path / "a.mrk.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="is no markup file of 3D Slicer"):
        read_line(tmp_path / "a.mrk.json")
