"""V12: modulus of bone that is full of cement, by Kinzl 2012 (J Biomech 45:1478 and 45:2732; abstracts read, tag S).

In human augmented cores the modulus does not depend on bone volume fractions of 0.057 to 0.138, but on the cement's
porosity; incomplete contact takes 20 % and shrinkage 24 %. The bone's own modulus is that of every law there is.
"""

import numpy as np
import pytest
from evidence import Evidence

from materials.bone import LinearPorosity
from materials.composite import CementBoneComposite
from materials.modulus import MODULUS_LAWS, BoneModulus

KINZL = "Kinzl 2012, J Biomech 45:1478 and 45:2732 (S)"
BONE_VOLUME_FRACTIONS = np.linspace(0.06, 0.14, 9)
BULK_MODULUS = 1937.0


@pytest.mark.parametrize("name", MODULUS_LAWS)
def test_filled_bone_does_not_depend_on_bone_volume(evidence: Evidence, name: str) -> None:
    density = BONE_VOLUME_FRACTIONS * 1.1
    assert LinearPorosity(marrow_deficit=0.0).porosity(density) == pytest.approx(1.0 - BONE_VOLUME_FRACTIONS)
    bone = BoneModulus(MODULUS_LAWS[name]()).modulus(density)
    assert np.ptp(bone) > 0.5 * bone.mean()
    filled = CementBoneComposite().modulus(bone, 1.0)
    evidence.check(
        case=f"V12 filled bone, {name} law of the bone",
        quantity="spread of the modulus over bone volumes of 0.06 to 0.14 [%]",
        expected=0.0,
        computed=100.0 * float(np.ptp(filled) / filled.mean()),
        high=5.0,
        source=f"{KINZL}; the law leaves the bone out",
        kind="by construction",
    )


@pytest.mark.parametrize(
    ("quantity", "law", "share"),
    [
        ("contact and shrinkage", CementBoneComposite(), 0.80 * 0.76),
        ("contact alone", CementBoneComposite(shrinkage=1.0), 0.80),
        ("shrinkage alone", CementBoneComposite(contact=1.0), 0.76),
    ],
)
def test_what_contact_and_shrinkage_leave(
    evidence: Evidence, quantity: str, law: CementBoneComposite, share: float
) -> None:
    evidence.check(
        case="V12 filled bone over cement in bulk",
        quantity=f"share of the modulus left by {quantity} [-]",
        expected=share,
        computed=float(law.modulus(100.0, 1.0)) / BULK_MODULUS,
        within=0.01,
        source=f"{KINZL}; defaults of the law",
        kind="by construction",
    )


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_partly_filled_bone(evidence: Evidence, share: float) -> None:
    """Filled and empty bone together are no stiffer than side by side, and no softer than one behind the other."""
    bone, law = 150.0, CementBoneComposite()
    filled = float(law.modulus(bone, 1.0))
    evidence.check(
        case="V12 partly filled bone",
        quantity=f"modulus at a saturation of {share:g} [MPa]",
        computed=float(law.modulus(bone, share)),
        low=1.0 / ((1.0 - share) / bone + share / filled),
        high=(1.0 - share) * bone + share * filled,
        source="bounds of Reuss 1929, 10.1002/zamm.19290090104, and Voigt 1889, 10.1002/andp.18892741206",
        kind="verification",
    )


def test_cement_porosity_weakens(evidence: Evidence) -> None:
    moduli = [float(CementBoneComposite(cement_porosity=p).modulus(100.0, 1.0)) for p in (0.0, 0.1, 0.2, 0.4)]
    evidence.check(
        case="V12 filled bone, porosity of the cement 0 to 0.4",
        quantity="largest change of the modulus from one porosity to the next [MPa]",
        computed=max(np.diff(moduli)),
        high=-1.0,
        source=KINZL,
        kind="published",
    )
