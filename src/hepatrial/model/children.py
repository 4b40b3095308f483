"""Child processes for work that may crash or hang: how they are called and limited; the files they get.

Nothing here loads numpy, so that a command can start its child before anything else.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import Any

from hepatrial.errors import BadInput, Problem

LARGEST_FILE = 64_000_000


def check_file(file: Path) -> None:
    """Raise BadInput for a file that cannot be read or is larger than any model."""
    allowed = "must be a file that can be read"
    try:
        found = file.stat()
        regular = stat.S_ISREG(found.st_mode)  # a pipe or a device may never end
        if regular:
            file.open("rb").close()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        given = getattr(error, "strerror", None) or str(error)
        raise BadInput([Problem(str(file), given, allowed)]) from None
    if not regular:
        raise BadInput([Problem(str(file), "a folder, pipe or device", allowed)])
    if found.st_size > LARGEST_FILE:
        given = f"{found.st_size} bytes"
        raise BadInput([Problem(str(file), given, f"must not be larger than {LARGEST_FILE}")])


def child_command(module: str) -> list[str]:
    """How to call the function ``child`` of a module in a process of its own.

    ``-P`` keeps the current folder, which may be a stranger's, from being searched for modules.
    """
    return [sys.executable, "-P", "-c", f"from {module} import child; child()"]


def child_environment() -> dict[str, str]:
    """The environment in which a child finds the same packages."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}


def limit_resources(megabytes: int, seconds: float | None = None) -> None:
    """Limit this process's memory and processor time, where the platform can."""
    try:
        import resource
    except ImportError:  # Windows
        return
    limits = [(resource.RLIMIT_AS, megabytes * 2**20), (resource.RLIMIT_CORE, 0)]
    if seconds is not None:
        limits.append((resource.RLIMIT_CPU, int(seconds) + 1))
    for kind, most in limits:
        try:
            resource.setrlimit(kind, (most, most))
        except (ValueError, OSError):  # a lower limit is set already, or the platform has none of this kind
            continue


def quiet_stdout() -> Any:
    """A stream on the true stdout; whatever the native libraries print goes to stderr from now on."""
    kept = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return kept
