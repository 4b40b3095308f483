"""Antimony text to flattened SBML Level 3 Version 2."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import antimony
import libsbml

from hepatrial.errors import BadInput, Problem
from hepatrial.model.literals import antimony_number_problems
from hepatrial.model.sbml import spec_from_sbml
from hepatrial.model.spec import ModelSpec

# libAntimony keeps the loaded models in global variables.
_lock = threading.Lock()


def antimony_to_sbml(text: str, folder: Path | None = None) -> str:
    """The main model of an Antimony text as flattened SBML L3V2, without comments of the converter.

    Args:
        text: Antimony text.
        folder: where imported files are looked for.

    Raises:
        BadInput: libAntimony cannot read the text.
    """
    if "\0" in text:
        raise BadInput([Problem("Antimony text", "a NUL character", "must be text")])
    problems = antimony_number_problems(text)
    if problems:
        raise BadInput(problems)
    with _lock:
        antimony.clearPreviousLoads()
        antimony.clearDirectories()
        if folder is not None:
            antimony.addDirectory(str(folder))
        if antimony.loadAntimonyString(text) < 0:
            raise BadInput([_problem(antimony.getLastError())])
        raw: str = antimony.getSBMLString(antimony.getMainModuleName())
    return canonical_sbml(raw)


def canonical_sbml(sbml: str) -> str:
    """The SBML in the layout that libSBML writes, with nothing but the document itself."""
    document = libsbml.readSBMLFromString(sbml)
    writer = libsbml.SBMLWriter()
    writer.setProgramName("")
    canonical: str = writer.writeSBMLToString(document)
    return re.sub(r"<!--.*?-->\s*", "", canonical, flags=re.DOTALL)


def spec_from_antimony(text: str, folder: Path | None = None) -> ModelSpec:
    """The model specification of an Antimony text.

    Args:
        text: Antimony text.
        folder: where imported files are looked for.

    Raises:
        BadInput: with everything that is wrong in the text or unsupported by the conventions.
    """
    return spec_from_sbml(antimony_to_sbml(text, folder))


def spec_from_antimony_file(path: Path) -> ModelSpec:
    """The model specification of an Antimony file and those it imports from its folder.

    Raises:
        BadInput: the file cannot be read, or as :func:`spec_from_antimony`.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problem = Problem(str(path), str(error), "a readable Antimony text file in UTF-8")
        raise BadInput([problem]) from error
    return spec_from_antimony(text, Path(path).resolve().parent)


def _problem(message: str) -> Problem:
    found = re.search(r"line (\d+):\s*(.*)", message, flags=re.DOTALL)
    place = f"Antimony text, line {found[1]}" if found else "Antimony text"
    said = " ".join((found[2] if found else message).split())
    return Problem(place, said, "must be a model that libAntimony can read")
