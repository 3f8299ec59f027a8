"""Lines that are drawn in 3D Slicer: markup files ``.mrk.json`` with one line of two points.

The fields are those of Slicer's schema of markups, version 1.0.3; its coordinates are LPS or RAS, as each file says.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meshes.errors import InputError

SCHEMA = (
    "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/Schema/"
    "markups-schema-v1.0.3.json#"
)
TO_LPS = {"LPS": np.ones(3), "RAS": np.array([-1.0, -1.0, 1.0])}
LONGEST_FILE = 1 << 22
"""Bytes; a line of two points has some 2 kB."""


def read_line(path: Path) -> NDArray[np.float64]:
    """The two points of the one line of a file, as they were drawn.

    Args:
        path: markup file.

    Returns:
        (2, 3) mm in the scanner's LPS.

    Raises:
        InputError: unreadable, not one line of two points, or without a coordinate system.
    """
    what = f"line markup {path}"
    try:
        if path.stat().st_size > LONGEST_FILE:
            raise InputError(f"{what} is larger than any line; save one line markup of 3D Slicer")
        content = json.loads(path.read_text(encoding="utf-8"))
        lines = [markup for markup in content["markups"] if markup["type"] == "Line"]
        others = sorted({str(markup["type"]) for markup in content["markups"]} - {"Line"})
        if len(lines) != 1 or others:
            found = f"{len(lines)} lines" + (f" and {', '.join(others)}" if others else "")
            raise InputError(f"{what} holds {found}; save each needle as a line markup of its own")
        return _points(lines[0], what)
    except InputError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{what} is no markup file of 3D Slicer ({type(error).__name__}); save it again") from error


def _points(line: dict[str, Any], what: str) -> NDArray[np.float64]:
    system, units = line.get("coordinateSystem"), line.get("coordinateUnits", "mm")
    if system not in TO_LPS:
        raise InputError(
            f"{what} does not say where left and right are (its coordinateSystem is {system!r}); save it again"
        )
    if units not in ("mm", ["mm", "UCUM", "millimeter"]):
        raise InputError(f"{what} has coordinates in {units!r}; mm are needed, so save it again")
    defined = [point for point in line["controlPoints"] if point.get("positionStatus", "defined") == "defined"]
    points = np.array([point["position"] for point in defined], dtype=np.float64)
    if points.shape != (2, 3) or not np.isfinite(points).all():
        raise InputError(f"{what} has {len(points)} defined points; a needle is a line of two")
    if np.linalg.norm(points[1] - points[0]) < 1.0:
        raise InputError(f"{what} is shorter than 1 mm; draw the needle from its entry to its tip")
    return points * TO_LPS[system]


def write_line(path: Path, points: NDArray[np.float64], labels: tuple[str, str]) -> Path:
    """Write one line.

    Args:
        path: file that ends in .mrk.json.
        points: (2, 3) mm in the scanner's LPS.
        labels: names of the points.
    """
    control_points = [
        {"id": str(number), "label": label, "position": point, "positionStatus": "defined", "selected": True}
        for number, (label, point) in enumerate(zip(labels, points.tolist(), strict=True), 1)
    ]
    line = {"type": "Line", "coordinateSystem": "LPS", "coordinateUnits": "mm", "controlPoints": control_points}
    path.write_text(json.dumps({"@schema": SCHEMA, "markups": [line]}, indent=2), encoding="utf-8")
    return path
