"""The report of a case: its numbers are those of the files, its text is data, and it needs nothing beside it."""

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browsing import browser, share_of_color  # noqa: F401  (pytest finds the fixture here)
from typer.testing import CliRunner

from experiments.case.keys import key_values
from experiments.case.schema import build_case, defaults_used
from experiments.cli.main import app
from experiments.compare.comparison import Comparison
from experiments.pictures.style import CEMENT_COLOR
from experiments.report.page import REPORT, case_report, comparison_report
from experiments.report.request import case_tables, plan_table
from experiments.report.writing import report_folders
from experiments.results.finished_case import FinishedCase
from experiments.results.parts.manifest import Manifest
from experiments.results.wording import NOTICE, number
from meshes.errors import InputError

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HOSTILE = "<script>document.title = 'owned'</script><img src=x onerror=\"document.title='owned'\">{{ 7 * 7 }}"

VOID = {"meta", "link", "img", "br", "input", "rect", "hr"}


class Page(HTMLParser):
    """What a page holds: elements with their attributes, and text by element."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[tuple[str, str]] = []
        self._open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            while self._open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if data.strip() and self._open:
            self.texts.append((self._open[-1], " ".join(data.split())))

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def cells(self) -> list[str]:
        return [text for tag, text in self.texts if tag in ("td", "th")]


@pytest.fixture(scope="module")
def source(stored_demo: tuple[Any, Path]) -> str:
    """The report that the run wrote by itself."""
    return (stored_demo[1] / REPORT).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(source: str) -> Page:
    return Page(source)


def test_a_run_writes_its_report_and_stays_whole(stored_demo: tuple[Any, Path], source: str) -> None:
    assert source.endswith("</html>")
    assert len(source) < 15e6
    assert FinishedCase.read(stored_demo[1]).results.injection is not None


def test_headlines_are_the_numbers_of_the_results(page: Page, finished_demo: FinishedCase) -> None:
    injection, fill = finished_demo.results.injection, finished_demo.results.fill
    stiffness = finished_demo.results.stiffness
    shown = {text for tag, text in page.texts if tag == "span"}
    assert f"{injection.injected_ml:.2f} ml" in shown
    assert f"{fill.cement_ml:.2f} ml" in shown
    assert f"{stiffness.augmented_n_per_mm / stiffness.intact_n_per_mm:.2f} × intact" in shown


def test_every_law_is_listed_with_tag_and_source(page: Page, finished_demo: FinishedCase) -> None:
    cells = page.cells()
    laws = {name: entry for name, entry in finished_demo.manifest.defaults.items() if entry.is_of_a_law}
    assert len(laws) > 50
    for name, entry in laws.items():
        at = cells.index(name)
        assert entry.tag in cells[at : at + 6], name
        assert " ".join(entry.source.split()) in cells[at : at + 6], name


def test_values_of_the_case_file_and_defaults_are_told_apart(page: Page) -> None:
    cells = page.cells()
    at = cells.index("volume_ml")
    assert cells[at + 1 : at + 5] == [
        "4",
        "ml",
        "planned cement volume of all needles together; their sum where all of them have their own",
        "case file",
    ]
    at = cells.index("pressure_limit_kpa")
    assert cells[at + 1 : at + 3] == ["3200", "kPa"]
    assert cells[at + 4].startswith("default (S): largest of the syringe pressures measured in vivo")


def test_what_the_file_says_is_its_own_even_where_it_is_as_by_default(finished_demo: FinishedCase) -> None:
    case = build_case({"patient": {"demo": True}, "injection": {"volume_ml": 4.0}, "mechanics": {"plates": "rigid"}})
    manifest = finished_demo.manifest.plain() | {
        "case": case.model_dump(mode="json"),
        "defaults": defaults_used(case),
        "written": [item.place for item in key_values(case) if item.given],
    }
    tables = case_tables(replace(finished_demo, manifest=Manifest.model_validate(manifest)))
    origin = {(table.title, row[0]): row[4] for table in tables for row in table.rows}
    assert origin["[injection]", "volume_ml"] == origin["[mechanics]", "plates"] == "case file"
    assert origin["[mechanics]", "domain"] == "as by default"


def test_date_and_command_stand_at_the_top_without_folders(finished_demo: FinishedCase) -> None:
    manifest = finished_demo.manifest.model_copy(
        update={"command": "vertebroplasty run /home/somebody/case.toml -o 'my out'"}
    )
    text = case_report(replace(finished_demo, manifest=manifest))
    assert "<code>vertebroplasty run case.toml -o &#39;my out&#39;</code>" in text
    assert finished_demo.manifest.finished[:10] in text
    assert "somebody" not in text


def test_a_volume_that_the_needles_add_up_to_is_not_said_to_be_given(finished_demo: FinishedCase) -> None:
    needles = [{"volume_ml": 1.5}, {"side": "right", "volume_ml": 2.0}]
    case = build_case({"patient": {"demo": True}, "needles": needles})
    manifest = finished_demo.manifest.plain() | {
        "case": case.model_dump(mode="json"),
        "defaults": defaults_used(case),
    }
    finished = replace(finished_demo, manifest=Manifest.model_validate(manifest))
    (table,) = [each for each in case_tables(finished) if each.title == "[injection]"]
    (row,) = [row for row in table.rows if row[0] == "volume_ml"]
    assert (row[1], row[4]) == ("3.5", "derived: the needles' volumes added up")


def test_quality_page_has_balances_iterations_versions_and_checksums(page: Page, finished_demo: FinishedCase) -> None:
    cells, manifest = page.cells(), finished_demo.manifest
    assert number(finished_demo.results.injection.mass_balance_error) in cells
    assert number(manifest.solvers.injection.steps) in cells
    assert manifest.identity.case in cells
    assert manifest.files["fields.vtkhdf"] in cells
    assert manifest.versions["pyvista"] in cells


def test_pictures_are_those_of_the_folder_in_order_with_texts(page: Page, stored_demo: tuple[Any, Path]) -> None:
    images = page.all("img")
    assert all(image["alt"] for image in images)
    found = [base64.b64decode(image["src"].split(",", 1)[1]) for image in images]
    files = {path.name: path.read_bytes() for path in (stored_demo[1] / "pictures").iterdir()}
    names = [next(name for name, content in files.items() if content == image) for image in found]
    assert names[0] == "mesh.png"
    assert names[-1] == "stiffness.svg"
    assert {Path(name).stem for name in files} == {Path(name).stem for name in names}


def test_accessible_structure(page: Page) -> None:
    assert page.all("html")[0]["lang"] == "en"
    assert len(page.all("h1")) == 1
    assert all(header.get("scope") in ("col", "row") for header in page.all("th"))
    assert len(page.all("caption")) == len(page.all("table"))
    assert page.all("iframe")[0]["title"]
    targets = {attributes["id"] for _, attributes in page.elements if "id" in attributes}
    assert {link["href"].removeprefix("#") for link in page.all("a")} <= targets


def test_notice_stands_at_the_top_and_on_each_printed_page(page: Page, source: str) -> None:
    assert page.texts[[tag for tag, _ in page.texts].index("strong")][1] == NOTICE
    assert f'@bottom-left {{ content: "{NOTICE}"; }}' in source


def test_nothing_is_loaded_and_only_its_own_scripts_run(page: Page) -> None:
    addresses = [
        value for _, attributes in page.elements for name, value in attributes.items() if name in ("src", "href")
    ]
    assert all(address.startswith(("data:", "#")) for address in addresses)
    assert not page.all("script")
    policy = next(meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy
    assert "http" not in policy
    frame = page.all("iframe")[0]
    assert frame["sandbox"] == "allow-scripts"
    scripts = re.findall(r"<script(?: type=\"module\")?>(.*?)</script>", frame["srcdoc"], re.DOTALL)
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    assert len(digests) >= 4
    assert policy.count("'sha256-") == len(digests)
    assert all(f"'sha256-{digest}'" in policy for digest in digests)
    assert "kitware.github.io/vtk-js/icon" not in frame["srcdoc"]


def test_text_from_files_is_data(finished_demo: FinishedCase) -> None:
    manifest = finished_demo.manifest.plain()
    manifest["case"]["title"] = HOSTILE
    manifest["warnings"] = [HOSTILE]
    manifest["defaults"]["bone.poisson_ratio"]["source"] = HOSTILE
    found = Page(case_report(replace(finished_demo, manifest=Manifest.model_validate(manifest))))
    assert not found.all("script")
    assert all(image["src"].startswith("data:") for image in found.all("img"))
    assert sum("{{ 7 * 7 }}" in text for _, text in found.texts) >= 4
    assert not any(name.startswith("on") for _, attributes in found.elements for name in attributes)


def test_files_are_named_without_their_folders(finished_demo: FinishedCase) -> None:
    case = dict(finished_demo.manifest.case)
    case["patient"] = {**case["patient"], "demo": False, "ct": "/home/somebody/ct.nii.gz", "mask": "/home/m.nii.gz"}
    case["lesions"] = [{"mask": "/home/somebody/lesion.nii.gz"}]
    case["cement"] = {**case["cement"], "rheometer": "/home/somebody/paste.csv"}
    told = replace(finished_demo, manifest=finished_demo.manifest.with_values(case=case))
    text = str((plan_table(told), case_tables(told)))
    assert "home" not in text
    for name in ("ct.nii.gz", "m.nii.gz", "lesion.nii.gz", "paste.csv"):
        assert name in text


def test_comparison_has_all_cases_and_their_ratios(finished_demo: FinishedCase) -> None:
    other = replace(finished_demo, name=HOSTILE)
    found = Page(comparison_report(Comparison.of([finished_demo, other])))
    assert not found.all("script")
    cells = found.cells()
    at = cells.index("cement injected [ml]")
    assert cells[at + 1] == cells[at + 2]
    assert cells[at + 3] == "1.000"
    titles = Page(found.all("iframe")[0]["srcdoc"])
    assert not any(name.startswith("on") for _, attributes in titles.elements for name in attributes)
    assert ("span", HOSTILE) in [(tag, text) for tag, text in titles.texts]


def test_command_writes_one_page_and_replaces_only_its_own(stored_demo: tuple[Any, Path], tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert report_folders([stored_demo[1]], page) == page
    page.write_text(page.read_text(encoding="utf-8").removesuffix("</html>"))
    assert CliRunner().invoke(app, ["report", str(stored_demo[1]), "-o", str(page)]).exit_code == 0
    assert page.read_text(encoding="utf-8").endswith("</html>")
    page.write_text("a page of somebody else")
    refused = CliRunner().invoke(app, ["report", str(stored_demo[1]), "-o", str(page)])
    assert refused.exit_code == 2
    assert "is no report of vertebroplasty" in refused.output
    assert page.read_text() == "a page of somebody else"
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def test_what_is_no_case_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no readable manifest\.json"):
        report_folders([tmp_path])
    with pytest.raises(InputError, match=r"ends in \.html"):
        report_folders([tmp_path], tmp_path / "page.pdf")


def test_scene_works_in_a_browser_without_a_network(stored_demo: tuple[Any, Path], browser: "Browser") -> None:  # noqa: F811
    view = browser.new_page(viewport={"width": 1200, "height": 900})
    asked: list[str] = []
    errors: list[str] = []
    view.on("request", lambda request: asked.append(request.url))
    view.on("pageerror", lambda error: errors.append(str(error)))
    view.goto((stored_demo[1] / REPORT).as_uri())
    view.locator(".stage").scroll_into_view_if_needed()
    frame = view.frames[-1]
    frame.wait_for_selector("html[data-ready=yes]", state="attached", timeout=60000)
    blue = (0x00, 0x72, 0xB2)
    assert CEMENT_COLOR == "#0072B2"
    view.wait_for_timeout(500)
    with_cement = share_of_color(view.locator(".stage").screenshot(), blue)
    frame.uncheck("[data-layer=cement]")
    view.wait_for_timeout(500)
    assert share_of_color(view.locator(".stage").screenshot(), blue) < with_cement - 0.01
    assert frame.locator("#clock").inner_text().endswith(" s")
    assert not errors
    assert not [address for address in asked if not address.startswith(("file:", "data:", "blob:", "about:"))]
    view.close()


def test_tables_stack_on_a_phone(stored_demo: tuple[Any, Path], browser: "Browser") -> None:  # noqa: F811
    view = browser.new_page(viewport={"width": 390, "height": 844}, java_script_enabled=False)
    view.goto((stored_demo[1] / REPORT).as_uri())
    assert view.evaluate("document.documentElement.scrollWidth") == 390
    lists = view.locator(".listing.many")
    assert lists.count() > 5
    widest = "tables => Math.max(...tables.map(table => table.scrollWidth - table.clientWidth))"
    assert lists.evaluate_all(widest) <= 0
    cell = view.locator("td[data-column='cement leaked [ml]']").first
    assert "cement leaked" in cell.evaluate("cell => getComputedStyle(cell, '::before').content")
    view.close()
