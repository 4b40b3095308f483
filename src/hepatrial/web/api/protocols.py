"""Protocols: those that ship, their form, checking, reading of files, Table 1."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from hepatrial.errors import BadInput
from hepatrial.protocol import (
    Protocol,
    list_protocols,
    load_protocol,
    protocol_from_dict,
    protocol_schema,
)
from hepatrial.protocol.write import protocol_toml
from hepatrial.web.changes import Change
from hepatrial.web.forms import Builder, Kind, labelled_changes, words_of
from hepatrial.web.forms import Field as FormField
from hepatrial.web.language import translate
from hepatrial.web.problems import RESPONSES, OneProblem, Refused
from hepatrial.web.state import Lang, Served, Units
from hepatrial.web.submit import read_protocol
from hepatrial.web.table1 import read_table
from hepatrial.web.untrusted import read_toml_text

router = APIRouter(prefix="/api", tags=["protocols"], responses=RESPONSES)


class Body(BaseModel):
    """A request's body: every entry known."""

    model_config = ConfigDict(extra="forbid")


class Listed(BaseModel):
    """A protocol that ships."""

    name: str
    title: str
    patients: int
    arms: list[str]
    definition: str
    citation: str
    registration: str
    pending: bool = Field(description="Whether the trial has no public result.")


class ProtocolIn(Body):
    """A protocol to be looked at."""

    protocol: dict[str, Any] = Field(description="As the JSON Schema at /api/schema describes it.")
    origin: str = Field(default="", max_length=60, description="Shipped protocol to compare with.")


class Looked(BaseModel):
    """What is wrong with a protocol and what differs from its origin."""

    ok: bool
    problems: list[OneProblem]
    changes: list[Change]
    patients: int | None = None
    hash: str = ""


class TextIn(Body):
    """A text."""

    text: str = Field(max_length=400_000)


class ProtocolOut(BaseModel):
    """A protocol as plain data and as a file."""

    name: str
    protocol: dict[str, Any]
    toml: str


class TableOut(BaseModel):
    """A Table 1 as rows of ``population.table1``; what could not be read stays in ``problems``."""

    rows: list[dict[str, Any]]
    not_used: list[str]
    problems: list[OneProblem]


class OptionOut(BaseModel):
    """A value that an entry may have, and how it is shown."""

    value: str
    label: str


class FieldOut(BaseModel):
    """An entry of the form of a protocol, with label, help, range and value."""

    name: str
    kind: Kind
    label: str
    help: str
    required: bool
    value: str | list[str]
    options: list[OptionOut]
    low: float | None
    high: float | None
    items: list[FieldOut] = Field(description="Entries of a section, or of each row.")
    optional: bool = Field(description="A section that may be absent.")
    present: bool
    blank: FieldOut | None = Field(description="An empty row, for adding one.")

    @classmethod
    def of(cls, field: FormField, lang: str) -> FieldOut:
        """A field in a language."""
        plain = {name: getattr(field, name) for name in ("name", "kind", "required", "low", "high")}
        return cls(
            **plain,
            label=translate(lang, field.label),
            help=translate(lang, field.help) if field.help else "",
            value=field.value,
            options=[OptionOut(value=one, label=words_of(lang, one)) for one in field.options],
            items=[cls.of(one, lang) for one in field.items],
            optional=field.optional,
            present=field.present,
            blank=None if field.blank is None else cls.of(field.blank, lang),
        )


@router.get("/protocols")
def listing(lang: Lang) -> list[Listed]:
    """The protocols that ship."""
    return _shipped(lang)


@cache
def _shipped(lang: str) -> list[Listed]:
    found = []
    for name in list_protocols():
        protocol = load_protocol(name)
        identity = protocol.identity
        found.append(
            Listed(
                name=name,
                title=identity.text("title", lang),
                patients=protocol.patients,
                arms=[arm.text("label", lang) for arm in protocol.arms.values()],
                definition=identity.definition,
                citation=identity.citation,
                registration=identity.registration,
                pending=identity.pending is not None,
            )
        )
    return found


@router.get("/protocols/new")
def new(lang: Lang) -> ProtocolOut:
    """A design of one's own to begin with: a shipped one without what belongs to that alone."""
    protocol = begun(lang)
    return ProtocolOut(name=protocol.identity.id, protocol=protocol.as_dict(), toml=protocol_toml(protocol))


def begun(lang: str) -> Protocol:
    """The design that a trial of one's own begins with."""
    data = load_protocol("lin2017").as_dict()
    kept = ("definition", "context_of_use", "context_of_use_zh", "allocation", "blinding")
    said = partial(translate, lang)
    data["identity"] = {
        **{name: data["identity"][name] for name in kept},
        "id": "my_trial",
        "title": said("My trial"),
        "question": said("What would this trial show?"),
    }
    data["assumptions"] = []
    criteria = {"basis": "assumed", "grade": "assumed", "source": said("to be said")}
    data["population"]["criteria"] = criteria
    for arm in data["arms"].values():
        for line in arm["regimen"]:
            line["dose_reported"] = ""
    return protocol_from_dict(data)


@router.get("/protocols/{name}")
def one(name: str) -> ProtocolOut:
    """A shipped protocol."""
    if name not in list_protocols():
        raise Refused(404, f"There is no protocol {name!r}.", "GET /api/protocols lists them.")
    protocol = load_protocol(name)
    return ProtocolOut(name=name, protocol=protocol.as_dict(), toml=protocol_toml(protocol))


@router.get("/schema")
def schema() -> dict[str, Any]:
    """JSON Schema of a protocol."""
    return protocol_schema()


@router.post("/protocols/check")
def check(given: ProtocolIn, lang: Lang) -> Looked:
    """Look at a protocol: every problem at once, and what differs from its origin."""
    origin = load_protocol(given.origin).as_dict() if given.origin in list_protocols() else None
    try:
        protocol = read_protocol(given.protocol)
    except BadInput as bad:
        problems = [OneProblem.of(problem, lang) for problem in bad.problems]
        return Looked(ok=False, problems=problems, changes=[])
    changes = labelled_changes(origin, protocol.as_dict(), lang) if origin is not None else []
    return Looked(ok=True, problems=[], changes=changes, patients=protocol.patients, hash=protocol.hash)


@router.post("/protocols/form")
def form(given: ProtocolIn, lang: Lang, units: Units) -> list[FieldOut]:
    """The form of a protocol: every entry with its label, help, unit, range and value."""
    protocol = read_protocol(given.protocol)
    return [FieldOut.of(field, lang) for field in Builder(units).form(protocol.as_dict())]


@router.post("/protocols/toml")
def to_toml(given: ProtocolIn) -> ProtocolOut:
    """A protocol as the text of a file."""
    protocol = read_protocol(given.protocol)
    return ProtocolOut(name=protocol.identity.id, protocol=protocol.as_dict(), toml=protocol_toml(protocol))


@router.post("/protocols/read")
def read(given: TextIn) -> ProtocolOut:
    """Read the text of a protocol file, in a child process with limits."""
    data: Mapping[str, Any] = read_toml_text(given.text, "file")
    protocol = read_protocol(data)
    return ProtocolOut(name=protocol.identity.id, protocol=protocol.as_dict(), toml=protocol_toml(protocol))


@router.post("/table1")
def table1(given: TextIn, _server: Served, lang: Lang) -> TableOut:
    """Read a pasted Table 1: one row a line, name and value separated by a tab, comma, bar or two spaces."""
    rows, not_used, problems = read_table(given.text)
    return TableOut(
        rows=rows, not_used=not_used, problems=[OneProblem.of(problem, lang) for problem in problems]
    )
