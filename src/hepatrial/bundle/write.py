"""Write a finished run as one archive."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from hepatrial.bundle.archive import archive_bytes
from hepatrial.bundle.metadata import crate
from hepatrial.errors import BadInput, Problem
from hepatrial.model import load_patient_model
from hepatrial.protocol import protocol_from_dict
from hepatrial.protocol.write import protocol_toml
from hepatrial.schema import MARK, RESEARCH_USE_ONLY
from hepatrial.trial import RunFolder
from hepatrial.trial.plausible import FILE as WORLDS

KEPT = {
    "spec.json": "What was asked: protocol, options, seed, hashes, versions",
    WORLDS: "Draws of the posterior ensemble that the trials are averaged over",
    "subject.parquet": "Subject table",
    "visit.parquet": "Visit table",
    "event.parquet": "Event table",
    "acceptance.json": "What became of the candidates",
    "admission.json": "Laboratory values at randomisation",
    "results.json": "Every number of the report",
    "report.html": "The report",
}
"""Files of the run folder."""
OPTIONAL = (WORLDS, "results.json", "report.html")
"""Files that a run on the central cards, or one without a report, does not have."""
_NAME = re.compile(r"[A-Za-z0-9._-]+")

MADE = {
    "protocol.toml": "The protocol",
    "model.xml": "The patient model as SBML",
    "requirements.txt": "Lock file: versions of the packages installed where the bundle was written",
    "README.txt": "What this is and how to check it",
}


def write_bundle(run: Path | str, out: Path | str | None = None) -> Path:
    """Write the bundle of a finished run.

    Args:
        run: its folder.
        out: new file; default ``<run>.crate.zip`` beside the folder.

    Returns:
        The archive.

    Raises:
        BadInput: no finished run, one of another patient model than the installed one, a file that exists.
        RunFailed: the run was not finished or a table was changed.
    """
    folder = RunFolder.open(run)
    path = (
        Path(out)
        if out is not None
        else folder.path.resolve().with_name(f"{folder.path.resolve().name}.crate.zip")
    )
    spec = load_patient_model()
    problems = []
    if path.exists() or not path.parent.is_dir():
        problems.append(Problem("--out", str(path), "a new file in a folder that exists"))
    if folder.spec["model_hash"] != spec.hash:
        allowed = f"a run of the installed model ({spec.hash[:12]}), whose text the bundle holds"
        problems.append(Problem("RUN", f"model {folder.spec['model_hash'][:12]}", allowed))
    if problems:
        raise BadInput(problems)
    files = _files(folder, spec.sbml)
    kinds = {**KEPT, **MADE}
    date = datetime.fromtimestamp((folder.path / "subject.parquet").stat().st_mtime, UTC).date().isoformat()
    told = crate(
        folder.spec["protocol"]["identity"]["id"], date, folder.hash,
        {name: (kinds[name], len(data)) for name, data in files.items()}, folder.spec["versions"],
    )  # fmt: skip
    files["ro-crate-metadata.json"] = (json.dumps(told, indent=1, ensure_ascii=False) + "\n").encode()
    with path.open("xb") as file:
        file.write(archive_bytes(files))
    return path


def _files(folder: RunFolder, sbml: str) -> dict[str, bytes]:
    files = {
        name: (folder.path / name).read_bytes()
        for name in KEPT
        if name not in OPTIONAL or (folder.path / name).exists()
    }
    protocol = protocol_from_dict(folder.spec["protocol"])
    readme = (
        f"{MARK['en']}\n{MARK['zh']}\n{RESEARCH_USE_ONLY['en']}\n\nRun {folder.hash}\n\n"
        "hepatrial bundle check FILE   simulates it anew and says whether every table is equal.\n"
    )
    return files | {
        "protocol.toml": protocol_toml(protocol).encode(),
        "model.xml": sbml.encode(),
        "requirements.txt": lock_text().encode(),
        "README.txt": readme.encode(),
    }


def lock_text() -> str:
    """``name==version`` of hepatrial and of everything it needs at run time, as installed here."""
    found: dict[str, str] = {}
    waiting = ["hepatrial"]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
        needed = [need for need in metadata.requires(name) or () if "extra ==" not in need]
        waiting += [_NAME.match(need)[0].lower().replace("_", "-") for need in needed]  # type: ignore[index]
    return "".join(f"{name}=={version}\n" for name, version in sorted(found.items()))
