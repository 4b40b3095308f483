"""Run a protocol: cohort, randomised trials, counterfactual arms, tables in a run folder."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from hepatrial.ensemble.merge import collect_parts, cores, tell_missing, write_run_json
from hepatrial.ensemble.shares import Share
from hepatrial.ensemble.storage import Shards, json_bytes, parquet_bytes, prepare
from hepatrial.errors import BadInput, Problem, RunFailed, nearest_name
from hepatrial.model import load_patient_model
from hepatrial.model.variants import load_variants
from hepatrial.population.admission import admission_table
from hepatrial.population.cohort import Cohort, acceptance_of, make_illness, table1_columns
from hepatrial.population.deck import Deck, make_deck
from hepatrial.population.machine import Machine
from hepatrial.population.pool import CHUNK
from hepatrial.protocol import Protocol, protocol_from_dict
from hepatrial.provenance import fingerprint, package_versions
from hepatrial.trial.courses import Tables, Trial, VariantSet, simulate_courses
from hepatrial.trial.folder import FORMAT, TABLES, RunFolder
from hepatrial.trial.job import (
    COURSE_CHUNK,
    Job,
    Progress,
    course_files,
    job_of_spec,
    missing_courses,
    share_onset,
    tidy,
    work_on_cluster,
)
from hepatrial.trial.plan import make_plan
from hepatrial.trial.stages import in_phases

LARGEST_RUN = 10_000_000
"""Most courses in one run."""


def run_trial(
    protocol: Protocol,
    *,
    patients: int | None = None,
    replicates: int = 200,
    pairs: int = 5_000,
    seed: int = 1,
    settings: Mapping[str, float] | None = None,
    variant: str | None = None,
    threads: int | None = None,
    out: Path | str,
    progress: Progress | None = None,
    machine: Machine | None = None,
    onset_chunk: int | None = None,
    course_chunk: int = COURSE_CHUNK,
    scheduler: str | None = None,
    share: Share | None = None,
) -> RunFolder:
    """Simulate a protocol into a run folder; a folder of the same run is resumed.

    Args:
        protocol: what was planned.
        patients: randomised in each trial, in the planned ratio; default as planned.
        replicates: simulated trials.
        pairs: patients followed in every arm with the same luck.
        seed: of all chance, 0 <= seed < 2**64.
        settings: card -> value; ``NAME.spread`` and ``NAME.share`` change how patients differ.
        variant: structural variant of the cell effect in force; default: each trial draws one by its weight.
        threads: workers; default all processors. Changes no result.
        out: the run folder, new, empty or of the same run.
        progress: called with (stage, done, total).
        machine: model and engine; default the patient model and the compiled engine.
        onset_chunk, course_chunk: patients in one engine call; change no result.
        scheduler: address of a Dask scheduler whose workers see ``out`` under the same path.
        share: do only this share of the courses, for ``merge_trial``.

    Returns:
        The finished run; of a share, the folder as far as it is.

    Raises:
        BadInput: with everything that is wrong; the folder is then left as it was.
        KeyboardInterrupt: the run was interrupted; it can be resumed by the same call.
    """
    begun = time.time()
    check_options(protocol, patients, replicates, pairs, seed, variant, threads)
    deck = make_deck(settings)
    if patients is not None:
        protocol = protocol.with_patients(patients)
    machine = machine or patient_machine()
    variants = variant_set(variant)
    options = {
        "replicates": replicates,
        "pairs": pairs,
        "seed": seed,
        "settings": {name: float(value) for name, value in (settings or {}).items()},
        "variant": variant,
    }
    shards = prepare(Path(out), run_spec(protocol, options, machine, deck, variants))
    workers = threads or cores()
    tell = progress or (lambda _stage, _done, _total: None)
    if _finished(shards):
        write_run_json(shards.path, begun, workers)
        return RunFolder.open(shards.path)

    job = Job(
        machine,
        make_illness(protocol, deck, seed),
        variants,
        make_plan(protocol, seed, replicates, pairs, np.array(variants.weights)),
        max(replicates * protocol.patients, pairs),
        onset_chunk or CHUNK,
        course_chunk,
    )
    shards = replace(shards, writer=share.writer if share else "")
    if scheduler is not None:
        work_on_cluster(scheduler, job, shards, share, tell)
    elif share is not None:
        share_onset(job, shards, share, workers, tell)
    trial = job.trial(shards, workers, tell, ahead=1 if scheduler or share else None)
    _simulate(trial, job, shards, share, workers, tell)
    if share is not None:
        return RunFolder(shards.path)
    _write_tables(trial, job, shards)
    tidy(shards, trial, job)
    write_run_json(shards.path, begun, workers)
    return RunFolder.open(shards.path)


def resume_trial(
    path: Path | str,
    *,
    threads: int | None = None,
    progress: Progress | None = None,
    scheduler: str | None = None,
    share: Share | None = None,
) -> RunFolder:
    """Finish an interrupted run; its tables are those of an uninterrupted one, byte for byte.

    The arguments are those of ``run_trial``.

    Raises:
        BadInput: no run there, or one of another model or other versions.
    """
    run = RunFolder(Path(path))
    if not (run.path / "spec.json").exists():
        raise BadInput([Problem("run folder", str(path), "must be a folder that `hepatrial run` wrote")])
    options = run.spec["options"]
    protocol = protocol_from_dict(run.spec["protocol"])
    return run_trial(
        protocol,
        **options,
        threads=threads,
        out=run.path,
        progress=progress,
        scheduler=scheduler,
        share=share,
    )


def merge_trial(
    path: Path | str,
    parts: Sequence[Path | str] = (),
    *,
    threads: int | None = None,
    progress: Progress | None = None,
) -> RunFolder:
    """Make the shares of a run one finished run; nothing is simulated.

    Args:
        path: the run folder, which may hold several shares.
        parts: further folders that hold shares of the same run.
        threads, progress: as in ``run_trial``.

    Raises:
        BadInput: one of the folders holds no run, or another one.
        RunFailed: shards are missing; the message says which.
    """
    path = Path(path)
    collect_parts(path, [Path(part) for part in parts])
    shards = Shards(path)
    if not _finished(shards):
        chunks = job_of_spec(RunFolder(path).spec).chunks
        missing = missing_courses(shards, chunks)
        if missing:
            told = tell_missing(shards, missing, len(chunks))
            raise RunFailed(f"The run in {path} is not finished: {told}")
    return resume_trial(path, threads=threads, progress=progress)


def patient_machine(rtol: float = 1e-4) -> Machine:
    """The patient model in the compiled engine."""
    from hepatrial.engine import compile_model, simulate

    spec = load_patient_model()
    return Machine(spec, partial(simulate, compile_model(spec), rtol=rtol))


def variant_set(variant: str | None) -> VariantSet:
    """All variants with their prior weights, or one alone.

    Raises:
        BadInput: no variant of that name.
    """
    known = load_variants()
    if variant is not None and variant not in known:
        allowed = f"one of {', '.join(known)}"
        raise BadInput([Problem("--variant", repr(variant), allowed, nearest_name(variant, known))])
    chosen = [one for name, one in known.items() if variant in (None, name)]
    return VariantSet(
        tuple(one.name for one in chosen),
        tuple(one.weight for one in chosen),
        tuple(one.overrides for one in chosen),
    )


def check_options(
    protocol: Protocol,
    patients: int | None,
    replicates: int,
    pairs: int,
    seed: int,
    variant: str | None,
    threads: int | None,
) -> None:
    """Refuse options that cannot be.

    Raises:
        BadInput: with all of them.
    """
    arms = len(protocol.arms)
    limits = (
        ("--patients", patients, arms, LARGEST_RUN, f"at least {arms}, one for each arm"),
        ("--replicates", replicates, 1, LARGEST_RUN, "at least 1"),
        ("--pairs", pairs, 0, LARGEST_RUN, "at least 0"),
        ("--seed", seed, 0, 2**64 - 1, "from 0 to 2^64 - 1"),
        ("--threads", threads, 1, 1024, "at least 1"),
    )
    problems = [
        Problem(name, str(value), f"a whole number, {allowed}")
        for name, value, low, high, allowed in limits
        if value is not None and (isinstance(value, bool) or not low <= value <= high or value != int(value))
    ]
    courses = (patients or protocol.patients) * replicates + pairs * arms
    if not problems and courses > LARGEST_RUN:
        allowed = f"at most {LARGEST_RUN:,} courses (patients x replicates + pairs x arms)"
        problems.append(Problem("--replicates", f"{courses:,} courses", allowed))
    try:
        variant_set(variant)
    except BadInput as bad:
        problems += bad.problems
    if problems:
        raise BadInput(problems)


def run_spec(
    protocol: Protocol, options: Mapping[str, Any], machine: Machine, deck: Deck, variants: VariantSet
) -> dict[str, Any]:
    """What a run is: two runs of equal specs have equal tables."""
    cards = {
        table: {name: card.model_dump(mode="json") for name, card in getattr(deck, table).items()}
        for table in ("model", "population", "assay")
    }
    effects = {name: dict(changes) for name, changes in zip(variants.names, variants.overrides, strict=True)}
    return {
        "format": FORMAT,
        "protocol": protocol.as_dict(),
        "options": dict(options),
        "model_hash": machine.spec.hash,
        "cards_hash": fingerprint(cards),
        "variants": {
            name: {"weight": weight, "overrides": effects[name]}
            for name, weight in zip(variants.names, variants.weights, strict=True)
        },
        "versions": package_versions(),
    }


def _finished(shards: Shards) -> bool:
    """Whether every final file is there and whole."""
    names = (*(f"{name}.parquet" for name in TABLES), "acceptance.json", "admission.json")
    return all(shards.get(name) is not None for name in names)


def _simulate(
    trial: Trial, job: Job, shards: Shards, share: Share | None, workers: int, tell: Progress
) -> None:
    """Simulate every chunk that is not in the folder yet; the main thread does all the writing."""
    chunks = job.chunks
    mine = [number for number in range(len(chunks)) if share is None or share.has(number)]
    missing = set(missing_courses(shards, chunks))
    todo = [chunks[number] for number in mine if number in missing]
    total = len(mine)
    done = total - len(todo)
    tell("courses", done, total)
    pending: dict[Future[Tables], str] = {}
    queue = iter(todo)
    executor = ThreadPoolExecutor(max_workers=workers)
    try:
        while True:
            for stem, rows in queue:
                pending[executor.submit(simulate_courses, trial, rows)] = stem
                if len(pending) > workers:
                    break
            if not pending:
                return
            ready, _ = wait(pending, return_when=FIRST_COMPLETED)
            for future in ready:
                shards.put_all(course_files(pending.pop(future), future.result()))
                done += 1
                tell("courses", done, total)
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _write_tables(trial: Trial, job: Job, shards: Shards) -> None:
    """Join the chunks, which are in the order of the final tables, and describe the cohort."""
    stems = [stem for stem, _ in job.chunks]
    joined = {
        table: pl.concat(
            [pl.read_parquet(BytesIO(shards.get(f"{stem}.{table}.parquet") or b"")) for stem in stems]
        )
        for table in TABLES
    }
    joined = in_phases(trial.protocol, joined)
    for table in TABLES:
        shards.put(f"{table}.parquet", parquet_bytes(joined[table]), durable=True)
    shards.put("acceptance.json", json_bytes(acceptance_of(trial.cohort)), durable=True)
    admission = _admission(trial.machine, trial.cohort).to_dicts()
    shards.put("admission.json", json_bytes(admission), durable=True)


def _admission(machine: Machine, cohort: Cohort) -> pl.DataFrame:
    """The admission table of the run's subjects (matched, when a Table 1 is asked for)."""
    columns = table1_columns(machine.spec, cohort.pool, cohort.traits)
    columns["vasopressor"] = cohort.pool.measure("vasopressor")
    mine = {name: values[cohort.index] for name, values in columns.items()}
    traits = ("age", "female", "cirrhosis", "infected_at_entry")
    return admission_table(mine, *(mine[name] for name in traits))
