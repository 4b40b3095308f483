"""A model file and its settings to the table of its time course."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from hepatrial.engine.settings import read_settings
from hepatrial.errors import BadInput, Problem
from hepatrial.model.apart import answer_apart
from hepatrial.model.untrusted import read_model


def course_of_files(model: Path, settings: Path, read: Callable[[], None] | None = None) -> str:
    """The table as text: header ``time`` and the variables, a row a time.

    Args:
        model: SBML or Antimony, read in this process: a crash of a parser ends it.
        settings: as the SBML Test Suite writes them.
        read: called once both files have been read.

    Raises:
        BadInput: with everything that is wrong with the two files.
        RunFailed: the course could not be computed, or its two computations differ.
    """
    problems: list[Problem] = []
    asked = spec = None
    try:
        asked = read_settings(settings)
    except BadInput as bad:
        problems.extend(bad.problems)
    try:
        spec = read_model(model)
    except BadInput as bad:
        problems.extend(bad.problems)
    if asked is None or spec is None:
        raise BadInput(problems)
    if read is not None:
        read()
    from hepatrial.engine.confirmed import is_confirmed, keep_confirmed
    from hepatrial.engine.timecourse import csv_text, time_course

    confirmed = is_confirmed(spec, asked)
    table = csv_text(asked, time_course(spec, asked, confirmed))
    if not confirmed:
        keep_confirmed(spec, asked)
    return table


def child() -> None:
    """The child of ``hepatrial model simulate``; it loads what every course needs before it is asked.

    Not scipy, whose import takes longer than all else: a smooth course that was confirmed does without.
    """
    import hepatrial.engine.confirmed
    import hepatrial.engine.timecourse  # noqa: F401

    def answer(asked: dict[str, Any], read: Callable[[], None]) -> str:
        return course_of_files(Path(asked["model"]), Path(asked["settings"]), read)

    answer_apart(answer)
