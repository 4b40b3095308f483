"""From the text of a claim to its scope, its kind and its assertions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter, ValidationError

from hepatrial.claims.harms import HARMS
from hepatrial.claims.reading.numbers import figures
from hepatrial.claims.reading.trials import about_trials, mentions
from hepatrial.claims.reading.words import NUMBER, clauses, places, plain, sentences, words
from hepatrial.claims.types import ARITHMETIC, Assertion
from hepatrial.evidence.base import Base

Found = dict[str, Any]
IN_THE_BODY = (
    "becomes_hepatocyte", "homes_to_liver", "lowers_inflammation", "regeneration", "less_fibrosis",
    "no_immune_response", "liver_failure_causes", "china_causes", "conventional_care", "transplant_works",
    "transplant_limits", "lifelong_drugs",
)  # fmt: skip
"""Topics that speak of a body even where the text does not say whose."""
NOT_RECOGNISED = (
    "Nothing in its words was recognised that the base or arithmetic could be held against.",
    "其文字中没有可与资料库或算术对照的内容；请写明断言。",
)


@dataclass(frozen=True)
class ReadText:
    """What a text says.

    Attributes:
        scope: "dish", "animal" or "human".
        kind: of the claim.
        hedged: it says "may".
        asserts: plain assertions, as a claim file has them.
    """

    scope: str
    kind: str
    hedged: bool
    asserts: tuple[Found, ...] = field(default=())


def read_text(text: str, base: Base) -> ReadText:
    """Read a claim.

    Args:
        text: in English or Chinese, some sentences at most.
        base: whose trials, outcomes and topics are looked for.
    """
    whole = plain(text)
    scope = _scope(whole)
    named = mentions(whole, base)
    treated = words("treatment")["words"].search(whole) is not None
    found: list[Found] = []
    for sentence in sentences(whole):
        here = mentions(sentence, base) or (named if len(named) == 1 else [])
        found += figures(sentence)
        found += about_trials(sentence, here)
        found += _says(sentence)
        if scope == "human":
            said = [o for o in _outcomes(sentence) if named or treated or o["kind"] == "absence"]
            if strength := _strength(sentence):
                said = [{**one, "strength": strength} if one["kind"] == "effect" else one for one in said]
            unread = bool(here) and all(entry is None for _, entry in here)
            found += [_of_trial(one, here) for one in said if not (unread and one["kind"] == "effect")]
        found += _topics(sentence, base)
    found = [row for row in _once(_told(found)) if _sound(row)]
    found += _left_over(whole, found)
    topics = [row["topic"] for row in found if row["kind"] == "fact"]
    asserts = tuple(found) or (
        {"kind": "uncheckable", "reason": NOT_RECOGNISED[0], "reason_zh": NOT_RECOGNISED[1]},
    )
    return ReadText(_narrowed(scope, whole, topics, found), kind_of(found), _hedged(whole), asserts)


_ASSERTION: TypeAdapter[Any] = TypeAdapter(Assertion)


def _sound(row: Found) -> bool:
    """Whether what was read is an assertion at all ("0 of 0" is none)."""
    try:
        _ASSERTION.validate_python(row)
    except ValidationError:
        return False
    return True


def _strength(sentence: str) -> str:
    """Whether a sentence says that all studies agree, or that something is proven."""
    says = words("says")
    if says["all_agree"].search(sentence):
        return "unanimous"
    denied = re.search(
        r"(?:\bnot\b|n't|never|no|un)\s*(?:yet |been )*proven|未(?:被|得到)?证(?:实|明)", sentence
    )
    return "proven" if says["proven"].search(sentence) and not denied else ""


_TYPED = re.compile(rf"(?<![\d.])({NUMBER})\s*%(?!\s*(?:CI|confidence|置信))")


def _left_over(text: str, found: list[Found]) -> list[Found]:
    """An assertion that says which percentages were not held against anything, where others were.

    What was read of a text must not vouch for what was not.
    """
    if not found:
        return []
    used = {number for row in found for number in re.findall(NUMBER, repr(row))}
    used |= {f"{100 - float(number):g}" for number in used}
    sized = {float(number) for number in used}
    counts = [(row["count"], row["n"]) for row in found if "count" in row and row.get("n")]
    counts += [(row["x1"], row["n1"]) for row in found if "x1" in row] + [
        (row["x2"], row["n2"]) for row in found if "x2" in row
    ]
    shares = [100 * x / n for x, n in counts]
    events = [row for row in found if row.get("quantity") == "event"]
    loose = [
        m[1]
        for m in _TYPED.finditer(text)
        if float(m[1]) not in sized and not any(abs(float(m[1]) - share) < 0.6 for share in shares)
    ]
    if not loose or events:
        return []
    told = ", ".join(f"{number} %" for number in dict.fromkeys(loose))
    return [
        {
            "kind": "uncheckable",
            "reason": f"{told}: not recognised as a figure of anything that was read; not checked.",
            "reason_zh": f"{told}：未能识别为所读资料中的数字，未核对。",
        }
    ]


def _of_trial(found: Found, here: list[tuple[str, Any]]) -> Found:
    """An effect said of one named trial is held against that trial alone."""
    known = [entry for _, entry in here if entry is not None]
    if found["kind"] == "effect" and len(known) == 1:
        return {**found, "trial": known[0].id}
    return found


def _scope(text: str) -> str:
    """The nearest to a patient of which it speaks; a denial ("says nothing about patients") counts not."""
    kept = re.sub(
        r"(?:says? nothing (?:about|of)|not (?:shown|seen|tested|known) in|unknown in|no(?:thing)? in) "
        r"(?:\w+ )?(?:patients|people|humans)|\bwhether\b[^.;]*",
        " ", text, flags=re.IGNORECASE,
    )  # fmt: skip
    table = words("scope")
    for name in ("human", "animal", "dish"):
        if table[name].search(kept):
            return name
    return "human"


def _narrowed(scope: str, text: str, topics: list[str], found: list[Found]) -> str:
    """A claim of mechanism alone that names nobody speaks of the dish, unless its topic needs a body."""
    only_facts = bool(topics) and all(row["kind"] == "fact" for row in found)
    named = words("scope")["human"].search(text) or re.search(
        r"liver failure|cirrhosis|肝衰竭|肝硬化|治疗|treat", text
    )
    if scope == "human" and only_facts and not named and not set(topics) & set(IN_THE_BODY):
        return "dish"
    return scope


def _hedged(text: str) -> bool:
    return words("says")["hedged"].search(text) is not None


def kind_of(found: list[Found]) -> str:
    """The kind of a claim from its assertions: numbers, safety, mechanism or benefit."""
    kinds = {row["kind"] for row in found}
    if kinds & {*ARITHMETIC, "figure", "same_product"} or any(
        row["kind"] == "cited" and len(row) > 2 for row in found
    ):
        return "numbers"
    if "safe" in kinds or "absence" in kinds or any(row.get("outcome") in HARMS for row in found):
        return "safety"
    return "mechanism" if kinds == {"fact"} else "benefit"


def _says(sentence: str) -> Iterator[Found]:
    """Cure, safety, success in everybody, approval; said or denied."""
    table = words("says")
    if table["open"].search(sentence):
        return
    if table["cure"].search(sentence):
        yield {"kind": "cure", "denied": table["not_cure"].search(sentence) is not None}
    denied = table["not_safe"].search(sentence) is not None
    if denied or table["safe"].search(sentence):
        yield {"kind": "safe", "denied": denied}
    if table["always"].search(sentence) and not re.search(
        r"\bnot (?:every|all|each)|并非|不是(?:所有|每)", sentence, re.IGNORECASE
    ):
        yield {"kind": "always"}
    if table["approved"].search(sentence):
        yield {"kind": "approved", "denied": table["not_approved"].search(sentence) is not None}


def _outcomes(sentence: str) -> Iterator[Found]:
    """Outcomes that are said to move, not to move, or not to occur, with cells."""
    for clause in clauses(sentence):
        flipped = _of_controls(clause)
        seen = places(clause, words("outcomes"))
        if seen.get("severe_infection"):
            seen["infection"] = []
        if seen.get("liver_cancer"):
            seen["malignancy"] = [
                p for p in seen.get("malignancy", []) if p not in _spans(clause, "liver_cancer")
            ]
        for outcome, spots in seen.items():
            for spot in spots[:1]:
                said = _said(clause, outcome, spot) or _improved(clause, outcome, spot)
                if said == "absent" and outcome == "death":
                    if re.search(r"\bany\b|\bever\b|never|nobody|\ball\b|从未|任何", clause):
                        yield {"kind": "always"}
                elif said == "absent":
                    yield {"kind": "absence", "event": outcome}
                elif said:
                    yield _effect(outcome, said, flipped)
        better = re.search(r"surviv\w*|生存率|存活率", clause, re.IGNORECASE)
        if better and not seen.get("death"):
            said = _said(clause, "survival", better.start())
            if not said and words("direction")["better"].search(clause):
                said = "up"
            if said in ("up", "down", "none"):
                yield _effect("death", {"up": "down", "down": "up", "none": "none"}[said], flipped)


def _spans(clause: str, outcome: str) -> set[int]:
    return {i for m in words("outcomes")[outcome].finditer(clause) for i in range(m.start(), m.end())}


def _effect(outcome: str, direction: str, flipped: bool) -> Found:
    turned = {"up": "down", "down": "up", "none": "none"}[direction] if flipped else direction
    everyone = outcome in HARMS
    return {"kind": "effect", "outcome": outcome, "direction": turned, "all_diseases": everyone}


def _of_controls(clause: str) -> bool:
    """Whether a clause speaks of the control group's side ("more often in controls")."""
    control, treated = words("arms")["control"], words("arms")["treated"]
    compared = re.search(
        r"\b(?:than|compared (?:with|to)|versus|vs|against|over)\b|高于|低于|多于|少于|比|相比",
        clause,
        re.IGNORECASE,
    )
    return control.search(clause) is not None and treated.search(clause) is None and compared is None


def _said(clause: str, outcome: str, spot: int) -> str:
    """ "up", "down", "none" or "absent", as the words near an outcome say; "" when none does."""
    table, says = words("direction"), words("says")
    near = clause[max(0, spot - 70) : spot + 90]
    if table["none"].search(near):
        return "none"
    before = clause[max(0, spot - 90) : spot]
    absent = list(says["absent"].finditer(before))
    if (
        absent
        and outcome in (*HARMS, *_EVENTS, "death")
        and not re.search(
            r"difference|change|effect|benefit|proof|evidence|doubt|longer|差|证据",
            before[absent[-1].start() :],
            re.IGNORECASE,
        )
    ):
        return "absent"
    after = clause[spot : spot + 60]
    if re.search(
        r"(?:was|were|is|are)? ?(?:not|never) (?:seen|reported|observed|caused)"
        r"|(?:never|did not|do not|does not) (?:occur|happen|arise|follow)"
        r"|未(?:见|出现|发生|报告)",
        after,
        re.IGNORECASE,
    ):
        return "absent" if outcome in (*HARMS, *_EVENTS) else "none"
    found = {
        name: [m.start() for m in table[name].finditer(clause) if abs(m.start() - spot) <= 60]
        for name in ("up", "down")
    }
    distances = {name: min(abs(p - spot) for p in spots) for name, spots in found.items() if spots}
    return min(distances, key=lambda name: distances[name]) if distances else ""


_MORE_IS_BETTER = ("albumin", "prothrombin_activity")


def _improved(clause: str, outcome: str, spot: int) -> str:
    """The direction that "improved" means for an outcome, or ""."""
    near = clause[max(0, spot - 50) : spot + 50]
    if not re.search(r"\bimprov\w+|改善", near):
        return ""
    return "up" if outcome in _MORE_IS_BETTER else "down"


_EVENTS = ("encephalopathy", "hepatorenal_syndrome", "peritonitis", "variceal_bleeding", "allergy")


def _topics(sentence: str, base: Base) -> Iterator[Found]:
    """Mechanisms and facts of the base; those that are denied are held against the contrary."""
    known = {fact.topic for fact in base.facts}
    for topic, pattern in words("topics").items():
        m = pattern.search(sentence)
        if not m or topic not in known:
            continue
        before = sentence[max(0, m.start() - 40) : m.start()]
        denied = re.search(
            r"\b(?:not|never|no evidence|cannot|hardly|rarely|few)\b|n't|不(?:能|会)?$|未|没有|很少",
            before,
            re.IGNORECASE,
        )
        yield {"kind": "fact", "topic": topic, "denied": bool(denied) and topic != "no_immune_response"}


def _told(found: list[Found]) -> list[Found]:
    """Leave out that a trial was cited where something else is said of it."""
    bare = [row for row in found if row["kind"] == "cited" and len(row) == 2]
    others = {row.get("trial") for row in found if row["kind"] not in ("cited",)}
    return [row for row in found if row not in bare or row["trial"] not in others]


def _once(found: list[Found]) -> list[Found]:
    kept: list[Found] = []
    for row in found:
        if row not in kept:
            kept.append(row)
    return kept
