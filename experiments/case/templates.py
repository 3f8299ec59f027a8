"""Commented case files to start from, one for each procedure, and the schema by which editors check their keys."""

from __future__ import annotations

import difflib
import json
import shutil
from pathlib import Path

from experiments.case.input_files import input_files
from experiments.case.schema import CASES, json_schema, read_case
from experiments.case.sections.base import joined
from meshes.errors import InputError

TEMPLATES = CASES / "templates"
"""Folder of the templates."""

SCHEMA = "vertebroplasty.schema.json"
"""Name of the JSON Schema that the first line of each template points to."""


def template_names() -> list[str]:
    """The procedures for which there is a template."""
    return sorted(path.stem for path in TEMPLATES.glob("*.toml"))


def write_template(path: Path, like: str) -> list[Path]:
    """Write a template, and beside it the schema and the files that it reads.

    Args:
        path: case file to write.
        like: name of a template.

    Returns:
        The files that were written, the case file first; what is there already is left as it is, but for the schema.

    Raises:
        InputError: there is no such template, a case file is there already, or nothing can be written there.
    """
    name = like.lower().replace("_", "-")
    if name not in template_names():
        near = difflib.get_close_matches(name, template_names(), n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"choose {joined(template_names(), 'or')}"
        raise InputError(f"--like {like}: there is no such template; {hint}")
    if path.suffix != ".toml":
        raise InputError(f"{path}: ends in {path.suffix or 'nothing'!r}; choose a name that ends in .toml")
    if path.exists():
        raise InputError(f"{path}: is there already and is not replaced; choose another name")
    template = TEMPLATES / f"{name}.toml"
    schema, read = path.parent / SCHEMA, input_files(read_case(template)).values()
    written = [path, schema]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        schema.write_text(json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        for source in read:
            if not (target := path.parent / source.name).exists():
                shutil.copyfile(source, target)
                written.append(target)
        shutil.copyfile(template, path)
    except OSError as error:
        raise InputError(f"{path}: cannot write there ({error.strerror}); choose another folder") from None
    return written
