"""Ways to damage files: bytes of any file, fields of NIfTI headers, values of tables."""

import bz2
import datetime
import gzip
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st
from nibabel.nifti1 import header_dtype


@dataclass(frozen=True)
class Damage:
    """A change of a file's bytes with a name."""

    name: str
    apply: Callable[[bytes], bytes] = field(repr=False)


FLOATS = (0.0, -1.0, 1.0, 0.5, 2.0, 3.02, 1e-30, 1e30, 3e38, float("nan"), float("inf"), -float("inf"), 352.0, 1e9)
HEADER_VALUES: dict[str, tuple[Any, ...]] = {
    "sizeof_hdr": (0, 348, 540, 0x5C010000, -1),
    "dim": (0, 1, -1, 2, 3, 4, 5, 7, 8, 29, 31, 36, 100, 32767, -32768),
    "pixdim": (*FLOATS, -2.0),
    "datatype": (0, 1, 2, 4, 8, 16, 32, 64, 128, 255, 256, 512, 768, 1024, 1280, 1536, 2304, 3, -1),
    "bitpix": (0, 1, 8, 16, 32, 64, 128, -1),
    "vox_offset": (*FLOATS, 348.0, 351.0, 353.0, 368.0, -352.0),
    "scl_slope": FLOATS,
    "scl_inter": (*FLOATS, -1024.0),
    "qform_code": (0, 1, 2, 3, 4, 5, -1, 32767),
    "sform_code": (0, 1, 2, 3, 4, 5, -1, 32767),
    "quatern_b": FLOATS,
    "quatern_c": FLOATS,
    "quatern_d": FLOATS,
    "qoffset_x": FLOATS,
    "srow_x": FLOATS,
    "srow_y": FLOATS,
    "srow_z": FLOATS,
    "xyzt_units": (0, 1, 2, 3, 8, 10, 255),
    "intent_code": (0, 1, 1002, -1),
    "magic": (b"n+1", b"ni1", b"n+2", b"xyz", b""),
}
"""Field of a NIfTI header -> values that damage it, or that it may have."""


def with_header(raw: bytes, changes: dict[tuple[str, int], Any], order: str = "<") -> bytes:
    """A NIfTI file with other numbers in its header.

    Args:
        raw: the file, not compressed.
        changes: (field, entry) -> value; the entry counts in fields that hold several numbers.
        order: byte order of the file.
    """
    if len(raw) < 348:
        return raw
    header = np.frombuffer(raw[:348], header_dtype.newbyteorder(order)).copy()
    for (name, entry), value in changes.items():
        with np.errstate(over="ignore"):
            if header[name].ndim > 1:
                header[name][0, entry % header[name].shape[1]] = value
            else:
                header[name] = value
    return header.tobytes() + raw[348:]


def header_damage(changes: dict[tuple[str, int], Any]) -> Damage:
    return Damage(f"header {changes}", lambda raw: with_header(raw, changes))


def headers() -> st.SearchStrategy[Damage]:
    """One to three fields of a NIfTI header."""
    change = st.sampled_from(sorted(HEADER_VALUES)).flatmap(
        lambda name: st.tuples(st.tuples(st.just(name), st.integers(0, 7)), st.sampled_from(HEADER_VALUES[name]))
    )
    return st.lists(change, min_size=1, max_size=3).map(lambda found: header_damage(dict(found)))


def flip(places: list[tuple[int, int]], within: int | None = None) -> Damage:
    """Flip bits, given by byte and number, perhaps only among the first bytes."""

    def apply(raw: bytes) -> bytes:
        content = bytearray(raw)
        for place, bit in places if content else ():
            content[place % min(within or len(content), len(content))] ^= 1 << bit
        return bytes(content)

    return Damage(f"flip {places} within {within}", apply)


def cut(kept: float) -> Damage:
    """The file ends early: after so many bytes, without so many, or after a share of them."""

    def apply(raw: bytes) -> bytes:
        return raw[: int(kept)] if abs(kept) >= 1.0 else raw[: int(kept * len(raw))]

    return Damage(f"cut {kept:g}", apply)


def splice(place: int, length: int, new: bytes) -> Damage:
    """Foreign bytes in the place of others."""

    def apply(raw: bytes) -> bytes:
        start = place % (len(raw) + 1)
        return raw[:start] + new + raw[start + length :]

    return Damage(f"splice {place} {length} {new!r}", apply)


def binary_damage() -> st.SearchStrategy[Damage]:
    """Bits that flip, files that end early, foreign bytes, or nothing left of the file."""
    bits = st.lists(st.tuples(st.integers(0, 1 << 24), st.integers(0, 7)), min_size=1, max_size=4)
    foreign = st.one_of(st.binary(max_size=40), st.sampled_from([b"\0" * 512, b"\xff" * 16]))
    places = st.one_of(st.integers(0, 400), st.integers(0, 1 << 24), st.just(-1))
    rubbish = st.one_of(st.binary(max_size=600), st.sampled_from([b"", b"\x1f\x8b", b"\0" * 4096]))
    return st.one_of(
        st.builds(flip, bits, st.sampled_from([None, 400])),
        st.builds(cut, st.one_of(st.integers(-400, 400), st.floats(0.0, 1.0))),
        st.builds(splice, places, st.sampled_from([0, 1, 4, 64]), foreign),
        rubbish.map(lambda content: Damage(f"rubbish {content!r}", lambda raw: content)),
    )


def swapped_header(raw: bytes) -> bytes:
    """The header in the other byte order, the voxels in the old one."""
    if len(raw) < 348:
        return raw
    return np.frombuffer(raw[:348], header_dtype.newbyteorder("<")).byteswap().tobytes() + raw[348:]


PACKINGS: dict[str, Callable[[bytes], bytes]] = {".nii": bytes, ".nii.gz": lambda raw: gzip.compress(raw, 1)}
"""Ending of a file -> how it is packed."""

MISLABELLED: dict[str, Callable[[bytes], bytes]] = {
    ".nii": PACKINGS[".nii.gz"],
    ".nii.gz": bytes,
    ".nii.bz2": lambda raw: bz2.compress(raw, 1),
    ".hdr": bytes,
    ".img": bytes,
    ".mgz": PACKINGS[".nii.gz"],
    ".txt": bytes,
}


@dataclass(frozen=True)
class DamagedFile:
    """What happens to a NIfTI file before it is read."""

    ending: str
    damage: tuple[Damage, ...]
    packed_damage: tuple[Damage, ...] = ()
    mislabelled: bool = False

    def content(self, raw: bytes) -> bytes:
        """Bytes to write under a name with the ending."""
        for damage in self.damage:
            raw = damage.apply(raw)
        packed = (MISLABELLED if self.mislabelled else PACKINGS)[self.ending](raw)
        for damage in self.packed_damage:
            packed = damage.apply(packed)
        return packed


@st.composite
def nifti_files(draw: st.DrawFn) -> DamagedFile:
    """A NIfTI file that is mostly damaged: its header, its bytes or its compression."""
    ways = st.one_of(headers(), headers(), binary_damage(), st.just(Damage("header swapped", swapped_header)))
    damage = draw(st.lists(ways, max_size=2))
    mislabelled = draw(st.integers(0, 9)) == 9
    ending = draw(st.sampled_from(sorted(MISLABELLED if mislabelled else PACKINGS)))
    packed = draw(st.lists(binary_damage(), max_size=1)) if draw(st.integers(0, 3)) == 3 else []
    return DamagedFile(ending, tuple(damage), tuple(packed), mislabelled)


def nested(depth: int) -> list[Any]:
    content: list[Any] = []
    for _ in range(depth):
        content = [content]
    return content


def values() -> st.SearchStrategy[Any]:
    """What a key of a TOML file can hold and hardly ever should."""
    moment = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    numbers = [
        float("nan"),
        float("inf"),
        -float("inf"),
        0,
        -0.0,
        -1,
        1e308,
        5e-324,
        10**400,
        -(10**20),
        2**63,
        1 << 16000,
    ]
    texts = [
        "",
        " ",
        "\0",
        "~nobody/x.nii",
        "~",
        "a" * 5000,
        "/dev/zero",
        "/",
        ".",
        "..",
        "漢字 µ°",
        "\u202e\x1b[31m\r\n",
    ]
    others = [True, False, "{0}", "$x_{$", "%s", "nan", "3", [], [[]], {}, [{}], {"": 1}, {"a": {"b": 1}}, [1, "a", {}]]
    rare = [moment, moment.date(), moment.time(), nested(60), [{}] * 500, [0.5] * 3, [1e9] * 3, [1, 2], ["L3"]]
    return st.one_of(
        st.sampled_from(numbers),
        st.sampled_from([*texts, *others, *rare]),
        st.floats(),
        st.integers(),
        st.floats(-10.0, 30.0),
        st.integers(-2, 30),
        st.text(max_size=12),
    )
