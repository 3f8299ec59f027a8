"""The page ``docs/benchmarks.md``: a part for each benchmark, with the machine, the date and its tables."""

from __future__ import annotations

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
benchmarks -o docs/benchmarks.md` measures it all again, in over an hour; the line below each heading is the command
of that part alone. The elastic solve beside CalculiX has [a page of its own](theory/elastic-solver.md).
"""

PACKAGES = ("vertebroplasty", "dolfinx-solver-real", "mpich", "numpy", "numba", "scipy", "scikit-fem", "pyamg")


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
