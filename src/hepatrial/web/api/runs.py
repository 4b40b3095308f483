"""Runs: submit, watch, stop, resume, delete, compare, download."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from hepatrial.api import MEMBERS, MOST_MEMBERS
from hepatrial.errors import Problem
from hepatrial.protocol import list_protocols, load_protocol, protocol_from_dict
from hepatrial.protocol.write import protocol_toml
from hepatrial.report.catalogue import Catalogue
from hepatrial.report.gather import gather
from hepatrial.report.sentences import answer
from hepatrial.report.spread import MIN_REPLICATES
from hepatrial.web import downloads, figures
from hepatrial.web.api.protocols import Body
from hepatrial.web.changes import Change
from hepatrial.web.forms import labelled_changes
from hepatrial.web.jobs.folders import CURVES, LIVE, PROGRESS
from hepatrial.web.jobs.registry import Run
from hepatrial.web.language import translate
from hepatrial.web.messages import told as translated
from hepatrial.web.problems import RESPONSES, OneProblem, Refused
from hepatrial.web.sides import arms_of, strategies_of
from hepatrial.web.state import Lang, RunId, Served, Server
from hepatrial.web.submit import submit

router = APIRouter(prefix="/api/runs", tags=["runs"], responses=RESPONSES)

Strategy = Literal["treatment_policy", "composite", "hypothetical", "while_untransplanted"]


class RunIn(Body):
    """A run to be put into the queue."""

    protocol: dict[str, Any] = Field(description="As the JSON Schema at /api/schema describes it.")
    title: str = Field(default="", max_length=200)
    note: str = Field(default="", max_length=2000)
    origin: str = Field(default="", max_length=60)
    patients: int | None = Field(default=None, ge=1, le=10_000_000, description="In each trial; as planned.")
    replicates: int = Field(default=200, ge=1, le=10_000_000, description="Simulated trials.")
    pairs: int = Field(default=2000, ge=0, le=10_000_000, description="Followed in every arm.")
    seed: int = Field(default=1, ge=0, lt=2**63)
    variant: str | None = Field(default=None, max_length=60)
    settings: dict[str, float] = Field(default={}, description="Parameter card -> value.")
    parameters: Literal["ensemble", "cards"] = Field(
        default="ensemble", description="Average over plausible settings, or the cards' centres."
    )
    members: int = Field(default=MEMBERS, ge=1, le=MOST_MEMBERS, description="Settings averaged over.")


class Progress(BaseModel):
    """How far a run is."""

    stage: str = Field(description="first, admission, worlds, courses or report.")
    done: int
    total: int
    seconds: float = Field(description="Since the worker began.")


class RunOut(BaseModel):
    """A run."""

    id: str
    title: str
    note: str
    protocol: str
    origin: str
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    created: float
    begun: float | None
    ended: float | None
    hash: str
    options: dict[str, Any]
    starts: int
    progress: Progress | None
    shown: str = Field(description="What there is to see: '', 'first', 'trials' or 'done'.")
    error: str
    problems: list[OneProblem]


class Figure(BaseModel):
    """A figure as Vega-Lite, with its words."""

    spec: dict[str, Any]
    caption: str
    kind: str


class DesignOut(BaseModel):
    """The design of a run, what it changes against its origin, and the command that repeats it."""

    protocol: dict[str, Any]
    toml: str
    origin: str
    changes: list[Change]
    command: str


class Spread(BaseModel):
    """A mean over simulated trials with the range of 95 % of them; null ends where there are too few."""

    mean: float
    low: float | None
    high: float | None


class ArmOut(BaseModel):
    """An arm."""

    name: str
    label: str
    control: bool


class StrategyOut(BaseModel):
    """Survival of every arm at the primary week under one way of handling transplants."""

    strategy: Strategy
    label: str
    week: float
    arms: dict[str, Spread]
    differences: dict[str, Spread] = Field(description="Treated arm -> its survival less the control's.")


class Sentence(BaseModel):
    """A finding in words."""

    label: str
    text: str


class FilesOut(BaseModel):
    """Files of one kind; each at files/NAME."""

    label: str
    names: list[str]


class FindingsOut(BaseModel):
    """What came out of a finished run: control beside treated, never one alone."""

    arms: list[ArmOut] = Field(description="The control first.")
    strategies: list[StrategyOut]
    sentences: list[Sentence]
    few: bool = Field(description="Too few simulated trials for a range; a difference may be chance alone.")
    files: list[FilesOut]
    hash: str
    mark: str


def title_of(run: Run, lang: str) -> str:
    """The title that the user gave, or the protocol's in the reader's language."""
    identity = run.request["protocol"]["identity"]
    own = identity["title_zh"] if lang == "zh" else ""
    return run.title or own or str(identity["title"])


def told(server: Server, run: Run, lang: str) -> RunOut:
    """A run as the API tells it."""
    folders = server.folders(run.id)
    progress = folders.read(PROGRESS) if run.state in ("queued", "running") else None
    curves = folders.read(CURVES if run.state == "done" else LIVE)
    return RunOut(
        **{
            name: getattr(run, name)
            for name in RunOut.model_fields
            if hasattr(run, name) and name not in ("error", "title")
        },
        title=title_of(run, lang),
        options=run.request["options"],
        progress=None
        if progress is None
        else Progress(
            stage=progress["stage"],
            done=progress["done"],
            total=progress["total"],
            seconds=max(0.0, progress["at"] - progress["begun"]),
        ),
        shown=curves["kind"] if curves else "",
        error=translated(lang, str(run.error.get("message", ""))),
        problems=[OneProblem.of(Problem(**problem), lang) for problem in run.error.get("problems", [])],
    )


@router.get("")
def listing(server: Served, lang: Lang) -> list[RunOut]:
    """All runs, the newest first."""
    return [told(server, run, lang) for run in server.registry.list()]


@router.post("", status_code=201)
def create(given: RunIn, server: Served, lang: Lang) -> RunOut:
    """Put a run into the queue; everything that is wrong is said at once and nothing is entered then."""
    words_of_it = {"protocol", "title", "note", "origin"}
    options = given.model_dump(exclude=words_of_it)
    words = {"title": given.title, "note": given.note, "origin": given.origin}
    return told(server, submit(server, given.protocol, options, lang=lang, **words), lang)


@router.get("/{run}")
def one(run: RunId, server: Served, lang: Lang) -> RunOut:
    """A run."""
    return told(server, server.run(run), lang)


@router.get("/{run}/design")
def design(run: RunId, server: Served, lang: Lang) -> DesignOut:
    """The design of a run."""
    found = server.run(run)
    protocol = protocol_from_dict(found.request["protocol"])
    return DesignOut(
        protocol=protocol.as_dict(),
        toml=protocol_toml(protocol),
        origin=found.origin,
        changes=changes_against_origin(found, lang),
        command=downloads.command(found),
    )


def changes_against_origin(run: Run, lang: str) -> list[Change]:
    """What a run's design changes against the shipped one that it began from."""
    if run.origin not in list_protocols():
        return []
    return labelled_changes(load_protocol(run.origin).as_dict(), run.request["protocol"], lang)


@router.get("/{run}/findings")
def findings(run: RunId, server: Served, lang: Lang) -> FindingsOut:
    """What came out of a finished run, as its page says it."""
    found, t = server.run(run), Catalogue(lang)
    folder = downloads.opened(server, found)
    week = protocol_from_dict(found.request["protocol"]).endpoints.primary.week
    rows = strategies_of(server, found, week)
    said = answer(gather(folder), downloads.results(server, found), t)
    return FindingsOut(
        arms=[ArmOut(**arm) for arm in arms_of(found, lang)],
        strategies=[StrategyOut(label=t(f"strategy.{row['strategy']}"), **row) for row in rows],
        sentences=[Sentence(**one) for one in said],
        few=found.request["options"]["replicates"] < MIN_REPLICATES,
        files=[FilesOut(label=translate(lang, one), names=list(names)) for one, names in downloads.GROUPS],
        hash=found.hash,
        mark=t.mark,
    )


@router.post("/{run}/cancel")
def cancel(run: RunId, server: Served, lang: Lang) -> RunOut:
    """Stop a run; its finished parts are kept and it can be resumed."""
    found = server.run(run)
    if not server.queue.cancel(run):
        raise Refused(409, f"The run is {found.state}.", "Only a run that waits or runs can be stopped.")
    return told(server, server.run(run), lang)


@router.post("/{run}/resume")
def resume(run: RunId, server: Served, lang: Lang) -> RunOut:
    """Put a stopped or failed run back into the queue; it goes on where it was."""
    found = server.run(run)
    if not server.queue.resume(run):
        raise Refused(409, f"The run is {found.state}.", "Only a stopped or failed run can be resumed.")
    return told(server, server.run(run), lang)


@router.delete("/{run}", status_code=204)
def delete(run: RunId, server: Served) -> Response:
    """Delete a run and its files for good. A running one has to be stopped first."""
    server.run(run)
    if not server.registry.delete(run):
        if server.registry.get(run) is None:
            raise Refused(404, f"There is no run {run!r} any more.", "It has been deleted meanwhile.")
        raise Refused(409, "The run is running.", "Stop it first, then delete it.")
    server.folders(run).delete()
    return Response(status_code=204)


@router.get("/{run}/results")
def results(run: RunId, server: Served) -> dict[str, Any]:
    """Every number of the report of a finished run."""
    return downloads.results(server, server.run(run))


@router.get("/{run}/figures/survival")
def survival(
    run: RunId,
    server: Served,
    lang: Lang,
    strategy: Strategy = "treatment_policy",
    width: Annotated[int, Query(ge=280, le=1200)] = 680,
) -> Figure:
    """Survival by arm under a way of handling transplants, as far as the run is."""
    return Figure(**figures.survival(server, server.run(run), lang, strategy, width))


@router.get("/{run}/files/{name}", response_class=Response)
def file(run: RunId, name: str, server: Served, lang: Lang) -> Response:
    """A file of a finished run, as its page lists them: report (html, pdf, docx), figures, results, tables as
    Parquet and CSV, ADaM of the first trial, protocol, command, spec, bundle."""
    return downloads.file(server, server.run(run), name, lang)
