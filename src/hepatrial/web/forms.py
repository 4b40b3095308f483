"""A form out of the protocol's JSON Schema: kinds, ranges, units, help, values, nothing written by hand."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any, Literal

from hepatrial.protocol import SECTIONS, protocol_schema
from hepatrial.report.catalogue import Catalogue
from hepatrial.schema import MEASURES
from hepatrial.units import UnitError, convert, read_quantity
from hepatrial.web.changes import Change, changes_of, shown, shown_number
from hepatrial.web.language import translate

Kind = Literal[
    "section",
    "rows",
    "map",
    "list",
    "numbers",
    "names",
    "checks",
    "choice",
    "number",
    "whole",
    "text",
    "long",
    "either",
]

QUIET = (
    "identity",
    "assumptions",
    "rerandomisation",
    "dose_selection",
    "assay_noise",
    "discharge_to_die",
    "batch",
)
"""Sections that few users change; they stay closed."""
ORDER = ("population", "arms", "endpoints", "follow_up", "visits", "care", "selection", "dropout", *QUIET)
LONG = (
    "title",
    "title_zh",
    "citation",
    "question",
    "question_zh",
    "context_of_use",
    "context_of_use_zh",
    "note",
    "note_zh",
    "known",
    "known_zh",
    "handled",
    "handled_zh",
    "source",
    "dose_reported",
)


@dataclass(frozen=True)
class Field:
    """An entry of the form.

    Attributes:
        name: key in its table.
        kind: how it is entered.
        label: in words.
        help: what it means.
        required: whether it must be given.
        value: as text (or a list of texts for checks).
        options: of choices and checks.
        low, high: of numbers.
        items: fields of a section, or of each row.
        optional: a section that may be absent.
        present: whether an optional section is given.
        blank: an empty row, for adding one.
    """

    name: str
    kind: Kind
    label: str
    help: str = ""
    required: bool = False
    value: Any = ""
    options: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    items: tuple[Field, ...] = ()
    optional: bool = False
    present: bool = True
    blank: Field | None = None
    keys: tuple[str, ...] = field(default=())


class Builder:
    """Walks the schema beside a protocol's plain data.

    Args:
        units: "si" or "conventional", in which laboratory values are shown.
    """

    def __init__(self, units: str = "si") -> None:
        self.schema = protocol_schema()
        self.definitions: Mapping[str, Any] = self.schema["$defs"]
        self.units = units

    def form(self, data: Mapping[str, Any]) -> list[Field]:
        """The sections of a protocol."""
        required = self.schema["required"]
        names = [name for name in ORDER if name in SECTIONS] + [
            name for name in SECTIONS if name not in ORDER
        ]
        return [
            self._field(name, self.schema["properties"][name], data.get(name), name in required)
            for name in names
        ]

    def _field(self, name: str, schema: Mapping[str, Any], value: Any, required: bool) -> Field:
        said = str(schema.get("description", ""))
        schema, nullable = self.resolved(schema)
        common: dict[str, Any] = {
            "name": name,
            "label": label_of(name),
            "help": help_of(said or str(schema.get("description", ""))),
            "required": required,
        }
        if "properties" in schema:
            given = value if isinstance(value, Mapping) else {}
            items = self._items(schema, given)
            return Field(kind="section", items=items, optional=nullable, present=value is not None, **common)
        if schema.get("type") == "object":
            return self._map(schema, value or {}, common)
        if schema.get("type") == "array":
            return self._list(schema, value or [], common)
        return self._leaf(schema, value, common)

    def resolved(self, schema: Mapping[str, Any]) -> tuple[Mapping[str, Any], bool]:
        """A schema without references and without null, and whether null was allowed."""
        nullable = False
        while True:
            if "$ref" in schema:
                schema = {**schema, **self.definitions[schema["$ref"].rpartition("/")[2]]}
                schema.pop("$ref")
            some = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
            if len(some) < len(schema.get("anyOf", ())):
                nullable = True
                if len(some) == 1:
                    schema = {**{k: v for k, v in schema.items() if k != "anyOf"}, **some[0]}
                    continue
            if "$ref" not in schema:
                return schema, nullable

    def _items(self, schema: Mapping[str, Any], given: Mapping[str, Any]) -> tuple[Field, ...]:
        required = schema.get("required", ())
        kept = self._shown(given)
        return tuple(
            self._field(name, inner, kept.get(name), name in required)
            for name, inner in schema["properties"].items()
        )

    def _shown(self, given: Mapping[str, Any]) -> Mapping[str, Any]:
        """A row that names a measure, its values in the units asked for."""
        measure = MEASURES.get(str(given.get("measure") or given.get("variable")))
        if self.units == "si" or measure is None or measure.factor == 1.0:
            return given
        return {
            name: _in(value, measure.unit, measure.conventional, measure.name)
            for name, value in given.items()
        }

    def _map(self, schema: Mapping[str, Any], value: Mapping[str, Any], common: dict[str, Any]) -> Field:
        inner = self.rows_of(schema)
        if "properties" not in inner:
            rows = ", ".join(f"{key} {shown(share)}" for key, share in value.items())
            return Field(kind="list", value=rows, **common)
        items = tuple(self._field(key, inner, row, True) for key, row in value.items())
        blank = self._field("", inner, {}, True)
        return Field(kind="map", items=items, blank=blank, keys=tuple(value), **common)

    def rows_of(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """The schema of what a table with names of the author's own holds."""
        by_pattern = [*schema.get("patternProperties", {}).values(), schema.get("additionalProperties")]
        return self.resolved(next((one for one in by_pattern if isinstance(one, dict)), {}))[0]

    def _list(self, schema: Mapping[str, Any], value: list[Any], common: dict[str, Any]) -> Field:
        inner, _ = self.resolved(schema["items"])
        if "properties" in inner:
            items = tuple(self._field("", inner, row, True) for row in value)
            return Field(kind="rows", items=items, blank=self._field("", inner, {}, True), **common)
        if "enum" in inner:
            chosen = [str(one) for one in value]  # first, and in their own order, which is kept
            options = (*chosen, *(one for one in inner["enum"] if one not in chosen))
            return Field(kind="checks", value=chosen, options=options, **common)
        kind: Kind = "numbers" if inner.get("type") in ("number", "integer") else "names"
        return Field(kind=kind, value=", ".join(shown(item) for item in value), **common)

    def _leaf(self, schema: Mapping[str, Any], value: Any, common: dict[str, Any]) -> Field:
        default = schema.get("default")
        text = "" if value is None else shown(value)
        low = schema.get("minimum", schema.get("exclusiveMinimum"))
        high = schema.get("maximum", schema.get("exclusiveMaximum"))
        ranges: dict[str, Any] = {"low": low, "high": high}
        if value is None and (isinstance(default, str) or schema.get("type") in ("integer", "number")):
            text = "" if default is None else shown(default)
        if "enum" in schema:
            return Field(kind="choice", value=text, options=tuple(map(str, schema["enum"])), **common)
        kinds: dict[str, Kind] = {"integer": "whole", "number": "number"}
        if schema.get("type") in kinds:
            return Field(kind=kinds[schema["type"]], value=text, **ranges, **common)
        if "anyOf" in schema:
            return Field(kind="either", value=text, **common)
        return Field(kind="long" if common["name"] in LONG else "text", value=text, **common)


def _in(value: Any, unit: str, wanted: str, analyte: str) -> Any:
    """A quantity as text in another unit; what is none stays as it is."""
    if not isinstance(value, str) or unit not in value:
        return value
    try:
        inside = read_quantity(value, unit, analyte)
        return f"{shown_number(round(convert(repr(inside), unit, wanted, analyte), 6))} {wanted}"
    except UnitError:
        return value


@cache
def _names() -> dict[str, str]:
    text = (resources.files("hepatrial.web") / "names.toml").read_text(encoding="utf-8")
    return {key: str(name) for key, name in tomllib.loads(text).items()}


def label_of(name: str) -> str:
    """A key in words: its name in ``names.toml``, else ``screening_failure`` as "Screening failure"."""
    text = name.replace("_", " ").strip()
    return _names().get(name, text[:1].upper() + text[1:])


def help_of(text: str) -> str:
    """The first paragraph of a description, without the marks of code."""
    return " ".join(text.partition("\n\n")[0].split()).replace("``", "")


def words_of(lang: str, option: str) -> str:
    """An option in words of a language: a measure by the report's name, others by their label."""
    if option in MEASURES:
        return Catalogue(lang).get(f"measure.{option}", MEASURES[option].label)
    return translate(lang, label_of(option))


@cache
def _builder() -> Builder:
    return Builder()


def entry_label(place: str, data: Mapping[str, Any], lang: str) -> str:
    """An entry of a protocol by the labels of the form: "Arms › MSC › Regimen 1 › Dose".

    Args:
        place: of the entry, as ``arms.msc.regimen[0].dose``.
        data: a protocol that has it, as plain data; rows and arms are called as they are there.
        lang: language of the labels.
    """
    builder = _builder()
    schema: Mapping[str, Any] = builder.schema
    value: Any = data
    labels: list[str] = []
    for index, key in re.findall(r"\[(\d+)\]|([^.\[\]]+)", place):
        if index:
            value = value[int(index)]
            labels[-1] += f" {int(index) + 1}{_called(value, lang)}"
            schema, _ = builder.resolved(schema["items"])
            continue
        value = value[key]
        if key in schema.get("properties", {}):
            labels.append(translate(lang, label_of(key)))
            schema, _ = builder.resolved(schema["properties"][key])
        else:
            labels.append(_own_name(key, value, lang))
            schema = builder.rows_of(schema)
    return " › ".join(labels)


def _called(row: Mapping[str, Any], lang: str) -> str:
    """What a row of a list is about."""
    name = row.get("measure") or row.get("variable")
    if not name:
        return ""
    return f"{'：' if lang == 'zh' else ': '}{words_of(lang, name)}"


def _own_name(key: str, value: Any, lang: str) -> str:
    """An entry that is called as its author likes: its label, else its name in words."""
    if not isinstance(value, Mapping):
        return words_of(lang, key)
    return str(value.get(f"label_{lang}") or value.get("label") or key)


def labelled_changes(before: Mapping[str, Any], after: Mapping[str, Any], lang: str) -> list[Change]:
    """What a protocol changes against another one, by the labels of the form too."""
    found = changes_of(before, after)
    for one in found:
        one.label = entry_label(one.place, after if one.after else before, lang)
    return found
