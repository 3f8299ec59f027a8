"""Stages and events that PETSc's log tells the time of."""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

# in a process of its own, whose log nothing ends
SCRIPT = """
import json
from fem import profiling
from petsc4py import PETSc

PETSc.Log.begin()

@profiling.Event("vpFunction")
def halve(number, *, of=1.0):
    "Half of it."
    return of / (2.0 * number)

def attempt(function, *arguments):
    try:
        return function(*arguments)
    except ZeroDivisionError:
        return "raised"

@profiling.Stage("Inner")
def inner(number):
    return attempt(halve, number), halve(number)

def count(event, stage):
    return PETSc.Log.Event(event).getPerfInfo(PETSc.Log.Stage(stage).id)["count"]

with profiling.Stage("Outer"):
    found = [halve(1.0, of=4.0), attempt(halve, 0.0), halve.__doc__, attempt(inner, 0.0)]
    with profiling.Event("vpBlock"):
        halve(1.0)
halve(1.0)
counts = [count("vpFunction", "Outer"), count("vpFunction", "Inner"), count("vpBlock", "Outer")]
print(json.dumps([found, counts]))
"""


def test_events_are_counted_in_their_stage_also_where_they_raise() -> None:
    run = subprocess.run([sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True, check=True)
    results, counts = json.loads(run.stdout)
    assert results == [2.0, "raised", "Half of it.", "raised"]
    assert counts == [3, 2, 1]


def test_names_fit_the_column_of_the_log() -> None:
    names = set()
    for path in (ROOT / "fem").rglob("*.py"):
        names |= set(re.findall(r'profiling\.Event\("(\w+)"\)', path.read_text()))
    assert len(names) >= 8
    assert all(name.startswith("vp") and len(name) <= 16 for name in names), names
