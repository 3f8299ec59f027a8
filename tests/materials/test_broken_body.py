"""The prior of fractures: frequencies, bounds, and streams that do not hang on each other."""

from dataclasses import fields

import numpy as np
import pytest

from materials.fracture import BrokenBody


def test_draws_meet_the_frequencies_of_the_law() -> None:
    law = BrokenBody()
    draws = [law.drawn(seed, 0.7) for seed in range(2000)]

    def share(name: str, value: object) -> float:
        return float(np.mean([getattr(draw, name) == value for draw in draws]))

    within = {"abs": 0.04}  # 3.5 standard errors at a share of one half
    assert share("kind", "biconcave") == pytest.approx(0.25, **within)
    assert share("plate", "both") == pytest.approx(0.126, **within)
    assert share("cleft", True) == pytest.approx(law.cleft_probability, **within)
    assert share("fissures", True) == pytest.approx(law.fissure_probability, **within)
    assert share("anterior_height", law.anterior_height) == pytest.approx(0.7, **within)
    loss = np.array([draw.height_loss for draw in draws])
    assert (loss >= 0.1).all()
    assert (loss <= 0.7).all()
    assert np.median(loss) == pytest.approx(0.424, abs=0.02)  # of the normal law between 0.1 and 0.7
    aperture = np.array([draw.aperture for draw in draws])
    assert np.median(aperture) == pytest.approx(np.sqrt(0.2), abs=0.03)
    deepest = np.array([draw.deepest for draw in draws])
    assert ((deepest > 0.2) & (deepest < 0.4)).mean() == pytest.approx(0.45 / 0.87, **within)
    assert (deepest == 0.15).mean() == 0.0
    assert ((deepest > 0.15) & (deepest < 0.2)).mean() == pytest.approx(0.2 / 0.87, **within)
    assert np.median(deepest[deepest < 0.2]) == pytest.approx(0.175, abs=0.005)
    assert (deepest == 0.6).mean() == pytest.approx(0.02 / 0.87, abs=0.01)  # the edge of the fourth
    numbers = np.array([[draw.height_loss, draw.aperture, draw.deepest, draw.cleft, draw.fissures] for draw in draws])
    assert np.abs(np.corrcoef(numbers.T) - np.eye(5)).max() < 0.08


def test_one_stream_does_not_hang_on_another() -> None:
    usual, likely = BrokenBody().drawn(5, 0.7), BrokenBody(cleft_probability=1.0).drawn(5, 0.4)
    assert likely.cleft
    assert likely.height_loss <= 0.4
    for item in fields(usual):
        if item.name not in ("cleft", "height_loss"):
            assert getattr(usual, item.name) == getattr(likely, item.name)


def test_posterior_wall_breaks_by_severity() -> None:
    law = BrokenBody()
    assert not law.breaks_posterior_wall("wedge", 0.3)
    assert law.breaks_posterior_wall("wedge", 0.45)
    assert law.breaks_posterior_wall("crush", 0.1)
    assert law.damage("fresh") < law.damage("old")
