"""``hepatrial serve`` as a command: what it says when it cannot serve."""

from __future__ import annotations

import socket
import sys

import pytest
from typer.testing import CliRunner

from hepatrial.cli.app import app
from hepatrial.web.jobs.queue import take


def called(*arguments):
    return CliRunner().invoke(app, ["serve", *arguments])


@pytest.mark.parametrize("missing", ["fastapi", "uvicorn"])
def test_without_the_extra_it_says_how_to_install_it(monkeypatch, tmp_path, missing):
    for name in [one for one in sys.modules if one.startswith("hepatrial.web")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    done = called("--data", str(tmp_path))
    assert done.exit_code == 1
    assert "pip install 'hepatrial[web]'" in done.output


def test_a_port_in_use_is_bad_input(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        done = called("--data", str(tmp_path), "--port", str(other.getsockname()[1]))
    assert done.exit_code == 2
    assert "free port" in done.output


def test_two_servers_do_not_share_a_data_folder(tmp_path):
    mine = take(tmp_path)
    try:
        done = called("--data", str(tmp_path), "--port", "0")
    finally:
        mine.close()
    assert done.exit_code == 1
    assert "another server works on" in done.output
