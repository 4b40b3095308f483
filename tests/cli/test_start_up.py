"""What a fresh process may import: a list, because a time would be the machine's."""

import json
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
