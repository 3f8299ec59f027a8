"""Plugs of cement in veins under given pressures and rates, against exact motions and fine integrations."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from fem.injection.vein_plugs import VeinPlugs, WallEntry
from materials.cement import Cement
from materials.vein import PlugFlow
from meshes.vein_grid import VeinGrid
from meshes.vein_network import VeinNetwork

KPA = 1e-3


def power_law(consistency, index):
    """A cement that does not age, a power law at every shear rate that matters."""
    return Cement(
        "test", consistency, index, index_rate=0.0, doubling_time=None, shear_rate_low=1e-6, shear_rate_high=1e6
    )


def straight(length, diameter, longest):
    """One vein along x that leaves the bone at its far end."""
    nodes = np.array([[0.0, 0.0, 0.0], [length, 0.0, 0.0]])
    network = VeinNetwork(nodes, np.array([[0, 1]]), np.array([diameter]), {1: "segmental_veins_left"})
    return VeinPlugs.of_grid(VeinGrid.of_network(network, longest))


def run(plugs, cement, duration, steps, entry, supply=None):
    """The (k,) contents in mm3 and the volume in mm3 that has left, after some even steps."""
    grid, step = plugs.grid, duration / steps
    count = len(grid.length)
    content, left, pressure = np.zeros(count), 0.0, np.zeros(plugs.nodes)
    supply = np.zeros(count) if supply is None else supply
    flow = PlugFlow.of_cement(grid.diameter, cement, np.zeros(count))
    for _ in range(steps):
        _, moving = plugs.reach_outside(content / grid.volume)
        spread = plugs.spread(flow, content, step, moving, supply, entry, pressure)
        pressure = spread.pressure
        rate = supply + np.bincount(entry.piece, spread.entering, count) - np.bincount(plugs.piece, spread.flow, count)
        through = np.bincount(plugs.node, spread.flow, plugs.nodes)
        left += step * through[plugs.exits].sum()
        content = content + step * rate
        inner = np.setdiff1d(np.arange(count, plugs.nodes), plugs.exits)
        assert np.abs(through[inner]).max(initial=0.0) < 1e-9 * max(np.abs(spread.flow).max(), 1e-30)
        assert (content <= grid.volume * (1.0 + 1e-9)).all()
    return content, left


LENGTHS = [(0.5, 1e-4, 11.495), (1.0, 1e-4, 12.990), (0.4, 4e-4, 4.086), (0.7, 3e-5, 24.867)]


@pytest.mark.parametrize(("longest", "steps", "within"), [(1.5, 40, 0.04), (0.5, 160, 0.006)], ids=["usual", "fine"])
@pytest.mark.parametrize(("index", "consistency", "length"), LENGTHS)
def test_plug_under_constant_pressure(index, consistency, length, longest, steps, within, evidence):
    """2 kPa in a vein of 1.5 mm for 60 s, a law of Washburn's kind, in pieces of the usual length and finer ones."""
    plugs = straight(40.0, 1.5, longest)
    entry = WallEntry(np.array([0]), np.array([1e5]), np.array([2.0 * KPA]))
    content, left = run(plugs, power_law(consistency, index), 60.0, steps, entry)
    assert left == 0.0
    evidence.check(
        case=f"plug of cement in a vein at 2 kPa, n = {index:g}, pieces of {longest:g} mm",
        quantity="length after 60 s [mm]",
        expected=length,
        # The pressure acts in the middle of the first piece.
        computed=content.sum() / plugs.grid.area[0] - 0.5 * plugs.grid.length[0],
        within=within,
        source="exact",
        kind="verification",
    )


def speed(gradient, diameter, consistency, index):
    """Mean speed in mm/s of a power law in a tube (Rabinowitsch & Mooney), written down apart from the product."""
    stress = 0.25 * diameter * gradient
    return diameter / 8.0 * (4.0 * index / (3.0 * index + 1.0)) * (stress / consistency) ** (1.0 / index)


def test_two_plugs_become_one(evidence):
    """Two equal branches of 6 mm at 2 kPa meet and go on in a wider trunk; against the fine solution of its ODE."""
    consistency, index, drive, branch, narrow, wide = 1e-4, 0.5, 2.0 * KPA, 6.0, 1.5, 2.4
    nodes = np.array([[0.0, 30.0, 0.0], [0.0, 0.0, 0.0], [branch + 0.25, 0.0, 0.0], [-branch - 0.25, 0.0, 0.0]])
    network = VeinNetwork(
        nodes, np.array([[0, 1], [1, 2], [1, 3]]), np.array([wide, narrow, narrow]), {0: "basivertebral_foramen"}
    )
    plugs = VeinPlugs.of_grid(VeinGrid.of_network(network, 0.5))
    last = np.flatnonzero(np.isin(plugs.grid.junctions, (2, 3)).any(axis=1))
    entry = WallEntry(last, np.full(2, 1e5), np.full(2, drive))
    content, _ = run(plugs, power_law(consistency, index), 60.0, 240, entry)
    arrival = branch ** (1.0 + 1.0 / index) / (1.0 + 1.0 / index) / speed(drive, narrow, consistency, index)

    def growth(_, length):
        low, high = 0.0, drive
        for _ in range(60):  # the pressure where they meet
            middle = 0.5 * (low + high)
            coming = 2.0 * narrow**2 * speed((drive - middle) / branch, narrow, consistency, index)
            going = wide**2 * speed(middle / length, wide, consistency, index)
            low, high = (middle, high) if coming > going else (low, middle)
        return going / wide**2

    exact = solve_ivp(growth, (arrival, 60.0), [1e-6], rtol=1e-8, atol=1e-9).y[0, -1]
    trunk = plugs.grid.segment == 0
    evidence.check(
        case="two plugs of cement that meet in a confluence",
        quantity="length in the trunk after 60 s [mm]",
        expected=exact,
        computed=content[trunk].sum() / plugs.grid.area[trunk][0],
        within=0.02,
        source="exact",
        kind="verification",
    )


def test_a_plug_divides_by_calibre(evidence):
    """A given rate into a stem that divides into two branches, one thinner; against the fine solution of its ODE."""
    consistency, index, rate, stem, wide, thin = 1e-4, 0.5, 0.2, 4.0, 1.5, 1.2
    nodes = np.array([[0.0, -stem, 0.0], [0.0, 0.0, 0.0], [60.0, 1.0, 0.0], [-60.0, 1.0, 0.0]])
    sites = {2: "segmental_veins_left", 3: "segmental_veins_right"}
    network = VeinNetwork(nodes, np.array([[0, 1], [1, 2], [1, 3]]), np.array([wide, wide, thin]), sites)
    plugs = VeinPlugs.of_grid(VeinGrid.of_network(network, 0.5))
    supply = np.zeros(len(plugs.grid.length))
    supply[0] = rate
    content, _ = run(plugs, power_law(consistency, index), 120.0, 240, WallEntry.none(), supply)
    by_branch = [content[plugs.grid.segment == number].sum() for number in (0, 1, 2)]
    assert sum(by_branch) == pytest.approx(120.0 * rate, rel=1e-10)

    def growth(_, lengths):
        low, high = 0.0, 1.0
        for _ in range(80):
            pressure = 0.5 * (low + high)
            rates = [
                speed(pressure / grown, d, consistency, index) for grown, d in zip(lengths, (wide, thin), strict=True)
            ]
            total = 0.25 * np.pi * (wide**2 * rates[0] + thin**2 * rates[1])
            low, high = (pressure, high) if total < rate else (low, pressure)
        return rates

    start = 0.25 * np.pi * wide**2 * stem / rate
    exact = solve_ivp(growth, (start, 120.0), [1e-4, 1e-4], rtol=1e-8, atol=1e-9).y[:, -1]
    for number, (length, diameter) in enumerate(zip(exact, (wide, thin), strict=True), 1):
        evidence.check(
            case="plug of cement that divides into two branches at a given rate",
            quantity=f"length in the branch of {diameter:g} mm after 120 s [mm]",
            expected=length,
            computed=by_branch[number] / (0.25 * np.pi * diameter**2),
            within=0.03,
            source="exact",
            kind="verification",
        )


def test_cut_off_blood_stays():
    """Full pieces at both ends of the one in between: blood there cannot leave, and cement cannot come in."""
    plugs = straight(4.5, 1.5, 1.5)
    volume = plugs.grid.volume
    content = np.array([1.0, 0.2, 1.0]) * volume
    blood, moving = plugs.reach_outside(content / volume)
    assert blood.tolist() == [False, False, False]
    assert moving.tolist() == [False, False, True]
    cement = power_law(1e-4, 0.5)
    flow = PlugFlow.of_cement(plugs.grid.diameter, cement, np.zeros(3))
    entry = WallEntry(np.arange(3), np.full(3, 10.0), np.full(3, KPA))
    spread = plugs.spread(flow, content, 1.0, moving, np.zeros(3), entry, np.zeros(plugs.nodes))
    assert spread.entering[:2].tolist() == [0.0, 0.0]
    assert spread.entering[2] > 0.0


def test_response_is_the_derivative():
    """What comes in changes with the pressures behind the walls as E - E A E says."""
    plugs = straight(12.0, 1.5, 1.5)
    count = len(plugs.grid.length)
    content = plugs.grid.volume * (np.arange(count) < 6)
    flow = PlugFlow.of_cement(plugs.grid.diameter, power_law(1e-4, 0.5), np.zeros(count))
    pieces = np.array([0, 1, 1, 4, 7])
    conductance, pressure = np.array([20.0, 10.0, 30.0, 15.0, 8.0]), KPA * np.array([2.0, 1.8, 0.01, 1.5, 1.0])

    def entering(pressures):
        entry = WallEntry(pieces, conductance, pressures)
        _, moving = plugs.reach_outside(content / plugs.grid.volume)
        return plugs.spread(flow, content, 1e3, moving, np.zeros(count), entry, np.zeros(plugs.nodes))

    spread = entering(pressure)
    works = np.where(spread.entering > 0.0, conductance, 0.0)
    assert (works == 0.0).sum() == 1
    joined = np.where(pieces[:, None] == spread.wet, works[:, None], 0.0)
    derivative = np.diag(works) - joined @ spread.response @ joined.T
    step = 1e-8
    for number in range(len(pieces)):
        moved = np.eye(len(pieces))[number] * step
        difference = (entering(pressure + moved).entering - entering(pressure - moved).entering) / (2.0 * step)
        np.testing.assert_allclose(difference, derivative[:, number], atol=1e-5 * conductance.max())
