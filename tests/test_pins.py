"""The environment is the one that pyproject.toml pins."""

import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

RENEW = (
    "run '.ci/pin', which pins what the lock file holds, or '.ci/pin --upgrade' for the newest versions; then all tests"
)


def _installed(name: str) -> str | None:
    try:
        return f"=={version(name)}"
    except PackageNotFoundError:  # of another platform or of a group that is not installed
        return None


def test_what_is_installed_is_what_is_pinned() -> None:
    content = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    project, pins = content["project"], {}
    for pin in map(Requirement, content["tool"]["uv"]["constraint-dependencies"]):
        assert not pin.url
        assert not pin.marker
        pins[canonicalize_name(pin.name)] = str(pin.specifier)
    groups = [
        project["dependencies"],
        *project["optional-dependencies"].values(),
        *content["dependency-groups"].values(),
    ]
    declared = [Requirement(one).name for group in groups for one in group]
    loose = [name for name in declared if canonicalize_name(name) not in pins]
    assert not loose, f"{', '.join(loose)}: declared, but not pinned; {RENEW}"
    other = [name for name, pin in pins.items() if _installed(name) not in (None, pin)]
    assert not other, f"{', '.join(other)}: installed in another version than the one that is pinned; {RENEW}"
