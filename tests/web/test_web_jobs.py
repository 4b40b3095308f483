"""The registry and the queue, with a worker that does nothing."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from hepatrial.web.jobs import queue as queues
from hepatrial.web.jobs.folders import OUTCOME, Folders
from hepatrial.web.jobs.queue import Queue
from hepatrial.web.jobs.registry import Registry
from hepatrial.web.settings import Settings


@pytest.fixture
def registry(tmp_path):
    return Registry(tmp_path / "registry.sqlite")


def add(registry, title="a run", most=100):
    return registry.add({"options": {}}, title=title, protocol="p", origin="", note="", most=most)


def test_runs_begin_in_the_order_in_which_they_were_asked_for(registry):
    asked = [add(registry, str(k)).id for k in range(4)]
    assert [registry.claim().id for _ in range(4)] == asked
    assert registry.claim() is None


def test_claims_at_once_never_give_one_run_twice(registry):
    asked = {add(registry).id for _ in range(20)}
    with ThreadPoolExecutor(8) as pool:
        claimed = [run.id for run in pool.map(lambda _: registry.claim(), range(30)) if run is not None]
    assert sorted(claimed) == sorted(asked)


def test_the_limit_of_the_queue_holds_against_many_at_once(registry):
    with ThreadPoolExecutor(8) as pool:
        added = [run for run in pool.map(lambda _: add(registry, most=5), range(30)) if run is not None]
    assert len(added) == 5


def test_a_running_run_is_not_deleted(registry):
    run = add(registry).id
    registry.claim()
    assert not registry.delete(run)
    assert registry.get(run) is not None


class Idle:
    """A worker process that ends when it is told."""

    def __init__(self):
        self.run, self.process, self.code = "", self, None
        self.returncode = None

    def begin(self, job):
        self.run = job["run"]
        begun.append(job["run"])

    def poll(self):
        return self.returncode

    def cancel(self):
        self.returncode = -2

    def end(self):
        self.returncode = -9


begun: list[str] = []


@pytest.fixture
def server(tmp_path, registry, monkeypatch):
    begun.clear()
    monkeypatch.setattr(queues, "Worker", Idle)
    queue = Queue(Settings(data=tmp_path, running=2, queued=10), registry)
    yield queue
    queue.close()


def until(condition):
    for _ in range(400):
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("it did not come to that")


def test_at_most_so_many_run_at_a_time_and_the_next_begins_when_one_ends(server, registry):
    runs = [add(registry).id for _ in range(3)]
    server.start()
    server.wake()
    until(lambda: len(begun) == 2)
    time.sleep(0.3)
    assert begun == runs[:2]
    Folders(server.settings.data, runs[0]).write(OUTCOME, {"state": "done", "hash": "abc"})
    server._workers[runs[0]].returncode = 0
    until(lambda: len(begun) == 3)
    assert registry.get(runs[0]).state == "done"
    assert registry.get(runs[0]).hash == "abc"


def test_a_worker_that_dies_leaves_a_failed_run_that_can_be_resumed(server, registry):
    run = add(registry).id
    server.start()
    until(lambda: begun == [run])
    server._workers[run].returncode = -9
    until(lambda: registry.get(run).state == "failed")
    assert "unexpectedly" in registry.get(run).error["message"]
    assert server.resume(run)
    until(lambda: begun == [run, run])
    assert registry.get(run).starts == 2


def test_what_ran_when_the_server_died_waits_again_and_what_had_ended_is_done(server, registry):
    lost, ended = add(registry).id, add(registry).id
    registry.claim()
    registry.claim()
    folders = Folders(server.settings.data, ended)
    folders.job.mkdir(parents=True)
    folders.write(OUTCOME, {"state": "done", "hash": "abc"})
    server.start()
    assert registry.get(ended).state == "done"
    until(lambda: lost in begun)
    assert begun == [lost]


def test_a_stopped_run_is_stopped_and_not_failed(server, registry):
    run = add(registry).id
    server.start()
    until(lambda: begun == [run])
    assert server.cancel(run)
    until(lambda: registry.get(run).state == "cancelled")
    assert not server.cancel(run)
