"""Plots of a case: curves over time, bars of leaks and of stiffness; all as PNG and SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike, NDArray

from experiments.case.units import to_clinical
from experiments.pictures.scene import save
from experiments.pictures.style import BONE_COLOR, CEMENT_COLOR, CLASS_COLORS, LINE_COLORS, ink_color, visible
from experiments.results.open_sites import OpenSite
from experiments.results.parts.heat import HeatResults, Place
from experiments.results.parts.stiffness import StateStiffness, StiffnessResults
from experiments.results.parts.strength import StrengthResults
from experiments.results.wording import HEADLINE_DIGITS, leaked, number, ratio, told, words
from meshes.leak_sites import LEAK_SITES

Dash = Literal["-", "--", ":", "-."]

DASHES: tuple[Dash, ...] = ("-", "--", ":", "-.")
"""Line styles of the needles, or of the sites of one class, in their order."""

PRESSURE_NAMES = {"syringe": "syringe", "tip": "needle tip"}
"""Pressure, a key of :data:`experiments.pictures.style.LINE_COLORS`, -> its name in the legend."""

STIFFNESSES = ("flexion_nm_per_deg", "lateral_bending_nm_per_deg", "torsion_nm_per_deg")
"""Entries of a state's stiffness that have a panel beside the axial one."""

PLACE_COLORS: Mapping[Place, str] = {
    "centre": "#CC3311",
    "interface": "#EE7733",
    "posterior_wall": "#332288",
    "canal": "#0077BB",
    "disc_superior": "#009988",
    "disc_inferior": "#AA4499",
    "lesion": "#882255",
}
"""Place whose temperature is plotted -> colour (Tol 2021)."""

STATE_COLORS = {"intact": BONE_COLOR, "fractured": "#E69F00", "augmented": CEMENT_COLOR}
"""State of the bone -> colour of its bars."""


def plot_leak_sites(sites: Sequence[OpenSite], path: Path, remark: str = "") -> Path:
    """Cement that left at each site, as bars coloured by clinical class, the largest first; a remark above."""
    shown = sorted((site for site in sites if leaked(site.leaked_ml)), key=lambda site: site.leaked_ml)
    figure, (axes,) = _panels([0.9 + 0.5 * len(shown)])
    bars = axes.barh(
        [f"{words(site.site)} ({words(site.leak_class)})" for site in shown],
        [site.leaked_ml for site in shown],
        color=[visible(CLASS_COLORS[site.leak_class]) for site in shown],
        height=0.6,
    )
    axes.bar_label(bars, fmt=" %.3f ml", padding=2)
    axes.margins(x=0.15)
    axes.set_ylim(-0.7, len(shown) - 0.3)
    axes.set_xlabel("leaked [ml]")
    axes.set_title(remark, fontsize="medium", parse_math=False)
    axes.grid(visible=False, axis="y")
    return _save_both(figure, path)


def plot_stiffness(stiffness: StiffnessResults, path: Path) -> Path:
    """Stiffness of the bone in its states, one panel for each kind, with its ratio to the intact one.

    Args:
        stiffness: of the results.
        path: PNG to write; an SVG stands beside it.
    """
    states = stiffness.states
    axial = StiffnessResults.quantity("intact_n_per_mm")
    panels = [("axial stiffness", axial.unit, list(stiffness.axial.values()))]
    for name in STIFFNESSES:
        known = StateStiffness.quantity(name)
        panels.append((known.label, known.unit, [float(getattr(state, name)) for state in states.values()]))
    figure = Figure(figsize=(9.0, 3.2), layout="constrained")
    for axes, (name, unit, values) in zip(figure.subplots(1, len(panels)), panels, strict=True):
        bars = axes.bar(list(states), values, color=[STATE_COLORS[state] for state in states], width=0.65)
        labels = [f"{number(value, digits=HEADLINE_DIGITS)}\n({ratio(value, values[0])})" for value in values[1:]]
        axes.bar_label(bars, [number(values[0], digits=HEADLINE_DIGITS), *labels], padding=2)
        axes.set_ylim(0.0, 1.25 * max(values))
        axes.set_title(f"{name}\n[{unit}]", fontsize="medium")
        axes.set_axisbelow(True)
        axes.grid(axis="y")
        axes.spines[["top", "right"]].set_visible(False)
    return _save_both(figure, path)


def plot_load_curves(strength: StrengthResults, path: Path) -> Path:
    """Axial force over compression of the bone in its states, with the line that defines failure and where it is met.

    Args:
        strength: of the results, from a non-linear solve.
        path: PNG to write; an SVG stands beside it.
    """
    figure, (axes,) = _panels([4.5])
    for state, found in strength.states.items():
        if found.curve is None:
            continue
        color = visible(STATE_COLORS[state])
        broken = found.nonlinear_n is None or found.failure_mm is None
        label = f"{state}, no failure" if broken else f"{state}, {told(found, 'nonlinear_n', HEADLINE_DIGITS)}"
        axes.plot(found.curve.compression_mm, found.curve.force_n, color=color, marker=".", label=label)
        if found.nonlinear_n is not None and found.failure_mm is not None:
            stiffness = found.curve.force_n[1] / found.curve.compression_mm[1]
            offset = found.failure_mm - found.nonlinear_n / stiffness
            axes.plot([offset, found.failure_mm], [0.0, found.nonlinear_n], color=color, linestyle=":")
            axes.plot([found.failure_mm], [found.nonlinear_n], color=color, marker="o", markersize=8.0)
    axes.set_xlim(left=0.0)
    axes.set_ylim(bottom=0.0)
    axes.set_xlabel("compression [mm]")
    axes.set_ylabel("axial force [N]")
    axes.legend(loc="lower right")
    return _save_both(figure, path)


def plot_heat(heat: HeatResults, path: Path) -> Path:
    """Highest temperature of each place over time, and the conversion of the cement.

    Args:
        heat: of the results.
        path: PNG to write; an SVG stands beside it.
    """
    figure, (axes, below) = _panels([3.6, 1.4])
    minutes = to_clinical(1.0, "min") * np.asarray(heat.course.time_s)
    for place, series in heat.course.temperature_c.items():
        if place in PLACE_COLORS:
            axes.plot(minutes, series, color=visible(PLACE_COLORS[place]), label=words(place))
    axes.set_ylabel("highest temperature [°C]")
    axes.legend(frameon=False, loc="upper left")
    below.plot(minutes, heat.course.conversion, color=ink_color())
    below.set_ylim(0.0, 1.0)
    below.set_ylabel("conversion")
    below.set_xlabel("time since the start of the injection [min]")
    return _save_both(figure, path)


def plot_history(
    time_s: ArrayLike,
    tip_kpa: Mapping[str, ArrayLike],
    syringe_kpa: Mapping[str, ArrayLike],
    rate_ml_per_min: Mapping[str, ArrayLike],
    injected_ml: ArrayLike,
    stored_ml: ArrayLike,
    leaked_ml: Mapping[str, ArrayLike],
    path: Path,
    in_veins_ml: ArrayLike = 0.0,
    in_conduits_ml: ArrayLike = 0.0,
    remark: str = "",
) -> Path:
    """Pressure and rate of each needle, cement injected, stored and leaked, and the leak at each site, against time.

    All series are (times,). Pressures have a gap while nothing is injected and stand on a logarithmic scale where they
    differ by more than 30; the leaks have their own panel if any site leaked.

    Args:
        time_s: since the start of the injection.
        tip_kpa: needle -> pressure at its tip.
        syringe_kpa: needle -> pressure in its syringe.
        rate_ml_per_min: needle -> rate.
        injected_ml: cement that has left the needles.
        stored_ml: cement in the body.
        leaked_ml: site -> cement that has left there.
        path: PNG to write; an SVG stands beside it.
        in_veins_ml: cement in the veins of a network, drawn where there is any.
        in_conduits_ml: cement in holes, fissures, veins and tracks of walls, still in the bone; the same.
        remark: on the veins, above all.
    """
    by_site = {site: np.asarray(leak, dtype=float) for site, leak in leaked_ml.items()}
    leaks = {site: leak for site, leak in by_site.items() if leaked(leak.max(initial=0.0))}
    heights = [3.0, 1.5, 2.5, 2.0] if leaks else [3.0, 1.5, 2.5]
    figure, panels = _panels(heights)
    pressure, rate, volume = panels[:3]
    dashes = plot_pressures(pressure, time_s, {"syringe": syringe_kpa, "tip": tip_kpa})
    for needle, series in rate_ml_per_min.items():
        rate.step(time_s, series, where="post", color=ink_color(), linestyle=dashes[needle], label=needle)
    rate.set_ylim(bottom=0.0)
    rate.set_ylabel("rate [ml/min]")
    total = np.sum([np.zeros(np.shape(time_s)), *by_site.values()], axis=0)
    volume.plot(time_s, injected_ml, color=visible(LINE_COLORS["injected"]), label="injected")
    volume.plot(time_s, stored_ml, color=LINE_COLORS["stored"], linestyle="--", label="in the body")
    for series, name, dash in ((in_veins_ml, "in veins", "-."), (in_conduits_ml, "in openings of walls", (0, (1, 3)))):
        if leaked(float(np.asarray(series, dtype=float).max())):
            volume.plot(time_s, series, color=ink_color(), linestyle=dash, label=name)
    volume.plot(time_s, total, color=LINE_COLORS["leaked"], linestyle=":", linewidth=2.5, label="leaked")
    volume.set_ylabel("cement [ml]")
    volume.legend(frameon=False)
    if leaks:
        _plot_leaks(panels[3], time_s, leaks)
    panels[-1].set_xlabel("time since the start of the injection [s]")
    if remark:
        figure.suptitle(remark, fontsize="medium", parse_math=False)
    return _save_both(figure, path)


def plot_pressures(axes: Axes, time_s: ArrayLike, pressures: Mapping[str, Mapping[str, ArrayLike]]) -> dict[str, Dash]:
    """Draw pressures in kPa against time; colours tell the quantities and line styles the needles.

    Args:
        axes: where to draw.
        time_s: (times,).
        pressures: quantity, a key of :data:`PRESSURE_NAMES`, -> needle -> (times,) kPa, with a gap where it is 0.

    Returns:
        Needle -> its line style.
    """
    shown: list[NDArray[np.float64]] = []
    dashes = {needle: DASHES[number % len(DASHES)] for number, needle in enumerate(next(iter(pressures.values())))}
    for quantity, needles in pressures.items():
        for needle, series in needles.items():
            values = np.array(series, dtype=float)
            values[values == 0.0] = np.nan
            axes.plot(time_s, values, color=LINE_COLORS[quantity], linestyle=dashes[needle])
            shown.append(values[values > 0.0])
    positive = np.concatenate(shown) if shown else np.empty(0)
    if positive.size and positive.max() > 30.0 * positive.min():
        axes.set_yscale("log")
    axes.set_ylabel("pressure [kPa]")
    handles = [Line2D([], [], color=LINE_COLORS[quantity], label=PRESSURE_NAMES[quantity]) for quantity in pressures]
    if len(dashes) > 1:
        handles += [Line2D([], [], color=ink_color(), linestyle=dash, label=needle) for needle, dash in dashes.items()]
    axes.legend(handles=handles, frameon=False)
    return dashes


def _plot_leaks(axes: Axes, time_s: ArrayLike, leaks: Mapping[str, NDArray[np.float64]]) -> None:
    drawn: list[str] = []
    for site, leak in leaks.items():
        leak_class = LEAK_SITES[site].leak_class
        dash = DASHES[drawn.count(leak_class) % len(DASHES)]
        drawn.append(leak_class)
        label = f"{words(site)} ({words(leak_class)})"
        axes.plot(time_s, leak, color=visible(CLASS_COLORS[leak_class]), linestyle=dash, label=label)
    axes.set_ylabel("leaked [ml]")
    axes.legend(frameon=False)


def _panels(heights: Sequence[float]) -> tuple[Figure, list[Axes]]:
    """Panels of these heights in inches, one above the other, on one horizontal scale."""
    figure = Figure(figsize=(8.0, sum(heights)), layout="constrained")
    panels = list(figure.subplots(len(heights), 1, sharex=True, height_ratios=heights, squeeze=False).ravel())
    for axes in panels:
        axes.set_axisbelow(True)
        axes.grid()
        axes.spines[["top", "right"]].set_visible(False)
    return figure, panels


def _save_both(figure: Figure, path: Path) -> Path:
    """Write the PNG and the SVG beside it."""
    save(figure, path.with_suffix(".svg"))
    return save(figure, path)
