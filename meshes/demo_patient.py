"""The demo patient: one real CT with its masks, as the TPTBox package ships them.

An osteoporotic lumbar spine at 1.5 mm; L3 is complete, L2 and L4 are cut off. Finding the files does not import TPTBox,
which takes seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from meshes.errors import InputError


@dataclass(frozen=True)
class DemoPatient:
    """Files of the demo patient.

    Attributes:
        ct: NIfTI CT in HU.
        mask: NIfTI mask with one VerSe label per vertebra.
        subregions: NIfTI mask of the subregions (41 arch ... 50 corpus).
        level: the complete vertebra.
        labels: label map of ``mask``.
    """

    ct: Path
    mask: Path
    subregions: Path
    level: str = "L3"
    labels: str = "verse"


def demo_patient() -> DemoPatient:
    """Locate the demo patient's files in the installed TPTBox.

    Raises:
        InputError: TPTBox is not installed or does not hold the files.
    """
    package = find_spec("TPTBox")
    if package is None or package.origin is None:
        raise InputError("the demo patient comes with the package TPTBox, which is not installed; install TPTBox")
    folder = Path(package.origin).parent / "tests" / "sample_ct"
    patient = DemoPatient(
        ct=folder / "sub-ct_label-22_ct.nii.gz",
        mask=folder / "sub-ct_seg-vert_label-22_msk.nii.gz",
        subregions=folder / "sub-ct_seg-subreg_label-22_msk.nii.gz",
    )
    for path in (patient.ct, patient.mask, patient.subregions):
        if not path.is_file():
            raise InputError(f"the installed TPTBox lacks the demo file {path}; reinstall TPTBox")
    return patient
