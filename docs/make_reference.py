"""Reference pages made from the code: the command line, the parameter cards, the entries of a protocol file.

``python docs/make_reference.py`` rewrites ``docs/cli.md``, which is committed and held equal by a test. The
other two pages go to ``docs/generated`` whenever the documentation is built.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import typer.main

from hepatrial.report.references import read_references

DOCS = Path(__file__).parent


def _options(command: Any) -> list[str]:
    lines = []
    for parameter in command.params:
        if parameter.name == "help":
            continue
        is_option = bool(getattr(parameter, "help", None)) and parameter.opts[0].startswith("-")
        name = ", ".join(parameter.opts) if is_option else (parameter.metavar or parameter.name.upper())
        default = parameter.default
        shown = getattr(parameter, "show_default", None)
        if isinstance(shown, str):
            default = shown
        said = "" if default in (None, False, ()) or default == [] or callable(default) else f"`{default}`"
        help_text = _table_text(parameter.help)
        lines.append(f"| `{name}` | {help_text} | {said} |")
    return ["| | | default |", "|---|---|---|", *lines, ""] if lines else []


def _table_text(text: str | None) -> str:
    """A help text for a cell of a table: option names as code, bars escaped."""
    plain = " ".join((text or "").split()).replace("|", "\\|")
    return re.sub(r"(?<![\w`-])(--[a-z-]+)", r"`\1`", plain)


def _section(path: str, command: Any) -> list[str]:
    lines = [f"### {path}", "", inspect.cleandoc(command.help or ""), ""]
    lines += _options(command)
    if command.epilog:
        examples = re.findall(r"^ +(hepatrial .*?)$", command.epilog, re.M)
        lines += ["```text", *(re.sub(r"\s{2,}", "   ", line) for line in examples), "```", ""]
    return lines


def cli_page() -> str:
    """The page of the command line as Markdown."""
    from hepatrial.cli.app import app

    root = typer.main.get_command(app)
    lines = [
        "<!-- Made by docs/make_reference.py; change the help texts in src/hepatrial/cli instead. -->",
        "",
        "# Command line",
        "",
        inspect.cleandoc(root.help or ""),
        "",
        root.epilog or "",
        "",
        "Results go to stdout, progress and problems to stderr. With `--json` stdout is pure JSON, also when",
        "there are problems.",
        "",
    ]
    commands = root.commands  # type: ignore[attr-defined]
    for panel in dict.fromkeys(command.rich_help_panel for command in commands.values()):
        lines += [f"## {panel}", ""]
        for name, command in commands.items():
            if command.rich_help_panel == panel:
                for sub, inner in (getattr(command, "commands", None) or {"": command}).items():
                    lines += _section(f"hepatrial {name} {sub}".strip(), inner)
    return "\n".join(lines).rstrip() + "\n"


def parameters_page() -> str:
    """The parameter cards as Markdown, one table a process, and the list of their sources."""
    from hepatrial.model import load_cards
    from hepatrial.provenance import GRADES

    cards = load_cards()
    lines = [
        "# Parameters of the model", "",
        "One card a parameter, as `parameters.toml` holds it: the value, how patients differ, how well it is "
        "known, and from where.", "", "| grade | means |", "|---|---|",
    ]  # fmt: skip
    lines += [f"| {grade} | {meaning} |" for grade, meaning in GRADES.items()]
    for process in dict.fromkeys(cards.process.values()):
        lines += ["", f"## {process.replace('_', ' ').capitalize()}", ""]
        lines += ["| name | value | between patients | what it is | known from |", "|---|---|---|---|---|"]
        lines += [_card(name, cards.model[name]) for name in cards.model if cards.process[name] == process]
    return "\n".join([*lines, "", *_sources()]) + "\n"


def _card(name: str, card: Any) -> str:
    unit = "" if card.unit == "1" else f" {card.unit}"
    spread = "" if card.distribution == "fixed" else f"{card.distribution} {card.spread or card.share:g}"
    source = f"[{card.source}](#source-{card.source})" if card.source in read_references() else card.source
    known = source if card.source.startswith(card.grade) else f"{card.grade}: {source}"
    return (
        f"| `{name}` | {card.value:g}{unit} | {spread} | {card.note.replace('|', chr(92) + '|')} | {known} |"
    )


def _sources() -> list[str]:
    lines = ["## Sources", "", "What was read, and what was taken from it.", ""]
    for key, text in read_references().items():
        linked = re.sub(r"\bdoi:(\S+)", r"[doi:\1](https://doi.org/\1)", text)
        linked = re.sub(r"(?<!\()(https?://(?!doi\.org/)\S+)", r"<\1>", linked)
        lines += [f"(source-{key})=", f"**{key}** {linked}", ""]
    return lines


def _type_words(entry: dict[str, Any]) -> str:
    if "$ref" in entry:
        return f"[{entry['$ref'].rsplit('/', 1)[-1]}](#{entry['$ref'].rsplit('/', 1)[-1].lower()})"
    if "enum" in entry:
        return ", ".join(f"`{value}`" for value in entry["enum"])
    if "const" in entry:
        return f"`{entry['const']}`"
    if "anyOf" in entry:
        kinds = (_type_words(kind) for kind in entry["anyOf"] if kind.get("type") != "null")
        return " or ".join(dict.fromkeys(kinds))
    if entry.get("type") == "array":
        return f"list of {_type_words(entry.get('items') or {'type': 'values'})}"
    if entry.get("type") == "object" and isinstance(entry.get("additionalProperties"), dict):
        return f"table of {_type_words(entry['additionalProperties'])}"
    return str(entry.get("type", ""))


def _entries(schema: dict[str, Any]) -> list[str]:
    required = schema.get("required", [])
    lines = ["| entry | what | | default |", "|---|---|---|---|"]
    for name, entry in schema.get("properties", {}).items():
        default = "required" if name in required else entry.get("default", "")
        default = (
            f"`{default}`"
            if isinstance(default, str | int | float) and default not in ("", "required")
            else default
        )
        default = default if isinstance(default, str) else ""
        meaning = " ".join(str(entry.get("description", "")).split()).replace("|", "\\|")
        lines.append(f"| `{name}` | {_type_words(entry)} | {meaning} | {default} |")
    return [*lines, ""]


def protocol_page() -> str:
    """Every entry of a protocol file as Markdown, from the JSON Schema."""
    from hepatrial.protocol import protocol_schema

    schema = protocol_schema()
    lines = ["# Entries of a protocol file", "", "Made from the JSON Schema (`hepatrial schema`).", ""]
    lines += _entries(schema)
    for name, section in schema["$defs"].items():
        if "properties" in section:
            meaning = " ".join(str(section.get("description", "")).split())
            lines += [f"## {name}", "", meaning, "", *_entries(section)]
    return "\n".join(lines)


def write_generated() -> None:
    """Write the pages that are made when the documentation is built."""
    folder = DOCS / "generated"
    folder.mkdir(exist_ok=True)
    (folder / "parameters.md").write_text(parameters_page(), encoding="utf-8")
    (folder / "protocol-entries.md").write_text(protocol_page(), encoding="utf-8")


if __name__ == "__main__":
    (DOCS / "cli.md").write_text(cli_page(), encoding="utf-8")
    print("docs/cli.md")
