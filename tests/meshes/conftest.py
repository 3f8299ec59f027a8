import pytest

from meshes.demo_patient import DemoPatient, demo_patient
from meshes.vertebra import Vertebra, read_vertebra


@pytest.fixture(scope="session")
def demo_files() -> DemoPatient:
    """Paths of the demo patient's CT and masks."""
    return demo_patient()


@pytest.fixture(scope="session")
def demo_vertebra(demo_files: DemoPatient) -> Vertebra:
    """L3 of the demo patient, read with its subregions."""
    return read_vertebra(demo_files.ct, demo_files.mask, demo_files.level, subregions=demo_files.subregions)
