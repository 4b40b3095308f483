"""What a cell printed, put together from the pieces in which a kernel sent it."""

from __future__ import annotations

import re
from typing import Any

OVERWRITTEN = re.compile(r".*\r(?=[^\n])")
"""What a terminal writes over: a line of progress before a carriage return."""


def joined(outputs: list[Any]) -> list[Any]:
    """A cell's outputs with the pieces of a stream put together as they came.

    A kernel sends what a program prints in pieces that end anywhere. MyST-NB's own merging ends each with a
    new line, which tears lines and the colours' escape sequences.
    """
    made: list[Any] = []
    streams: dict[str, Any] = {}
    for output in outputs:
        if output["output_type"] != "stream":
            made.append(output)
        elif output["name"] in streams:
            streams[output["name"]]["text"] += output["text"]
        else:
            streams[output["name"]] = output
            made.append(output)
    for output in streams.values():
        output["text"] = OVERWRITTEN.sub("", output["text"]).rstrip() + "\n"
    return made
