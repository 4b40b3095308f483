"""The article's simulated trials as the audit of its claims takes them: what would have to be true."""

from __future__ import annotations

from typing import Any

from hepatrial.article.page import number, sentences, texts
from hepatrial.schema import MARK


def for_claims(results: dict[str, Any], lang: str = "en") -> dict[str, Any]:
    """Rows by claim, with mark and hash.

    Args:
        results: of ``simulate_article`` or ``stored``.
        lang: "en" or "zh".

    Returns:
        ``folder`` (the command), ``hash``, ``mark``, ``trials`` and ``rows``: claim -> rows with ``figure``,
        ``protocol``, ``sentence`` (under which worlds and mechanisms at least 5 % of trials show it),
        ``no_bias`` (probability with its Monte-Carlo error, with the effect and without any bias) and
        ``most`` (the largest of any world).

    Raises:
        BadInput: a language without texts.
    """
    names, said = texts(lang)["figures"], sentences(results, lang)
    rows: dict[str, list[dict[str, Any]]] = {}
    for (protocol, claim, figure), sentence in said.items():
        mine = [
            row
            for row in results["rows"]
            if (row["protocol"], row["claim"], row["figure"]) == (protocol, claim, figure)
        ]
        plain = next(row for row in mine if row["mechanism"] == "none" and row["world"] == "effect")
        shown = f"{number(plain['probability'])} ({number(plain['low'])}-{number(plain['high'])})"
        rows.setdefault(claim, []).append(
            {
                "figure": figure,
                "protocol": protocol,
                "no_bias": {key: plain[key] for key in ("probability", "mc_error", "low", "high")},
                "most": max((row["probability"] or 0.0) for row in mine),
                "sentence": f"{protocol}, {names[figure]}: {shown} {texts(lang)['plainly']}. {sentence}",
            }
        )
    return {
        "folder": "hepatrial article-trials",
        "hash": results["hash"],
        "mark": MARK[lang],
        "trials": results["trials"],
        "rows": rows,
    }
