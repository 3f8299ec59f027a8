import math

import pytest

from materials.outlets import OUTLET_SHARES, MarrowOutlets


def test_default_conductance_is_that_of_a_lumbar_body():
    outlets = MarrowOutlets()
    # 0.05 ml/(s kPa); 3 ml/min then raise the pressure by 1.0 kPa
    assert outlets.conductance == pytest.approx(0.05 * 1e3 / 1e-3)
    assert 3000.0 / 60.0 / outlets.conductance == pytest.approx(1.0e-3)


def test_groups_share_the_conductance():
    groups = MarrowOutlets(1e5).group_conductances()
    assert groups["basivertebral_foramen"] == pytest.approx(0.40e5)
    assert groups["basivertebral_foramen"] + groups["segmental_veins"] > 0.5e5
    assert math.fsum(groups.values()) == pytest.approx(1e5)


def test_shares_must_sum_to_one():
    with pytest.raises(ValueError, match=r"sum to 1\.02"):
        MarrowOutlets(shares={**OUTLET_SHARES, "needle_track": 0.04})


def test_every_group_needs_its_share():
    with pytest.raises(ValueError, match="must give a share to each of endplates"):
        MarrowOutlets(shares={"endplates": 1.0})


def test_negative_share_and_conductance_out_of_range():
    with pytest.raises(ValueError, match="needle_track"):
        MarrowOutlets(shares={**OUTLET_SHARES, "needle_track": -0.02, "pedicles": 0.09})
    with pytest.raises(ValueError, match="conductance"):
        MarrowOutlets(1e6)
