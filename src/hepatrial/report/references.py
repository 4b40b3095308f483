"""The list of references: the publication, the methods, then every source a number was taken from."""

from __future__ import annotations

import re

from hepatrial.model.cards import FOLDER
from hepatrial.report.facts import Facts

METHODS = (
    {"text": "CONSORT 2010 statement.", "doi": "10.1136/bmj.c332"},
    {"text": "ICH E9(R1): estimands and sensitivity analysis in clinical trials.", "doi": ""},
    {
        "text": "Salmon JK, et al. Parallel random numbers: as easy as 1, 2, 3. 2011.",
        "doi": "10.1145/2063384.2063405",
    },
)


def reference_list(facts: Facts) -> list[dict[str, str]]:
    """References as text and DOI, each once."""
    study = facts.study
    listed = [{"text": f"{study.citation.rstrip('.')}.", "doi": study.doi}] if study.citation else []
    listed += [dict(entry) for entry in METHODS]
    keys = sorted({card.source for card in facts.cards} & set(facts.references))
    listed += [_entry(key, facts.references[key]) for key in keys]
    keys = [key for key in facts.cohorts if key in facts.references and key not in keys]
    listed += [_entry(key, facts.references[key]) for key in keys]
    seen: set[str] = set()
    kept = []
    for entry in listed:
        identity = entry["doi"] or entry["text"]
        if identity not in seen:
            seen.add(identity)
            kept.append(entry)
    return kept


def _entry(key: str, text: str) -> dict[str, str]:
    """A source's text with the DOI taken out of it."""
    found = re.search(r"(?:doi:\s*)?\b(10\.\d{4,9}/[^\s;,)]+)", text)
    doi = found[1].rstrip(".") if found else ""
    bare = re.sub(r"\(?(?:doi:\s*)?10\.\d{4,9}/[^\s;,)]+\)?", "", text).strip(" .;,")
    label = f"[{key}] " if key else ""
    return {"text": f"{label}{bare}.", "doi": doi}


def read_references() -> dict[str, str]:
    """The sources of the parameter cards: key -> what it is, with its DOI or address in the text.

    The file is BibTeX with one entry a line and braces around every value.
    """
    text = (FOLDER / "references.bib").read_text(encoding="utf-8")
    found = {}
    for key, body in re.findall(r"^@\w+\{\s*([^,\s]+)\s*,(.*)\}\s*$", text, flags=re.MULTILINE):
        fields = dict(re.findall(r"(\w+)\s*=\s*\{([^{}]*)\}", body))
        where = f"doi:{fields['doi']}" if "doi" in fields else fields.get("url", "")
        place = " ".join(fields[name] for name in ("journal", "year", "volume", "pages") if name in fields)
        found[key] = " ".join(part for part in (fields.get("note", ""), place, where) if part)
    return found
