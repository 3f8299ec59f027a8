"""A source has one tag, read or not read, on every page, in the laws and in the tests against it."""

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PLACES = ("docs/**/*.md", "README.md", "materials/*.py", "meshes/**/*.py", "fem/**/*.py", "experiments/**/*.py")
TESTS = ("tests/validation/*.py", "tests/verification/*.py")

SOURCE = re.compile(r"([A-ZÄÖÜ][\w\-]+(?: & [A-Z][\w\-]+)?) ((?:19|20)\d\d)")
TAG = re.compile(r"[(,;] ?(?:tag )?([SMD])\)|\btag ([SMD])\b|, \"([SMD])\"")
END = re.compile(r"\||\n\s*\n|\n- |\. [A-Z]")
"""Where what is said of a source ends: with the cell, the paragraph, the item or the sentence."""

READ_IN_PART = {"Matheson & Boyd 2025": "the discs are read, the law of its modulus is known from its code"}
"""Source -> why some of its numbers are read and others are not."""


def cited(text: str) -> Iterator[tuple[str, str]]:
    """Author and year of each source that has a tag, and the tag."""
    for source in SOURCE.finditer(text):
        said = END.split(text[source.end() : source.end() + 220], maxsplit=1)[0]
        if tag := TAG.search(said):
            yield f"{source[1]} {source[2]}", next(filter(None, tag.groups()))


def test_tags_are_found_as_pages_laws_and_tests_write_them() -> None:
    text = """| x | 1 | Kinzl 2012, J Biomech 45:1478 (S) | Daish 2017 |
    trabeculae (Nauman 1999, M). Krebs 2005 (PMID 1; abstract read, tag S): peaks
    _BAROUD = "Baroud & Steffen 2005, PMC1"
    quantity(1.0, "1", "rule of Keller 1994", "D")"""
    expected = [("Kinzl 2012", "S"), ("Nauman 1999", "M"), ("Krebs 2005", "S"), ("Baroud & Steffen 2005", "D")]
    assert list(cited(text)) == [*expected, ("Keller 1994", "D")]


def test_a_source_that_is_read_is_so_everywhere() -> None:
    """Derived numbers, tag D, may rest on sources of either kind."""
    places: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for path in sorted({path for pattern in (*PLACES, *TESTS) for path in ROOT.glob(pattern)}):
        for source, tag in cited(path.read_text(encoding="utf-8")):
            if tag != "D":
                places[source][tag].add(path.relative_to(ROOT).as_posix())
    both = {source: dict(tags) for source, tags in places.items() if len(tags) > 1 and source not in READ_IN_PART}
    assert len(places) > 20
    assert not both


@pytest.mark.parametrize("source", READ_IN_PART)
def test_a_source_that_is_read_in_part_has_both_tags(source: str) -> None:
    page = (ROOT / "docs" / "theory" / "defaults.md").read_text(encoding="utf-8")
    assert {tag for name, tag in cited(page) if name == source} >= {"S", "M"}
