"""One step of the cement saturation.

The load-bearing checks: the cell equation against a bracketing root finder at viscosity ratios of 1e-2 to 1e5, and the
conservation of cement on random divergence-free fluxes, whose graph is full of cycles.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

import fem.injection.transport
from fem.errors import ConvergenceError
from fem.injection.transport import CementTransport, fractional_flow

unit = st.floats(0.0, 1.0)


@settings(max_examples=400, deadline=None)
@given(
    capacity=st.floats(-6.0, 6.0),
    old=unit,
    share=unit,
    outflow=st.one_of(st.just(0.0), st.floats(-6.0, 6.0).map(lambda power: 10.0**power)),
    ratio=st.floats(-2.0, 5.0),
)
def test_cell_equation(single_cell, capacity, old, share, outflow, ratio):
    """capacity (S - old) = inflow - outflow f(S) with at most as much cement coming in as there is flow."""
    capacity, ratio, inflow = 10.0**capacity, 10.0**ratio, share * outflow
    transport = CementTransport(single_cell, np.array([6.0]))
    found = transport.advance(
        np.array([old]),
        1.0 / capacity,
        np.zeros((1, 4)),
        np.array([inflow]),
        np.array([1.0]),
        np.array([outflow]),
        np.array([ratio]),
    )[0]

    def excess(saturation):
        return capacity * (saturation - old) - inflow + outflow * saturation / (saturation + ratio * (1.0 - saturation))

    if excess(0.0) >= 0.0:
        exact = 0.0
    elif excess(1.0) <= 0.0:
        exact = 1.0
    else:
        exact = brentq(excess, 0.0, 1.0, xtol=1e-300, rtol=1e-15, maxiter=1000)
    assert found == pytest.approx(exact, abs=1e-12)


def circulation(partition, generator):
    """A flux without divergence and without a way out: around random strengths on the inner edges of the mesh."""
    cells = partition.mesh.topology.connectivity(3, 0).array.reshape(-1, 4)
    on_wall = np.zeros(cells.max() + 1, dtype=bool)
    on_wall[partition.facet_vertices[partition.boundary.facets]] = True
    strength = np.triu(generator.normal(size=(len(on_wall), len(on_wall))), 1)
    strength[np.ix_(on_wall, on_wall)] = 0.0
    strength -= strength.T
    triangles = partition.facet_vertices[partition.cell_facets]
    around = sum(strength[triangles[..., i], triangles[..., (i + 1) % 3]] for i in range(3))
    first, second, third = (partition.mesh.geometry.x[vertex_points(partition)][triangles[..., i]] for i in range(3))
    normal = np.cross(second - first, third - first)
    outwards = first - partition.corner_points.mean(axis=1, keepdims=True)
    return around * np.sign(np.einsum("tia,tia->ti", normal, outwards))


def vertex_points(partition):
    """Geometry point of each vertex."""
    vertices = partition.mesh.topology.connectivity(3, 0).array.reshape(-1, 4)
    points = np.empty(vertices.max() + 1, dtype=np.int64)
    points[vertices] = partition.mesh.geometry.dofmaps[0]
    return points


@pytest.mark.parametrize("ratio", [1.0, 1e2, 1e4])
def test_cement_is_conserved_on_fluxes_full_of_cycles(box_partition, ratio):
    generator = np.random.default_rng(11)
    count = len(box_partition.cell_volumes)
    flux = circulation(box_partition, generator)
    assert np.abs(flux.sum(axis=1)).max() < 1e-12 * np.abs(flux).max()
    transport = CementTransport(box_partition, generator.uniform(0.5, 0.9, size=count))
    saturation = (generator.uniform(size=count) < 0.7).astype(float)
    nothing = np.zeros(count)
    step = 30.0 * ratio**0.5 * float(transport.pore_volume.min() / np.abs(flux).max())
    before = transport.pore_volume @ saturation
    after = transport.advance(
        saturation,
        step,
        flux,
        nothing,
        ratio * 10.0 ** generator.uniform(-0.5, 0.5, size=count),
        nothing,
        nothing,
    )
    assert np.abs(after - saturation).max() > 0.1
    assert transport.pore_volume @ after == pytest.approx(before, rel=1e-11)
    assert after.min() >= 0.0
    assert after.max() <= 1.0 + 1e-12


def test_fractional_flow_is_the_share_of_the_mobilities():
    saturation, cement, marrow = np.linspace(0.0, 1.0, 11), 3e-5, 2e-7
    exact = (saturation / cement) / (saturation / cement + (1.0 - saturation) / marrow)
    np.testing.assert_allclose(fractional_flow(saturation, np.full(11, cement / marrow)), exact, rtol=1e-12)


def test_sweeps_that_do_not_settle_raise(box_partition, monkeypatch):
    monkeypatch.setattr(fem.injection.transport, "SWEEP_LIMIT", 1)
    generator = np.random.default_rng(11)
    count = len(box_partition.cell_volumes)
    transport = CementTransport(box_partition, np.ones(count))
    nothing = np.zeros(count)
    with pytest.raises(ConvergenceError, match="did not settle within 1 sweeps"):
        transport.advance(
            generator.uniform(size=count),
            1.0,
            circulation(box_partition, generator),
            nothing,
            np.ones(count),
            nothing,
            nothing,
        )
