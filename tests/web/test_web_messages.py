"""Every sentence of an error that a reader of the Chinese pages can meet has its Chinese."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import hepatrial
from hepatrial.errors import BadInput, Problem
from hepatrial.protocol import load_protocol, protocol_from_dict
from hepatrial.protocol.design import UNANSWERED
from hepatrial.protocol.problems import _ALLOWED
from hepatrial.web.messages import catalogue, of_problem, told

ROOT = Path(hepatrial.__file__).parent
FILES = [
    *sorted((ROOT / "protocol").glob("*.py")),
    *(ROOT / "population" / name for name in ("deck.py", "matching.py", "cohort.py", "pool.py")),
    *(ROOT / name for name in ("api.py", "trial/run.py")),
    *sorted((ROOT / "web").rglob("*.py")),
]
"""What makes the problems of the form, of a run, of Table 1 and of the server."""
SENTENCES = {"Problem": slice(1, 3), "Refusal": slice(2, 3), "Refused": slice(1, 3)}
HOLE = re.compile(r"\{\d+\}")


def templates(node, names):
    """The texts that an argument may be, holes numbered; nothing for what is no text of ours."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.JoinedStr):
        holes = iter(range(99))
        parts = (str(p.value) if isinstance(p, ast.Constant) else f"{{{next(holes)}}}" for p in node.values)
        return ["".join(parts)]
    if isinstance(node, ast.IfExp):
        return templates(node.body, names) + templates(node.orelse, names)
    if isinstance(node, ast.Name):
        return [text for value in names.get(node.id, ()) for text in templates(value, {})]
    return []


def sentences(file):
    for function in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if not isinstance(function, ast.FunctionDef):
            continue
        names = {}
        for node in ast.walk(function):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                names.setdefault(node.targets[0].id, []).append(node.value)
        for node in ast.walk(function):
            called = getattr(getattr(node, "func", None), "id", "")
            for argument in node.args[SENTENCES[called]] if called in SENTENCES else ():
                yield from templates(argument, names)


def worded(text):
    """Whether a template holds a word of ours."""
    return re.search(r"[a-z]{3}", HOLE.sub("", text)) is not None and not text.startswith("'")


LEFT = {
    "{0} for {1}",  # its first place holds one of two, which have their own patterns
    "an address of this machine and a free port ({0})",  # said by the command line alone
    "a number {0} {1}",  # the first place holds "above", "not below" and so on, which have their own patterns
}


def test_every_problem_of_a_form_or_a_run_has_its_chinese():
    found = {text for file in FILES for text in sentences(file) if worded(text)}
    found |= {*_ALLOWED.values(), *UNANSWERED.values()}
    assert len(found) > 150
    english = [
        text for text in sorted(found - LEFT) if told("zh", HOLE.sub("7", text)) == HOLE.sub("7", text)
    ]
    assert english == []


def test_a_translated_problem_keeps_the_places_to_fill():
    for english, chinese in catalogue("zh").items():
        assert sorted(set(HOLE.findall(english))) == sorted(set(HOLE.findall(chinese))), english


def test_what_fills_a_sentence_is_kept_and_translated_in_turn():
    assert told("zh", "a value of age: mean ± SD, median (q1-q3) or a mean").startswith("age 的值：均值")
    assert told("zh", "at least 2, one for each arm") == "至少 2，每组一名"
    assert told("en", "this entry is required") == "this entry is required"


@pytest.mark.parametrize("text", ["", "7", "{0}", "a sentence that nobody wrote", "(" * 300, "x" * 5000])
def test_a_sentence_without_a_pattern_is_left_alone(text):
    assert told("zh", text) == text


def test_what_a_reader_typed_is_not_taken_for_a_sentence():
    kept = of_problem("zh", Problem("identity.title", "'nothing'", "a shorter text"))
    assert kept == Problem("identity.title", "'nothing'", "更短的文本")


def test_the_problems_of_a_bad_form_are_chinese():
    data = load_protocol("lin2017").as_dict()
    data["arms"]["msc"]["regimen"][0]["dose"] = "5e6 cells/kilo"
    data["follow_up"]["weeks"] = "x"
    data["endpoints"]["primary"]["week"] = 99
    data["population"]["age"] = {"min": 70, "max": 20}
    with pytest.raises(BadInput) as refused:
        protocol_from_dict(data)
    for problem in refused.value.problems:
        assert re.search("[一-鿿]", of_problem("zh", problem).allowed), problem
