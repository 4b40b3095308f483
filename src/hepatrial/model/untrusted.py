"""Model files of other people, read in a child process: what crashes or hangs there is a sentence here.

libAntimony 3.3.0 crashes on some malformed texts, and libSBML recurses without limit; neither can be caught
in the process that calls them. The child has a limit of time and of memory and hands back plain data.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hepatrial.errors import BadInput, Problem
from hepatrial.model.children import (
    check_file,
    child_command,
    child_environment,
    limit_resources,
    quiet_stdout,
)
from hepatrial.model.kept import is_sbml, kept_or_read, stands_alone
from hepatrial.model.spec import ModelSpec
from hepatrial.model.wire import spec_from_json, spec_to_json

SECONDS, MEGABYTES = 60.0, 2048


def load_model(
    path: str | os.PathLike[str], seconds: float = SECONDS, megabytes: int = MEGABYTES
) -> ModelSpec:
    """The model in a file: SBML Level 2 Version 4 to Level 3 Version 2 core, or Antimony.

    A file with hazard events or actions as docs/architecture.md has them is read by those conventions. In any
    other, species are kept as amounts (state ``<id>_amount`` where the id means a concentration), ids that
    formulas use are states, observables or parameters, and general events are ``spec.triggers``. Simulate
    models without triggers with :func:`hepatrial.simulate`, all without hazards with
    :func:`hepatrial.engine.simulate_model`.

    Args:
        path: the file; SBML begins with ``<``, everything else is taken for Antimony.
        seconds: time that reading may take.
        megabytes: memory that reading may take (not limited on Windows).

    Raises:
        BadInput: with everything that is wrong or not supported: the element's id, the construct, what to do.
    """
    file = Path(path)
    check_file(file)
    return _kept_or(file, lambda: _read_apart(file, seconds, megabytes))


def _kept_or(file: Path, read: Callable[[], ModelSpec]) -> ModelSpec:
    """The model of a file as it was read before, else that of ``read``."""
    if not stands_alone(file.read_bytes()):
        return read()
    return kept_or_read("file", lambda: [file.read_bytes()], read)


def _read_apart(file: Path, seconds: float, megabytes: int) -> ModelSpec:
    asked = json.dumps({"path": str(file.resolve()), "megabytes": megabytes, "seconds": seconds})
    wanted = "must be SBML core or Antimony"
    try:
        done = subprocess.run(
            child_command("hepatrial.model.untrusted"),
            input=asked.encode(),
            capture_output=True,
            timeout=seconds,
            env=child_environment(),
        )
    except subprocess.TimeoutExpired:
        given = f"a text that takes more than {seconds:g} s to read"
        raise BadInput([Problem(str(file), given, wanted)]) from None
    try:
        told = json.loads(done.stdout.decode())
    except ValueError:
        given = f"a text that crashes its parser (exit {done.returncode})"
        raise BadInput([Problem(str(file), given, wanted)]) from None
    if "problems" in told:
        raise BadInput(Problem(**problem) for problem in told["problems"])
    return spec_from_json(told["spec"])


def read_model(path: Path) -> ModelSpec:
    """As :func:`load_model`, in this process: a crash of a parser ends it.

    Raises:
        BadInput: as :func:`load_model`.
    """
    return _kept_or(path, lambda: read_anew(path))


def read_anew(path: Path) -> ModelSpec:
    """As :func:`read_model`, without the cache folder."""
    from hepatrial.model.antimony import antimony_to_sbml
    from hepatrial.model.sbml import spec_from_sbml
    from hepatrial.model.sbml_core import follows_conventions, spec_from_core_sbml

    raw = path.read_bytes()
    try:
        if is_sbml(raw):
            sbml = raw.decode("utf-8-sig")
        else:
            sbml = antimony_to_sbml(raw.decode("utf-8-sig"), path.parent)
        return spec_from_sbml(sbml) if follows_conventions(sbml) else spec_from_core_sbml(sbml)
    except UnicodeDecodeError as error:
        raise BadInput([Problem(str(path), str(error), "must be text in UTF-8")]) from None
    except RecursionError:
        raise BadInput([Problem(str(path), "formulas nested too deeply", "must be flatter")]) from None


def child() -> None:
    """The child of :func:`load_model`: a path as JSON on stdin, the model or its problems on stdout."""
    asked = json.load(sys.stdin)
    out = quiet_stdout()
    limit_resources(asked["megabytes"], asked["seconds"])
    try:
        told: dict[str, Any] = {"spec": spec_to_json(read_anew(Path(asked["path"])))}
    except BadInput as bad:
        told = {"problems": [vars(problem) for problem in bad.problems]}
    except MemoryError:
        given = f"a text that needs more than {asked['megabytes']} MB to read"
        told = {"problems": [vars(Problem(asked["path"], given, "must be smaller"))]}
    json.dump(told, out)
    out.close()
