"""The front door: run a protocol into a folder with its report. Command line and Python both come here."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

from hepatrial.calibration.worlds import worlds_of
from hepatrial.ensemble.shares import parse_share
from hepatrial.errors import BadInput, Problem, nearest_name
from hepatrial.population.deck import make_deck
from hepatrial.prediction.predict import shipped_ensemble
from hepatrial.protocol import SECTIONS, Protocol, load_protocol
from hepatrial.report import write_report
from hepatrial.report.analysis_source import planned_estimands
from hepatrial.report.catalogue import texts
from hepatrial.trial import RunFolder, merge_trial, resume_trial, run_trial
from hepatrial.trial.plausible import CARDS, Worlds
from hepatrial.trial.run import check_options

Progress = Callable[[str, int, int], None]
"""Called with (stage, done, total)."""

T = TypeVar("T")

PARAMETERS = ("ensemble", "cards")
MEMBERS, MOST_MEMBERS = 40, 10_000
"""Members of the ensemble in a run by default and at most."""


@dataclass(frozen=True)
class Plan:
    """A run that has been checked.

    Attributes:
        protocol: with the settings applied.
        options: what ``run_trial`` takes besides: patients, replicates, pairs, seed, variant, and the
            settings that are no place in the protocol (card -> value); and parameters and members, which
            ``worlds`` come from.
        worlds: plausible worlds that the run averages over.
        out: the run folder.
    """

    protocol: Protocol
    options: dict[str, Any]
    worlds: Worlds
    out: Path


def run(
    protocol: str | Path | Protocol,
    *,
    patients: int | None = None,
    replicates: int = 200,
    pairs: int = 5_000,
    seed: int = 1,
    settings: Mapping[str, object] | None = None,
    variant: str | None = None,
    parameters: str = "ensemble",
    members: int = MEMBERS,
    out: str | Path | None = None,
    lang: str = "en",
    threads: int | None = None,
    progress: Progress | None = None,
    shard: str | None = None,
    scheduler: str | None = None,
) -> RunFolder:
    """Simulate a protocol and write its report.

    Args:
        protocol: name of a shipped protocol, a TOML file, or a loaded protocol.
        patients: randomised in each trial, in the planned ratio; default as planned.
        replicates: how often the whole trial is simulated.
        pairs: virtual patients followed in every arm with the same luck (counterfactual arms).
        seed: of all chance; equal seeds give equal tables and an equal report.
        settings: place in the protocol (``arms.msc.regimen[0].dose``) or model parameter -> value.
        variant: structural variant of the cell effect; default: each trial draws one by its weight.
        parameters: "ensemble": the run averages over members of the ensemble that ships (the posterior; draws
            of the prior where none fits this model); "cards": everybody has the centres of the cards.
        members: of the ensemble; each has patients of its own.
        out: the run folder; default ``runs/PROTOCOL-SEED``. One of the same run is finished and reported.
        lang: language of the report, "en" or "zh".
        threads: workers; default all cores. Changes no result.
        progress: called with (stage, done, total).
        shard: ``"i/n"``: do only this share of the run, as a job of an array; ``merge`` finishes it.
        scheduler: address of a Dask scheduler whose workers see the run folder under the same path.

    Returns:
        The run folder: tables as polars data frames, ``path / "report.html"``; with ``shard``, without both.

    Raises:
        BadInput: with everything that is wrong; nothing is written then.
        RunFailed: the input was sound but the run could not be finished.
    """
    plan = check(
        protocol,
        patients=patients,
        replicates=replicates,
        pairs=pairs,
        seed=seed,
        settings=settings,
        variant=variant,
        parameters=parameters,
        members=members,
        out=out,
        lang=lang,
        threads=threads,
    )
    return carry_out(plan, lang=lang, threads=threads, progress=progress, shard=shard, scheduler=scheduler)


def carry_out(
    plan: Plan,
    *,
    lang: str = "en",
    threads: int | None = None,
    progress: Progress | None = None,
    shard: str | None = None,
    scheduler: str | None = None,
) -> RunFolder:
    """Run what ``check`` has found sound, and write its report unless it is a share of the run.

    Raises:
        BadInput: what only the simulation can tell (nobody meets the criteria, nobody can match the
            Table 1), or a folder that cannot be used.
        RunFailed: the run could not be finished.
    """
    share = parse_share(shard)
    with _nothing_left(plan.out):
        folder = run_trial(
            plan.protocol,
            **options_of_trial(plan.options),
            worlds=plan.worlds,
            threads=threads,
            out=plan.out,
            progress=progress,
            scheduler=scheduler,
            share=share,
        )
    if share is None:
        write_report(folder, lang=lang)
    return folder


def resume(
    path: str | Path,
    *,
    lang: str = "en",
    threads: int | None = None,
    progress: Progress | None = None,
    shard: str | None = None,
    scheduler: str | None = None,
) -> RunFolder:
    """Finish an interrupted run and write its report; tables and report are those of an uninterrupted one.

    Args:
        path: the run folder.
        lang: language of the report.
        threads: workers; default all cores. Changes no result.
        progress: called with (stage, done, total).
        shard, scheduler: as in ``run``.

    Raises:
        BadInput: no run there, or one of another model or other versions.
    """
    texts(lang)
    share = parse_share(shard)
    folder = resume_trial(path, threads=threads, progress=progress, scheduler=scheduler, share=share)
    if share is None:
        write_report(folder, lang=lang)
    return folder


def merge(
    path: str | Path,
    parts: Sequence[str | Path] = (),
    *,
    lang: str = "en",
    threads: int | None = None,
    progress: Progress | None = None,
) -> RunFolder:
    """Make the shares of a run one finished run with its report; no course is simulated.

    Args:
        path: the run folder, which may hold several shares.
        parts: further folders that hold shares of the same run.
        lang: language of the report.
        threads, progress: as in ``run``.

    Raises:
        BadInput: one of the folders holds no run, or another one.
        RunFailed: shards are missing; the message says which.
    """
    texts(lang)
    folder = merge_trial(path, parts, threads=threads, progress=progress)
    write_report(folder, lang=lang)
    return folder


def check(
    protocol: str | Path | Protocol,
    *,
    patients: int | None,
    replicates: int,
    pairs: int,
    seed: int,
    settings: Mapping[str, object] | None,
    variant: str | None,
    out: str | Path | None,
    lang: str,
    threads: int | None,
    parameters: str = "ensemble",
    members: int = MEMBERS,
) -> Plan:
    """Check everything that can be checked before any simulation; the arguments are those of ``run``.

    Raises:
        BadInput: with everything that is wrong.
    """
    problems: list[Problem] = []
    _collect(problems, lambda: texts(lang))
    loaded = (
        protocol if isinstance(protocol, Protocol) else _collect(problems, lambda: load_protocol(protocol))
    )
    of_protocol, of_cards = split_settings(settings or {})
    if loaded is not None:
        planned = loaded
        _collect(
            problems, lambda: check_options(planned, patients, replicates, pairs, seed, variant, threads)
        )
        changed = _collect(problems, lambda: planned.with_settings(of_protocol))
        loaded = changed[0] if changed else None
    cards = cast(dict[str, float], of_cards)  # make_deck refuses what is no number
    if loaded is not None:
        asked = loaded
        _collect(problems, lambda: planned_estimands(asked))
    _collect(problems, lambda: make_deck(cards))
    problems += _parameter_problems(parameters, members)
    if problems or loaded is None:
        raise BadInput(problems)
    folder = Path(out) if out is not None else Path("runs") / f"{loaded.identity.id}-{seed}"
    options = {
        "patients": patients,
        "replicates": replicates,
        "pairs": pairs,
        "seed": seed,
        "settings": {name: float(value) for name, value in cards.items()},
        "variant": variant,
        "parameters": parameters,
        "members": members,
    }
    return Plan(loaded, options, worlds_for(options), folder)


def worlds_for(options: Mapping[str, Any]) -> Worlds:
    """The plausible worlds of a run, by ``parameters``, ``members`` and ``seed`` of its options."""
    if options["parameters"] == "cards":
        return CARDS
    return worlds_of(shipped_ensemble(), options["members"], options["seed"])


def options_of_trial(options: Mapping[str, Any]) -> dict[str, Any]:
    """What ``run_trial`` takes of a plan's options."""
    return {name: value for name, value in options.items() if name not in ("parameters", "members")}


def _parameter_problems(parameters: str, members: int) -> list[Problem]:
    problems = []
    if parameters not in PARAMETERS:
        allowed = f"must be one of {', '.join(PARAMETERS)}"
        nearest = nearest_name(str(parameters), PARAMETERS)
        problems.append(Problem("--parameters", repr(parameters), allowed, nearest))
    if isinstance(members, bool) or not isinstance(members, int) or not 1 <= members <= MOST_MEMBERS:
        problems.append(Problem("--members", str(members), f"a whole number, 1 to {MOST_MEMBERS}"))
    return problems


def split_settings(settings: Mapping[str, object]) -> tuple[dict[str, object], dict[str, object]]:
    """Settings by who knows the name: the protocol (places in it), the cards (``NAME``, ``NAME.spread``).

    A dotted name that neither knows goes to the protocol, which names the nearest section.
    """
    deck = make_deck()
    of_protocol: dict[str, object] = {}
    of_cards: dict[str, object] = {}
    for name, value in settings.items():
        first = re.split(r"[.\[]", name, maxsplit=1)[0]
        is_card = first not in SECTIONS and (first == name or first in deck.model or first in deck.population)
        if is_card:
            of_cards[name] = _number(value)
        else:
            of_protocol[name] = value
    return of_protocol, of_cards


def _number(value: object) -> object:
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


@contextmanager
def _nothing_left(out: Path) -> Iterator[None]:
    """Take away the folders that were made for a run that turned out to be bad input."""
    made = [folder for folder in (out, *out.parents) if not folder.exists()]
    try:
        yield
    except BadInput:
        if made and out.is_dir():
            shutil.rmtree(out)
        for parent in made[1:]:
            if parent.is_dir() and not any(parent.iterdir()):
                parent.rmdir()
        raise


def _collect(problems: list[Problem], attempt: Callable[[], T]) -> T | None:
    try:
        return attempt()
    except BadInput as bad:
        problems += bad.problems
        return None
