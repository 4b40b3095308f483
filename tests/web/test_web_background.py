"""What is made in a child process survives the child's death."""

from __future__ import annotations

import os
import signal
from concurrent.futures.process import BrokenProcessPool

import pytest

from hepatrial.web import background


@pytest.fixture(autouse=True)
def _children():
    yield
    background.close()


def test_a_child_that_was_killed_is_replaced():
    os.kill(background.run(os.getpid), signal.SIGKILL)
    assert background.run(abs, -3) == 3
    assert background.begin(abs, -4).result() == 4


def test_a_function_that_ends_its_child_is_not_tried_for_ever():
    with pytest.raises(BrokenProcessPool):
        background.run(os._exit, 1)
    assert background.run(abs, -3) == 3
