"""What assertions meet that name trials: a figure, what the trial was, whose cells, whose patients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from hepatrial.claims import types as t
from hepatrial.claims.citations import find_arm, find_study, outcome_key
from hepatrial.claims.names import name as label
from hepatrial.claims.names import name_zh as label_zh
from hepatrial.claims.types import Evidence, Reason
from hepatrial.errors import nearest_name
from hepatrial.evidence.base import Base, Pool, Trial

PRODUCTS: dict[str, tuple[str, str]] = {
    "msc": ("mesenchymal stromal cells", "间充质干细胞"),
    "liver_progenitor": ("liver progenitor cells", "肝祖细胞"),
    "haematopoietic": ("haematopoietic cells", "造血细胞"),
    "mixed": ("mixed marrow cells", "混合骨髓细胞"),
    "g_csf": ("G-CSF, no cells", "G-CSF，无细胞"),
    "device": ("a device, no cells", "装置，无细胞"),
    "none": ("none", "无"),
}
_SEEN = ("seen", "seen_secondary")


def _unknown(kind: str, given: str, base: Base) -> Reason:
    """A trial that was never read: nothing can be held against it, and that is said."""
    names = [*base.trials, *(trial.name for trial in base.trials.values()), *base.pools]
    near = nearest_name(given, names)
    hint, hint_zh = (f" (nearest: {near})", f"（最相近：{near}）") if near else ("", "")
    return Reason(
        kind, "uncheckable",
        f"{given}: no trial or pool of this name was read{hint}; nothing can be held against it.",
        f"{given}：未读到此名的试验或汇总{hint_zh}；无从对照。",
    )  # fmt: skip


def _figure(a: t.FigureAssertion, base: Base) -> Iterator[Reason]:
    trial = find_study(base, a.trial)
    if trial is None:
        yield _unknown(a.kind, a.trial, base)
        return
    arm = find_arm(trial, a.arm) if isinstance(trial, Trial) and a.arm else None
    if a.arm and isinstance(trial, Trial) and arm is None:
        text = f"{trial.id}: no arm {a.arm!r} was read."
        yield Reason(a.kind, "uncheckable", text, f"{trial.id}：未读到名为 {a.arm} 的组。")
        return
    name = arm.name if arm else ""
    held = list(_held(trial, a, name))
    usable = [(value, grade, place) for value, grade, place, ok in held if ok]
    where = ", ".join(x for x in (name, f"week {a.week:g}" if a.week is not None else "", a.event) if x)
    coded = f"{trial.id} {a.quantity}{f' ({where})' if where else ''}: printed {a.value}"
    said, said_zh = _said_of_figure(trial, a, name)
    if not usable:
        kept = f", only figures of grade {held[0][1]}, which are not used" if held else ""
        yield Reason(
            a.kind, "silent", f"{said}; not in any source read{kept}.", f"{said_zh}；所读资料中没有。"
        )
        return
    fits = [entry for entry in usable if _fits(entry[0], a.value)]
    value, grade, place = (fits or usable)[0]
    evidence = (Evidence(trial.id, f"{coded}; read {value:g}", grade, place, "human"),)
    status: t.Status = "confirmed" if fits else "refuted"
    word, word_zh = ("as read", "相符") if fits else (f"the source says {value:g}", f"原始资料为 {value:g}")
    if not fits and isinstance(trial, Trial):
        other = _elsewhere(trial, a, name)
        word += f" (it is that of {other})" if other else ""
        word_zh += f"（该数属于 {other}）" if other else ""
    yield Reason(
        a.kind,
        status,
        f"{said}; {word} ({place}).",
        f"{said_zh}；{word_zh}（{place}）。",
        "human",
        "",
        evidence,
    )


_QUANTITY = {
    "survival": ("survival in per cent", "生存率"),
    "n": ("patients", "人数"),
    "event": ("events", "事件"),
    "dose": ("dose", "剂量"),
    "effect": ("effect", "效应"),
}


def _said_of_figure(trial: Trial | Pool, a: t.FigureAssertion, arm: str) -> tuple[str, str]:
    """Trial, what is counted, arm and week in a reader's words, and the number as printed; both languages."""
    what, what_zh = _QUANTITY[a.quantity]
    if a.event:
        what, what_zh = label(outcome_key(a.event)), label_zh(outcome_key(a.event))
    week = ("", "") if a.week is None else (f"week {a.week:g}", f"第 {a.week:g} 周")
    study = trial.name if isinstance(trial, Trial) else trial.id
    said = ", ".join(x for x in (study, what, arm, week[0]) if x)
    said_zh = "，".join(x for x in (study, what_zh, arm, week[1]) if x)
    return f"{said}: printed {a.value}", f"{said_zh}：所印 {a.value}"


def _fits(value: float, printed: str) -> bool:
    """Whether a value prints so."""
    decimals = len(printed.partition(".")[2])
    return abs(value - float(printed)) <= 0.5 * 0.1**decimals + 1e-9 * abs(value)


def _elsewhere(trial: Trial, a: t.FigureAssertion, name: str) -> str:
    """The other arm whose usable figure it is (arms interchanged), or ""."""
    for other in trial.arms:
        if other.name != name and any(
            ok and _fits(v, a.value) for v, _, _, ok in _held(trial, a, other.name)
        ):
            return other.name
    return ""


def _held(entry: Trial | Pool, a: t.FigureAssertion, name: str) -> Iterator[tuple[float, str, str, bool]]:
    """(value, grade, place, usable) of every figure of the base that answers for an arm ("" for all)."""
    results = entry.results if isinstance(entry, Pool) else entry.effects
    event = outcome_key(a.event)
    if a.quantity == "effect":
        for row in results:
            if row.outcome == event and row.value is not None and (a.week is None or row.week == a.week):
                yield row.value, row.grade, row.source, row.usable
    if isinstance(entry, Pool):
        if a.quantity == "n" and entry.patients:
            yield float(entry.patients), "seen", entry.citation, True
        return
    if a.quantity == "survival":
        for s in entry.survival:
            if s.arm == name and (s.week == a.week or a.week is None):
                yield s.percent, s.grade, entry.place(s), s.usable
    elif a.quantity == "event":
        for e in entry.events:
            if e.arm == name and e.event == event and e.count is not None:
                yield float(e.count), e.grade, entry.place(e), e.usable
    elif a.quantity == "n":
        yield from _sizes(entry, name)
    elif a.quantity == "dose":
        arm = entry.arm(name)
        if arm and arm.product:
            place = entry.sources.get(arm.product.source, arm.product.source)
            low, high = arm.product.dose_low, arm.product.dose_high
            if low is not None and high is not None and low <= float(a.value) <= high:
                yield float(a.value), arm.product.grade, place, arm.product.grade in _SEEN
            for value in (low, high):
                if value is not None:
                    yield value, arm.product.grade, place, arm.product.grade in _SEEN


def _sizes(trial: Trial, name: str) -> Iterator[tuple[float, str, str, bool]]:
    """Patients of an arm, or of all arms together."""
    arms = [arm for arm in trial.arms if arm.name == name or not name]
    if not arms or any(arm.n is None for arm in arms):
        return
    usable = all(arm.grade in _SEEN for arm in arms)
    grade = next((arm.grade for arm in arms if arm.grade not in _SEEN), arms[0].grade)
    place = trial.sources.get(arms[0].source, arms[0].source)
    yield float(sum(arm.n or 0 for arm in arms)), grade, place, usable


def _cited(a: t.CitedAssertion, base: Base) -> Iterator[Reason]:
    trial = find_study(base, a.trial)
    if trial is None:
        yield _unknown(a.kind, a.trial, base)
        return
    said = list(_said_of(a, trial))
    if not said:
        text = f"{trial.id}: it was read ({trial.citation})."
        yield Reason(a.kind, "uncheckable", text, f"{trial.id}：已读（{trial.citation}）。")
    for holds, en, zh in said:
        evidence = (Evidence(trial.id, en, "seen", trial.citation, "human"),)
        yield Reason(a.kind, "confirmed" if holds else "refuted", f"{en}.", f"{zh}。", "human", "", evidence)


def _said_of(a: t.CitedAssertion, entry: Trial | Pool) -> Iterator[tuple[bool, str, str]]:
    """(whether it holds, sentence, Chinese) of each thing said of a trial that the base knows."""
    kinds = _kinds(entry)
    if a.product and kinds:
        shown, zh = (" + ".join(PRODUCTS.get(k, (k, k))[i] for k in kinds) for i in (0, 1))
        yield a.product in kinds, f"{entry.id} gave {shown}", f"{entry.id} 所用为{zh}"
    if isinstance(entry, Pool):
        if a.randomised is not None:
            word, word_zh = ("only", "仅") if entry.randomised_only else ("not only", "并非仅")
            yield (
                a.randomised == entry.randomised_only, f"{entry.id} pools {word} randomised trials",
                f"{entry.id} {word_zh}汇总随机试验",
            )  # fmt: skip
        return
    products = [arm.product for arm in entry.arms_of("treated") if arm.product and arm.product.grade in _SEEN]
    if a.cells and products:
        words = "; ".join(dict.fromkeys(p.cells for p in products))
        yield _same_cells(a.cells, words), f"{entry.id} gave {words}", f"{entry.id} 所用为 {words}"
    if a.origin and products and any(p.origin in ("autologous", "allogeneic") for p in products):
        words = " + ".join(dict.fromkeys(p.origin for p in products))
        yield a.origin in words, f"{entry.id}: {words} cells", f"{entry.id}：{words} 细胞"
    if a.randomised is not None and "memory" not in entry.allocation:
        word, zh = ("randomised", "随机") if entry.kind == "randomised" else ("not randomised", "非随机")
        yield a.randomised == (entry.kind == "randomised"), f"{entry.id} was {word}", f"{entry.id} 为{zh}"
    known = entry.blinding and not any(w in entry.blinding for w in ("memory", "not stated", "version"))
    if a.blinded is not None and known:
        blind = any(word in entry.blinding.lower() for word in ("double", "placebo", "blind")) and not any(
            word in entry.blinding.lower() for word in ("open", "none", "not ")
        )
        yield a.blinded == blind, f"{entry.id} was {entry.blinding}", f"{entry.id}：{entry.blinding}"
    if a.disease:
        yield (
            _same_disease(a.disease, entry),
            f"{entry.id} was in {entry.disease}",
            f"{entry.id}：{entry.disease}",
        )


_CELL_WORDS = {
    "umbilical": ("umbilical", "cord", "脐"),
    "marrow": ("marrow", "bm-", "骨髓"),
    "adipose": ("adipose", "fat", "脂肪"),
    "blood": ("peripheral blood", "pbsc", "外周血"),
    "cd133": ("cd133",),
    "cd34": ("cd34",),
    "liver": ("liver", "hepa"),
    "placenta": ("placent", "胎盘"),
    "menstrual": ("menstrual", "经血"),
}
_DISEASES = {
    "aclf": ("acute-on-chronic", "aclf", "慢加急性"),
    "decompensated": ("decompensated", "失代偿"),
    "compensated": ("compensated cirrhosis", "代偿期"),
}


def _families(words: str) -> set[str]:
    plain = words.lower()
    return {name for name, parts in _CELL_WORDS.items() if any(part in plain for part in parts)}


def _same_cells(given: str, known: str) -> bool:
    """Whether words for cells name a source that the trial's words name too (unknown words do)."""
    mine, theirs = _families(given), _families(known)
    return not mine or not theirs or bool(mine & theirs)


def _same_disease(given: str, trial: Trial) -> bool:
    plain = given.lower()
    mine = {name for name, parts in _DISEASES.items() if any(part in plain for part in parts)}
    if "decompensated" in mine:
        mine.discard("compensated")
    return bool(not mine or trial.population in mine or trial.population not in _DISEASES)


def _kinds(entry: Trial | Pool) -> tuple[str, ...]:
    """Classes of product that were read, not remembered."""
    if isinstance(entry, Pool):
        return (entry.product,)
    products = [arm.product for arm in entry.arms_of("treated") if arm.product and arm.product.grade in _SEEN]
    return tuple(dict.fromkeys(product.kind for product in products))


def _same_product(a: t.SameProductAssertion, base: Base) -> Iterator[Reason]:
    """Trials of different products speak for none of them together."""
    known: list[Trial | Pool] = []
    for given in a.trials:
        entry = find_study(base, given)
        if entry is None:
            yield _unknown(a.kind, given, base)
        else:
            known.append(entry)
    if not known:
        return
    wanted = a.product or (_kinds(known[0])[0] if _kinds(known[0]) else "")
    others = [entry for entry in known if _kinds(entry) and wanted not in _kinds(entry)]
    shown, zh = (
        "; ".join(f"{e.id}: {' + '.join(PRODUCTS.get(k, (k, k))[i] for k in _kinds(e))}" for e in known)
        for i in (0, 1)
    )
    evidence = tuple(
        Evidence(e.id, f"{e.id}: {' + '.join(_kinds(e))}", "seen", e.citation, "human") for e in known
    )
    if others:
        text = f"The trials gave different products and cannot speak for one: {shown}."
        yield Reason(a.kind, "refuted", text, f"各试验产品不同，不能合为一谈：{zh}。", "human", "", evidence)
    elif len(known) > 1:
        yield Reason(a.kind, "confirmed", f"The trials gave one class of product: {shown}.",
                     f"各试验产品同类：{zh}。", "human", "", evidence)  # fmt: skip


def _separate(a: t.SeparateAssertion, base: Base) -> Iterator[Reason]:
    """Trials of one place with control groups of one size may have shared them; notes of overlap say so."""
    entries = [(given, find_study(base, given)) for given in a.trials]
    for given, entry in entries:
        if entry is None:
            yield _unknown(a.kind, given, base)
    trials = [entry for _, entry in entries if isinstance(entry, Trial)]
    notes = [
        (trial, note.text)
        for trial in trials
        for note in trial.notes
        if note.about == "overlap"
        and note.grade != "recalled"
        and any(other.name in note.text for other in trials if other is not trial)
    ]
    for trial, text in notes:
        evidence = (Evidence(trial.id, text, "seen", trial.citation, "human"),)
        said = f"{trial.id}: {text} Separate patients would have to be shown."
        yield Reason(a.kind, "overreach", said, f"{trial.id}：{text} 须证明患者各异。", "human", "", evidence)
    if not notes and len(trials) > 1:
        text = "Nothing that was read says whether patients were shared."
        yield Reason(a.kind, "uncheckable", text, "所读资料未说明患者是否重叠。")


STUDIES: dict[str, Callable[[Any, Base], Iterator[Reason]]] = {
    "figure": _figure,
    "cited": _cited,
    "same_product": _same_product,
    "separate": _separate,
}
"""Kinds of assertions about named trials, and what they meet."""
