"""Trials and pools that a sentence names, and what it says of them: figures, product, design."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from hepatrial.claims.citations import find_arm, find_study
from hepatrial.claims.reading.numbers import counts, week_of
from hepatrial.claims.reading.words import NUMBER, nearest, places, words
from hepatrial.evidence.base import Base, Pool, Trial

Found = dict[str, Any]
_AUTHOR = re.compile(
    r"(?<![A-Za-z0-9])([A-Z][A-Za-z\u00c0-\u024f'-]+)(?:\s+(?:[A-Z]{1,2}\b))?"
    r"((?:,?\s+et al|\s+and colleagues|\s+and co-workers|等人?)?),?\s*"
    r"(?:\(\s*)?((?:19|20)\d\d)\)?"
)
_NOT_AUTHORS = (
    "in since by from until before after during between and the of to january february march april may june "
    "july august september october november december china hepatology journal table figure phase week day "
    "year edition guideline copyright updated published early late mid around about summer winter spring "
    "autumn europe japan germany korea india iran egypt brazil beijing guangzhou"
)
"""Words before a year that are no author."""
_NCT = re.compile(r"(?<![A-Za-z0-9])(?:NCT\d{8}(?!\d)|ChiCTR[-A-Za-z0-9]*\d)", re.IGNORECASE)
_DOSE = re.compile(
    rf"({NUMBER})\s*[x×*]\s*10\s*\^?\s*(\d+)\s*(?:\w+\s+)?(?:cells?|个细胞)?\s*(?:/|per|每)\s*(?:kg|kilogram|公斤|千克)",
    re.IGNORECASE,
)
_COMPARED = re.compile(
    r"\bnot\b|\bno\b|unlike|other than|versus|\bvs?\b|against|compared|instead|and not|plus|with or without"
    r"|而非|不是|相比",
    re.IGNORECASE,
)
_ALIVE = re.compile(r"surviv|alive|\bliv(?:ed|ing)\b|存活|生存", re.IGNORECASE)
_DEAD = re.compile(r"\bdie[sd]?\b|deaths?|\bdead\b|mortality|死亡|病死", re.IGNORECASE)


def mentions(text: str, base: Base) -> list[tuple[str, Trial | Pool | None]]:
    """(name as written, what it is or None) of every trial or pool named, each once."""
    found: dict[str, Trial | Pool | None] = {}
    for m in _AUTHOR.finditer(text):
        if m[1].lower() in _NOT_AUTHORS.split():
            continue
        author = m[1].removesuffix("'s")
        name = f"{author} {m[3]}"
        entry = find_study(base, name)
        if (
            entry
            or m[2]
            or re.search(r"trial|study|studie|meta-analys|pool|random|试验|研究", text, re.IGNORECASE)
        ):
            found[name] = entry
    for m in _NCT.finditer(text):
        found[m[0]] = find_study(base, m[0])
    for trial in base.trials.values():
        if trial.name.isupper() and re.search(
            rf"(?<![A-Za-z0-9]){re.escape(trial.name)}(?![A-Za-z0-9])", text
        ):
            found[trial.name] = trial
    once: dict[str, tuple[str, Trial | Pool | None]] = {}
    for name, entry in found.items():
        once.setdefault(entry.id if entry else name, (name, entry))
    return list(once.values())


def about_trials(sentence: str, named: list[tuple[str, Trial | Pool | None]]) -> Iterator[Found]:
    """What a sentence says of the trials it is about."""
    known = [entry for _, entry in named if entry is not None]
    for name, entry in named:
        if entry is None:
            yield {"kind": "cited", "trial": name}
    if len(known) > 1:
        yield from _several(sentence, known)
    if len(known) != 1:
        return
    entry = known[0]
    yield from _design(sentence, entry)
    yield from _effects(sentence, entry)
    if isinstance(entry, Trial):
        yield from _survival(sentence, entry)
        yield from _events(sentence, entry)
        yield from _sizes(sentence, entry)
        dose = _DOSE.search(sentence)
        if dose:
            value = f"{float(dose[1]) * 10.0 ** int(dose[2]):.0f}"
            yield {"kind": "figure", "trial": entry.id, "quantity": "dose", "arm": "treated", "value": value}


def _several(sentence: str, known: list[Trial | Pool]) -> Iterator[Found]:
    products = [name for name, pattern in words("products").items() if pattern.search(sentence)]
    if words("says")["pooled"].search(sentence) or len(products) == 1:
        product = products[0] if len(products) == 1 else ""
        yield {"kind": "same_product", "trials": [entry.id for entry in known], "product": product}


def _design(sentence: str, entry: Trial | Pool) -> Iterator[Found]:
    found: Found = {"kind": "cited", "trial": entry.id}
    products = [name for name, pattern in words("products").items() if pattern.search(sentence)]
    kinds = (entry.product,) if isinstance(entry, Pool) else entry.product_kinds
    if isinstance(entry, Trial):
        others = [] if _COMPARED.search(sentence) else [name for name in products if name not in kinds]
        if others or len(products) == 1:
            found["product"] = others[0] if others else products[0]
    cells = [name for name, pattern in words("cells").items() if pattern.search(sentence)]
    if len(cells) == 1 and isinstance(entry, Trial):
        found["cells"] = cells[0]
    negated = re.search(
        r"\b(?:not|non|un)[- ]?(?:yet )?randomi[sz]ed|并非随机|非随机", sentence, re.IGNORECASE
    )
    if negated:
        found["randomised"] = False
    elif re.search(r"randomi[sz]ed|\bRCT\b|随机", sentence, re.IGNORECASE):
        found["randomised"] = True
    if re.search(
        r"double[- ]blind|placebo[- ]controlled|\bblinded\b|双盲|安慰剂对照", sentence, re.IGNORECASE
    ):
        found["blinded"] = True
    elif re.search(r"open[- ]label|not blinded|unblinded|开放", sentence, re.IGNORECASE):
        found["blinded"] = False
    for name, pattern in (
        ("autologous", r"autologous|own (?:stem )?cells|自体"),
        ("allogeneic", r"allogene?ic|donor cells|异体|同种异体"),
    ):
        if re.search(pattern, sentence, re.IGNORECASE):
            found["origin"] = name
    yield found


def _effects(sentence: str, entry: Trial | Pool) -> Iterator[Found]:
    """A ratio with one outcome, of which the entry holds a figure of that outcome."""
    ratio = re.search(
        rf"(?:ratio|\bRR\b|\bOR\b|\bHR\b|relative risk|风险比|比值比)[^.\d]{{0,40}}?({NUMBER})", sentence
    )
    named = [name for name, pattern in words("outcomes").items() if pattern.search(sentence)]
    rows = entry.results if isinstance(entry, Pool) else entry.effects
    held = [name for name in named if any(r.outcome == name and r.value is not None for r in rows)]
    if "severe_infection" in held and "infection" in held:
        held.remove("infection")
    if ratio and len(held) == 1:
        yield {"kind": "figure", "trial": entry.id, "quantity": "effect", "event": held[0], "value": ratio[1]}


def _survival(sentence: str, trial: Trial) -> Iterator[Found]:
    """Percentages and counts alive (or dead) of an arm, where the sentence speaks of one of the two."""
    alive, dead = _ALIVE.search(sentence), _DEAD.search(sentence)
    if bool(alive) == bool(dead) or re.search(r"\bpoints\b|百分点", sentence):
        return
    if any(pattern.search(sentence) for name, pattern in words("outcomes").items() if name != "death"):
        return
    week = week_of(sentence)
    if week is None and re.search(r"week|month|周|月", sentence):
        return
    common = {"kind": "figure", "trial": trial.id, "quantity": "survival", "week": week}
    for value, arm in percents_by_arm(sentence):
        if float(value) <= 100:
            yield common | {"arm": arm, "value": value if alive else _turned(value)}
    arms = places(sentence, words("arms"))
    for count, n, start, end in counts(sentence):
        arm = _arm_of(sentence, start, end, arms) or _by_size(trial, n)
        sized = find_arm(trial, arm) if arm else None
        if sized is not None and sized.n == n and count <= n:
            value = f"{100 * (count if alive else n - count) / n:.1f}"
            yield common | {"arm": arm, "value": value}


def percents_by_arm(sentence: str) -> Iterator[tuple[str, str]]:
    """(percentage, arm) of every percentage that belongs to one; two in a row belong to the arms in order."""
    limits = [m.span() for m in _LIMITS.finditer(sentence)]
    found = [
        m
        for m in re.finditer(rf"(?<![\d.])({NUMBER})\s*%(?!\s*(?:CI|confidence|置信))", sentence)
        if not any(a <= m.start() < b for a, b in limits)
    ]
    arms = places(sentence, words("arms"))
    order = sorted((spots[0], name) for name, spots in arms.items() if spots)
    risen = len(found) == 2 and re.search(r"\bfrom\s*$", sentence[: found[0].start()])
    if risen and re.fullmatch(r"\s*to\s*", sentence[found[0].end() : found[1].start()]):
        yield found[0][1], "control"
        yield found[1][1], "treated"
        return
    together = len(found) == 2 and re.fullmatch(
        r"\s*(?:\([^)]*\)\s*)?(?:v|vs|versus|against|and|,|与|和|对|compared with)\s*",
        sentence[found[0].end() : found[1].start()],
    )
    if together or (len(found) == 2 and re.search(r"respectively|分别", sentence)):
        if len(order) == 2:
            yield from ((m[1], name) for m, (_, name) in zip(found, order, strict=True))
        return
    for m in found:
        arm = _arm_of(sentence, m.start(), m.end(), arms)
        if arm:
            yield m[1], arm


_LIMITS = re.compile(
    rf"(?:\bCI\b|interval|区间)[^%;]{{0,70}}?{NUMBER}\s*%?\s*(?:-|to|and|,|至|到)\s*{NUMBER}\s*%",
    re.IGNORECASE,
)
"""An interval of a percentage, whose ends are no percentages of an arm."""


def _turned(percent: str) -> str:
    decimals = len(percent.partition(".")[2])
    return f"{100 - float(percent):.{decimals}f}"


def _arm_of(sentence: str, start: int, end: int, arms: dict[str, list[int]]) -> str:
    """The arm a figure belongs to: one that follows it within its own words, else the nearest before it."""
    linked = re.match(r"\s*(?:\w+\s+){0,6}", sentence[end:])
    limit = end + (linked.end() if linked else 0) + 1
    close = {name: [p for p in found if end <= p <= limit] for name, found in arms.items()}
    follows = nearest(close, end, 60)
    if follows:
        return follows
    before = {name: [p for p in found if 0 <= start - p <= 60] for name, found in arms.items()}
    return nearest(before, start, 60)


def _events(sentence: str, trial: Trial) -> Iterator[Found]:
    """Counts of an event of an arm."""
    named = [name for name, pattern in words("outcomes").items() if pattern.search(sentence)]
    if "severe_infection" in named and "infection" in named:
        named.remove("infection")
    held = [name for name in named if any(e.event == name and e.count is not None for e in trial.events)]
    if len(named) != 1 or len(held) != 1:
        return
    arms = places(sentence, words("arms"))
    counted = list(counts(sentence))
    if not counted:
        yield from _event_shares(sentence, trial, held[0])
    for count, n, start, end in counted:
        arm = _arm_of(sentence, start, end, arms) or _by_size(trial, n)
        if arm:
            yield {"kind": "figure", "trial": trial.id, "quantity": "event", "arm": arm, "event": held[0],
                   "value": str(count)}  # fmt: skip


def _event_shares(sentence: str, trial: Trial, event: str) -> Iterator[Found]:
    """Percentages of an event by arm, as the whole patients behind them, or as a percentage of n."""
    for value, name in percents_by_arm(sentence):
        arm = find_arm(trial, name)
        if arm is None or not arm.n or float(value) > 100:
            continue
        count = round(float(value) * arm.n / 100)
        decimals = len(value.partition(".")[2])
        if abs(100 * count / arm.n - float(value)) <= 0.51 * 10.0**-decimals:
            yield {"kind": "figure", "trial": trial.id, "quantity": "event", "arm": name, "event": event,
                   "value": str(count)}  # fmt: skip
        else:
            yield {"kind": "percent", "value": value, "n": arm.n}


def _by_size(trial: Trial, n: int) -> str:
    arms = [arm for arm in trial.arms if arm.n == n]
    return arms[0].name if arms else ""


def _sizes(sentence: str, trial: Trial) -> Iterator[Found]:
    """A stated number of patients: of an arm if one has it, of all, or one that it says were enrolled."""
    total = sum(arm.n or 0 for arm in trial.arms)
    enrolled = re.search(
        r"enrol|randomi[sz]ed|recruit|includ|(?:trial|study) of|in all|total|共|纳入|入组", sentence
    )
    for m in re.finditer(
        r"(?<![\d.,])(\d+)\s+(?:[A-Za-z]+[- ]){0,2}(?:patients|people|participants|subjects)\b"
        r"|(\d+)\s*[例名位](?:患者|病人)",
        sentence,
    ):
        n = int(m[1] or m[2])
        if re.search(
            r"(?:\d+\s*(?:of|/|out of)\s*(?:the\s+)?|%\s*of\s*(?:the\s+)?|planned )$", sentence[: m.start()]
        ):
            continue
        arm = _by_size(trial, n)
        if arm or n == total or enrolled:
            yield {"kind": "figure", "trial": trial.id, "quantity": "n", "arm": arm, "value": str(n)}
