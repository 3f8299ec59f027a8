"""Parts of the page of benchmarks, seconds of functions, and what running a command tells."""

import sys

import pytest

from benchmarks.page import HEAD, command, options, publish, spread, table, write_part
from benchmarks.processes import ProcessError, run
from benchmarks.stopwatch import Stopwatch


def test_a_part_replaces_itself_alone(tmp_path):
    path = tmp_path / "page.md"
    for name, text in (("first", "11"), ("second", "22"), ("first", "33\n")):
        write_part(path, name, text)
    page = path.read_text(encoding="utf-8")
    assert page.startswith(HEAD)
    assert "11" not in page
    assert page.index("33") < page.index("22")
    write_part(path, "first", "33")
    assert path.read_text(encoding="utf-8") == page


def test_a_part_tells_the_command_that_makes_it(tmp_path, capsys):
    parser = options("", quick="less")
    parser.add_argument("--sizes", nargs="+", type=float)
    assert command("steps", parser.parse_args([])) == "python -m benchmarks.steps"
    asked = parser.parse_args(["--quick", "--sizes", "2.2", "1", "-o", str(tmp_path / "page.md")])
    assert command("steps", asked) == "python -m benchmarks.steps --quick --sizes 2.2 1"
    publish("steps", asked, "Steps", ["seconds\n"])
    assert "## Steps\n\n`python -m benchmarks.steps --quick" in (tmp_path / "page.md").read_text(encoding="utf-8")
    assert "seconds" in capsys.readouterr().out


def test_cells_of_tables():
    assert spread([0.3, 0.1, 0.2], 1) == "0.2 (0.1–0.3)"
    assert spread([0.25], 2) == "0.25"
    assert table(["a", "b"], [[1, "x"]]) == "| a | b |\n| --- | --- |\n| 1 | x |\n"


def test_stopwatch_counts_calls_and_what_they_return():
    class Sum:
        def add(self, a, b=0):
            return a + b

    watch, owner = Stopwatch(), Sum()
    watch.watch(owner, "add", "sum")
    assert owner.add(1, b=2) == 3
    taken = watch.take()
    assert set(taken) == {"sum", "sum CPU"}
    assert 0.0 <= taken["sum"] < 1.0
    assert watch.take() == {}


def test_what_a_command_says_when_it_fails(tmp_path):
    cost, text = run([sys.executable, "-c", "print('done')"], tmp_path)
    assert text == "done\n"
    assert cost.wall > 0.0
    with pytest.raises(ProcessError, match="ended with 1: ValueError: why"):
        run([sys.executable, "-c", "raise ValueError('why')"], tmp_path)
    with pytest.raises(ProcessError, match="not done after 1 s"):
        run([sys.executable, "-c", "import time; time.sleep(30)"], tmp_path, seconds=1.0)
