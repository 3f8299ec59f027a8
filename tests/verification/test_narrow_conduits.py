"""Conduits narrower than the cells: flow through a block to a slot and to a tube in its top, which no mesh shows.

A block of height H between a floor at one pressure and a mouth in its roof resists, over viscosity and permeability,
H / (B L) + ln(1 / sin(pi h / (2 B))) / (pi L) to a slot of opening h along its length L, in the middle of its width B
(exact by conformal mapping, up to exp(-2 pi H / B)), and H / B^2 + (1 - d / (2 b))^1.5 / (2 d) to a round mouth of
diameter d in a square roof of side B (b = B / sqrt(pi); Cooper, Mikic & Yovanovich 1969,
10.1016/0017-9310(69)90011-8, tag M), each in series with its conduits.
"""

import math

import numpy as np
import pytest
from evidence import Evidence
from phantoms import box

from fem.partition import Partition
from fem.pressure.darcy import DarcyPressure
from materials.leak_path import LeakPath
from meshes.mouths import REACH, Mouth, line_mouth, point_mouth
from meshes.tetmesh import TetMesh

WIDTH, HEIGHT = 16.0, 16.0
PERMEABILITY, VISCOSITY = 0.02, 1e-7
SLOT_WITHIN = {3.0: 0.05, 2.0: 0.015, 1.5: 0.015}
"""Edge length of the mesh in mm -> allowed relative error."""
TUBE_WITHIN = {2.0: 0.04, 1.5: 0.015}
"""The same of a tube, which even fewer facets share."""
FLOOR = 1e4
"""Conductance of the floor over that of the block."""


def resistance(mesh: TetMesh, mouth: Mouth, path: LeakPath, area: float) -> float:
    """Pressure over rate and viscosity in 1/mm3 between the floor and what lies outside the conduits."""
    partition = Partition.build(mesh)
    count = len(mesh.cells)
    pressure = DarcyPressure(partition, np.tile(PERMEABILITY * np.eye(3), (count, 1, 1)))
    through = area * path.conductance_per_area
    conducts = np.zeros(len(mesh.facets))
    floor = mesh.facet_regions["z_min"]
    conducts[floor] = FLOOR * PERMEABILITY / HEIGHT * mesh.facet_areas[floor] / VISCOSITY
    conducts[mouth.facets] = mouth.shares / (1.0 / through + path.approach(area, REACH, PERMEABILITY)) / VISCOSITY
    outside = np.zeros(len(mesh.facets))
    outside[floor] = 1.0
    rows = partition.boundary.original
    nothing = np.zeros(count)
    pressure.solve(nothing + 1.0 / VISCOSITY, nothing, conducts[rows], outside[rows], flow_scale=1.0)
    rate = pressure.wall_flux[np.isin(rows, mouth.facets)].sum()
    pressure.destroy()
    return 1.0 / (rate * VISCOSITY)


@pytest.mark.parametrize("size", list(SLOT_WITHIN))
@pytest.mark.parametrize("opening", [0.3, 1.0])
def test_a_slot_along_a_block(opening: float, size: float, evidence: Evidence) -> None:
    length = 10.0
    mesh = box((WIDTH, length, HEIGHT), size)
    middle = 0.5 * WIDTH
    ends = np.array([[middle, 0.0, HEIGHT], [middle, length, HEIGHT]])
    mouth = line_mouth(mesh, mesh.facet_regions["z_max"], ends[0], ends[1])
    path, area = LeakPath("slot", opening, 0.35), opening * length
    bone = HEIGHT / WIDTH - math.log(math.sin(0.5 * math.pi * opening / WIDTH)) / math.pi
    exact = bone / (length * PERMEABILITY) + 1.0 / (area * path.conductance_per_area)
    evidence.check(
        case=f"flow to a slot of {opening:g} mm in cells of {size:g} mm",
        quantity="resistance over viscosity [1/mm3]",
        expected=exact,
        computed=resistance(mesh, mouth, path, area),
        within=SLOT_WITHIN[size],
        source="exact; conformal map of a strip to a half-plane (D)",
        kind="verification",
    )


@pytest.mark.parametrize("size", list(TUBE_WITHIN))
@pytest.mark.parametrize("diameter", [1.0, 2.0])
def test_a_tube_in_the_roof_of_a_block(diameter: float, size: float, evidence: Evidence) -> None:
    mesh = box((WIDTH, WIDTH, HEIGHT), size)
    mouth = point_mouth(mesh, mesh.facet_regions["z_max"], np.array([0.5 * WIDTH + 0.3, 0.5 * WIDTH - 0.2, HEIGHT]))
    path, area = LeakPath("tube", diameter, 0.35), 0.25 * math.pi * diameter**2
    ratio = 0.5 * diameter * math.sqrt(math.pi) / WIDTH
    bone = HEIGHT / WIDTH**2 + (1.0 - ratio) ** 1.5 / (2.0 * diameter)
    exact = bone / PERMEABILITY + 1.0 / (area * path.conductance_per_area)
    evidence.check(
        case=f"flow to a tube of {diameter:g} mm in cells of {size:g} mm",
        quantity="resistance over viscosity [1/mm3]",
        expected=exact,
        computed=resistance(mesh, mouth, path, area),
        within=TUBE_WITHIN[size],
        source="constriction of a flow tube, Cooper, Mikic & Yovanovich 1969, 10.1016/0017-9310(69)90011-8 (M)",
        kind="verification",
    )
