"""Files of VTK's data sets, written whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pyvista


def save(data: pyvista.DataSet, path: Path) -> None:
    """Write a data set; VTK prints what goes wrong, removes the file and returns as if it had written it.

    Raises:
        OSError: the file is not there afterwards; ``ENOSPC`` where the disk has less room than the data take.
    """
    with pyvista.vtk_verbosity("off"):
        data.save(path)
    if path.exists():
        return
    room = shutil.disk_usage(path.parent).free
    number = errno.ENOSPC if room < 1024 * data.actual_memory_size else errno.EIO
    raise OSError(number, os.strerror(number), str(path))
