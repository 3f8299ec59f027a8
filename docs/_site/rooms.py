"""The reference of a room: what belongs there, and every public name of its modules."""

from __future__ import annotations

import importlib
import pkgutil

from docutils import nodes
from pydantic import BaseModel
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive ``room``."""
    app.add_directive("room", Room)
    app.connect("autodoc-process-signature", _without_keys)
    app.connect("autodoc-process-docstring", _with_bars)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


class Room(SphinxDirective):
    """Lists the modules of the package that it is given; sub-packages have pages of their own."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The package's docstring and its modules."""
        package = importlib.import_module(self.arguments[0])
        names = [
            f"{package.__name__}.{found.name}" for found in pkgutil.iter_modules(package.__path__) if not found.ispkg
        ]
        text = [_automodule(package.__name__)]
        for name in names:
            text.append(f"## {name.rpartition('.')[2]}\n\n{_automodule(name)}")
        return self.parse_text_to_nodes("\n\n".join(text), allow_section_headings=True)


def _automodule(name: str) -> str:
    return f"```{{eval-rst}}\n.. automodule:: {name}\n```"


def _without_keys(_app: Sphinx, _kind: str, _name: str, item: object, *_: object) -> tuple[str, str] | None:
    """Leave out the signature of tables of the case file, which would repeat every key with its checks."""
    return ("", "") if isinstance(item, type) and issubclass(item, BaseModel) else None


def _with_bars(_app: Sphinx, _kind: str, _name: str, _item: object, _options: object, lines: list[str]) -> None:
    """Keep the bars of docstrings, which write ``|T|`` for a volume and mean no substitution."""
    for number, line in enumerate(lines):
        parts = line.split("``")
        parts[::2] = [part.replace("|", r"\|") for part in parts[::2]]
        lines[number] = "``".join(parts)
