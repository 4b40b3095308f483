"""Mutated model and settings files end in a table or in a refusal in words."""

import random
import re

import pytest

from hepatrial.engine.suite import _Worker
from hepatrial.model.antimony import antimony_to_sbml

ANTIMONY = """
function f(x, y) x + y; end
model m()
  compartment c = 1; species S in c; S = 3; k = 0.5; y = 1;
  J: S -> ; k*S*c; y' = -y; x := f(S, time)^2; z := piecewise(1, time < 1, 2);
  at (time > 1), priority = 2: S = 2;
end
"""
SETTINGS = "start: 0\nduration: 2\nsteps: 4\nvariables: S, x\nabsolute: 1e-6\nrelative: 1e-4\namount: S\n"
TOKENS = (
    "1e999", "-", "NaN", "<apply>", "</math>", "&amp;", "\0", "((((", "9" * 30, '"', "time", "piecewise(",
    "at (", "<cn>1,5</cn>", "<ci>nothing</ci>", "<listOfRules/>", 'level="3"', "1e-320", "<sep/>",
    "<csymbol/>", "after",
)  # fmt: skip


def mutated(text, rng):
    for _ in range(rng.choice((1, 1, 2, 4))):
        start = rng.randrange(len(text) + 1)
        stop = min(len(text), start + rng.choice((1, 3, 10, 60, 300)))
        kind = rng.randrange(5)
        if kind == 0:
            text = text[:start] + text[stop:]
        elif kind == 1:
            text = text[:start] + rng.choice(TOKENS) + text[start:]
        elif kind == 2:
            text = text[:start] + rng.choice(TOKENS) + text[stop:]
        elif kind == 3:
            text = text[:stop] + text[start:stop] + text[stop:]
        else:
            words = list(re.finditer(r"\w+", text))
            one, other = rng.choice(words), rng.choice(words)
            text = text[: one.start()] + other[0] + text[one.end() :]
    return text


@pytest.fixture(scope="module")
def worker():
    chosen = _Worker(20.0)
    yield chosen
    chosen.stop()


@pytest.mark.parametrize("kind", ["sbml", "antimony", "settings"])
def test_whatever_the_files_hold_ends_in_a_table_or_in_words(worker, kind, tmp_path):
    rng = random.Random(f"hepatrial {kind}")
    good = {"sbml": antimony_to_sbml(ANTIMONY), "antimony": ANTIMONY, "settings": SETTINGS}
    model, settings = tmp_path / "model.xml", tmp_path / "settings.txt"
    refused = 0
    for _ in range(60):
        texts = {**good, kind: mutated(good[kind], rng)}
        model.write_text(texts["antimony" if kind == "antimony" else "sbml"], encoding="utf-8")
        settings.write_text(texts["settings"], encoding="utf-8")
        told = worker.ask({"model": str(model), "settings": str(settings)})
        assert len(told) == 1
        if "refused" in told:
            refused += 1
            assert told["refused"].strip()
            assert "internal error" not in told["refused"], texts[kind]
    assert refused >= 10
