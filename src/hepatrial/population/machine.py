"""The model and the call that solves it, bound together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hepatrial.engine import Result
from hepatrial.model.spec import ModelSpec


@dataclass(frozen=True)
class Machine:
    """A model ready to run.

    Attributes:
        spec: names and hash of the model.
        solve: the engine's call without its first argument.
    """

    spec: ModelSpec
    solve: Callable[..., Result]
