"""Place and speed of the front along a column, where cement is ten and a hundred times as viscous as marrow.

The front is a shock at u t / phi (Buckley & Leverett 1942, 10.2118/942107-G). What is measured is the mean distance of
the surface S = 0.5 from that plane, by area, over the last three quarters of the injection: errors of opposite sign
do not cancel in it, and meshes of which one happens to have a row of nodes there count no better than others.
"""

import numpy as np
import pytest
from cement_front import front_triangles
from flow_column import DURATION, POROSITY, SPEED, Column

SIZES = (1.7, 1.2, 0.85, 0.6)
READINGS = 10
FIRST_READING = 3
SOURCE = "Buckley & Leverett 1942, 10.2118/942107-G"


@pytest.fixture(scope="module")
def columns():
    return [Column(size) for size in SIZES]


def readings(column, ratio):
    """Times in s, and mean height and mean distance of the front from its exact place in mm."""
    reach, count = SPEED * DURATION / POROSITY, len(column.height)
    steps = READINGS * int(np.ceil(2.0 * reach / column.cell_length / READINGS))
    saturation, ratios, found = np.zeros(count), np.full(count, ratio), []
    for step in range(1, steps + 1):
        saturation = column.transport.advance(
            saturation, DURATION / steps, column.flux, column.inflow, ratios, column.outflow, ratios
        )
        if step % (steps // READINGS) == 0 and step >= FIRST_READING * steps // READINGS:
            time = DURATION * step / steps
            corners = front_triangles(column.partition.source, column.partition.gather_cells(saturation))
            area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
            height = corners[..., 2].mean(axis=1)
            off = np.abs(height - SPEED * time / POROSITY)
            found.append((time, area @ height / area.sum(), area @ off / area.sum()))
    return np.array(found).T


@pytest.mark.parametrize("ratio", [10.0, 100.0])
def test_shock(columns, ratio, evidence):
    courses = [readings(column, ratio) for column in columns]
    lengths, errors = [column.cell_length for column in columns], [off.mean() for _, _, off in courses]
    speeds = [np.polyfit(times, heights, 1)[0] for times, heights, _ in courses]
    case = f"Buckley-Leverett column, viscosity ratio {ratio:g}"
    evidence.curve(
        case=case,
        title=f"{case}: distance of the front from the shock",
        x_label="mean edge length [mm]",
        y_label="mean distance [mm]",
        series=[("distance", lengths, errors)],
        log=True,
    )
    evidence.check(
        case=case,
        quantity="order of the shock's position [-]",
        expected=1.0,
        computed=np.polyfit(np.log(lengths), np.log(errors), 1)[0],
        low=0.9,
        source="fitted order",
        kind="order",
    )
    evidence.check(
        case=case,
        quantity="mean distance of the front from the shock, in cells [-]",
        expected=0.0,
        computed=errors[-1] / lengths[-1],
        high=0.1,
        source=f"exact; {SOURCE}",
        kind="verification",
    )
    evidence.check(
        case=case,
        quantity="speed of the shock [mm/s]",
        expected=SPEED / POROSITY,
        computed=speeds[-1],
        within=0.003,
        source=f"exact; {SOURCE}",
        kind="verification",
    )
