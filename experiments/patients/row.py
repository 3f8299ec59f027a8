"""What one patient of many brings to a plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class PatientRow:
    """One patient.

    Attributes:
        name: that rows and pictures have; different for every patient.
        patient: keys of ``[patient]``, files with absolute paths.
        changes: other key of the case file by its path -> value.
    """

    name: str
    patient: Mapping[str, Any]
    changes: Mapping[str, Any] = field(default_factory=dict)
