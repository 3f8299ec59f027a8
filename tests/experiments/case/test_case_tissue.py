"""Cement, lesions, cavities, veins and walls in the case file: one shape each, and what is refused."""

from pathlib import Path
from typing import Any

import pytest

from experiments.case.schema import Case, build_case
from meshes.errors import InputError

DEMO = {"patient": {"demo": True}}
LYTIC = {"kind": "osteolytic", "fraction": 0.3}
CENTRE = {"left": 0.0, "depth": 0.5, "height": 0.5}
AXES = {"semi_axes_mm": [8.0, 6.0, 5.0]}
BREACH = {"wall": "posterior_wall", "fraction": 0.3}
FRACTURE = {
    "wall": "superior_endplate",
    "left": 0.0,
    "depth": 0.4,
    "fracture_length_mm": 20.0,
    "fracture_angle_deg": 90.0,
}


def build(**sections: Any) -> Case:
    return build_case({**DEMO, **sections}, "case.toml")


def without(table: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in table.items() if name != key}


def test_each_shape_of_a_lesion(tmp_path: Path) -> None:
    (tmp_path / "mask.nii").touch()
    lesions = [
        {"kind": "osteolytic", "label": 4, "mask": "mask.nii"},
        {"kind": "osteoblastic", **CENTRE, **AXES},
        {**LYTIC, "grown_from": "left_pedicle"},
    ]
    case = build_case({**DEMO, "lesions": lesions}, "case.toml", tmp_path)
    assert [lesion.shape for lesion in case.lesions] == ["label", "ellipsoid", "fraction"]
    assert case.lesions[0].mask == tmp_path / "mask.nii"
    assert case.lesions[1].centre == (0.0, 0.5, 0.5)
    assert case.lesions[1].semi_axes_mm == (8.0, 6.0, 5.0)
    assert build(lesions=[LYTIC]).lesions[0].grown_from == "posterior_wall"


@pytest.mark.parametrize(
    ("kind", "destroys", "opens"),
    [
        ("osteolytic", None, True),
        ("osteoblastic", None, False),
        ("osteolytic", False, False),
        ("osteoblastic", True, True),
    ],
)
def test_osteolytic_lesions_destroy_walls_unless_the_file_says_otherwise(
    kind: str, destroys: bool | None, opens: bool
) -> None:
    lesion = {"kind": kind, "fraction": 0.2} | ({} if destroys is None else {"destroys_walls": destroys})
    assert build(lesions=[lesion]).lesions[0].opens_walls is opens


def test_each_shape_of_a_defect() -> None:
    defects = [{**without(BREACH, "fraction"), "left": 0.1, "height": 0.5, "diameter_mm": 6.0}, BREACH, FRACTURE]
    assert [defect.shape for defect in build(defects=defects).defects] == ["disc", "fraction", "fracture"]
    assert build(defects=[{**BREACH, "left": 0.2, "height": 0.4}]).defects[0].left == 0.2


def test_each_shape_of_a_cavity() -> None:
    cavities = [
        {"kind": "cleft", **CENTRE, **AXES},
        {"kind": "balloon", **CENTRE, "volume_ml": 2.0, "compacted_shell_mm": 1.0},
        {"kind": "balloon", **CENTRE, "diameter_mm": 15.0},
    ]
    assert [cavity.centre for cavity in build(cavities=cavities).cavities] == [(0.0, 0.5, 0.5)] * 3


def test_tables_of_walls_and_veins() -> None:
    case = build(
        walls={"thickness_mm": {"left_wall": 0.5}, "conductance_ml_per_s_kpa": {"right_pedicle": 0.0}},
        veins={"network": "none", "basivertebral_number": 0, "segmental_diameter_mm": 1.5},
        outside={"disc_kpa": 100.0},
    )
    assert case.walls.thickness_mm == {"left_wall": 0.5}
    assert case.walls.conductance_ml_per_s_kpa == {"right_pedicle": 0.0}
    assert case.walls.missing_shell == "ignore"
    assert (case.veins.basivertebral_number, case.veins.basivertebral_channel) == (0, True)
    assert (case.outside.disc_kpa, case.outside.canal_kpa) == (100.0, 0.0)


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        (
            {"cement": {"rheometer": "a.csv", "viscosity": "high", "index": 0.5}},
            "cement: rheometer says how the cement flows, and so do viscosity and index; remove rheometer or "
            "viscosity and index",
        ),
        (
            {"cement": {"rheometer_temperature_c": 21.0}},
            "cement: rheometer_temperature_c = 21 is the temperature of rheometer data, of which there are none; set "
            "rheometer or remove rheometer_temperature_c",
        ),
        (
            {"lesions": [{**LYTIC, "mobile": False, "viscosity_pa_s": 5.0}]},
            "lesions[1]: viscosity_pa_s = 5 is that of tissue which cement pushes out of the pores, but mobile = false "
            "leaves this tissue in place; set mobile = true or remove viscosity_pa_s",
        ),
        (
            {"cement": {"room_temperature_c": 35.0}},
            "cement.room_temperature_c = 35.0 is not allowed; choose 10 to 30 degC",
        ),
        (
            {"veins": {"network": "Random"}},
            "veins.network: 'Random' would be the path of a file; did you mean \"random\"?",
        ),
        (
            {"lesions": [{"kind": "osteolytic"}]},
            "lesions[1]: give label with mask, semi_axes_mm with left, depth and height, or fraction",
        ),
        ({"lesions": [{"fraction": 0.2}]}, "lesions[1].kind is missing; choose 'osteolytic' or 'osteoblastic'"),
        ({"lesions": [LYTIC, {**LYTIC, "label": 3}]}, "lesions[2]: label and fraction exclude each other"),
        ({"lesions": [{"kind": "osteolytic", "label": 3}]}, "lesions[1]: label needs mask as well"),
        ({"lesions": [{"kind": "osteolytic", **AXES, "left": 0.0}]}, "semi_axes_mm needs depth and height as well"),
        ({"lesions": [{**LYTIC, "left": 0.0}]}, "lesions[1]: left does not go with fraction; keep one shape"),
        (
            {"lesions": [{"kind": "osteolytic", **CENTRE, **AXES, "grown_from": "left_wall"}]},
            "grown_from does not go with semi_axes_mm",
        ),
        (
            {"lesions": [{"kind": "osteolytic", **CENTRE, "semi_axes_mm": [8.0, 6.0]}]},
            "lesions[1].semi_axes_mm[3] is missing; choose three numbers, each 0.5 to 40 mm, as in [12.0, 9.0, 8.0]",
        ),
        (
            {"lesions": [{"kind": "osteolytic", **CENTRE, "semi_axes_mm": [8.0, 6.0, 0.0]}]},
            "lesions[1].semi_axes_mm[3] = 0.0 is not allowed; choose three numbers, each 0.5 to 40 mm",
        ),
        (
            {"lesions": [{"kind": "osteolytic", **CENTRE, "semi_axes_mm": [8.0, 6.0, 5.0, 4.0]}]},
            "lesions[1].semi_axes_mm = [8.0, 6.0, 5.0, 4.0] is not allowed; choose three numbers",
        ),
        (
            {"lesions": [{"kind": "osteoblastic", "fraction": 0.2, "aperture_mm": 1.0}]},
            "aperture_mm = 1 is the width of fissures, but this osteoblastic lesion leaves the walls intact",
        ),
        ({"lesions": [{**LYTIC, "mobile": "no"}]}, "lesions[1].mobile = 'no' is not allowed; choose true or false"),
        (
            {"lesions": [{**LYTIC, "vascular_conductance_per_s_kpa": 2.0}]},
            "lesions[1].vascular_conductance_per_s_kpa = 2.0 is not allowed; choose 0 to 1 1/(s kPa)",
        ),
        ({"lesions": [LYTIC] * 6}, "lesions has 6 tables; at most 5 are allowed"),
        ({"cavities": [{"kind": "cleft", **CENTRE}]}, 'cavities[1]: kind = "cleft" needs semi_axes_mm'),
        (
            {"cavities": [{"kind": "cleft", **CENTRE, **AXES, "volume_ml": 2.0, "compacted_shell_mm": 1.0}]},
            "volume_ml and compacted_shell_mm belong to a balloon; a cleft is given by semi_axes_mm",
        ),
        ({"cavities": [{"kind": "balloon", **CENTRE}]}, 'kind = "balloon" needs either volume_ml or diameter_mm'),
        (
            {"cavities": [{"kind": "balloon", **CENTRE, "volume_ml": 2.0, "diameter_mm": 15.0}]},
            'kind = "balloon" needs either volume_ml or diameter_mm',
        ),
        ({"cavities": [{"kind": "balloon", **CENTRE, **AXES}]}, "semi_axes_mm belongs to a cleft; a balloon is given"),
        (
            {"cavities": [{"kind": "cleft", **without(CENTRE, "depth"), **AXES}]},
            "cavities[1].depth is missing; choose 0 to 1 (dimensionless)",
        ),
        (
            {"veins": {"segmental_number_per_side": 1.5}},
            "veins.segmental_number_per_side = 1.5 is not allowed; choose a whole number, 0 to 6 (dimensionless)",
        ),
        ({"veins": {"basivertebral_channel": 1}}, "veins.basivertebral_channel = 1 is not allowed; choose true or"),
        ({"walls": {"thickness_mm": {"left_pedicle": 1.0}}}, "walls.thickness_mm.left_pedicle is not a known key"),
        (
            {"walls": {"conductance_ml_per_s_kpa": {"left_wall": -0.1}}},
            "walls.conductance_ml_per_s_kpa.left_wall = -0.1 is not allowed; choose 0 to 0.5 ml/(s kPa) for",
        ),
        ({"outside": {"disc_kpa": 300.0}}, "outside.disc_kpa = 300.0 is not allowed; choose -5 to 200 kPa"),
        (
            {"defects": [{"wall": "posterior_wall"}]},
            "defects[1]: give diameter_mm, fraction, or fracture_length_mm with fracture_angle_deg",
        ),
        (
            {"defects": [{"wall": "posterior_wall", "left": 0.0, "diameter_mm": 4.0}]},
            "defects[1]: a defect of the posterior_wall is placed by left and height, without depth",
        ),
        (
            {"defects": [{**BREACH, "left": 0.0, "depth": 0.5, "height": 0.5}]},
            "a defect of the posterior_wall is placed by left and height, or by neither, without depth",
        ),
        ({"defects": [{**BREACH, "depth_mm": 5.0}]}, "defects[1]: depth_mm does not go with fraction"),
        (
            {"defects": [{**BREACH, "left": 0.0, "height": 0.5, "diameter_mm": 4.0}]},
            "defects[1]: diameter_mm and fraction exclude each other",
        ),
        (
            {"defects": [without(FRACTURE, "fracture_angle_deg")]},
            "fracture_length_mm needs fracture_angle_deg as well",
        ),
        (
            {"defects": [{**FRACTURE, "wall": "anterior_wall"}]},
            "a defect of the anterior_wall is placed by left and height, without depth",
        ),
        ({"defects": [without(FRACTURE, "depth")]}, "a defect of the superior_endplate is placed by left and depth"),
        (
            {
                "defects": [
                    {"wall": "left_wall", "depth": 0.5, "height": 0.5, "diameter_mm": 2.0, "aperture_mm": 3.0},
                ]
            },
            "defects[1]: aperture_mm = 3 is wider than diameter_mm = 2",
        ),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(sections: dict[str, Any], expected: str) -> None:
    with pytest.raises(InputError) as caught:
        build(**sections)
    text = str(caught.value)
    assert text.startswith("case.toml: ")
    assert expected in text
    assert "more problem" not in text
    assert "\n" not in text
