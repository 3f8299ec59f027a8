"""Cement displacing marrow along a column: the Buckley-Leverett problem on unstructured tetrahedra.

With linear relative permeabilities f(S) = S / (S + M (1 - S)), M the viscosity ratio. At M < 1 cement fingers ahead in
a rarefaction S = (sqrt(M / xi) - M) / (1 - M) with xi = phi z / (u t) between M and 1 / M; at M = 1 it moves as a
contact and at M > 1 as a shock, both at the speed u / phi (Buckley & Leverett 1942, 10.2118/942107-G). The load-bearing
check is the L1 error of the saturation against these, with the order fitted over four meshes, and the place of the
front. One step that would fill the column several times over must stay within 0 and 1.
"""

import numpy as np
import pytest
from flow_column import DURATION, LENGTH, POROSITY, SPEED, WIDTH, Column

SIZES = (2.4, 1.7, 1.2, 0.8)
ORDERS = {0.1: 0.6, 1.0: 0.4, 10.0: 0.6, 100.0: 0.6}


def exact_saturation(place, ratio):
    """At ``place`` = phi z / (u t)."""
    if ratio >= 1.0:
        return (place < 1.0).astype(float)
    return np.clip((np.sqrt(ratio / np.maximum(place, 1e-12)) - ratio) / (1.0 - ratio), 0.0, 1.0)


@pytest.fixture(scope="module")
def columns():
    return [Column(size) for size in SIZES]


@pytest.mark.parametrize("ratio", ORDERS)
def test_column(evidence, columns, ratio):
    reach = SPEED * DURATION / POROSITY
    errors, fronts, profiles = [], [], []
    for column in columns:
        steps = int(np.ceil(2.0 * reach / column.cell_length))
        saturation = column.fill(ratio, steps)
        exact = exact_saturation(column.sample_heights / reach, ratio).mean(axis=1)
        volumes = column.partition.cell_volumes
        errors.append(volumes @ np.abs(saturation - exact) / (volumes @ exact))
        inside = column.transport.pore_volume @ saturation
        assert saturation.min() >= -1e-12
        assert saturation.max() <= 1.0 + 1e-8
        if ratio > 1.0:
            assert inside == pytest.approx(SPEED * WIDTH**2 * DURATION, rel=1e-8)
        # where the saturation falls through one half, from means over slices of one cell length
        edges = np.linspace(0.0, LENGTH, int(LENGTH / column.cell_length) + 1)
        slices = np.digitize(column.height, edges) - 1
        means = np.bincount(slices, volumes * saturation) / np.bincount(slices, volumes)
        below = int(np.argmax(means < 0.5))
        middle = 0.5 * (edges[1:] + edges[:-1])
        profiles.append((middle, means))
        fronts.append(np.interp(0.5, means[[below, below - 1]], middle[[below, below - 1]]))
    lengths = [column.cell_length for column in columns]
    order = np.polyfit(np.log(lengths), np.log(errors), 1)[0]
    half = 1.0 if ratio >= 1.0 else ratio / (0.5 * (1.0 + ratio)) ** 2
    along = np.linspace(0.0, LENGTH, 401)
    evidence.curve(
        case="Buckley-Leverett column",
        title=f"Buckley-Leverett column, viscosity ratio {ratio:g}",
        x_label="height [mm]",
        y_label="saturation of cement [-]",
        series=[
            *(
                (f"slices of {length:.2g} mm", *profile)
                for length, profile in ((lengths[0], profiles[0]), (lengths[-1], profiles[-1]))
            ),
            ("exact", along, exact_saturation(along / reach, ratio)),
        ],
    )
    evidence.curve(
        case="Buckley-Leverett column",
        title="Buckley-Leverett column, error of the saturation",
        x_label="mean edge length [mm]",
        y_label="relative error in L1 [-]",
        series=[(f"viscosity ratio {ratio:g}", lengths, errors)],
        log=True,
    )
    case, source = f"Buckley-Leverett column, viscosity ratio {ratio:g}", "Buckley & Leverett 1942, 10.2118/942107-G"
    evidence.check(
        case=case,
        quantity="order of the saturation in L1 [-]",
        expected=0.5 if ratio == 1.0 else 1.0,
        computed=order,
        low=ORDERS[ratio],
        source=f"fitted order; {source}",
        kind="order",
    )
    evidence.check(
        case=case,
        quantity="relative error of the saturation in L1 on the finest mesh [-]",
        expected=0.0,
        computed=errors[-1],
        high=0.2 if ratio == 1.0 else 0.04,
        source=f"exact; {source}",
        kind="verification",
    )
    evidence.check(
        case=case,
        quantity="height at which the saturation is one half [mm]",
        expected=half * reach,
        computed=fronts[-1],
        low=half * reach - 0.5 * lengths[-1],
        high=half * reach + 0.5 * lengths[-1],
        source=f"exact; {source}",
        kind="verification",
    )


@pytest.mark.parametrize("ratio", [0.01, 1.0, 100.0, 1e4])
def test_one_giant_step_stays_within_bounds(columns, ratio):
    column = columns[0]
    saturation = column.fill(ratio, 1)
    assert saturation.min() >= -1e-12
    assert saturation.max() <= 1.0 + 1e-8
