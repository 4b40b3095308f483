"""Sentences of errors in the reader's language.

Errors are made in English by every layer (``Problem.allowed``, ``Problem.given``). The catalogue
``locale/zh/LC_MESSAGES/problems.po`` holds their patterns with numbered places to fill; a sentence is
matched against them, and what filled its places is translated in turn. A sentence without a pattern stays
English.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources

from babel.messages.pofile import read_po

from hepatrial.errors import Problem
from hepatrial.report.patterns import Patterns

DEEPEST = 3
"""Sentences within sentences that are looked at."""
LONGEST = 2000
"""Letters of a sentence that is looked at; a longer one holds what a stranger typed."""


def told(lang: str, sentence: str, depth: int = 0) -> str:
    """A sentence of an error in a language; English where there is no pattern for it."""
    if lang == "en" or depth > DEEPEST or not sentence or len(sentence) > LONGEST:
        return sentence
    said = _patterns(lang)(sentence, lambda _, part: told(lang, part, depth + 1))
    return sentence if said is None else said


def of_problem(lang: str, problem: Problem) -> Problem:
    """A problem with its sentences in a language; place and nearest name are words of the file and stay."""
    place = told(lang, problem.place) if problem.place.startswith("line ") else problem.place
    given = problem.given if len(problem.given) > LONGEST // 10 else told(lang, problem.given)
    return Problem(place, given, told(lang, problem.allowed), problem.nearest)


@cache
def catalogue(lang: str) -> Mapping[str, str]:
    """English pattern -> pattern in ``lang``."""
    file = resources.files("hepatrial.web") / "locale" / lang / "LC_MESSAGES" / "problems.po"
    with file.open("rb") as stream:
        read = read_po(stream, locale=lang)
    return {str(message.id): str(message.string) for message in read if message.id and message.string}


@cache
def _patterns(lang: str) -> Patterns:
    return Patterns.of(catalogue(lang), longest_first=True)
