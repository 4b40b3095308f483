"""Run a protocol: cohort, randomised trials, counterfactual arms, tables in a run folder."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hepatrial.ensemble.merge import collect_parts, cores, tell_missing, write_run_json
from hepatrial.ensemble.shares import Share
from hepatrial.ensemble.storage import Shards, json_bytes, parquet_bytes, prepare
from hepatrial.errors import BadInput, Problem, RunFailed, nearest_name
from hepatrial.model import load_patient_model
from hepatrial.model.variants import load_variants
from hepatrial.population.admission import admission_table
from hepatrial.population.cohort import acceptance_of, table1_columns
from hepatrial.population.deck import Deck, make_deck
from hepatrial.population.machine import Machine
from hepatrial.population.pool import CHUNK
from hepatrial.protocol import Protocol, protocol_from_dict
from hepatrial.provenance import fingerprint, package_versions
from hepatrial.trial.admit import share_onset, tidy, work_on_cluster, worlds_of_share
from hepatrial.trial.courses import AGAIN, COURSE, Trial, VariantSet
from hepatrial.trial.folder import FORMAT, TABLES, RunFolder
from hepatrial.trial.follow import follow
from hepatrial.trial.job import COURSE_CHUNK, Job, Progress, job_of_spec, missing_courses, read_worlds
from hepatrial.trial.plan import make_plan
from hepatrial.trial.plausible import CARDS, FILE, Worlds
from hepatrial.trial.stages import in_phases

FOLLOWED_AGAIN = "again.parquet"
"""Subject rows of the counterfactual persons who were followed once more with other luck."""
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
    worlds: Worlds = CARDS,
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
        worlds: plausible worlds that the run averages over; default the cards alone.
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
    variants = variant_set(variant, worlds.variants)
    options = {
        "replicates": replicates,
        "pairs": pairs,
        "seed": seed,
        "settings": {name: float(value) for name, value in (settings or {}).items()},
        "variant": variant,
    }
    spec = run_spec(protocol, options, machine, deck, variants, worlds)
    shards = prepare(Path(out), spec, {} if worlds.alone else {FILE: worlds.to_bytes()})
    workers = threads or cores()
    tell = progress or (lambda _stage, _done, _total: None)
    if _finished(shards):
        write_run_json(shards.path, begun, workers)
        return RunFolder.open(shards.path)

    job = make_job(machine, protocol, options, worlds, onset_chunk or CHUNK, course_chunk)
    shards = replace(shards, writer=share.writer if share else "")
    if scheduler is not None:
        work_on_cluster(scheduler, job, shards, share, tell)
    elif share is not None and worlds.alone:
        share_onset(job, shards, share, workers, tell)
    wanted = worlds_of_share(job, share)
    trials = follow(job, shards, share, workers, tell, wanted, ahead=1 if scheduler or share else None)
    if share is not None:
        return RunFolder(shards.path)
    _write_tables(list(trials.values()), job, shards)
    tidy(shards, trials.values(), job)
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
        worlds=read_worlds(run.path, run.spec),
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
        chunks = job_of_spec(path, RunFolder(path).spec).chunks
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


def make_job(
    machine: Machine,
    protocol: Protocol,
    options: Mapping[str, Any],
    worlds: Worlds,
    onset_size: int = CHUNK,
    course_size: int = COURSE_CHUNK,
) -> Job:
    """The job of a run; ``options`` as ``run_spec`` keeps them."""
    variants = variant_set(options["variant"], worlds.variants)
    sizes = (options["replicates"], options["pairs"])
    plan = make_plan(protocol, options["seed"], *sizes, np.array(variants.weights), len(worlds))
    return Job(
        machine,
        protocol,
        options["seed"],
        options["settings"],
        variants,
        worlds,
        plan,
        onset_size,
        course_size,
    )


def variant_set(variant: str | None, weights: Mapping[str, float] | None = None) -> VariantSet:
    """All variants of positive weight, or one alone.

    Args:
        variant: the only one.
        weights: variant -> weight; default the prior weights.

    Raises:
        BadInput: no variant of that name.
    """
    known = load_variants()
    if variant is not None and variant not in known:
        allowed = f"one of {', '.join(known)}"
        raise BadInput([Problem("--variant", repr(variant), allowed, nearest_name(variant, known))])
    weight = {name: weights.get(name, 0.0) if weights else one.weight for name, one in known.items()}
    if variant is not None:
        return VariantSet((variant,), (weight[variant] or 1.0,), (known[variant].overrides,))
    chosen = [one for name, one in known.items() if weight[name] > 0]
    return VariantSet(
        tuple(one.name for one in chosen),
        tuple(weight[one.name] for one in chosen),
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
    protocol: Protocol,
    options: Mapping[str, Any],
    machine: Machine,
    deck: Deck,
    variants: VariantSet,
    worlds: Worlds = CARDS,
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
        "worlds": worlds.told,
        "versions": package_versions(),
    }


def _finished(shards: Shards) -> bool:
    """Whether every final file is there and whole."""
    names = (*(f"{name}.parquet" for name in TABLES), FOLLOWED_AGAIN, "acceptance.json", "admission.json")
    return all(shards.get(name) is not None for name in names)


def _write_tables(trials: Sequence[Trial], job: Job, shards: Shards) -> None:
    """Join the chunks in the order of the final tables, and describe the cohorts."""
    joined = in_phases(job.protocol, {table: _join(job, shards, table, COURSE) for table in TABLES})
    for table in TABLES:
        shards.put(f"{table}.parquet", parquet_bytes(joined[table]), durable=True)
    shards.put(FOLLOWED_AGAIN, parquet_bytes(_join(job, shards, "subject", AGAIN)), durable=True)
    told = acceptance_of(*(trial.cohort for trial in trials))
    shards.put("acceptance.json", json_bytes(told), durable=True)
    shards.put("admission.json", json_bytes(_admission(trials).to_dicts()), durable=True)


def _join(job: Job, shards: Shards, table: str, luck_of: str) -> pl.DataFrame:
    """A table from its chunks, sorted as the plan; rows of one subject keep their order."""
    names = [f"{chunk.stem}.{table}.parquet" for chunk in job.chunks if chunk.luck_of == luck_of]
    parts = [pl.read_parquet(BytesIO(shards.get(name) or b"")) for name in names]
    joined = pl.concat(parts) if parts else pl.DataFrame({"subject": pl.Series([], dtype=pl.Int32)})
    keys = ["replicate", "arm", "subject"]
    several = len(job.worlds) > 1 and joined.height
    return joined.sort(keys, maintain_order=True) if several else joined


def _admission(trials: Sequence[Trial]) -> pl.DataFrame:
    """The admission table of the run's subjects (matched, when a Table 1 is asked for)."""
    mine = [_admitted(trial) for trial in trials]
    joined = {name: np.concatenate([one[name] for one in mine]) for name in mine[0]}
    traits = ("age", "female", "cirrhosis", "infected_at_entry")
    return admission_table(joined, *(joined[name] for name in traits))


def _admitted(trial: Trial) -> dict[str, NDArray[np.float64]]:
    cohort = trial.cohort
    columns = table1_columns(trial.machine.spec, cohort.pool, cohort.traits)
    columns["vasopressor"] = cohort.pool.measure("vasopressor")
    return {name: values[cohort.index] for name, values in columns.items()}
