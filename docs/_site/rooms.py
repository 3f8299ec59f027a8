"""The reference of a room: every public name of its modules."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

from docutils import nodes
from pydantic import BaseModel
from sphinx.application import Sphinx
from sphinx.ext.napoleon import Config, GoogleDocstring
from sphinx.util.docutils import SphinxDirective

GOOGLE = Config(napoleon_numpy_docstring=False)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive ``room``."""
    app.add_directive("room", Room)
    app.connect("autodoc-process-signature", _readable)
    app.connect("autodoc-process-docstring", _read_docstring)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


class Room(SphinxDirective):
    """Lists the modules of the package that it is given; sub-packages have pages of their own."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """One section for each module."""
        package = importlib.import_module(self.arguments[0])
        modules = [found.name for found in pkgutil.iter_modules(package.__path__) if not found.ispkg]
        sections = [f"## {name}\n\n{_automodule(f'{package.__name__}.{name}')}" for name in modules]
        return self.parse_text_to_nodes("\n\n".join(sections), allow_section_headings=True)


def _automodule(name: str) -> str:
    return f"```{{eval-rst}}\n.. automodule:: {name}\n```"


def _readable(
    _app: Sphinx, _kind: str, _name: str, item: object, _options: Any, signature: str | None, returned: str | None
) -> tuple[str | None, str | None]:
    """A signature without the keys of the case file, whose checks it would repeat, and without marks of dataclasses."""
    if isinstance(item, type) and issubclass(item, BaseModel):
        return "", None
    return signature and signature.replace("<factory>", "..."), returned


def _read_docstring(app: Sphinx, kind: str, name: str, item: object, options: Any, lines: list[str]) -> None:
    """Read Google's style; ``|T|`` is a volume, and the words before a colon are no type of an attribute."""
    for number, line in enumerate(lines):
        parts = line.split("``")
        parts[::2] = [part.replace("|", r"\|") for part in parts[::2]]
        lines[number] = "``".join(parts)
    if kind not in ("attribute", "data", "property"):
        lines[:] = GoogleDocstring(list(lines), GOOGLE, app, kind, name, item, options).lines()
