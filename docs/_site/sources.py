"""Links from the docs to the code: to a page of the source, at the line of the name that the link is about.

On GitHub a link such as ``[`fem.pressure.darcy.DarcyPressure`](../../fem/pressure/darcy.py)`` leads to the file. On the
site it leads to that name in the page of the file. References in docstrings lead to the reference of the API, or to
the source of what the reference does not list; names of other packages stay without a link.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from definitions import PACKAGES, ROOT, find, full_name
from docutils import nodes
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer
from sphinx.addnodes import download_reference, pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms import SphinxTransform
from sphinx.util import logging

PAGES = {
    "CHANGELOG.md": "changelog",
    "CONTRIBUTING.md": "contributing",
    "LICENSES-OF-DEPENDENCIES.md": "licences",
    "README.md": "index",
}
"""Page of the project outside of the docs -> the page of the site that has it."""

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{name}</title><link rel="stylesheet" href="{up}_static/pygments.css">
<link rel="stylesheet" href="{up}_static/source.css"></head>
<body><p><a href="{up}index.html">vertebroplasty</a> / {name}</p>
{code}</body></html>
"""
"""Page of a source: its name, the way up to the root of the site, and the highlighted code."""

LOG = logging.getLogger(__name__)


def setup(app: Sphinx) -> dict[str, bool]:
    """Turn links to files into links to pages, answer references to names, and write the pages of the sources."""
    app.add_transform(LinksToFiles)
    app.connect("config-inited", _link_reference_to_sources)
    app.connect("env-purge-doc", lambda app, env, docname: _used(env).pop(docname, None))
    app.connect("missing-reference", _find_name)
    app.connect("build-finished", _write_sources)
    return {"parallel_read_safe": False, "parallel_write_safe": True}


class LinksToFiles(SphinxTransform):
    """Turns the links of a page that lead out of the docs; what is left is copied for download."""

    default_priority = 400

    def apply(self, **_: Any) -> None:
        """Replace links to sources and to pages of the project."""
        for node in list(self.document.findall(lambda node: isinstance(node, download_reference | pending_xref))):
            target = str(node["reftarget"]).partition("#")[0]
            if node.get("reftype") != "myst" or not target:
                continue
            if node.get("refdomain") == "doc":
                path = Path(self.env.srcdir, f"{target}.md").resolve()
            else:
                path = Path(self.env.relfn2path(target)[1]).resolve()
            if not path.is_relative_to(ROOT) or path.is_relative_to(ROOT / "docs"):
                continue
            file = path.relative_to(ROOT)
            if str(file) in PAGES:
                node.replace_self(self._to_page(node, PAGES[str(file)]))
            elif file.suffix == ".py" and path.is_file():
                node.replace_self(self._to_source(node, file))

    def _to_page(self, node: nodes.Element, page: str) -> nodes.Element:
        reference = pending_xref(
            refdomain="doc", reftarget=page, reftargetid=None, refdoc=self.env.docname, reftype="myst", refexplicit=True
        )
        reference += node.children
        return reference

    def _to_source(self, node: nodes.Element, file: Path) -> nodes.Element:
        name, module, line = node.astext(), ".".join(file.with_suffix("").parts), 1
        if name.startswith(f"{module}."):
            found = find(name)
            if found is None:
                LOG.warning("%s is not in %s", name, file, location=node)
            else:
                file, line = found
        reference = nodes.reference(refuri=_to_line(self.app, self.env.docname, file, line), internal=True)
        reference += node.children
        return reference


def _link_reference_to_sources(app: Sphinx, config: Any) -> None:
    def resolve(domain: str, info: dict[str, str]) -> str | None:
        found = find(f"{info['module']}.{info['fullname']}") if domain == "py" else None
        return found and _to_line(app, app.env.docname, *found)

    config.linkcode_resolve = resolve


def _find_name(app: Sphinx, env: BuildEnvironment, node: pending_xref, text: nodes.Element) -> nodes.Element | None:
    """What a reference to Python leads to that the reference of the API does not list under this very name."""
    if node.get("refdomain") != "py":
        return None
    target = node["reftarget"]
    # A docstring may name what the front door names, such as its errors, without an import.
    name = full_name(target, node.get("py:module") or "") or full_name(target, "vertebroplasty")
    if name is None or name.partition(".")[0] not in PACKAGES:
        return text if name else None
    domain = env.domains["py"]
    if name != target and (entry := domain.resolve_xref(env, node["refdoc"], app.builder, "obj", name, node, text)):
        return entry
    found = find(name)
    if found is None:
        return None
    return nodes.reference("", "", text, refuri=_to_line(app, node["refdoc"], *found), internal=True)


def _to_line(app: Sphinx, docname: str, file: Path, line: int) -> str:
    _used(app.env).setdefault(docname, set()).add(file)
    return f"{app.builder.get_relative_uri(docname, _page(file))}#L{line}"


def _used(env: BuildEnvironment) -> dict[str, set[Path]]:
    """Page -> the sources that it leads to."""
    if not hasattr(env, "used_sources"):
        env.used_sources = {}
    used: dict[str, set[Path]] = env.used_sources
    return used


def _page(file: Path) -> str:
    return f"source/{file.with_suffix('').as_posix()}"


def _write_sources(app: Sphinx, error: Exception | None) -> None:
    """Write the pages of sources, plain ones, since the theme would compute its whole navigation for each of them."""
    formatter = HtmlFormatter(linenos="inline", linespans="L")
    for file in () if error else sorted(set().union(*_used(app.env).values())):
        page = app.outdir / f"{_page(file)}.html"
        up = "../" * len(file.parts)
        code = highlight((ROOT / file).read_text(encoding="utf-8"), PythonLexer(), formatter)
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(
            PAGE.format(name=file, up=up, code=code.replace('<span id="L-', '<span id="L')), encoding="utf-8"
        )
