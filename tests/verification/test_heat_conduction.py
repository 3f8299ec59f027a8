"""Heat against exact answers: orders in space and time, a hot ball, a curing slab, adiabatic cement, and the bounds.

Cooling of a ball in a medium without end: Carslaw & Jaeger 1959, Conduction of Heat in Solids, 10.2 (tag M). The slab
stands beside the same equations on a fine line, integrated by an adaptive method of another kind (LSODA).
"""

from dataclasses import replace

import numpy as np
import pytest
from heat_boxes import box_medium, heat_of, rod
from scipy.integrate import solve_ivp
from scipy.special import erf

from fem.heat.heat import Displaced
from fem.heat.state import THRESHOLDS_C
from materials.curing import CURINGS, AutocatalyticCuring, MeasuredCuring
from meshes.box_grid import BoxGrid

BODY = 37.0
INERT = replace(CURINGS["borzacchiello_1"], reaction_heat=0.0)


def slope(lengths, errors):
    return np.polyfit(np.log(lengths), np.log(errors), 1)[0]


def fixed_steps(heat, state, until, count):
    """Steps of one length, without the control of their error."""
    for number in range(1, count + 1):
        state = replace(state, slope=None, step=until / count)
        state = heat.rest(state, until * number / count)
    return state


def cooling_mode(cells, steps, until=40.0, side=12.0):
    """The slowest mode of a box with sides at body temperature, of anisotropic conductivity and with blood.

    Returns:
        Largest errors in K of the temperature beside that of the same steps in time without voxels, and beside the
        exact one.
    """
    grid = BoxGrid(np.zeros(3), side / cells, (cells,) * 3)
    medium = box_medium(grid, strut_share=0.4, perfusion=0.003, sides=(np.inf,) * 6)
    heat = heat_of(medium, curing=INERT)
    shape = np.prod(np.sin(np.pi * grid.centres / side), axis=1)
    nothing = np.zeros(grid.count)
    end = fixed_steps(heat, heat.start(BODY + 20.0 * shape, nothing, nothing), until, steps)
    across, along = (k[0] for k in medium.conductivity(nothing))
    capacity = medium.capacity(nothing)[0] / grid.voxel_volume
    decay = (2.0 * across + along) * (np.pi / side) ** 2 / capacity + 0.6 * 0.003 * 3.8 / capacity
    stepped, exact = (1.0 + decay * until / steps) ** -steps, np.exp(-decay * until)
    left = end.temperature - BODY
    return [float(np.abs(left - 20.0 * shape * share).max()) for share in (stepped, exact)]


def test_order_in_space(evidence):
    cells = (6, 9, 12, 18)
    evidence.check(
        case="heat: slowest mode of a box, anisotropic, with blood",
        quantity="order in space [-]",
        expected=2.0,
        computed=-slope(cells, [cooling_mode(count, 20)[0] for count in cells]),
        low=1.9,
        source="fitted order",
        kind="order",
    )


def test_order_in_time(evidence):
    steps = (5, 10, 20)
    evidence.check(
        case="heat: slowest mode of a box, anisotropic, with blood",
        quantity="order in time [-]",
        expected=1.0,
        computed=-slope(steps, [cooling_mode(32, count)[1] for count in steps]),
        low=0.9,
        high=1.2,
        source="fitted order",
        kind="order",
    )


def ball_error(spacing, radius=6.0, half=21.0, until=60.0):
    """Error in K at the centre, and largest anywhere, of a ball that starts 40 K warmer than what is around it."""
    grid = BoxGrid.around([-half] * 3, [half] * 3, spacing)
    medium = box_medium(grid, sides=(np.inf,) * 6)
    heat = heat_of(medium, curing=INERT)
    # The share of every voxel in the ball, by samples.
    offsets = (np.arange(6) + 0.5) / 6 - 0.5
    samples = spacing * np.stack(np.meshgrid(*3 * [offsets], indexing="ij"), axis=-1).reshape(-1, 3)
    inside = np.array([(np.linalg.norm(grid.centres + s, axis=1) < radius) for s in samples]).mean(axis=0)
    nothing = np.zeros(grid.count)
    start = heat.start(BODY + 40.0 * inside, nothing, nothing)
    fewer, more = (fixed_steps(heat, start, until, count).temperature for count in (40, 80))
    extrapolated = 2.0 * more - fewer
    diffusivity = 0.3 / 2.0
    r, spread = np.maximum(np.linalg.norm(grid.centres, axis=1), 1e-3), 2.0 * np.sqrt(diffusivity * until)
    exact = 0.5 * (erf((radius + r) / spread) + erf((radius - r) / spread)) - spread / (2.0 * np.sqrt(np.pi) * r) * (
        np.exp(-(((radius - r) / spread) ** 2)) - np.exp(-(((radius + r) / spread) ** 2))
    )
    return float(np.abs(extrapolated - BODY - 40.0 * exact).max()) / (40.0 * exact.max())


def test_hot_ball(evidence):
    spacings = (3.0, 2.0, 1.5)
    errors = [ball_error(spacing) for spacing in spacings]
    evidence.check(
        case="heat: ball of 12 mm that cools in a medium without end",
        quantity="largest error over the largest rise, voxels of 1.5 mm [-]",
        expected=0.0,
        computed=errors[-1],
        high=0.01,
        source="exact; Carslaw & Jaeger 1959",
        kind="verification",
    )
    evidence.check(
        case="heat: ball of 12 mm that cools in a medium without end",
        quantity="order in space [-]",
        expected=2.0,
        computed=slope(spacings, errors),
        low=1.5,
        source="fitted order",
        kind="order",
    )


def slab_reference(curing, half, outer, time, cells):
    """Temperature in the middle of a slab of cement between tissue, on a line of points; all of it may convert."""
    width = (half + outer) / cells
    cement = (np.arange(cells) + 0.5) * width < half
    conductivity, capacity = np.where(cement, 0.2, 0.3), 2.0
    between = 2.0 * conductivity[1:] * conductivity[:-1] / (conductivity[1:] + conductivity[:-1]) / width**2

    def change(_, now):
        temperature, conversion = now.reshape(cells, 2).T
        flow, rise = between * np.diff(temperature), np.zeros(cells)
        rise[:-1] += flow
        rise[1:] -= flow
        rise[-1] -= 2.0 * conductivity[-1] / width**2 * (temperature[-1] - BODY)
        rate = np.where(cement, curing.rate(conversion, temperature, 1.0), 0.0)
        return np.stack([(rise + curing.heat * rate) / capacity, rate], axis=1).ravel()

    start = np.stack([np.full(cells, BODY), np.where(cement, curing.start, 0.0)], axis=1).ravel()
    found = solve_ivp(change, (0.0, time[-1]), start, "LSODA", time, rtol=1e-6, atol=1e-8, lband=2, uband=2)
    return found.y[0]


def test_curing_slab(evidence):
    curing, half, outer, cells = CURINGS["li"], 5.0, 10.0, 60
    grid = rod(cells, half + outer)
    medium = box_medium(grid, sides=(0.0, 0.0, 0.0, 0.0, 0.0, np.inf))
    heat = heat_of(medium, curing=curing, tolerance=0.01)
    cement = np.where(grid.centres[:, 2] < half, medium.room, 0.0)
    state = heat.start(np.full(cells, BODY), cement, np.where(cement > 0.0, curing.start, 0.0))
    times, course = [0.0], [BODY]

    def note(state):
        times.append(state.time)
        course.append(state.temperature[0])

    end = heat.rest(state, 1200.0, note)
    samples = np.linspace(0.0, 1200.0, 241)
    exact = slab_reference(curing, half, outer, samples, 150)
    ours = np.interp(samples, times, course)
    case = "heat: slab of 10 mm of cement that cures between tissue"
    evidence.curve(
        case=case,
        title=f"{case}: middle",
        x_label="time [s]",
        y_label="temperature [degC]",
        series=[("computed", samples, ours), ("line of 150 points, LSODA", samples, exact)],
    )
    evidence.check(
        case=case,
        quantity="peak in the middle [degC]",
        expected=exact.max(),
        computed=ours.max(),
        low=exact.max() - 0.5,
        high=exact.max() + 0.5,
        source="line of 150 points, LSODA",
        kind="cross-check",
    )
    evidence.check(
        case=case,
        quantity="time of the peak [s]",
        expected=samples[exact.argmax()],
        computed=samples[ours.argmax()],
        within=0.015,
        source="line of 150 points, LSODA",
        kind="cross-check",
    )
    evidence.check_error(case, "balance of energy", end.budget.error, 1e-8)


def test_adiabatic_rise(evidence):
    curing = CURINGS["li"]
    grid = rod(2, 2.0)
    medium = box_medium(grid)
    heat = heat_of(medium, curing=curing)
    state = heat.start(np.full(2, BODY), medium.room, np.full(2, curing.start))
    end = heat.rest(state, 3600.0)
    evidence.check(
        case="heat: cement that loses none",
        quantity="rise until it has cured [K]",
        expected=curing.heat * (1.0 - curing.start) / 2.0,
        computed=end.temperature[0] - BODY,
        within=1e-6,
        source="exact: heat of reaction over heat capacity",
        kind="verification",
    )


def injected(spacing=2.0, *, temperature=23.0, curing=INERT, perfusion=0.002, radius=11.0, comm=None):
    """Cement in growing balls from the middle of a porous cube, and 40 s after."""
    grid = BoxGrid.around([-16.0] * 3, [16.0] * 3, spacing)
    medium = box_medium(grid, strut_share=0.12, perfusion=perfusion, sides=(np.inf,) * 6)
    options = {} if comm is None else {"comm": comm}
    distance = np.linalg.norm(grid.centres - 0.3, axis=1)
    body = distance < 15.0
    heat = heat_of(medium, curing=curing, body=body, outlet=np.where(body & (distance > 13.0), 0.1, 0.0), **options)
    nothing = np.zeros(grid.count)
    state = heat.start(np.full(grid.count, BODY), nothing, nothing)
    order = np.argsort(distance, kind="stable")
    before = np.concatenate([[0.0], np.cumsum(medium.room[order])[:-1]])
    volume, steps, lowest, highest = 3000.0, 15, BODY, BODY
    for number in range(1, steps + 1):
        cement = nothing.copy()
        cement[order] = np.clip(volume * number / steps - before, 0.0, medium.room[order])
        entering = nothing.copy()
        entering[order[:4]] = 0.25 * volume / steps
        state = heat.move(state, 4.0, Displaced(cement, entering, temperature, 1e-4))
        lowest, highest = min(lowest, state.temperature.min()), max(highest, state.temperature.max())
    state = heat.rest(state, 100.0)
    lowest, highest = min(lowest, state.temperature.min()), max(highest, state.temperature.max())
    return heat, state, lowest, highest


def test_bounds_while_cement_flows(evidence):
    still = replace(INERT, frequency=1e-3)
    _, state, lowest, highest = injected(curing=still)
    case = "heat: cold cement driven into a porous cube"
    evidence.check_error(
        case, "temperature below that of the cement, over the difference", (23.0 - lowest) / 14.0, 1e-9
    )
    evidence.check_error(case, "temperature above that of the body, over the difference", (highest - BODY) / 14.0, 1e-9)
    evidence.check_error(case, "balance of energy", state.budget.error, 1e-8)
    assert state.cement.sum() == pytest.approx(3000.0)
    # What the cement carries is mixed of equal parts: nothing changes.
    assert state.conversion[state.cement > 0.0] == pytest.approx(1e-4, rel=1e-5)


def test_cement_of_body_temperature_changes_nothing():
    *_, lowest, highest = injected(temperature=BODY)
    assert abs(lowest - BODY) < 1e-9
    assert abs(highest - BODY) < 1e-9


def test_iterations_do_not_follow_the_voxels(evidence):
    means = []
    for spacing in (3.0, 1.5):
        heat, *_ = injected(spacing, curing=CURINGS["borzacchiello_1"])
        means.append(heat.solver.iterations / heat.solver.solves)
    evidence.check(
        case="heat: eight times the voxels",
        quantity="iterations of a solve over those on 3 mm [-]",
        expected=1.0,
        computed=means[1] / means[0],
        high=2.0,
        source="by count",
        kind="verification",
    )


def warmed_cube(comm):
    """Temperature, conversion and logarithm of the damage in a cube that cement cures in, and the balance of energy."""
    _, state, *_ = injected(4.0, curing=replace(CURINGS["borzacchiello_1"], frequency=1e5), comm=comm)
    return state.temperature, state.conversion, np.log1p(state.exposure.damage), state.budget.error


@pytest.mark.mpi
@pytest.mark.parametrize("ranks", [pytest.param(2, marks=pytest.mark.slow), 3])
def test_ranks_agree(ranks, on_ranks, evidence):
    one, several = (on_ranks(count, warmed_cube) for count in (1, ranks))
    assert one[0].max() > 60.0
    worst = max(float(np.abs(ours - theirs).max()) for ours, theirs in zip(one[:3], several[:3], strict=True))
    case = f"heat: cement that cures in a cube on {ranks} ranks and on one"
    evidence.check_error(
        case, "largest difference of temperature (K), conversion, log damage", worst, 1e-6, "cross-check"
    )
    evidence.check_error(case, "balance of energy", several[3], 1e-8)


def test_time_above_is_that_of_a_linear_course():
    grid = rod(2, 2.0)
    heat = heat_of(box_medium(grid, perfusion=0.01), curing=INERT, tolerance=0.001)
    nothing = np.zeros(2)
    end = heat.rest(heat.start(np.full(2, 70.0), nothing, nothing), 300.0)
    rate = 0.01 * 3.8 / 2.0
    for number, threshold in enumerate(THRESHOLDS_C):
        exact = np.log((70.0 - BODY) / (threshold - BODY)) / rate
        assert end.exposure.seconds_above[number, 0] == pytest.approx(exact, rel=0.01)


def test_measured_curve_is_followed():
    curing = MeasuredCuring((0.0, 300.0, 420.0, 480.0, 600.0), (0.0, 0.02, 0.3, 0.8, 0.95), reaction_heat=0.0)
    grid = rod(2, 2.0)
    medium = box_medium(grid)
    heat = heat_of(medium, curing=curing)
    end = heat.rest(heat.start(np.full(2, BODY), medium.room, np.zeros(2)), 480.0)
    assert end.conversion[0] == pytest.approx(0.8, abs=0.06)
    assert heat.rest(end, 1500.0).conversion[0] == pytest.approx(0.95, abs=1e-6)


def test_a_reaction_that_is_too_fast_for_a_step_shortens_it():
    curing = MeasuredCuring((0.0, 480.0, 490.0, 900.0), (0.0, 0.05, 0.85, 0.95))
    grid = BoxGrid.around([0.0] * 3, [16.0] * 3, 2.0)
    medium = box_medium(grid, sides=(0.0, np.inf) * 3)
    heat = heat_of(medium, curing=curing)
    cement = np.where(np.linalg.norm(grid.centres, axis=1) < 7.0, medium.room, 0.0)
    end = heat.rest(heat.start(np.full(grid.count, BODY), cement, np.zeros(grid.count)), 600.0)
    assert 60.0 < end.exposure.peak.max() < BODY + curing.heat * 0.95 / 2.0
    assert end.budget.error < 1e-8


def test_cement_that_moves_without_any_coming_in_keeps_the_balance():
    grid = BoxGrid.around([0.0] * 3, [12.0] * 3, 2.0)
    medium = box_medium(grid, strut_share=0.1, sides=(np.inf,) * 6)
    heat = heat_of(medium, curing=INERT)
    order = np.argsort(np.linalg.norm(grid.centres - 6.0, axis=1), kind="stable")
    cement, nothing = np.zeros(grid.count), np.zeros(grid.count)
    cement[order[:8]] = 0.9 * medium.room[order[:8]]
    state = heat.start(np.where(cement > 0.0, 25.0, BODY), cement, np.where(cement > 0.0, 1e-4, 0.0))
    moved = cement.copy()
    moved[order[:4]] -= 1.0
    moved[order[20:24]] += 1.0
    after = heat.move(state, 2.0, Displaced(moved, nothing, 25.0, 1e-4))
    assert after.budget.error < 1e-8
    assert after.cement.sum() == pytest.approx(cement.sum())
    assert after.temperature.min() >= 25.0 - 1e-9
    assert after.conversion[moved > 0.0].min() >= 1e-4 - 1e-12


def test_cutting_the_rest_into_pieces_changes_little():
    grid = BoxGrid.around([0.0] * 3, [16.0] * 3, 2.0)
    medium = box_medium(grid, sides=(0.0, np.inf) * 3)
    cement = np.where(np.linalg.norm(grid.centres, axis=1) < 8.0, medium.room, 0.0)
    peaks = []
    for pieces in (1, 7):
        heat = heat_of(medium, curing=CURINGS["li"])
        state = heat.start(np.full(grid.count, BODY), cement, np.where(cement > 0.0, CURINGS["li"].start, 0.0))
        for piece in range(1, pieces + 1):
            state = heat.rest(state, 1200.0 * piece / pieces)
        peaks.append(state.exposure.peak.max())
    assert peaks[0] == pytest.approx(peaks[1], abs=0.3)


@pytest.mark.parametrize(
    ("times", "levels", "wrong"),
    [((0, 1), (0, 1), "three points"), ((0, 2, 1), (0, 0.1, 1), "rise"), ((0, 1, 2), (0, 0.5, 1.5), "between 0 and 1")],
)
def test_curve_that_is_none(times, levels, wrong):
    with pytest.raises(ValueError, match=wrong):
        MeasuredCuring(times, levels)


def test_unknown_range_is_refused():
    with pytest.raises(ValueError, match="reaction_heat"):
        AutocatalyticCuring(reaction_heat=-1.0)
