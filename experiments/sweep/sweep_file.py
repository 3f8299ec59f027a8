"""The sweep file: one TOML document that says which case is varied, by what, and how the variations are combined."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from experiments.case.errors import explain
from experiments.case.ready_files import ReadyFiles
from experiments.case.sections.base import Companions, Section, chosen_shape, joined

SWEEPS = ReadyFiles("sweep")
"""Sweep files that come with the software."""

WAYS = {
    "values": Companions(allowed=("names",)),
    "start": Companions(needed=("stop", "count"), allowed=("log",)),
    "distribution": Companions(
        allowed=("low", "high", "mean", "sd", "median", "geometric_sd", "choices", "weights", "names")
    ),
}
"""The key that says how a value varies -> the keys that belong to it."""

DISTRIBUTIONS = {
    "uniform": Companions(needed=("low", "high")),
    "log-uniform": Companions(needed=("low", "high")),
    "normal": Companions(needed=("mean", "sd")),
    "truncated-normal": Companions(needed=("mean", "sd", "low", "high")),
    "log-normal": Companions(needed=("median", "geometric_sd")),
    "categorical": Companions(needed=("choices",), allowed=("weights", "names")),
}
"""Distribution -> the keys that it needs and those that it may have."""

UNBOUNDED = ("normal", "log-normal")
LISTED = ("grid", "zipped")
"""Designs that take the values as they are listed; the others sample."""

LARGEST_SWEEP = 100_000


class Vary(Section):
    """One varied value of the case: a list of values, a range of them, or a distribution."""

    path: str = Field(min_length=1, description="key of the case file with its table, as in mesh.size_mm")
    relative: bool = Field(default=False, description="whether the numbers are factors of the base case's value")
    values: tuple[Any, ...] | None = Field(default=None, min_length=1, description="the values one by one")
    start: int | float | None = Field(default=None, description="first value of a range")
    stop: int | float | None = Field(default=None, description="last value of a range")
    count: int | None = Field(default=None, ge=2, le=10_000, strict=True, description="number of values of a range")
    log: bool = Field(default=False, description="whether the range has equal ratios instead of equal steps")
    distribution: (
        Literal["uniform", "log-uniform", "normal", "truncated-normal", "log-normal", "categorical"] | None
    ) = Field(default=None, description="from which the values are sampled")
    low: float | None = Field(default=None, description="least value, in the unit of the varied key")
    high: float | None = Field(default=None, description="largest value, in the unit of the varied key")
    mean: float | None = Field(default=None, description="mean, before the distribution is truncated")
    sd: float | None = Field(default=None, gt=0.0, description="a standard deviation above 0")
    median: float | None = Field(default=None, gt=0.0, description="a median above 0")
    geometric_sd: float | None = Field(
        default=None, gt=1.0, description="a factor above 1; 68 % lie between the median over and times this factor"
    )
    choices: tuple[Any, ...] | None = Field(default=None, min_length=1, description="values of which one is drawn")
    weights: tuple[float, ...] | None = Field(default=None, description="relative frequency of each of the choices")
    names: tuple[str, ...] | None = Field(default=None, description="what the results call the values or choices")
    crossed: bool = Field(default=False, description="whether every case of a random sample runs with each of values")

    @model_validator(mode="after")
    def _one_way(self) -> Vary:
        if chosen_shape(self, WAYS) == "distribution":
            self._check_distribution()
        elif self.start is not None and self.log and min(self.start, self.stop or 0.0) <= 0.0:
            raise ValueError(f"a range with log = true needs start and stop above 0, not {self.start:g}; give others")
        if self.crossed and self.values is None:
            raise ValueError("crossed = true runs every sampled case with each of values; give values")
        numbers = self.values or self.choices or ()
        if self.relative and not all(
            isinstance(value, int | float) and not isinstance(value, bool) for value in numbers
        ):
            raise ValueError("relative = true multiplies the base case's value, so all values must be numbers")
        if self.names is not None and not len(set(self.names)) == len(self.names) == len(numbers):
            raise ValueError(f"{len(numbers)} values need as many different names, not {joined(self.names)}")
        return self

    def name_of(self, value: Any) -> str | None:
        """What the results call one of the values, if they have names."""
        if self.names is None:
            return None
        # equal values may have names of their own, as one patient in two rows has
        listed = zip(self.names, self.values or self.choices or (), strict=True)
        return next(name for name, own in listed if own is value)

    def _check_distribution(self) -> None:
        name = str(self.distribution)
        needed, allowed = DISTRIBUTIONS[name]
        if missing := [key for key in needed if not self.gives(key)]:
            raise ValueError(f'distribution = "{name}" needs {joined(missing)} as well')
        if strange := [key for key in self.gives(*WAYS["distribution"].allowed) if key not in needed + allowed]:
            raise ValueError(f'{joined(strange)} {"does" if len(strange) == 1 else "do"} not go with "{name}"')
        if self.low is not None and self.high is not None and not self.low < self.high:
            raise ValueError(f"low = {self.low:g} is not below high = {self.high:g}; exchange or correct them")
        if name == "log-uniform" and self.low is not None and self.low <= 0.0:
            raise ValueError(f'low = {self.low:g} is not above 0, which "log-uniform" needs')
        if self.weights is not None and self.choices is not None:
            if len(self.weights) != len(self.choices):
                raise ValueError(
                    f"there are {len(self.choices)} choices but {len(self.weights)} weights; give one each"
                )
            if min(self.weights) < 0.0 or sum(self.weights) <= 0.0:
                raise ValueError("weights must not be negative, and one of them must be above 0")


class SweepFile(Section):
    """A sweep: a base case, what is varied, and the design that combines it."""

    title: str = Field(default="", max_length=200, description="a name for people")
    base: dict[str, Any] = Field(description="a table [base] with case = a path or the tables of a case")
    vary: tuple[Vary, ...] = Field(min_length=1, max_length=50, description="what is varied")
    design: Literal["grid", "zipped", "random", "latin-hypercube", "sobol", "morris"] = Field(
        default="grid", description="how the varied values are combined"
    )
    count: int | None = Field(
        default=None,
        ge=1,
        le=LARGEST_SWEEP,
        strict=True,
        description="cases of random and latin-hypercube, base points of sobol, trajectories of morris",
        json_schema_extra={"unit": "cases, points or trajectories"},
    )
    seed: int = Field(default=1, ge=0, le=2**32 - 1, strict=True, description="of every random draw")

    @model_validator(mode="after")
    def _fitting_design(self) -> SweepFile:
        paths = [vary.path for vary in self.vary]
        if twice := [path for path in paths if paths.count(path) > 1]:
            raise ValueError(f"{twice[0]} is varied twice; keep one [[vary]] of it")
        if (self.count is None) != (self.design in LISTED):
            ask = "takes its number of cases from the values; remove count" if self.count else "needs count"
            raise ValueError(f'design = "{self.design}" {ask}')
        if any(vary.crossed for vary in self.vary):
            if self.design != "random":
                raise ValueError(f'crossed = true belongs to design = "random"; remove it from "{self.design}"')
            if all(vary.crossed for vary in self.vary):
                raise ValueError('all values are crossed, so nothing is sampled; choose design = "grid"')
        for vary in self.vary:
            if self.design in LISTED and vary.distribution is not None:
                raise ValueError(
                    f'{vary.path} has a distribution, from which "{self.design}" does not sample; give values, or '
                    'start, stop and count, or choose design = "random", "latin-hypercube", "sobol" or "morris"'
                )
            if self.design == "morris" and vary.distribution in UNBOUNDED:
                raise ValueError(
                    f'{vary.path}: "{vary.distribution}" has no bounds, which "morris" steps between; choose '
                    '"truncated-normal", "uniform" or "log-uniform"'
                )
        if self.design == "sobol" and self.count is not None and self.count & (self.count - 1):
            raise ValueError(f'count = {self.count} is no power of 2, which "sobol" needs; choose 2, 4, 8, 16, ...')
        lengths = {vary.path: vary.count or len(vary.values or ()) for vary in self.vary}
        if self.design == "zipped" and len(set(lengths.values())) > 1:
            listed = joined([f"{count} of {path}" for path, count in lengths.items()])
            raise ValueError(f'"zipped" pairs the values one by one, but there are {listed}; give equally many')
        return self


def read_sweep_file(path: Path) -> SweepFile:
    """Read and check a sweep file; the case at ``base.case`` is not read yet.

    Args:
        path: TOML file.

    Raises:
        InputError: the file is missing, is no TOML, or says something that a sweep cannot be.
    """
    content = SWEEPS.read(path)
    try:
        return SweepFile.model_validate(content)
    except ValidationError as error:
        raise explain(error, SweepFile, path.name) from None
