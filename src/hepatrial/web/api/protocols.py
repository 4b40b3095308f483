"""Protocols: those that ship, their form, checking, reading of files, Table 1."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from hepatrial.errors import BadInput
from hepatrial.protocol import list_protocols, load_protocol, protocol_schema
from hepatrial.protocol.write import protocol_toml
from hepatrial.web.changes import Change
from hepatrial.web.forms import labelled_changes
from hepatrial.web.problems import RESPONSES, OneProblem, Refused
from hepatrial.web.state import Lang, Served
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
