"""Virtual patients: drawn from a population, the same for the same seed and number on every machine."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from experiments.cohorts.level_dimensions import Deviates, SizeSpread, vertebra_shape
from experiments.cohorts.population import (
    DENSITY_AT_T_0,
    DENSITY_PER_T,
    LARGEST_DENSITY,
    LEAST_DENSITY,
    Population,
)
from meshes.modelled_vertebra import VertebraShape
from meshes.parametric import level_dimensions

SEEDS = 2**31 - 1
"""Seeds of networks, structures and fractures lie below."""


class _Stream(IntEnum):
    """Random numbers of its own for every property, so that a change of one does not shuffle the others.

    The numbers are part of what a seed means and never change.
    """

    SEX = 0
    AGE = 1
    SIZE = 2
    DENSITY = 3
    VERTEBRAE = 4
    LEVELS = 5
    GROWTH = 6
    SHAPE = 10
    DIMENSIONS = 11
    PEDICLES = 12
    STRUCTURE_SD = 13
    STRUCTURE_LENGTH = 14
    STRUCTURE_SEED = 15
    VEINS = 16
    FRACTURED = 17
    FRACTURE_AGE = 18
    FRACTURE_SEED = 19
    CLEFT = 20
    LESION = 21
    LESION_SHARE = 22
    LESION_FROM = 23
    WALL_DEFECT = 24
    WALL_DEFECT_SHARE = 25


@dataclass(frozen=True)
class Lesion:
    """A metastasis.

    Attributes:
        kind: ``"osteolytic"`` or ``"osteoblastic"``.
        share: of the body that it has taken.
        grown_from: wall.
    """

    kind: str
    share: float
    grown_from: str


@dataclass(frozen=True)
class Fracture:
    """A compression fracture out of the prior.

    Attributes:
        seed: of the draw.
        old: whether it has healed.
        cleft: whether it has a cleft; None leaves that to the prior.
    """

    seed: int
    old: bool
    cleft: bool | None


@dataclass(frozen=True)
class VirtualVertebra:
    """A vertebra to be treated.

    Attributes:
        patient: number of the patient, from 1.
        number: of the vertebra of this patient, from 1.
        level: T5 to L5.
        man: sex of the patient.
        age: in years.
        density: trabecular bone mineral density in mg/cm3.
        growth: class of the primary tumour.
        real: whether the body is the demo's L3, scaled.
        shape: dimensions before a fracture.
        heterogeneity_sd: of ln k.
        heterogeneity_length: in mm.
        heterogeneity_seed: of the structure.
        vein_seed: of the network.
        fracture: None for a body that is whole.
        lesion: None without a metastasis.
        wall_defect: destroyed share of the posterior wall; 0 for none.
    """

    patient: int
    number: int
    level: str
    man: bool
    age: float
    density: float
    growth: str
    real: bool
    shape: VertebraShape
    heterogeneity_sd: float
    heterogeneity_length: float
    heterogeneity_seed: int
    vein_seed: int
    fracture: Fracture | None
    lesion: Lesion | None
    wall_defect: float

    @property
    def name(self) -> str:
        """Of its files and rows."""
        return f"patient {self.patient:05d}, vertebra {self.number}"

    @property
    def t_score(self) -> float:
        """That goes with the density."""
        return (self.density - DENSITY_AT_T_0) / DENSITY_PER_T


def draw_patient(
    population: Population, seed: int, number: int, spread: SizeSpread | None = None
) -> tuple[VirtualVertebra, ...]:
    """The treated vertebrae of one patient, from above downwards.

    Args:
        population: distributions.
        seed: of the cohort.
        number: of the patient, from 1.
        spread: of dimensions; the default one where it is left out.
    """
    spread = spread or SizeSpread()

    def share(stream: _Stream) -> float:
        return float(_random(seed, number, 0, stream).random())

    man = population.man.at(share(_Stream.SEX)) == "yes"
    age = float(population.age_years.at(share(_Stream.AGE)))
    person = float(_random(seed, number, 0, _Stream.SIZE).standard_normal())
    density = _density(population, share(_Stream.DENSITY), man, age)
    growth = population.growth.at(share(_Stream.GROWTH))
    count = int(population.vertebrae.at(share(_Stream.VERTEBRAE)))
    levels = _levels(population, count, _random(seed, number, 0, _Stream.LEVELS))
    vertebrae = []
    for place, level in enumerate(levels, 1):
        numbers = {stream: _random(seed, number, place, stream) for stream in _Stream if stream >= _Stream.SHAPE}
        deviates = Deviates.of_person(
            person,
            tuple(numbers[_Stream.DIMENSIONS].standard_normal(3).tolist()),
            float(numbers[_Stream.PEDICLES].standard_normal()),
            spread.shared,
        )
        even = {stream: float(own.random()) for stream, own in numbers.items()}
        vertebrae.append(
            VirtualVertebra(
                patient=number,
                number=place,
                level=level,
                man=man,
                age=age,
                density=density,
                growth=growth,
                real=level.startswith("L") and population.real_shape.at(even[_Stream.SHAPE]) == "yes",
                shape=vertebra_shape(level, man, deviates, spread),
                heterogeneity_sd=float(population.heterogeneity_sd.at(even[_Stream.STRUCTURE_SD])),
                heterogeneity_length=float(population.heterogeneity_length_mm.at(even[_Stream.STRUCTURE_LENGTH])),
                heterogeneity_seed=int(1e6 * even[_Stream.STRUCTURE_SEED]),
                vein_seed=int(SEEDS * even[_Stream.VEINS]),
                fracture=_fracture(population, even),
                lesion=_lesion(population, even),
                wall_defect=_wall_defect(population, even),
            )
        )
    return tuple(vertebrae)


def _random(seed: int, patient: int, vertebra: int, stream: _Stream) -> np.random.Generator:
    """Numbers of one property: NumPy's PCG64, whose streams are the same on every machine."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(patient, vertebra, stream))))


def _density(population: Population, share: float, man: bool, age: float) -> float:
    """Trabecular density in mg/cm3."""
    if population.t_score is not None:
        density = DENSITY_AT_T_0 + DENSITY_PER_T * float(population.t_score.at(share))
    else:
        law = population.density_man if man else population.density_woman
        loss = population.loss_man if man else population.loss_woman
        years = age - population.reference_age.expected
        density = float(law.at(share)) * (1.0 - loss.expected * years)
    return min(max(density, LEAST_DENSITY), LARGEST_DENSITY)


def _levels(population: Population, count: int, random: np.random.Generator) -> list[str]:
    """Different levels, drawn one after the other by their weights, from above downwards."""
    shares = population.level.shares
    names = [name for name, share in shares.items() if share > 0.0]
    weights = np.array([shares[name] for name in names])
    drawn = random.choice(names, size=min(count, len(names)), replace=False, p=weights / weights.sum())
    order = list(level_dimensions())
    return sorted((str(name) for name in drawn), key=order.index)


def _fracture(population: Population, even: dict[_Stream, float]) -> Fracture | None:
    if population.fractured.at(even[_Stream.FRACTURED]) == "no":
        return None
    cleft = population.cleft
    return Fracture(
        seed=int(SEEDS * even[_Stream.FRACTURE_SEED]),
        old=population.old_fracture.at(even[_Stream.FRACTURE_AGE]) == "yes",
        cleft=None if cleft is None else cleft.at(even[_Stream.CLEFT]) == "yes",
    )


def _lesion(population: Population, even: dict[_Stream, float]) -> Lesion | None:
    kind = population.lesion.at(even[_Stream.LESION])
    if kind == "none":
        return None
    return Lesion(
        kind=kind,
        share=float(population.lesion_share.at(even[_Stream.LESION_SHARE])),
        grown_from=population.lesion_from.at(even[_Stream.LESION_FROM]),
    )


def _wall_defect(population: Population, even: dict[_Stream, float]) -> float:
    if population.wall_defect.at(even[_Stream.WALL_DEFECT]) == "no":
        return 0.0
    return float(population.wall_defect_share.at(even[_Stream.WALL_DEFECT_SHARE]))
