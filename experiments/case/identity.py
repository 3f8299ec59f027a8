"""What makes two runs the same case: canonical content, input files, code, and solver options that a user gives."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

from experiments.case.input_files import file_keys, input_files
from experiments.case.schema import Case
from meshes.demo_patient import demo_patient
from meshes.images.formats import companions

PACKAGES = ("experiments", "fem", "materials", "meshes")

DECIDING = (".py", ".toml")
"""Endings of the files in these packages that decide a result; ``tests/experiments/case/test_identity.py`` holds every
other ending that occurs."""

CASE_FILES = Path("experiments", "cases")


@dataclass(frozen=True)
class Identity:
    """The identity of a case.

    Attributes:
        case: SHA-256 over content, checksums, code and options, in hex; equal exactly for equal cases.
        content: the case in canonical JSON, without its title and without where its files lie.
        inputs: role of each input file -> its SHA-256.
        code: version of the software and a checksum of its sources.
        solver_options: name -> value of the options that a user gives PETSc and that can change results; mostly none.
    """

    case: str
    content: str
    inputs: Mapping[str, str]
    code: str
    solver_options: Mapping[str, str]


def identify(
    case: Case, inputs: Mapping[str, Path] | None = None, checksum_of: Callable[[Path], str] | None = None
) -> Identity:
    """Identify ``case``.

    Args:
        case: the case.
        inputs: role -> input file that counts besides those that the case names, such as the images of the demo
            patient.
        checksum_of: :func:`checksum`, or one that remembers the files that many cases share.
    """
    from fem import solver_options  # with the libraries of fem, for which the version does not wait

    files = {**input_files(case), **(inputs or {})}
    checksums = {role: (checksum_of or checksum)(path) for role, path in sorted(files.items())}
    content = canonical(case)
    code = code_version()
    options = solver_options.given_that_change_results()
    parts = [content, json.dumps(checksums, sort_keys=True), code, *([json.dumps(options)] if options else [])]
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    return Identity(case=digest, content=content, inputs=checksums, code=code, solver_options=options)


def case_identity(
    case: Case, checksum_of: Callable[[Path], str] | None = None, more: Mapping[str, Path] | None = None
) -> Identity:
    """Identity of a case with the demo patient's files where it uses them, and more by role, see :func:`identify`."""
    files = dict(more or {})
    if case.patient.demo:
        demo = demo_patient()
        files |= {"ct": demo.ct, "mask": demo.mask, "subregions": demo.subregions}
    return identify(case, files, checksum_of)


def canonical(case: Case) -> str:
    """The complete case as JSON with sorted keys, without its title and without where its files lie."""
    content = case.model_dump(mode="json", exclude={"title": True, **file_keys(case)})
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)


def checksum(path: Path) -> str:
    """SHA-256 in hex of a file, or of the names and contents of several: a folder's files, a header and its voxels."""
    if path.is_dir():
        return _checksum_of_several(path, sorted(item for item in path.rglob("*") if item.is_file()))
    if others := companions(path):
        return _checksum_of_several(path.parent, [path, *others])
    return _checksum_of_one(path)


def _checksum_of_several(folder: Path, files: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.relative_to(folder).as_posix()} {_checksum_of_one(file)}\n".encode())
    return digest.hexdigest()


def _checksum_of_one(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@cache
def code_version() -> str:
    """Version of the distribution, a plus sign and the first 12 digits of the checksum of what decides a result.

    That is the Python sources and the tables that they read, such as the numbers of the labels. Case files count by
    their content where they are used, and the templates of the report decide no number.
    """
    root = Path(__file__).resolve().parents[2]
    digest = hashlib.sha256()
    for package in PACKAGES:
        for source in sorted((root / package).rglob("*")):
            name = source.relative_to(root)
            if source.suffix in DECIDING and CASE_FILES not in name.parents:
                digest.update(name.as_posix().encode())
                digest.update(source.read_bytes())
    return f"{version('vertebroplasty')}+{digest.hexdigest()[:12]}"
