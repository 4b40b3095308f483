"""Run an ensemble of any model into a folder: whole, by shares, on a cluster; resume and merge."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from hepatrial.ensemble.cluster import check_scheduler, solve_on_cluster
from hepatrial.ensemble.draws import read_draws
from hepatrial.ensemble.merge import cores, finish, missing_chunks, write_run_json
from hepatrial.ensemble.plan import LARGEST, Options, Plan, option_problems, parse_days, whole_between
from hepatrial.ensemble.results import EnsembleFolder, kind_of
from hepatrial.ensemble.shares import Share, parse_share
from hepatrial.ensemble.storage import Shards, digest_of, is_begun, parquet_bytes, prepare, write_atomic
from hepatrial.ensemble.tables import (
    DoseTable,
    PatientTable,
    Source,
    check_doses,
    check_patients,
    numbers_of,
    opened,
    parts_of_doses,
    parts_of_patients,
)
from hepatrial.ensemble.worker import PIECE, Piece, Worker, pieces_of
from hepatrial.errors import BadInput, Problem
from hepatrial.model.schedule import with_fixed_times
from hepatrial.model.spec import ModelSpec
from hepatrial.model.wire import spec_to_json

T = TypeVar("T")
Progress = Callable[[str, int, int], None]
"""Called with (stage, done, total)."""

MODEL_FILE = "inputs/model.json"
_NO_DAYS: tuple[float, ...] = ()
_NO_DOSES: tuple[tuple[float, int, float], ...] = ()


def run_ensemble(
    model: ModelSpec | str | os.PathLike[str],
    table: Source | None = None,
    *,
    patients: int | None = None,
    draws: Mapping[str, Any] | str | os.PathLike[str] | None = None,
    doses: Source | None = None,
    visits: Sequence[float] | str = (),
    end: float,
    outputs: Sequence[str] | None = None,
    out: Path | str,
    seed: int = 1,
    events: bool = True,
    occurrences: int = 24,
    beyond: str = "fail",
    rtol: float = 1e-4,
    max_steps: int = 20_000,
    precision: str = "float32",
    chunk: int = 4096,
    threads: int | None = None,
    shard: str | Share | None = None,
    scheduler: str | None = None,
    progress: Progress | None = None,
) -> EnsembleFolder | None:
    """Simulate many patients of any model; results are written as they come, in bounded memory.

    Args:
        model: a specification, or a file for :func:`hepatrial.load_model`. Events at a fixed time
            (``time >= 7``) strike then, after a visit of the same time; other general events are refused.
        table: one row a patient; columns are parameters or states (their initial values), and ``patient``,
            the number that keys the patient's luck (default: rows count from 1).
        patients: how many, when there is no table.
        draws: parameters drawn for each patient: name -> ``{"distribution": "lognormal", "median": 1,
            "log_sd": 0.3}`` (or ``normal``: ``mean, sd``; ``uniform``: ``low, high``), or a TOML file of it.
        doses: ``time, action, amount`` for everybody, or with a column ``patient`` for each.
        visits: days at which the outputs are recorded, or a text of them: ``"0,7,28"``, ``"0:168:7"``.
        end: day on which every course ends.
        outputs: states, cumulative hazards (``H_<cause>``), observables; default all.
        out: the run folder: new, empty, or of the same run, which is finished.
        seed: of all chance.
        events: draw thresholds, so that hazard events happen.
        occurrences: thresholds for a cause that recurs.
        beyond: a course in which a cause uses them up is reported as failed (``"fail"``), or the cause does
            not strike again (``"never"``).
        rtol: relative tolerance.
        max_steps: solver steps that a course may take.
        precision: ``"float32"`` or ``"float64"`` of the recorded outputs.
        chunk: patients in a shard. Changes no value.
        threads: default all cores. Changes no value.
        shard: ``"i/n"``: only this share of the chunks; see :func:`merge_ensemble`.
        scheduler: address of a Dask scheduler whose workers see the run folder under the same path.
        progress: called with (stage, done, total).

    Returns:
        The finished ensemble; None when it was a share of it.

    Raises:
        BadInput: with everything that is wrong; nothing is written then.
        RunFailed: the work could not be finished.
    """
    given = model if isinstance(model, ModelSpec) else _load(model)
    trouble: list[Problem] = []
    share = _tried(trouble, lambda: parse_share(shard), None)
    days = _tried(trouble, lambda: _days(visits), _NO_DAYS)
    spec, fixed = _tried(trouble, lambda: with_fixed_times(given), (given, _NO_DOSES))
    options = Options(
        patients=patients or 0,
        visits=days,
        end=end,
        outputs=tuple(outputs) if outputs is not None else spec.outputs,
        seed=seed,
        events=events,
        occurrences=occurrences,
        beyond=beyond,
        rtol=rtol,
        max_steps=max_steps,
        precision=precision,
        chunk=chunk,
    )
    with ExitStack() as stack:
        request = _check(stack, spec, options, patients, table, draws, doses, threads, given.actions, trouble)
        request.plan = replace(request.plan, regimen=(*request.plan.regimen, *fixed))
        if scheduler is not None:
            check_scheduler(scheduler)
        shards = _begin(Path(out), spec, request, share)
    return _carry_out(shards, share, threads, scheduler, progress)


def _tried(trouble: list[Problem], read: Callable[[], T], otherwise: T) -> T:
    """What ``read`` gives, or ``otherwise`` and its problems among the others."""
    try:
        return read()
    except BadInput as bad:
        trouble += bad.problems
        return otherwise


def _days(visits: Sequence[float] | str) -> tuple[float, ...]:
    if not isinstance(visits, str):
        return tuple(float(day) for day in visits)
    return parse_days(visits, "--visits") if visits.strip() else ()


def _load(path: str | os.PathLike[str]) -> ModelSpec:
    from hepatrial.model import load_model

    return load_model(path)


@dataclass
class _Request:
    """What was asked, with the tables still open."""

    plan: Plan
    table: PatientTable | None = None
    doses: DoseTable = field(default_factory=DoseTable)


def _check(
    stack: ExitStack,
    spec: ModelSpec,
    options: Options,
    patients: int | None,
    table: Source | None,
    draws: Mapping[str, Any] | str | os.PathLike[str] | None,
    doses: Source | None,
    threads: int | None,
    actions: tuple[str, ...],
    trouble: Sequence[Problem],
) -> _Request:
    """Everything that can be checked before anything is written.

    Raises:
        BadInput: with everything that is wrong.
    """
    problems = [*trouble, *option_problems(spec, options)]
    if threads is not None and not whole_between(threads, 1, 1024):
        problems.append(Problem("--threads", str(threads), "must be a whole number from 1 to 1024"))
    if (table is None) == (patients is None):
        given = "neither" if table is None else "both"
        problems.append(Problem("--table, --patients", given, "needs one: a table, or how many patients"))
    elif patients is not None and not whole_between(patients, 1, LARGEST):
        allowed = f"must be a whole number from 1 to {LARGEST}"
        problems.append(Problem("--patients", str(patients), allowed))
    drawn: tuple[Any, ...] = ()
    try:
        drawn = read_draws(
            Path(draws) if isinstance(draws, os.PathLike) else draws, (*spec.parameters, *spec.states)
        )
    except BadInput as bad:
        problems += bad.problems
    request = _Request(Plan(options, drawn))
    try:
        if table is not None:
            frame = stack.enter_context(opened(table, "--table"))
            request.table = check_patients(frame, spec.parameters, spec.states, "--table")
            twice = [draw.name for draw in drawn if draw.name in request.table.columns]
            problems += [
                Problem(f"draws.{name}", repr(name), "must not be in the table too") for name in twice
            ]
    except BadInput as bad:
        problems += bad.problems
    rows = request.table.rows if request.table else options.patients
    try:
        if doses is not None and not (table is not None and request.table is None):
            frame = stack.enter_context(opened(doses, "--doses"))
            numbers = numbers_of(request.table, rows)
            request.doses = check_doses(frame, actions, numbers, "--doses")
    except BadInput as bad:
        problems += bad.problems
    if problems:
        raise BadInput(problems)
    own = request.table
    request.plan = Plan(
        replace(options, patients=rows, end=float(options.end), rtol=float(options.rtol)),
        drawn,
        request.doses.regimen,
        own.columns if own else (),
        own.numbered if own else False,
        request.doses.frame is not None,
    )
    return request


def _begin(path: Path, model: ModelSpec, request: _Request, share: Share | None) -> Shards:
    """The run folder with its inputs and its spec; one that has them already is only compared."""
    if path.exists() and not path.is_dir():
        raise BadInput([Problem("--out", str(path), "must be a folder")])
    inputs = {MODEL_FILE: spec_to_json(model).encode()}
    digests = {MODEL_FILE: digest_of(inputs[MODEL_FILE])}
    new = not (path / "spec.json").exists()
    if new:
        _prepare_empty(path)
        write_atomic(path / MODEL_FILE, inputs[MODEL_FILE])
    for name, table in _parts(request):
        data = parquet_bytes(table)
        digests[name] = digest_of(data)
        if new:
            write_atomic(path / name, data)
    prepare(path, request.plan.as_spec(model.hash, digests))
    return Shards(path, share.writer if share else "")


def _prepare_empty(path: Path) -> None:
    """Make the folders of a new run.

    Raises:
        BadInput: the folder holds something else, or cannot be written.
    """
    if is_begun(path) and not (path / "spec.json").exists():
        allowed = "the output folder must be new, empty, or the folder of the same run"
        raise BadInput([Problem("--out", str(path), allowed)])
    try:
        for name in ("inputs", "shards"):
            (path / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        allowed = f"the output folder must be writable ({error.strerror})"
        raise BadInput([Problem("--out", str(path), allowed)]) from error


def _parts(request: _Request) -> Iterator[tuple[str, Any]]:
    """Every table that the folder keeps."""
    plan = request.plan
    if request.table is not None and (plan.columns or plan.numbered):
        yield from parts_of_patients(request.table)
    if request.doses.frame is not None:
        numbers = numbers_of(request.table, plan.options.patients)
        yield from parts_of_doses(request.doses.frame, numbers, plan.options.patients)


def resume_ensemble(
    path: Path | str,
    *,
    threads: int | None = None,
    shard: str | Share | None = None,
    scheduler: str | None = None,
    progress: Progress | None = None,
) -> EnsembleFolder | None:
    """Finish an interrupted ensemble, or a share of it; its files are those of an uninterrupted one.

    Raises:
        BadInput: no ensemble there, or one of other versions.
    """
    path = Path(path)
    if kind_of(path) != "ensemble":
        raise BadInput(
            [Problem("run folder", str(path), "must be a folder that `hepatrial model ensemble` wrote")]
        )
    share = parse_share(shard)
    shards = Shards(path, share.writer if share else "")
    return _carry_out(shards, share, threads, scheduler, progress)


def _carry_out(
    shards: Shards, share: Share | None, threads: int | None, scheduler: str | None, progress: Progress | None
) -> EnsembleFolder | None:
    begun = time.time()
    tell = progress or (lambda _stage, _done, _total: None)
    worker = Worker.of(shards.path)
    worker.check_versions()
    worker.check_inputs()
    workers = threads or cores()
    if scheduler is not None:
        solve_on_cluster(scheduler, shards, worker, share, tell)
        seconds = 0.0
    else:
        seconds = _solve_here(shards, worker, share, workers, tell)
    if share is not None:
        return None
    finish(shards, worker, checked=scheduler is None)
    write_run_json(shards.path, begun, workers, seconds_writing=round(seconds, 3))
    return EnsembleFolder.open(shards.path)


def _solve_here(shards: Shards, worker: Worker, share: Share | None, threads: int, tell: Progress) -> float:
    """Solve every missing chunk in threads; this one encodes and writes meanwhile. Seconds it was writing."""
    todo = missing_chunks(shards, worker, share)
    total = sum(len(worker.plan.rows(c)) for c in range(worker.plan.chunks) if share is None or share.has(c))
    done = total - sum(len(worker.plan.rows(chunk)) for chunk in todo)
    tell("patients", done, total)
    ahead = 2 + threads * PIECE // worker.plan.options.chunk
    queue = deque(todo)
    pending: deque[tuple[int, list[Future[Piece]]]] = deque()
    seconds = 0.0
    pool = ThreadPoolExecutor(max_workers=threads)

    def submit() -> None:
        while queue and len(pending) < ahead:
            chunk = queue.popleft()
            bounds = pieces_of(worker.plan.rows(chunk))
            pending.append((chunk, [pool.submit(worker.solve, *piece) for piece in bounds]))

    try:
        submit()
        while pending:
            chunk, futures = pending.popleft()
            pieces = [future.result() for future in futures]
            submit()  # before the encoding, so that no thread waits for it
            before = time.perf_counter()
            shards.put_all(worker.encode(chunk, pieces))
            seconds += time.perf_counter() - before
            done += len(worker.plan.rows(chunk))
            tell("patients", done, total)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)  # after Ctrl-C the pieces not yet begun are left
    return seconds
