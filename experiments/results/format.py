"""What tells a folder of this software from others, and one version of its files from the next."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from experiments.case.identity import code_version
from meshes.errors import InputError

FORMAT = "vertebroplasty-case"
"""How ``format`` begins in every manifest; a directory whose manifest has it is ours to replace."""

FORMAT_VERSION = 3
"""``format_version`` in ``results.json`` and ``manifest.json``; the first one was the last number of ``format``."""


def is_ours(manifest: Any) -> bool:
    """Whether a manifest is that of a folder which some version of this software wrote."""
    return isinstance(manifest, Mapping) and str(manifest.get("format", "")).startswith(FORMAT)


def check_format_version(place: Path, content: Mapping[str, Any], code: Any) -> None:
    """Refuse files of another version.

    Args:
        place: the folder.
        content: what holds ``format_version``, or ``format`` with the number of a version at its end.
        code: version of the software that wrote it.

    Raises:
        InputError: another version of the software reads these.
    """
    if (found := _version(content)) == FORMAT_VERSION:
        return
    reader = f"vertebroplasty {code}" if isinstance(code, str) and code else "another version of vertebroplasty"
    raise InputError(
        f"{place}: is of format {found}, which {reader} reads; this is vertebroplasty {code_version()}, which reads "
        f"format {FORMAT_VERSION}: run it again, or use that version"
    )


def _version(content: Mapping[str, Any]) -> Any:
    if "format_version" in content:
        return content["format_version"]
    numbered = re.search(r"-(\d+)$", str(content.get("format", "")))
    return int(numbered[1]) if numbered else "unknown"
