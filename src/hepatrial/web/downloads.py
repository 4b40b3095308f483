"""What can be taken away from a finished run: report, tables, protocol, the command that repeats it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from fastapi import Response

from hepatrial.protocol import list_protocols, load_protocol, protocol_from_dict
from hepatrial.protocol.write import protocol_toml
from hepatrial.report.catalogue import Catalogue
from hepatrial.report.documents import html
from hepatrial.report.export import csv_bytes
from hepatrial.report.gather import gather
from hepatrial.trial import RunFolder
from hepatrial.trial.folder import TABLES
from hepatrial.web import background, made
from hepatrial.web.jobs.registry import Run
from hepatrial.web.problems import Refused
from hepatrial.web.security import DOCUMENT_POLICY
from hepatrial.web.state import Server

GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "Report",
        ("report.html", "report.pdf", "report.docx", "figures-svg.zip", "figures-png.zip", "results.json"),
    ),
    ("Tables", tuple(f"{table}.{form}" for table in TABLES for form in ("parquet", "csv"))),
    ("ADaM, first trial", ("adam-csv.zip", "adam-parquet.zip", "adam-xpt.zip")),
    ("To repeat it", ("protocol.toml", "command.txt", "spec.json", "bundle.crate.zip")),
)
"""What can be downloaded, by what it is."""
FILES = tuple(name for _, names in GROUPS for name in names)
MEDIA = {
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "zip": "application/zip",
}


def opened(server: Server, run: Run) -> RunFolder:
    """The folder of a finished run.

    Raises:
        Refused: 409, it is not finished.
    """
    if run.state != "done":
        raise Refused(409, f"The run is {run.state}.", "Its files are there when it is done.")
    return RunFolder.open(server.folders(run.id).result)


def results(server: Server, run: Run) -> dict[str, Any]:
    """The numbers of a finished run's report."""
    found: dict[str, Any] = json.loads((opened(server, run).path / "results.json").read_bytes())
    return found


def file(server: Server, run: Run, name: str, lang: str) -> Response:
    """A file as a download; the report opens in the browser."""
    if name not in FILES:
        raise Refused(404, f"There is no file {name!r}.", f"One of {', '.join(FILES)}.")
    if name == "protocol.toml":
        return _sent(
            run, name, protocol_toml(protocol_from_dict(run.request["protocol"])).encode(), "text/plain"
        )
    if name == "command.txt":
        return _sent(run, name, (command(run) + "\n").encode(), "text/plain")
    folder = opened(server, run)
    make: dict[str, Callable[[], Response]] = {
        "report.html": lambda: _report(server, run, folder, lang),
        "results.json": lambda: _sent(run, name, (folder.path / name).read_bytes(), "application/json"),
        "spec.json": lambda: _sent(run, name, (folder.path / name).read_bytes(), "application/json"),
    }
    if name in make:
        return make[name]()
    if name.partition(".")[0] in TABLES:
        return _table(run, folder, name, lang)
    return _sent(run, name, _made(str(folder.path), name, lang), MEDIA[name.rpartition(".")[2]])


def _made(path: str, name: str, lang: str) -> bytes:
    """A form that takes seconds, made in a child process so that pages stay quick."""
    stem, _, ending = name.rpartition(".")
    if stem == "report":
        return bytes(background.run(made.report_form, path, ending, lang))
    if stem.startswith("figures-"):
        return bytes(background.run(made.report_form, path, stem.removeprefix("figures-"), lang))
    if stem.startswith("adam-"):
        return bytes(background.run(made.adam_archive, path, stem.removeprefix("adam-")))
    return bytes(background.run(made.crate, path))


def _report(server: Server, run: Run, folder: RunFolder, lang: str) -> Response:
    """The report in a language; that which the run was not asked in is made once and kept by the job."""
    kept = server.folders(run.id).job / f"report-{lang}.html"
    if lang == run.request["lang"]:
        data = (folder.path / "report.html").read_bytes()
    elif kept.is_file():
        data = kept.read_bytes()
    else:
        facts = gather(folder)
        data = html(facts, results(server, run), lang).encode()
        from hepatrial.ensemble.storage import write_atomic

        write_atomic(kept, data)
    headers = {"content-security-policy": DOCUMENT_POLICY}
    return Response(data, media_type="text/html; charset=utf-8", headers=headers)


def _table(run: Run, folder: RunFolder, name: str, lang: str) -> Response:
    """A table as the run wrote it, or as CSV with the mark in its first line."""
    table, _, form = name.partition(".")
    if form == "parquet":
        return _sent(run, name, (folder.path / name).read_bytes(), "application/vnd.apache.parquet")
    t = Catalogue(lang)
    stamp = f"{t.mark} {t('report.stamp', hash=folder.hash)}"
    return _sent(run, name, csv_bytes(folder, table, stamp), "text/csv; charset=utf-8")


def _sent(run: Run, name: str, data: bytes, media: str) -> Response:
    named = quote(f"{run.protocol}-{run.id}-{name}")
    return Response(
        data, media_type=media, headers={"content-disposition": f'attachment; filename="{named}"'}
    )


def command(run: Run) -> str:
    """The command that repeats a run, from the folder that holds its protocol file."""
    options = run.request["options"]
    shipped = run.protocol in list_protocols()
    same = shipped and load_protocol(run.protocol).as_dict() == run.request["protocol"]
    words = ["hepatrial", "run", run.protocol if same else f"{run.protocol}-{run.id}-protocol.toml"]
    for name in ("patients", "replicates", "pairs", "seed", "variant", "parameters", "members"):
        if options.get(name) is not None:
            words += [f"--{name}", str(options[name])]
    for name, value in options["settings"].items():
        words += ["--set", f"{name}={value!r}"]
    words += ["--lang", run.request["lang"]]
    return shlex.join(words)
