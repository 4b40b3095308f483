"""A call in a child process with limits of time and memory: a crash or a hang of it is a sentence here.

The child writes lines of JSON: ``{"read": true}`` once its input has been read, then its answer.
"""

from __future__ import annotations

import atexit
import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from hepatrial.errors import BadInput, Problem, RunFailed
from hepatrial.model.children import child_command, child_environment, limit_resources, quiet_stdout

MEGABYTES = 4096


_early: dict[str, subprocess.Popen[bytes]] = {}


def start_early(module: str) -> None:
    """Let the child of a later :func:`call_apart` load its libraries meanwhile; it ends with this process."""
    child = _early[module] = _start(module)
    atexit.register(child.kill)


def _start(module: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        child_command(module),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=child_environment(),
    )


def call_apart(module: str, asked: dict[str, Any], place: str, seconds: float) -> Any:
    """The answer of ``module.child`` (one that calls :func:`answer_apart`) to a question.

    Args:
        module: full name.
        asked: the question, plain data.
        place: what is to blame in a message, such as the model's file.
        seconds: time that the child may take.

    Raises:
        BadInput: the child's own, or its input crashes a parser or takes too long to read.
        RunFailed: the child's own, or the work takes too long.
    """
    child = _early.pop(module, None) or _start(module)
    try:
        out, _ = child.communicate(json.dumps(asked).encode(), timeout=seconds)
        late = False
    except subprocess.TimeoutExpired:
        late = True
    finally:
        child.kill()
    if late:
        out, _ = child.communicate()
    told = _told(out)
    if "answer" in told:
        return told["answer"]
    if "problems" in told:
        raise BadInput(Problem(**problem) for problem in told["problems"])
    if "failed" in told:
        raise RunFailed(told["failed"])
    if late and "read" in told:
        raise RunFailed(f"It takes more than {seconds:g} s.")
    given = f"a text that takes more than {seconds:g} s to read" if late else "a text that crashes its reader"
    raise BadInput([Problem(place, given, "must be SBML core or Antimony that can be read and simulated")])


def _told(out: bytes) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for line in out.decode(errors="replace").splitlines():
        try:
            told |= json.loads(line)
        except ValueError:  # cut off by a crash
            continue
    return told


def answer_apart(answer: Callable[[dict[str, Any], Callable[[], None]], Any]) -> None:
    """In the child: read the question, write the answer.

    Args:
        answer: of the question and a function to be called once the input has been read.
    """
    text = sys.stdin.buffer.read()
    if not text:  # started early, and then there was nothing to ask
        return
    asked = json.loads(text)
    out = quiet_stdout()
    limit_resources(MEGABYTES)

    def say(told: dict[str, Any]) -> None:
        out.write(json.dumps(told) + "\n")
        out.flush()

    try:
        say({"answer": answer(asked, lambda: say({"read": True}))})
    except BadInput as bad:
        say({"problems": [vars(problem) for problem in bad.problems]})
    except RunFailed as failed:
        say({"failed": str(failed)})
    except MemoryError:
        say({"failed": f"It needs more than {MEGABYTES} MB."})
    except Exception as bug:  # a bug is a sentence too, and not to be taken for a crash of a parser
        say({"failed": f"An internal error ({type(bug).__name__}: {bug}); please report it with the input."})
