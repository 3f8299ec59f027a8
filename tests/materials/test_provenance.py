import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pytest

from materials.provenance import check_ranges, describe, quantity


@dataclass(frozen=True)
class Inner:
    length: float = quantity(2.0, "mm", "a ruler", "D", 0.0, 10.0)


@dataclass(frozen=True)
class Law:
    inner: Inner = field(default_factory=Inner)
    shares: Mapping[str, float] = quantity({"a": 0.25, "b": 0.75}, "1", "assumed", "D", 0.0, {"a": 0.5, "b": 1.0})
    moduli: object = quantity((1.0, 2.0), "MPa", "assumed", "M", (0.5, 1.5), None)
    time: float | None = quantity(None, "s", "assumed", "M", 0.0, None, optional=True)

    def __post_init__(self):
        check_ranges(self)


def test_listing_names_source_and_tag_of_defaults_and_of_user_values():
    listing = describe(Law(inner=Inner(3.0), moduli=np.array([1.0, 2.0])))
    assert listing["inner.length"] == {
        "value": 3.0,
        "unit": "mm",
        "source": "case file",
        "tag": "user",
        "low": 0.0,
        "high": 10.0,
    }
    assert listing["shares"]["tag"] == "D"
    assert listing["shares"]["value"] == {"a": 0.25, "b": 0.75}
    assert listing["moduli"]["tag"] == "M"
    assert listing["time"]["value"] is None
    json.dumps(listing, allow_nan=False)


def test_defaults_are_not_shared_between_laws():
    first = Law()
    first.shares["a"] = 0.0
    assert Law().shares["a"] == 0.25


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shares": {"a": 0.6, "b": 0.4}}, r"Law\.shares\['a'\] = 0\.6 1 is outside the allowed range 0\.0 to 0\.5 1"),
        ({"moduli": (1.0, 1.0)}, r"Law\.moduli\[1\] = 1\.0 MPa is outside the allowed range above 1\.5 MPa"),
        ({"moduli": np.array([1.0, np.nan])}, r"Law\.moduli\[1\] = nan"),
        ({"time": -1.0}, r"Law\.time"),
        ({"time": float("inf")}, r"Law\.time"),
    ],
)
def test_a_value_out_of_range_is_named(changes, message):
    with pytest.raises(ValueError, match=message):
        Law(**changes)


def test_unknown_tag_is_refused():
    with pytest.raises(ValueError, match="provenance tag 'X'"):
        quantity(1.0, "1", "nobody", "X")
