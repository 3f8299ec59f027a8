"""Where names of the code are defined, read from the sources without running them."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("vertebroplasty", "experiments", "fem", "materials", "meshes")


@cache
def find(name: str) -> tuple[Path, int] | None:
    """File, relative to the project, and line of ``package.module.Class.attribute``; None where there is none."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        if (file := _file(".".join(parts[:length]))) is not None:
            return _inside(file, parts[length:])
    return None


@cache
def full_name(name: str, module: str) -> str | None:
    """What ``name`` means inside ``module``, such as ``numpy.ndarray``; None where it means nothing there."""
    first, *rest = name.split(".")
    if first in PACKAGES:
        return name
    if (file := _file(module)) is not None:
        if first in (found := imported(file)):
            return ".".join([found[first], *rest])
        if _inside(file, [first]) is not None:
            return f"{module}.{name}"
    if hasattr(builtins, first):
        return f"builtins.{name}"
    return name if rest and find_spec(first) else None


@cache
def imported(file: Path) -> dict[str, str]:
    """Name -> full name of everything that a module imports, also for type checkers alone or inside functions."""
    names: dict[str, str] = {}
    for node in ast.walk(_tree(file)):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.asname or alias.name.partition(".")[0]: alias.name for alias in node.names}
    return names


def _file(module: str) -> Path | None:
    path = Path(*module.split("."))
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if module.partition(".")[0] in PACKAGES and (ROOT / file).is_file():
            return file
    return None


@cache
def _tree(file: Path) -> ast.Module:
    return ast.parse((ROOT / file).read_text(encoding="utf-8"))


def _inside(file: Path, parts: list[str]) -> tuple[Path, int] | None:
    scope: ast.AST = _tree(file)
    line = 1
    for number, part in enumerate(parts):
        if part not in (names := _names(scope)):
            return _elsewhere(file, scope, parts[number:])
        scope = names[part]
        line = getattr(scope, "lineno", 1)
    return file, line


@cache
def _names(scope: ast.AST) -> dict[str, ast.AST]:
    """Name -> the statement of a module or class that defines it."""
    return {name: node for node in reversed(list(_statements(scope))) for name in _defined(node)}


def _statements(scope: ast.AST) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(scope):
        yield node
        yield from getattr(node, "type_params", ())
        if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) or (
            isinstance(scope, ast.ClassDef) and node.name == "__init__"
        ):
            yield from _statements(node)


def _elsewhere(file: Path, scope: ast.AST, parts: list[str]) -> tuple[Path, int] | None:
    """Where a name is defined that a module imports, or that a class has from its bases."""
    origins = [imported(file)[parts[0]]] if isinstance(scope, ast.Module) and parts[0] in imported(file) else []
    if isinstance(scope, ast.ClassDef):
        module = ".".join(file.with_suffix("").parts)
        bases = [full_name(ast.unparse(base), module) for base in scope.bases]
        origins = [f"{base}.{parts[0]}" for base in bases if base]
    return next((found for origin in origins if (found := find(".".join([origin, *parts[1:]])))), None)


def _defined(node: ast.AST) -> list[str]:
    """The names that a statement defines; ``self.name = ...`` defines an attribute."""
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return [node.name]
    if isinstance(node, ast.TypeAlias):
        return [node.name.id]
    if isinstance(node, ast.TypeVar):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    items = [item for target in targets for item in (target.elts if isinstance(target, ast.Tuple) else [target])]
    return [
        item.id if isinstance(item, ast.Name) else item.attr
        for item in items
        if isinstance(item, ast.Name | ast.Attribute)
    ]
