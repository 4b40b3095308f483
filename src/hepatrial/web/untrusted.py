"""TOML of strangers, parsed in a child process with limits of time and memory."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from typing import Any

from hepatrial.errors import BadInput, Problem
from hepatrial.model.children import child_command, child_environment, limit_resources, quiet_stdout
from hepatrial.web.plain import check_plain

SECONDS, MEGABYTES = 5.0, 1024


def read_toml_text(text: str, place: str) -> dict[str, Any]:
    """A TOML text as plain data.

    Args:
        text: of a stranger.
        place: what it is called in problems.

    Raises:
        BadInput: no TOML, too deeply nested, or it takes too long or too much memory to read.
    """
    try:
        done = subprocess.run(
            child_command("hepatrial.web.untrusted"),
            input=text.encode("utf-8", "replace"),
            capture_output=True,
            timeout=3 * SECONDS,
            env=child_environment(),
        )
        told = json.loads(done.stdout.decode())
    except (subprocess.TimeoutExpired, ValueError):
        given = "a text that takes too long or too much memory to read"
        raise BadInput([Problem(place, given, "a TOML file of ordinary size")]) from None
    if "problem" in told:
        raise BadInput([Problem(place, told["problem"], "a TOML file (https://toml.io)")])
    data: dict[str, Any] = told["data"]
    check_plain(data, place)
    return data


def child() -> None:
    """The child: TOML on stdin, data or a problem as JSON on stdout."""
    raw = sys.stdin.buffer.read()
    out = quiet_stdout()
    limit_resources(MEGABYTES, SECONDS)
    told: dict[str, Any]
    try:
        data = tomllib.loads(raw.decode("utf-8-sig"))
        told = {"data": json.loads(json.dumps(data, allow_nan=False))}
    except RecursionError:
        told = {"problem": "tables or lists nested too deeply"}
    except MemoryError:
        told = {"problem": "a text that needs too much memory"}
    except (ValueError, TypeError) as error:
        told = {"problem": str(error)[:300]}
    json.dump(told, out)
    out.close()
