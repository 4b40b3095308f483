"""Take-away forms of a finished run that take seconds: made in a child process, handed back as bytes."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Literal

from hepatrial.trial import RunFolder

Form = Literal["pdf", "docx", "svg", "png"]
MARKED_NAMES = {"pdf": "report.pdf", "docx": "report.docx"}


def report_form(run: str, form: Form, lang: str) -> bytes:
    """The report as PDF or Word, or its figures as an archive of SVG or PNG.

    Raises:
        BadInput: the extra that the form needs is not installed; the sentence says which.
    """
    from hepatrial.bundle.archive import archive_bytes
    from hepatrial.report.export import export_report

    with tempfile.TemporaryDirectory(prefix="hepatrial-") as folder:
        paths = export_report(RunFolder.open(run), folder, (form,), lang=lang)
        if form in MARKED_NAMES:
            return (Path(folder) / MARKED_NAMES[form]).read_bytes()
        return archive_bytes({path.name: path.read_bytes() for path in paths})


def adam_archive(run: str, kind: Literal["csv", "parquet", "xpt"]) -> bytes:
    """The first simulated trial as ADaM tables (ADSL, ADTTE, ADLB, ADAE); every row carries the mark.

    Raises:
        BadInput: ``xpt`` without the extra ``cdisc``.
    """
    from hepatrial.analysis.adam import adam_tables, write_files
    from hepatrial.analysis.estimands.events import TrialTables
    from hepatrial.bundle.archive import archive_bytes
    from hepatrial.protocol import protocol_from_dict
    from hepatrial.schema import MARK

    opened = RunFolder.open(run)
    protocol = protocol_from_dict(opened.spec["protocol"])
    note = f"{MARK['en']} Run {opened.hash[:12]}."
    tables = adam_tables(
        TrialTables(opened.subjects, opened.visits, opened.events),
        protocol.identity.id.upper(),
        labels={name: arm.label for name, arm in protocol.arms.items()},
        note=note,
    )
    with tempfile.TemporaryDirectory(prefix="hepatrial-") as folder:
        paths = write_files(tables, Path(folder) / "adam", (kind,), note)
        return archive_bytes({path.name: path.read_bytes() for path in paths})


def crate(run: str) -> bytes:
    """The bundle (RO-Crate) that another machine can check."""
    from hepatrial.bundle import write_bundle

    with tempfile.TemporaryDirectory(prefix="hepatrial-") as folder:
        return write_bundle(run, Path(folder) / "run.crate.zip").read_bytes()
