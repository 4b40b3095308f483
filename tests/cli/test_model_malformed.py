"""Whatever a stranger's file holds: a sentence and an exit code, never a traceback or half a table."""

import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from hepatrial.cli.app import app
from hepatrial.engine import course
from hepatrial.errors import BadInput, RunFailed
from hepatrial.model import apart
from hepatrial.model.antimony import antimony_to_sbml

TEXT = (
    "model m() compartment c = 2; species S in c; S = 3; k = 0.5; J: S -> ; k*c*S; E: at (S < 1): S = 3; end"
)
SBML = antimony_to_sbml(TEXT)
SETTINGS = (
    "start: 0\nduration: 2\nsteps: 4\nvariables: S\nabsolute: 1e-6\nrelative: 1e-4\n"
    "amount: S\nconcentration:\n"
)
BOMB = (
    '<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {n} "{f"&{p};" * 10}">' for p, n in zip("abcdefgh", "bcdefghi", strict=True))
    + "]>"
)


def simulate(folder, model, text=SETTINGS, *more, suffix="xml"):
    file, asked, output = folder / f"m.{suffix}", folder / "s.txt", folder / "out.csv"
    file.write_bytes(model)
    asked.write_text(text, encoding="utf-8", errors="replace")
    output.unlink(missing_ok=True)
    command = ("model", "simulate", str(file), "--settings", str(asked), "--output", str(output), *more)
    return CliRunner().invoke(app, command), output


def assert_refused(done, output, code=2):
    assert done.exit_code == code, (done.stdout, done.stderr)
    assert not output.exists()
    assert "Traceback" not in done.stderr
    said = done.stderr.strip().splitlines()
    assert said[0].endswith("nothing was done.") or said[0].startswith("Failed: ")
    assert all(line.startswith("  ") for line in said[1:])


@pytest.mark.parametrize(
    "model",
    [
        SBML[: len(SBML) // 2].encode(),
        b"<\xff\xfe\x00binary\x00\x01\x02" * 50,
        (BOMB + SBML.partition("?>")[2].replace("<model", "<model name='&i;'", 1)).encode(),
        SBML.replace(
            "<ci> k </ci>", "<apply><abs/>" * 20_000 + "<ci> k </ci>" + "</apply>" * 20_000
        ).encode(),
    ],
    ids=["truncated", "binary", "entity bomb", "deep nesting"],
)
def test_sbml_that_is_none_is_refused(tmp_path, model):
    assert_refused(*simulate(tmp_path, model))


@pytest.mark.parametrize(
    "model",
    [TEXT[:40].encode(), b"\x00\x01\x02", b"model m() x = (((((; end", b"x" * 5000],
    ids=["truncated", "binary", "brackets", "one word"],
)
def test_antimony_that_is_none_is_refused(tmp_path, model):
    assert_refused(*simulate(tmp_path, model, suffix="ant"))


@pytest.mark.parametrize(
    "wrong", ["", "steps: 1e400", "nonsense", SETTINGS.replace("steps: 4", "steps: 99999999")]
)
def test_settings_that_are_none_are_refused(tmp_path, wrong):
    assert_refused(*simulate(tmp_path, SBML.encode(), wrong))


@pytest.mark.parametrize("number", ["1e999", "1e-400", "0x10"])
def test_a_number_that_antimony_would_misread_is_refused(tmp_path, number):
    text = TEXT.replace("k = 0.5", f"k = {number}")
    done, output = simulate(tmp_path, text.encode(), suffix="ant")
    assert_refused(done, output)
    assert f"given {number}" in done.stderr


@pytest.mark.parametrize("number", ["1e999", "1,5", "0x10", "1d5", "", "one", "1 2", "INF", "1e-400"])
def test_a_number_that_libsbml_would_misread_is_refused(tmp_path, number):
    law = "<ci> k </ci>"
    assert law in SBML
    done, output = simulate(tmp_path, SBML.replace(law, f"<cn> {number} </cn>", 1).encode())
    assert_refused(done, output)
    assert "<cn>" in done.stderr


def child_that(monkeypatch, program):
    monkeypatch.setattr(apart, "child_command", lambda _: [sys.executable, "-c", program])


def test_a_crash_in_the_child_is_a_sentence(tmp_path, monkeypatch):
    child_that(monkeypatch, "import os; os.abort()")
    done, output = simulate(tmp_path, SBML.encode())
    assert_refused(done, output)
    assert "crashes its reader" in done.stderr


def test_a_hang_ends_at_the_limit_and_says_in_which_part(tmp_path, monkeypatch):
    child_that(monkeypatch, "import time; time.sleep(60)")
    done, output = simulate(tmp_path, SBML.encode(), SETTINGS, "--seconds", "0.5")
    assert_refused(done, output)
    assert "more than 0.5 s to read" in done.stderr
    child_that(monkeypatch, "import time; print('{\"read\": true}', flush=True); time.sleep(60)")
    with pytest.raises(RunFailed, match="more than 1 s"):
        apart.call_apart("any", {}, "m.xml", 1)


def test_a_bug_in_the_child_is_named_as_one(tmp_path, monkeypatch):
    program = (
        "from hepatrial.model import apart\n"
        "def answer(asked, read): raise KeyError('c')\n"
        "apart.answer_apart(answer)\n"
    )
    child_that(monkeypatch, program)
    done, output = simulate(tmp_path, SBML.encode())
    assert_refused(done, output, 1)
    assert "internal error" in done.stderr


MUTATION = st.tuples(
    st.floats(0, 1),
    st.integers(0, 60),
    st.one_of(
        st.text(max_size=12),
        st.sampled_from(["<apply>", "</math>", "1e999", "-1", '"', "&", "(", ";", "\0", "piecewise(", "'"]),
    ),
)


@pytest.mark.slow
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.sampled_from([TEXT, SBML]), mutations=st.lists(MUTATION, min_size=1, max_size=4))
def test_any_mutation_of_a_model_is_simulated_or_refused(tmp_path, text, mutations):
    for place, length, put in mutations:
        cut = int(place * len(text))
        text = text[:cut] + put + text[cut + length :]
    (tmp_path / "m").write_bytes(text.encode("utf-8", "surrogatepass"))
    (tmp_path / "s.txt").write_text(SETTINGS)
    asked = {"model": str(tmp_path / "m"), "settings": str(tmp_path / "s.txt")}
    table, said = None, []
    try:
        table = apart.call_apart("hepatrial.engine.course", asked, "m", 30)
    except BadInput as bad:
        said = [problem.sentence() for problem in bad.problems]
    except RunFailed as failed:
        said = [str(failed)]
    assert all(sentence and "\n" not in sentence and "internal error" not in sentence for sentence in said)
    assert said or len(table.splitlines()) == 6


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mutations=st.lists(MUTATION, min_size=1, max_size=4))
def test_any_mutation_of_settings_is_understood_or_refused(tmp_path, mutations):
    text = SETTINGS
    for place, length, put in mutations:
        cut = int(place * len(text))
        text = text[:cut] + put + text[cut + length % 20 :]
    (tmp_path / "s.txt").write_bytes(text.encode("utf-8", "surrogatepass"))
    found, said = None, []
    try:
        found = course.read_settings(tmp_path / "s.txt")
    except BadInput as bad:
        said = [problem.sentence() for problem in bad.problems]
    assert all(sentence and "\n" not in sentence for sentence in said)
    assert said or len(found.times) == found.steps + 1
