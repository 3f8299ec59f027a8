"""Orders of the hybrid Darcy pressure where the permeability jumps by a thousand, both ways.

Two layers: p = A sin(a x + c) sin(b y + d) (cosh(w z) + k / k_i sinh(w z)) on either side of z = 0, w^2 = a^2 + b^2,
k the geometric mean of the permeabilities k_i. Pressure and k_i dp/dz are continuous, and the flow crosses the
interface obliquely. A ball of k_i in an endless medium of k_e with the pressure gradient G along z: inside
p = 3 k_e / (k_i + 2 k_e) G z, outside p = G z (1 - (k_i - k_e) / (k_i + 2 k_e) (R / r)^3) (Maxwell 1873, art. 314).
Meshes conform to the interfaces; that around the ball is a polyhedron, which does not cost the pressure its order.
"""

import gmsh
import numpy as np
import pytest
from exact_darcy import errors_on, orders

from fem.partition import Partition
from meshes.occ_geometry import OccGeometry

MOBILITY, PERMEABILITY, GRADIENT = 1e6, 3e-2, 1e-3
JUMPS = (1e-3, 1e3)
LAYER_SIZES, BALL_SIZES = (1.0, 0.7, 0.5), (1.0, 0.7, 0.5, 0.4)
HALF, RADIUS = 5.0, 2.5
DESCRIPTION = {"layers": "two layers, permeability", "balls": "ball in uniform flow, permeability"}
LEAST_ORDERS = {"facet pressure": (2.0, 1.9), "cell pressure": (2.0, 1.9), "flux": (1.0, 0.95)}
"""Quantity -> order of the method, and the one that is asked for."""

WAVE, PHASE = np.array([0.30, 0.22]), np.array([0.5, 0.8])


def cube(size, interface):
    """A cube of edge 2 HALF about the origin, cut at z = 0 or around a ball."""
    with OccGeometry() as geometry:
        if interface == "layers":
            parts = [geometry.add_box([-HALF, -HALF, z], [2.0 * HALF, 2.0 * HALF, HALF]) for z in (-HALF, 0.0)]
            geometry.boolean_fragments(parts[:1], parts[1:])
        else:
            whole = geometry.add_box([-HALF] * 3, [2.0 * HALF] * 3)
            geometry.boolean_fragments([whole], [geometry.add_ball([0.0] * 3, RADIUS)])
        geometry.synchronize()
        assert len(gmsh.model.getEntities(3)) == 2
        return geometry.fill(f"{size:.17g}")


@pytest.fixture(scope="module")
def layers():
    return [Partition.build(cube(size, "layers")) for size in LAYER_SIZES]


@pytest.fixture(scope="module")
def balls():
    return [Partition.build(cube(size, "ball")) for size in BALL_SIZES]


def layered(partition, jump):
    """Errors in two layers, the upper one ``jump`` times as permeable as the lower one."""
    above = partition.corner_points[..., 2].mean(axis=1) > 0.0
    conducts = np.where(above, jump, 1.0) * PERMEABILITY
    ratio, rate = np.sqrt(jump) * PERMEABILITY / conducts, float(np.linalg.norm(WAVE))

    def parts(x, cells):
        angle, z = x[:, :2] * WAVE + PHASE, rate * x[:, 2]
        along = np.cosh(z) + ratio[cells] * np.sinh(z)
        return np.sin(angle), np.cos(angle), along, rate * (np.sinh(z) + ratio[cells] * np.cosh(z))

    def pressure(x, cells):
        sine, _, along, _ = parts(x, cells)
        return GRADIENT * sine[:, 0] * sine[:, 1] * along

    def velocity(x, cells):
        sine, cosine, along, slope = parts(x, cells)
        gradient = np.stack(
            [
                WAVE[0] * cosine[:, 0] * sine[:, 1] * along,
                WAVE[1] * sine[:, 0] * cosine[:, 1] * along,
                sine[:, 0] * sine[:, 1] * slope,
            ],
            axis=1,
        )
        return -MOBILITY * GRADIENT * conducts[cells, None] * gradient

    return errors_on(partition, conducts[:, None, None] * np.eye(3), MOBILITY, pressure, velocity)


def with_ball(partition, jump):
    """Errors around a ball that is ``jump`` times as permeable as what is around it."""
    inside = np.linalg.norm(partition.corner_points, axis=2).max(axis=1) < RADIUS * (1.0 + 1e-6)
    conducts = np.where(inside, jump, 1.0) * PERMEABILITY
    dipole = (jump - 1.0) / (jump + 2.0) * RADIUS**3

    def pressure(x, cells):
        share = 1.0 - dipole / np.linalg.norm(x, axis=1) ** 3
        return GRADIENT * x[:, 2] * np.where(inside[cells], 3.0 / (jump + 2.0), share)

    def velocity(x, cells):
        r = np.linalg.norm(x, axis=1)[:, None]
        up = np.array([0.0, 0.0, 1.0])
        outside = up * (1.0 - dipole / r**3) + 3.0 * dipole * x[:, 2:] * x / r**5
        gradient = np.where(inside[cells, None], 3.0 / (jump + 2.0) * up, outside)
        return -MOBILITY * GRADIENT * conducts[cells, None] * gradient

    return errors_on(partition, conducts[:, None, None] * np.eye(3), MOBILITY, pressure, velocity)


@pytest.mark.parametrize("jump", JUMPS)
@pytest.mark.parametrize("interface", ["layers", "balls"])
def test_jump(interface, jump, request, evidence):
    partitions = request.getfixturevalue(interface)
    results = [(layered if interface == "layers" else with_ball)(partition, jump) for partition in partitions]
    fitted = orders(results)
    print(f"{interface} x{jump:g}: errors {np.array(results).tolist()}, orders {fitted}")
    case = f"Darcy, {DESCRIPTION[interface]} x{jump:g}"
    evidence.curve(
        case=case,
        title=f"{case}: relative errors in L2",
        x_label="mean edge length [mm]",
        y_label="relative error [-]",
        series=[
            (name, [each.length for each in results], [getattr(each, name.replace(" ", "_")) for each in results])
            for name in LEAST_ORDERS
        ],
        log=True,
    )
    for name, order in zip(LEAST_ORDERS, fitted, strict=True):
        expected, least = LEAST_ORDERS[name]
        evidence.check(
            case=case,
            quantity=f"order of the {name} in L2 [-]",
            expected=expected,
            computed=float(order),
            low=least,
            source="fitted order",
            kind="order",
        )
    assert max(results[-1][:2]) < 0.02
    assert results[-1].flux < 0.1
