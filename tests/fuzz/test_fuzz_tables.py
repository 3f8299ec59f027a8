"""Damaged tables, of rheometers and of patients, are refused in one sentence, or read as they stand."""

import csv
from pathlib import Path

import numpy as np
from damage import Damage, binary_damage
from hypothesis import strategies as st
from outcomes import Tally, campaign, explore

from experiments.case.rheometer_file import read_rheometer
from experiments.patients.table import patients_of_table
from materials.rheometer import TabulatedCement
from meshes.errors import InputError

HEADER = "age_min,shear_rate_per_s,viscosity_pa_s"
ROWS = ["5,0.1,310", "5,10,35", "8,0.1,1650", "8,10,190"]
CELLS = st.one_of(
    st.sampled_from(
        ["", "nan", "inf", "-1", "0", "1e-320", "1e308", "1_0", "０.5", "0x10", "5", "8", "0.1", "10", "1e3"]
    ),
    st.floats(allow_nan=False).map(repr),
    st.floats(0.0, 200.0).map(lambda value: f"{value:.3g}"),
    st.text(max_size=6),
)
LINES = st.one_of(
    st.sampled_from([*ROWS, HEADER, "", ",", '"', "5;0,1;310", "# comment"]),
    st.lists(CELLS, min_size=2, max_size=4).map(",".join),
    st.tuples(*[st.floats(1e-3, 150.0)] * 3).map(lambda row: ",".join(map(repr, row))),
)
NEAR = st.tuples(*[st.sampled_from([1.0, 1.0, 0.9, 1.1, 0.3, 3.0])] * 3)
ROUGH = st.tuples(*[NEAR] * len(ROWS)).map(
    lambda factors: [
        ",".join(repr(factor * float(cell)) for factor, cell in zip(some, row.split(","), strict=True))
        for some, row in zip(factors, ROWS, strict=True)
    ]
)
"""The plain measurements with noise, which may leave too few at one age."""

TABLES = st.tuples(st.one_of(st.just(ROWS), ROUGH), st.one_of(st.just([]), st.lists(LINES, max_size=2))).map(
    lambda parts: "\n".join([HEADER, *parts[0], *parts[1]]).encode(errors="replace")
)
FOREIGN = st.sampled_from(
    [b"\xef\xbb\xbf", "\ufeff".encode("utf-16"), b"\0", b'"', b"\r", b"," * 200000, b"9" * 200000]
)


@campaign(100, 1500)
def test_rheometer_tables(inputs: int, tally: Tally, tmp_path: Path) -> None:
    path = tmp_path / "cement.csv"

    def read() -> TabulatedCement:
        data = read_rheometer(path)
        try:
            return TabulatedCement(data.age, data.shear_rate, data.viscosity)
        except ValueError as refused:
            raise InputError(str(refused)) from None

    def check(content: tuple[bytes, list[Damage]]) -> None:
        raw, damages = content
        for damage in damages:
            raw = damage.apply(raw)
        path.write_bytes(raw)
        cement = tally.attempt(read)
        if cement is not None:
            check_against_text(cement, raw)
            viscosity = cement.viscosity(np.geomspace(1e-2, 1e3, 6), np.linspace(0.0, 1e4, 5)[:, None])
            assert np.isfinite(viscosity).all()
            assert viscosity.min() > 0.0

    damages = st.one_of(binary_damage(), FOREIGN.map(lambda new: Damage(f"before {new[:9]!r}", lambda raw: new + raw)))
    explore(inputs, st.tuples(TABLES, st.one_of(st.just([]), damages.map(lambda damage: [damage]))), check)


def check_against_text(cement: TabulatedCement, raw: bytes) -> None:
    """The measurements are the numbers of the text, in s, 1/s and MPa s."""
    rows = [row for row in csv.reader(raw.decode("utf-8-sig").splitlines(), skipinitialspace=True) if row]
    places = [[name.strip() for name in rows[0]].index(name) for name in HEADER.split(",")]
    numbers = np.array([[float(row[place]) for place in places] for row in rows[1:]])
    numbers = numbers[np.lexsort((numbers[:, 1], numbers[:, 0]))] * [60.0, 1.0, 1e-6]
    np.testing.assert_allclose(np.stack([cement.age, cement.shear_rate, cement.measured_viscosity], 1), numbers, 1e-12)


PATIENT_HEADER = "patient,ct,mask,level,labels,injection.volume_ml"
PATIENT_LINES = st.one_of(
    st.sampled_from(
        ["a,a.nii,b.nii,L3,22,3.5", "b,c.nii,d.nii,,,4", PATIENT_HEADER, "", ",", '"', "a;a.nii", "a,b,c,d,e,f,g"]
    ),
    st.lists(
        st.one_of(CELLS, st.sampled_from(["a", "[1]", "{", "'", "1\n2", "2020-01-01"])), min_size=5, max_size=6
    ).map(",".join),
)
PATIENT_TABLES = st.tuples(
    st.one_of(st.just(PATIENT_HEADER), st.permutations(PATIENT_HEADER.split(",")).map(",".join), st.text(max_size=30)),
    st.lists(PATIENT_LINES, min_size=1, max_size=3),
).map(lambda parts: "\n".join([parts[0], *parts[1]]).encode(errors="replace"))


@campaign(60, 1500)
def test_tables_of_patients(inputs: int, tally: Tally, tmp_path: Path) -> None:
    path = tmp_path / "patients.csv"

    def check(content: tuple[bytes, list[Damage]]) -> None:
        raw, damages = content
        for damage in damages:
            raw = damage.apply(raw)
        path.write_bytes(raw)
        rows = tally.attempt(lambda: patients_of_table(path))
        for row in rows or []:
            assert row.name in raw.decode("utf-8-sig")
            assert {"ct", "mask"} <= set(row.patient)
            assert Path(row.patient["ct"]).is_absolute()

    damages = st.one_of(binary_damage(), FOREIGN.map(lambda new: Damage(f"before {new[:9]!r}", lambda raw: new + raw)))
    explore(inputs, st.tuples(PATIENT_TABLES, st.one_of(st.just([]), damages.map(lambda damage: [damage]))), check)
