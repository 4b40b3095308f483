"""RO-Crate 1.1 metadata of a bundle (https://w3id.org/ro/crate/1.1): what each file is, how it was made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hepatrial.bundle.archive import SUMS
from hepatrial.schema import MARK, RESEARCH_USE_ONLY

CONTEXT = "https://w3id.org/ro/crate/1.1/context"
PROFILE = "https://w3id.org/ro/crate/1.1"
LICENCE = "https://spdx.org/licenses/Apache-2.0"

FORMATS = {
    ".parquet": "application/vnd.apache.parquet",
    ".json": "application/json",
    ".html": "text/html",
    ".xml": "application/sbml+xml",
    ".toml": "application/toml",
    ".txt": "text/plain",
    ".sha256": "text/plain",
}


def crate(
    name: str, date: str, run: str, files: Mapping[str, tuple[str, int]], versions: Mapping[str, str]
) -> dict[str, Any]:
    """The metadata as JSON-LD.

    Args:
        name: of the run.
        date: ISO date of the run's tables.
        run: hash of the run.
        files: name -> (what it is, bytes).
        versions: package -> version.
    """
    parts = [
        {
            "@id": path,
            "@type": "File",
            "name": what,
            "contentSize": str(size),
            "encodingFormat": FORMATS.get(path[path.rfind(".") :], "application/octet-stream"),
        }
        for path, (what, size) in sorted(files.items())
    ]
    sums = {
        "@id": SUMS,
        "@type": "File",
        "name": "SHA-256 sums of all other files, this description among them",
        "encodingFormat": FORMATS[".sha256"],
    }
    software = [
        {"@id": f"#{package}", "@type": "SoftwareApplication", "name": package, "softwareVersion": version}
        for package, version in sorted(versions.items())
    ]
    return {
        "@context": CONTEXT,
        "@graph": [
            {
                "@id": "ro-crate-metadata.json",
                "@type": "CreativeWork",
                "conformsTo": {"@id": PROFILE},
                "about": {"@id": "./"},
            },
            {
                "@id": "./",
                "@type": "Dataset",
                "name": f"Simulated trial {name}",
                "description": f"{MARK['en']} {MARK['zh']}. {RESEARCH_USE_ONLY['en']}",
                "identifier": run,
                "datePublished": date,
                "license": {"@id": LICENCE},
                "hasPart": [{"@id": part["@id"]} for part in (*parts, sums)],
                "mentions": {"@id": "#simulation"},
            },
            {
                "@id": "#simulation",
                "@type": "CreateAction",
                "name": "Simulation of the trial",
                "instrument": [{"@id": one["@id"]} for one in software],
                "object": [{"@id": "spec.json"}, {"@id": "protocol.toml"}, {"@id": "model.xml"}],
                "result": [{"@id": part["@id"]} for part in parts if part["@id"].endswith(".parquet")],
            },
            *parts,
            sums,
            *software,
            {
                "@id": LICENCE,
                "@type": "CreativeWork",
                "name": "Apache License 2.0",
                "description": "May be used, changed and passed on with its notices; without any warranty.",
            },
        ],
    }
