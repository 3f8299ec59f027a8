"""The table [laws]: every value of every law by the name under which the manifest lists it."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from experiments.case.identity import canonical
from experiments.case.law_values import keyed_values
from experiments.case.laws import INJECTION_LAWS, Laws, law_of
from experiments.case.schema import Case, build_case
from experiments.case.units import to_internal
from fem.measures.severity import leak_severity
from meshes.demo_patient import demo_patient
from meshes.dimensions import vertebral_height
from meshes.errors import InputError
from meshes.vertebra import read_vertebra

CENTRE = {"left": 0.0, "depth": 0.5, "height": 0.5}
LYTIC = {"kind": "osteolytic", "fraction": 0.3}
RICH: dict[str, Any] = {
    "needles": [
        {"proximal_bore_mm": 3.6, "proximal_length_mm": 80.0},
        {"side": "right", "gauge": 13, "proximal_bore_mm": 3.0, "proximal_length_mm": 60.0},
    ],
    "lesions": [LYTIC, {**LYTIC, "kind": "osteoblastic", "growth": "rapid"}],
    "cavities": [
        {"kind": "cleft", **CENTRE, "semi_axes_mm": [8.0, 6.0, 2.0]},
        {"kind": "balloon", **CENTRE, "volume_ml": 2.0},
    ],
    "walls": {"thickness_mm": {"left_wall": 0.5}},
    "mechanics": {"cortex": "shell", "transverse_isotropy": True, "plates": "soft"},
}
"""A case that uses every law there is."""


def case_of(**sections: Any) -> Case:
    return build_case({"patient": {"demo": True}, **sections})


def laws_of(**sections: Any) -> Laws:
    return Laws.of_case(case_of(**sections))


def changed(entry: dict[str, Any]) -> float | None:
    """Another value of a quantity, near enough that it goes with those beside it; None where [laws] takes none."""
    value, low, high = entry["value"], entry["low"], entry["high"]
    if not isinstance(value, int | float):
        return None
    if isinstance(value, int):
        return float(value + 1)
    other = 1.01 * value if value else 1e-3 * (high if high is not None else 1.0)
    return other if high is None or other <= high else max(0.99 * value, low)


SINGLE = ("basivertebral_veins", "segmental_veins")
"""Laws of veins that begin at the wall, which a case with a network in the body has no use for."""


def beside(name: str) -> dict[str, Any]:
    """The table of the veins that a law goes with."""
    return {"network": "none" if law_of(name) in SINGLE else "random"}


def single() -> Iterator[tuple[str, str, float]]:
    for law in ("kopperdahl", "morgan", "keller", "keyak", "walle"):
        bone = {"modulus_law": law}
        keyed = keyed_values(case_of(**RICH, bone=bone))
        listing = laws_of(**RICH, bone=bone).describe()
        if law == "kopperdahl":
            listing |= laws_of(**RICH, bone=bone, veins={"network": "none"}).describe()
        for name, entry in listing.items():
            other = changed(entry)
            if name not in keyed and other is not None and (law == "kopperdahl" or name.startswith("bone.modulus.law")):
                yield law, name, other


@pytest.mark.parametrize(("law", "name", "value"), list(single()), ids=str)
def test_every_value_of_every_law_can_be_given(law: str, name: str, value: float) -> None:
    before = laws_of(**RICH, bone={"modulus_law": law}, veins=beside(name)).describe()
    after = laws_of(**RICH, bone={"modulus_law": law}, veins=beside(name), laws={name: value}).describe()
    assert after[name]["value"] == value != before[name]["value"]
    assert (after[name]["source"], after[name]["tag"]) == ("case file", "user")
    # Of a lesion's density, porosity and permeability, one given determines the next.
    follow = {"density": ("porosity", "permeability"), "porosity": ("permeability",)}
    lesion, _, quantity = name.rpartition(".")
    followers = {f"{lesion}.{other}" for other in follow.get(quantity, ()) if lesion.startswith("lesions")}
    assert {other for other in before if after[other] != before[other]} - followers == {name}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cement.dough_time", 200.0),
        ("cement.setting_time", 1200.0),
        ("cement.doubling_time", 90.0),
        ("cement.activation_energy", 50.0),
        ("front.surface_tension", 2e-5),
        ("fissures.open_share", 0.2),
        ("needle_track.gap", 0.05),
        ("needle_track.length", 15.0),
        ("basivertebral_veins.length", 10.0),
        ("segmental_veins.opening_pressure", 1e-3),
        ("bone.modulus.law.slope", 3000.0),
        ("failure.yield_strain", 0.0077),
        ("leaks.disc_thickness", 3.0),
    ],
)
def test_the_names_are_those_of_the_defaults(name: str, value: float) -> None:
    assert name in laws_of(veins=beside(name)).describe()
    assert laws_of(veins=beside(name), laws={name: value}).describe()[name]["value"] == value


def test_a_value_equal_to_the_default_counts_as_given() -> None:
    own = laws_of().describe()["cement.activation_energy"]
    listed = laws_of(laws={"cement.activation_energy": own["value"]}).describe()["cement.activation_energy"]
    assert (own["tag"], listed["tag"], listed["value"]) == ("D", "user", own["value"])


def test_a_value_that_laws_no_longer_have_is_refused_by_its_name() -> None:
    with pytest.raises(InputError, match=r'\[laws\] "front\.reopening_share" is no value of a law that this case uses'):
        laws_of(laws={"front.reopening_share": 0.5})


def test_the_values_arrive_where_the_laws_are_used() -> None:
    laws = laws_of(
        veins={"network": "none"},
        laws={
            "front.surface_tension": 6e-5,
            "basivertebral_veins.length": 10.0,
            "basivertebral_veins.number": 2,
            "bone.modulus.lowest": 5.0,
            "cement.dough_time": 240.0,
            "cement.working_time": 500.0,
            "cement.setting_time": 600.0,
        },
    )
    veins = laws.draining_basivertebral()
    assert veins is not None
    path = veins.path(laws.front)
    assert (path.length, path.entry_pressure) == (10.0, pytest.approx(4.0 * 6e-5 / 1.0))
    assert veins.number == 2
    assert isinstance(veins.number, int)
    assert laws.bone.modulus.lowest == 5.0
    assert laws.cement.working_time == 500.0


def test_what_follows_from_a_value_follows() -> None:
    """A lesion's permeability from the bone law, the calibre of veins from the tumour unless it is given."""
    factor = {"bone.permeability.factor": 0.6}
    lesion = {**LYTIC, "porosity": 0.8}
    plain, other = laws_of(lesions=[lesion]), laws_of(lesions=[lesion], laws=factor)
    assert other.lesions[0].permeability == pytest.approx(2.0 * plain.lesions[0].permeability)
    named = laws_of(lesions=[LYTIC], laws={**factor, "lesions[1].porosity": 0.8})
    assert named.lesions == other.lesions
    wide = {"lesions[1].vein_calibre_factor": 1.5}
    at_wall = {"lesions": [LYTIC], "veins": {"network": "none"}}
    assert laws_of(**at_wall, laws=wide).draining_segmental().diameter == pytest.approx(1.5)
    given = laws_of(**at_wall, laws={**wide, "segmental_veins.diameter": 1.2})
    assert given.draining_segmental().diameter == 1.2
    assert given.draining_basivertebral().diameter == pytest.approx(1.5)


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        (
            {"laws": {"cement.activaton_energy": 50.0}},
            r'"cement.activaton_energy" is no value .*; did you mean cement.activation_energy.*schema --laws',
        ),
        ({"laws": {"activation_energy": 50.0}}, r"did you mean cement.activation_energy\?"),
        (
            {"laws": {"lesions[1].viscosity": 1e-5}},
            r'"lesions\[1\].viscosity" is no value of a law that this case uses',
        ),
        (
            {"laws": {"cement.activation_energy": 50000.0}},
            r'"cement.activation_energy" = 50000 is not allowed; choose 0.0 to 200.0 kJ/mol',
        ),
        ({"laws": {"fissures.open_share": 2.0}}, r"choose 0.01 to 1.0 \(dimensionless\)"),
        (
            {"laws": {"basivertebral_veins.length": 10.0}},
            r'"basivertebral_veins.length" describes veins without a network .* set veins.network = "none"$',
        ),
        ({"laws": {"basivertebral_veins.number": 6}}, r"describes veins without a network in the body"),
        ({"veins": {"network": "none"}, "laws": {"basivertebral_veins.number": 1.5}}, r"choose a whole number, 0 to 6"),
        (
            {"laws": {"segmental_veins.length": 30.0}, "veins": {"network": "none", "segmental_length_mm": 30.0}},
            r'"segmental_veins.length" is what veins.segmental_length_mm sets; give the value there alone',
        ),
        (
            {
                "laws": {"basivertebral_veins.opening_pressure": 0.001},
                "veins": {"network": "none", "opening_pressure_kpa": 1.0},
            },
            r"is what veins.opening_pressure_kpa sets",
        ),
        ({"laws": {"outlets.conductance": 4e4}}, r"is what outlets.conductance_ml_per_s_kpa sets"),
        ({"laws": {"outlets.shares": 0.5}}, r'"outlets.shares" holds several numbers'),
        ({"laws": {"cement.working_time": 100.0}}, r"Cement.dough_time = 180 s, working_time = 100 s .* in this order"),
        ({"laws": {"fissures.open_share": True}}, r"laws.fissures.open_share = true is not allowed; choose numbers"),
        ({"laws": {"fissures": {"open_share": 0.2}}}, r"laws.fissures = .* choose numbers by names in quotation marks"),
    ],
)
def test_what_the_table_cannot_say_is_refused(sections: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        laws_of(**sections)


def test_prescribed_cement_has_no_use_for_the_laws_of_an_injection() -> None:
    shape = {"prescribed_cement": {"shapes": [{**CENTRE, "volume_ml": 2.0}]}}
    assert laws_of(**shape, laws={"composite.contact": 0.9}).describe()["composite.contact"]["value"] == 0.9
    with pytest.raises(InputError, match=r'"needle_track.gap" is no value of a law that this case uses'):
        laws_of(**shape, laws={"needle_track.gap": 0.2})
    found = {law_of(name) for network in ("random", "none") for name in laws_of(veins={"network": network}).describe()}
    assert found >= INJECTION_LAWS


def test_walls_have_their_thickness_beside_prescribed_cement() -> None:
    """It is that of the shell which bears load; what walls say of cement and marrow is refused."""
    shape = {"prescribed_cement": {"shapes": [{**CENTRE, "volume_ml": 2.0}]}}
    thick = {"thickness_mm": {"anterior_wall": 0.5}}
    assert laws_of(**shape, walls=thick).describe()["own_shells[anterior_wall].thickness"]["value"] == 0.5
    with pytest.raises(InputError, match=r"remove walls.missing_shell or prescribed_cement"):
        laws_of(**shape, walls={**thick, "missing_shell": "open"})
    with pytest.raises(InputError, match=r"remove walls.thickness_mm or prescribed_cement"):
        laws_of(**shape, walls=thick, mechanics={"cortex": "voxels"})


def test_the_table_is_part_of_what_makes_a_case() -> None:
    assert canonical(case_of(laws={"needle_track.gap": 0.2})) != canonical(case_of())
    assert canonical(case_of(laws={"needle_track.gap": 1})) == canonical(case_of(laws={"needle_track.gap": 1.0}))


def test_every_own_key_sets_its_quantity() -> None:
    case = case_of(**RICH, veins={"network": "none", "segmental_diameter_mm": 1.5, "opening_pressure_kpa": 0.5})
    listed = Laws.of_case(case).describe()
    keyed = {name: item for name, item in keyed_values(case).items() if name in listed}
    assert {name: listed[name]["value"] for name in keyed} == {
        name: to_internal(item.value, item.key.unit) for name, item in keyed.items()
    }
    assert {"own_shells[left_wall].thickness", "cannulas[1].proximal_bore"} < set(keyed)
    defaults = {"needles[1].length_mm", "needles[2].length_mm", "outlets.conductance_ml_per_s_kpa"}
    assert {item.place for item in keyed.values() if not item.given} == defaults


def test_the_opening_pressure_is_that_of_the_veins_there_are() -> None:
    in_network = laws_of(veins={"opening_pressure_kpa": 0.5})
    assert in_network.vein_walls.threshold == pytest.approx(5e-4)
    assert laws_of(veins={"opening_pressure_kpa": 0.5, "collapse_pressure_kpa": 1.0}).vein_walls.threshold == 1.5e-3
    at_wall = laws_of(veins={"network": "none", "opening_pressure_kpa": 0.5})
    assert at_wall.vein_walls is None
    assert at_wall.segmental_veins.opening_pressure == pytest.approx(5e-4)


def test_the_example_of_the_page_can_be_used() -> None:
    page = (Path(__file__).parents[3] / "docs" / "case-file.md").read_text(encoding="utf-8")
    found = [tomllib.loads(text) for text in re.findall(r"```toml\n(.*?)```", page, flags=re.DOTALL)]
    (example,) = [content for content in found if "laws" in content]
    listed = laws_of(**example).describe()
    assert {name: listed[name]["value"] for name in example["laws"]} == example["laws"]


def grade(volume_ml: float, **sections: Any) -> tuple[float, str | None]:
    """Size and grade of a leak into a segmental vein of the demo's vertebra."""
    demo = demo_patient()
    frame = read_vertebra(demo.ct, demo.mask, demo.level, demo.labels, demo.subregions).frame
    geometry, volume = laws_of(**sections).leak_geometry({}), to_internal(volume_ml, "ml")
    leak = leak_severity(volume, "segmental_veins_left", 14.0, vertebral_height(frame), geometry, 20.0)
    return leak.size, leak.grade


def test_a_detectable_leak_into_a_segmental_vein_is_not_massive_at_once() -> None:
    """The cast is that of the large vein outside, 2 mm: 0.02 ml is 6.4 mm of it, a body's height about 0.1 ml."""
    size, name = grade(0.02)
    assert (size, name) == (pytest.approx(20.0 / 3.14159, rel=1e-4), "punctual")
    assert grade(0.06)[1] == "moderate"
    assert grade(0.15)[1] == "massive"


def test_the_cast_is_as_wide_as_the_vein_that_drains() -> None:
    def cast(exits: dict[str, float] | None = None, **sections: Any) -> float:
        return laws_of(**sections).leak_geometry(exits or {}).cast("segmental_veins_left").diameter

    assert cast() == 2.0
    assert cast(veins={"network": "none", "segmental_diameter_mm": 3.0}) == 3.0
    assert cast(veins={"network": "none", "segmental_diameter_mm": 0.5}) == 2.0
    tumour = {"lesions": [LYTIC], "laws": {"lesions[1].vein_calibre_factor": 2.5}}
    assert cast(**tumour, veins={"network": "none"}) == pytest.approx(2.5)
    assert cast(**tumour) == 2.0  # the exits of the network are what tumours widen
    assert cast(laws={"leaks.vein_diameter": 4.0}) == 4.0
    assert cast({"segmental_veins_left": 8.0, "anterior_veins": 1.0}) == 8.0
    assert cast({"segmental_veins_left": 1.0, "anterior_veins": 8.0}) == 2.0
    of_exit = laws_of().leak_geometry({"anterior_veins": 8.0}).shapes["anterior_veins"]
    assert of_exit.size(100.0) == pytest.approx(400.0 / (3.14159265 * 64.0))


def test_the_track_of_a_leak_is_that_of_the_widest_needle() -> None:
    needles = [{"gauge": 13}, {"side": "right", "gauge": 10}]
    assert laws_of(needles=needles).leak_geometry({}).track_diameter == 3.40
    assert laws_of(needles=needles, laws={"leaks.track_diameter": 3.0}).leak_geometry({}).track_diameter == 3.0
