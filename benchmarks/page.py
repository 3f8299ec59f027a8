"""The page ``docs/benchmarks.md``: a part for each benchmark, with the machine, the date and its tables."""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import re
import statistics
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

HEAD = """# Benchmarks

What solvers and whole cases cost, beside what one could take instead, on one machine. `uv run --group bench python -m
benchmarks -o docs/benchmarks.md` measures it all again, in about an hour; the line below each heading is the command
of that part alone.

Before and after a change of a solver, `uv run --group bench pytest benchmarks --benchmark-autosave` and
`--benchmark-compare` (pytest-benchmark, about a minute each) tell what it did to single steps and to an injection.
"""

PACKAGES = ("vertebroplasty", "dolfinx-solver-real", "mpich", "numpy", "numba", "scipy", "scikit-fem", "pyamg")


def options(description: str | None, quick: str | None = None) -> argparse.ArgumentParser:
    """The options that benchmarks share; ``--quick`` where ``quick`` says what it takes."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--out", type=Path, help="page to write the tables to")
    if quick is not None:
        parser.add_argument("--quick", action="store_true", help=quick)
    return parser


def publish(name: str, asked: argparse.Namespace, title: str, paragraphs: Sequence[str]) -> None:
    """Print the part of a benchmark, its command and the machine above it, and write it where that is asked.

    Args:
        name: of the module.
        asked: what :func:`options` took from the command line.
        title: of the part.
        paragraphs: in Markdown, each with its last line break.
    """
    text = "\n".join([f"## {title}\n", f"`{command(name, asked)}`: {machine()}", *paragraphs])
    print(text)
    if asked.out is not None:
        write_part(asked.out, name, text)


def command(name: str, asked: argparse.Namespace) -> str:
    """The command that measures as ``asked``."""
    words = [f"python -m benchmarks.{name}"]
    for option, value in vars(asked).items():
        if value is True:
            words.append(f"--{option}")
        elif isinstance(value, list):
            words += [f"--{option}", *(f"{item:g}" for item in value)]
    return " ".join(words)


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines) + "\n"


def spread(values: Sequence[float], digits: int = 3) -> str:
    """Median and, where there are several, least and largest of values: ``0.12 (0.11–0.15)``."""
    middle = f"{statistics.median(values):.{digits}f}"
    return middle if len(values) == 1 else f"{middle} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def machine() -> str:
    """One paragraph: date, processor, its load, system and versions."""
    found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    processor = platform.processor() if found is None else found[1]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    packages = []
    for name in PACKAGES:
        try:
            packages.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            packages.append(f"no {name}")
    return (
        f"{datetime.date.today().isoformat()}, {processor}, {os.cpu_count()} cores, {memory:.0f} GiB, load average "
        f"{os.getloadavg()[0]:.1f} at the end of the run; Python {platform.python_version()}, {', '.join(packages)}.\n"
    )


def write_part(path: Path, name: str, text: str) -> None:
    """Put a part in its place on the page, or at its end."""
    page = path.read_text(encoding="utf-8") if path.is_file() else HEAD
    first, last = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
    part = f"{first}{text.rstrip()}\n{last}"
    if first in page:
        before, rest = page.split(first, 1)
        page = before + part + rest.split(last, 1)[1]
    else:
        page = f"{page.rstrip()}\n\n{part}"
    whole = path.with_suffix(".unfinished")
    whole.write_text(page, encoding="utf-8")
    os.replace(whole, path)
