"""Stage B: the median calibre of veins at which a share of the filling-fraction series' vertebrae leaks into vessels.

``python -m experiments.cohorts.calibration POOL...`` fits pools of that series at several calibres, folders of
``vertebroplasty cohort`` or tables that are kept of them, and writes what ``vertebroplasty cohort --calibre 19.5%``
reads.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tomlkit
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator
from sklearn.isotonic import IsotonicRegression

from experiments.analysis.bootstrap import RESAMPLES, percentile_interval, resamples
from experiments.case.schema import CASES
from experiments.case.sections.base import joined
from experiments.cohorts.cohort_file import Cohort
from experiments.cohorts.observed import Table
from experiments.cohorts.pool import CALIBRE, Pool
from experiments.cohorts.published import FILLING_FRACTION
from meshes.errors import InputError

SERIES = FILLING_FRACTION.name

LEAK = next(number for number in FILLING_FRACTION.numbers if number.quantity == "leak into vessels")
"""The number that is met: 8 of 41."""

EVENT = "main_vein"
"""The column whose mean it is."""

TARGETS: Mapping[str, float] = {"10%": 0.1, "19.5%": LEAK.estimate, "20%": 0.2, "35%": 0.35}
"""Shares with a leak into vessels. 10 and 35 % are about the ends of the 95 % interval of 8 in 41."""

FILE = CASES / "calibration" / "vein-calibre.toml"
"""Where the calibration is kept: among the case files, whose values count where they are used."""

LEAST_POOLS = 3

LEAST_INSIDE = 0.95
"""Share of the draws in which the pools must reach a target; else it lies at their end (tag D)."""

REACHED = "a pool at another calibre, as in 'vertebroplasty cohort --ready filling-fraction --calibre 0.8'"


@dataclass(frozen=True)
class Calibrated:
    """A calibre at which a share leaks.

    Attributes:
        share: of vertebrae with a leak into vessels.
        calibre: median of the branches in mm.
        error: its Monte Carlo error in mm, the standard deviation over patients that are drawn again.
        low: end of the 95 % interval of these draws in mm.
        high: the other end.
    """

    share: float
    calibre: float
    error: float
    low: float
    high: float


@dataclass(frozen=True)
class Calibration:
    """What pools of the same vertebrae at several calibres say.

    Attributes:
        points: calibre in mm -> share with a leak into vessels.
        targets: name of a target -> calibre; those that the pools do not reach are missing.
        vertebrae: that finished in all pools.
        patients: to whom they belong.
        seed: of the cohort.
        code: version of the software that computed the pools.
    """

    points: Mapping[float, float]
    targets: Mapping[str, Calibrated]
    vertebrae: int
    patients: int
    seed: int
    code: str

    @classmethod
    def of(cls, pools: Sequence[Pool]) -> Calibration:
        """Fit pools.

        Raises:
            InputError: there are too few of them, or they differ in more than the calibre.
        """
        by_calibre = {pool.calibre: pool for pool in sorted(pools, key=lambda pool: pool.calibre)}
        _check(pools, len(by_calibre))
        tables = _common(list(by_calibre.values()))
        leaks = np.array([table[EVENT] for table in tables])
        patients = tables[0]["patient"].astype(np.int64)
        calibres = np.array(list(by_calibre))
        shares = np.array(list(TARGETS.values()))
        whole = calibre_at(calibres, leaks.mean(axis=1), shares)
        draws = [calibre_at(calibres, leaks[:, rows].mean(axis=1), shares) for rows in resamples(patients, RESAMPLES)]
        targets = {
            name: _calibrated(share, calibre, drawn)
            for name, share, calibre, drawn in zip(TARGETS, shares, whole, np.transpose(draws), strict=True)
        }
        return cls(
            dict(zip(calibres.tolist(), leaks.mean(axis=1).tolist(), strict=True)),
            {name: found for name, found in targets.items() if found is not None},
            len(patients),
            len(np.unique(patients)),
            pools[0].cohort.seed,
            pools[0].vertebrae.code,
        )

    @property
    def missing(self) -> list[str]:
        """Targets that the pools do not reach."""
        return [name for name in TARGETS if name not in self.targets]

    def write(self, file: Path) -> None:
        """Write the file that :func:`asked_calibre` reads."""
        document = tomlkit.document()
        document.add(tomlkit.comment("Written by `python -m experiments.cohorts.calibration POOL...`: stage B of the"))
        document.add(tomlkit.comment("cohorts, the calibre of veins at which shares of a series leak into vessels."))
        document.update({"series": SERIES, "quantity": LEAK.quantity, "code": self.code, "seed": self.seed})
        document.update({"patients": self.patients, "vertebrae": self.vertebrae})
        points = tomlkit.aot()
        for calibre, share in self.points.items():
            points.append(tomlkit.item({"calibre_mm": calibre, "share": round(share, 4)}))
        document["pools"] = points
        document["targets"] = {
            name: {
                "share": round(found.share, 4),
                "calibre_mm": round(found.calibre, 4),
                "error_mm": round(found.error, 4),
                "low_mm": round(found.low, 4),
                "high_mm": round(found.high, 4),
            }
            for name, found in self.targets.items()
        }
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(tomlkit.dumps(document), encoding="utf-8")


def calibre_at(
    calibres: NDArray[np.float64], shares: NDArray[np.float64], targets: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(targets,) calibres in mm at which shares leak; NaN outside of the known shares.

    The shares are made monotone (isotonic regression) and interpolated monotonically over the logarithm of the calibre
    (Fritsch & Carlson 1980); calibres of the same share count as the mean of their logarithms.

    Args:
        calibres: (pools,) ascending.
        shares: (pools,) that leak.
        targets: (targets,) shares.
    """
    logarithms = np.log(calibres)
    different, places = np.unique(IsotonicRegression().fit_transform(logarithms, shares), return_inverse=True)
    if len(different) < 2:
        return np.full(len(targets), np.nan)
    means = np.bincount(places, logarithms) / np.bincount(places)
    found: NDArray[np.float64] = np.exp(PchipInterpolator(different, means, extrapolate=False)(targets))
    return found


def _calibrated(share: float, calibre: float, drawn: NDArray[np.float64]) -> Calibrated | None:
    """None where the pools, or too many of those that are drawn again, do not reach the target."""
    if np.isnan(calibre) or np.isfinite(drawn).mean() < LEAST_INSIDE:
        return None
    return Calibrated(float(share), float(calibre), float(np.nanstd(drawn, ddof=1)), *percentile_interval(drawn))


def _check(pools: Sequence[Pool], different: int) -> None:
    for pool in pools:
        if pool.cohort.study != SERIES:
            raise InputError(f"{pool.path}: stage B is calibrated on {SERIES}; give pools of that series alone")
        if _but_calibre(pool.cohort) != _but_calibre(pools[0].cohort) or pool.vertebrae.code != pools[0].vertebrae.code:
            raise InputError(
                f"{pool.path}: differs from {pools[0].path} in more than the calibre (seed, settings or version); "
                "compute both by the same software from the same cohort file"
            )
    if different < LEAST_POOLS:
        raise InputError(f"{LEAST_POOLS} calibres at least are needed, {different} given; compute {REACHED}")


def _but_calibre(cohort: Cohort) -> Cohort:
    laws = {name: value for name, value in cohort.laws.items() if name != CALIBRE}
    return cohort.model_copy(update={"laws": laws, "stage": "A", "patients": 1})


def _common(pools: Sequence[Pool]) -> list[Table]:
    """The vertebrae that finished in all pools, in the same order: the same bodies, needles and random numbers."""
    finished = [
        {key: place for place, key in enumerate(pool.vertebrae.keys) if not pool.vertebrae.errors[place]}
        for pool in pools
    ]
    keys = [key for key in finished[0] if all(key in others for others in finished)]
    if not keys:
        raise InputError("no vertebra is finished in all of the pools; go on with 'vertebroplasty cohort'")
    return [
        pool.vertebrae.rows.rows(np.array([places[key] for key in keys]))
        for pool, places in zip(pools, finished, strict=True)
    ]


def asked_calibre(asked: str) -> float:
    """The calibre in mm that ``1.2`` or ``19.5%`` asks for: itself, or that at which this share leaks.

    Raises:
        InputError: it is neither, the calibration has not been run, or does not reach the share.
    """
    if not asked.endswith("%"):
        try:
            return float(asked)
        except ValueError:
            raise InputError(
                f"--calibre {asked}: give mm, as in 1.2, or one of {joined(list(TARGETS), 'or')}"
            ) from None
    if asked not in TARGETS:
        raise InputError(f"--calibre {asked}: choose {joined(list(TARGETS), 'or')}, or give mm, as in 1.2")
    known = _targets()
    if not known:
        raise InputError(
            f"--calibre {asked}: stage B is not calibrated yet; run 'python -m experiments.cohorts.calibration' on "
            f"pools of {SERIES}, or give mm, as in 1.2"
        )
    if asked not in known:
        raise InputError(f"--calibre {asked}: the calibration does not reach it; choose {joined(list(known), 'or')}")
    return known[asked]


def labels() -> dict[float, str]:
    """Calibre in mm -> which share leaks there, for the heads of tables; empty before the calibration."""
    return {calibre: f" ({name.replace('%', ' %')})" for name, calibre in _targets().items()}


def _targets() -> dict[str, float]:
    """Target -> calibre in mm."""
    if not FILE.exists():
        return {}
    content = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return {name: target["calibre_mm"] for name, target in content["targets"].items()}


def stage_b_file(source: Path, calibre: float, folder: Path) -> Path:
    """Write a cohort file with a median calibre of veins, which keeps all else of its source.

    Args:
        source: cohort file.
        calibre: in mm.
        folder: for the file.

    Returns:
        The file, ``NAME-B-1.2.toml``.
    """
    document = tomlkit.parse(source.read_text(encoding="utf-8"))
    document["stage"] = "B"
    document.setdefault("laws", tomlkit.table())[CALIBRE] = calibre
    target = folder / f"{source.stem}-B-{calibre:g}.toml"
    said = f"# Stage B: the median calibre of the veins is {calibre:g} mm; all else is as {source.name} has it.\n"
    target.write_text(said + tomlkit.dumps(document), encoding="utf-8")
    return target


def main(arguments: Sequence[str] | None = None) -> int:
    """Calibrate by the pools that the command line names."""
    parser = argparse.ArgumentParser(prog="calibration", description=__doc__.partition("\n")[0])
    parser.add_argument("pools", type=Path, nargs="+", metavar="POOL", help="folders or tables of filling-fraction")
    given = parser.parse_args(arguments)
    try:
        found = Calibration.of([Pool.at(path) for path in given.pools])
        for calibre, share in found.points.items():
            print(f"{calibre:g} mm: {100.0 * share:.1f} % of {found.vertebrae} vertebrae leak into vessels")
        for name, target in found.targets.items():
            print(f"{name}: {target.calibre:.3f} ± {target.error:.3f} mm ({target.low:.3f} to {target.high:.3f})")
        if found.missing:
            told = f"{joined(found.missing)}: beyond these pools, and nothing is extrapolated; compute {REACHED}"
            if not found.targets:
                raise InputError(told)
            print(told)
        found.write(FILE)
        print(FILE)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
