"""What a fresh process may import: a list, because a time would be the machine's."""

import json
import os
import subprocess
import sys

import pytest

HEAVY = {
    "altair", "antimony", "jinja2", "libsbml", "llvmlite", "numba", "pandas", "polars", "roadrunner",
    "scipy", "sympy", "vl_convert",
}  # fmt: skip


def imported(arguments):
    program = (
        "import json, sys\n"
        "from typer.testing import CliRunner\n"
        "from hepatrial.cli.app import app\n"
        f"done = CliRunner().invoke(app, {arguments!r})\n"
        "assert done.exit_code == 0, done.output\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["model", "--help"],
        ["model", "simulate", "--help"],
        ["model", "verify", "--help"],
    ],
    ids=" ".join,
)
def test_help_imports_nothing_heavy(arguments):
    assert imported(arguments) & (HEAVY | {"numpy"}) == set()


def test_the_process_that_simulates_a_file_leaves_the_heavy_work_to_its_child(tmp_path):
    (tmp_path / "m.ant").write_text("model m() x = 1; x' = -x; end")
    (tmp_path / "s.txt").write_text(
        "start: 0\nduration: 1\nsteps: 1\nvariables: x\nabsolute: 1e-6\nrelative: 1e-4"
    )
    command = ["model", "simulate", str(tmp_path / "m.ant"), "--settings", str(tmp_path / "s.txt")]
    found = imported([*command, "--output", str(tmp_path / "o.csv")])
    assert found & (HEAVY | {"numpy"}) == set()


def of_child(asked, cache):
    """The answer of the child of ``model simulate`` in a fresh process, and what it had imported."""
    program = (
        "import json, sys\n"
        "from hepatrial.engine.course import child\n"
        "child()\n"
        "print(json.dumps(sorted(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "HEPATRIAL_CACHE": str(cache)},
    )
    return json.loads(done.stdout.splitlines()[-1])["answer"], set(json.loads(done.stderr.splitlines()[-1]))


def test_a_course_asked_for_again_needs_no_parser_and_no_scipy(tmp_path):
    (tmp_path / "m.ant").write_text("model m() x = 1; x' = -x; end")
    (tmp_path / "s.txt").write_text(
        "start: 0\nduration: 1\nsteps: 1\nvariables: x\nabsolute: 1e-6\nrelative: 1e-4"
    )
    asked = {"model": str(tmp_path / "m.ant"), "settings": str(tmp_path / "s.txt")}
    first, before = of_child(asked, tmp_path / "cache")
    second, after = of_child(asked, tmp_path / "cache")
    assert second == first
    not_needed = {"hepatrial.engine.stepper", "numpy.ma", "pydantic", "typer"} | HEAVY - {"llvmlite"}
    assert {"scipy", "antimony", "libsbml", "hepatrial.engine.stepper"} <= before
    assert after & not_needed == set()


def test_a_small_ensemble_needs_no_scipy(tmp_path):
    (tmp_path / "m.ant").write_text("model m() x = 1; x' = -x; end")
    asked = ["model", "ensemble", str(tmp_path / "m.ant"), "--patients", "2", "--visits", "0,1", "--end", "1"]
    imported([*asked, "--out", str(tmp_path / "first")])
    found = imported([*asked, "--out", str(tmp_path / "second")])
    assert found & (HEAVY - {"llvmlite", "polars"}) == set()
