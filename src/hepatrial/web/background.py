"""Results that take seconds and never change: made once in a child process, so that pages stay quick."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from threading import Lock
from typing import Any

NICE = 10
_lock = Lock()
_made: dict[tuple[str, tuple[Any, ...]], Future[Any]] = {}
_pool: ProcessPoolExecutor | None = None


def begin(function: Callable[..., Any], *given: Any) -> Future[Any]:
    """A result that is being made, or is there already; asked for again it is the same one.

    Args:
        function: of a module, so that the child finds it.
        given: its arguments; hashable.
    """
    key = (f"{function.__module__}.{function.__qualname__}", given)
    with _lock:
        found = _made.get(key)
        if found is None or (found.done() and found.exception() is not None):
            found = _made[key] = _submit(function, *given)
        return found


def _child() -> ProcessPoolExecutor:
    """The child process, begun when it is first needed; the lock is held."""
    global _pool
    if _pool is None:
        spawn = multiprocessing.get_context("spawn")
        _pool = ProcessPoolExecutor(2, mp_context=spawn, initializer=os.nice, initargs=(NICE,))
    return _pool


def run(function: Callable[..., Any], *given: Any) -> Any:
    """A result made in the child now; nothing is kept. What the function raises is raised.

    A child that was killed (no memory left) is replaced once; a function that ends its child twice is a bug.
    """
    for last in (False, True):
        with _lock:
            made = _submit(function, *given)
        try:
            return made.result()
        except BrokenProcessPool:
            if last:
                raise
    raise AssertionError("it was tried twice")


def _submit(function: Callable[..., Any], *given: Any) -> Future[Any]:
    """Hand work to the child, to a new one where the last was killed; the lock is held."""
    global _pool
    try:
        return _child().submit(function, *given)
    except BrokenProcessPool:
        _pool = None
        return _child().submit(function, *given)


def close() -> None:
    """End the child, if there is one."""
    global _pool
    with _lock:
        if _pool is not None:
            children = list((getattr(_pool, "_processes", None) or {}).values())
            _pool.shutdown(wait=False, cancel_futures=True)
            for process in children:
                process.kill()
        _pool = None
        _made.clear()
