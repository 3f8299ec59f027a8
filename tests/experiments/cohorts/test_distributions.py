import numpy as np
import pytest
from pydantic import ValidationError

from experiments.cohorts.distributions import Choice, Fixed, LogNormal, Normal, Pieces, Uniform

ABOUT = {"source": "test", "tag": "D"}
EVEN = (np.arange(20_000) + 0.5) / 20_000


@pytest.mark.parametrize(
    "law",
    [
        Normal(mean=3.0, sd=2.0, **ABOUT),
        Normal(mean=3.0, sd=2.0, low=2.0, high=9.0, **ABOUT),
        Uniform(low=-1.0, high=4.0, **ABOUT),
        LogNormal(median=1.5, geometric_sd=1.4, **ABOUT),
        Pieces(edges=(0.0, 1.0, 4.0), weights=(3.0, 1.0), **ABOUT),
        Fixed(value=2.0, **ABOUT),
    ],
)
def test_values_at_even_shares_have_mean_and_deviation(law) -> None:
    values = law.at(EVEN)
    assert (np.diff(values) >= 0.0).all()
    assert values.mean() == pytest.approx(law.expected, rel=2e-3)
    assert values.std() == pytest.approx(law.spread, rel=5e-3, abs=1e-12)


def test_known_moments() -> None:
    assert Uniform(low=0.0, high=12.0, **ABOUT).spread == pytest.approx(np.sqrt(12.0))
    assert Pieces(edges=(0.0, 1.0, 3.0), weights=(1.0, 1.0), **ABOUT).expected == pytest.approx(1.25)
    assert LogNormal(median=2.0, geometric_sd=2.0, **ABOUT).at(0.5) == pytest.approx(2.0)
    assert Normal(mean=1.0, sd=1.0, low=0.0, **ABOUT).at(np.array([0.0, 1e-9])).min() >= 0.0


def test_a_choice_gives_every_name_its_share() -> None:
    law = Choice(weights={"a": 1.0, "never": 0.0, "b": 3.0}, **ABOUT)
    drawn = [law.at(share) for share in EVEN]
    assert drawn.count("a") == 5000
    assert "never" not in drawn
    assert [law.at(0.0), law.at(0.25), law.at(1.0)] == ["a", "b", "b"]
    assert Choice(weights={"x": 0.0, "y": 1.0, "z": 0.0}, **ABOUT).at(0.0) == "y"


@pytest.mark.parametrize(
    ("law", "wrong"),
    [
        (Normal, {"mean": 1.0, "sd": 1.0, "low": 2.0, "high": 1.0}),
        (Uniform, {"low": 1.0, "high": 1.0}),
        (Pieces, {"edges": (0.0, 1.0), "weights": (1.0, 2.0)}),
        (Pieces, {"edges": (1.0, 0.0), "weights": (1.0,)}),
        (Choice, {"weights": {"a": 0.0}}),
        (Normal, {"mean": 1.0, "sd": 0.0}),
    ],
)
def test_wrong_distributions_are_refused(law, wrong) -> None:
    with pytest.raises(ValidationError):
        law(**wrong, **ABOUT)


def test_source_and_tag_are_asked_for() -> None:
    with pytest.raises(ValidationError, match="tag"):
        Fixed(value=1.0, source="here")
    with pytest.raises(ValidationError, match="source"):
        Fixed(value=1.0, tag="S")
