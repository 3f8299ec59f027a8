"""Stands in for the computation of a case: what it does is said by the title of the case."""

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from experiments.sweep.case_process_main import UnfitWorkerError
from fem.errors import ConvergenceError
from meshes.errors import InputError

SOLVER = "sweep_stand_in:solve"


def solve(request: Mapping[str, Any]) -> dict[str, Any]:
    """An outcome that follows from the case; ``log=FILE`` in the title lists who computed what."""
    content = request["content"]
    orders = dict(order.partition("=")[::2] for order in content.get("title", "").split())
    if "log" in orders:
        with Path(orders["log"]).open("a") as log:
            log.write(f"{request['identity']} {os.getpid()}\n")
    if request["fields"] is not None:
        folder = Path(request["fields"])
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text(json.dumps({"identity": {"case": request["identity"]}}))
    if "seconds" in orders:
        time.sleep(float(orders["seconds"]))
    volume = content["injection"]["volume_ml"]
    match orders.get("then") if volume > 4.0 else None:
        case "input":
            raise InputError("the needle misses the body; move it")
        case "diverge":
            raise ConvergenceError("the pressure did not converge in 500 iterations")
        case "bug":
            raise ZeroDivisionError("one over nothing")
        case "unfit":
            raise UnfitWorkerError("runs another version")
        case "hang":
            while True:
                time.sleep(60.0)
        case "abort":
            print("PETSc gave up", flush=True)
            os.abort()
        case "nan":
            volume = float("nan")
    return {
        "results": {
            "injection": {"leaked_ml": volume**2, "mass_balance_error": 1e-14, "needles": [{"injected_ml": volume}]},
            "fill": {"centroid_mm": [1.0, 2.0, volume], "pattern": "confluent"},
        },
        "seconds": {"injection": 0.5},
        "peak_memory_mb": 100.0,
        "warnings": [],
    }
