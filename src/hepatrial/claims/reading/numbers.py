"""Figures in a sentence that arithmetic can check: counts, percentages, intervals, p-values, means."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from hepatrial.claims.reading.words import NUMBER, words

Found = dict[str, Any]
_WHO = (
    r"(?:patients?|people|persons?|recipients?|controls?|subjects?|cases|participants?|mice|rats|animals"
    r"|who\b)"
)
_COUNT = re.compile(
    r"(?<![\d./-])(\d+)(?:\s+(?:\w+\s+)?(?:out of|of)(?: the| all)?\s+|\s*/\s*)(\d+)"
    r"(?![\d./-]|\s*(?:mg|kg|%|weeks?|months?|years?))"
)
_EVENTS_AMONG = re.compile(
    rf"(?<![\d./-])(\d+)\s+(?:deaths?|cases?|events?|infections?|survivors?|(?:had|with) [a-z ]+)\s+"
    rf"(?:among|in|of)\s+"
    rf"(?:the\s+|all\s+)?(\d+)\s+(?:\w+\s+)?{_WHO}",
    re.IGNORECASE,
)
_COUNT_ZH = re.compile(r"(\d+)\s*[例人名位](?:患者|病人|受者)?中(?:有)?\s*(\d+)\s*[例人名位]")
_PERCENT = re.compile(rf"(?<![\d.])({NUMBER})\s*%")
_RATIO = re.compile(
    rf"(?P<name>(?:risk|odds|hazards?|rate)\s+ratio|relative risk|\bRR\b|\bOR\b|\bHR\b|风险比|比值比"
    rf"|相对危险度)[^.\d]{{0,60}}?(?P<e>{NUMBER})\s*[,(\[]*\s*(?:95\s*%\s*)?"
    rf"(?:CI|confidence interval|置信区间)?[\s:,]*(?:from\s+)?"
    rf"(?P<low>{NUMBER})\s*(?:-|to|,|至)\s*(?P<high>{NUMBER})",
    re.IGNORECASE,
)
_CI = re.compile(
    rf"(?P<e>-?{NUMBER})\s*(?P<unit>%|points|[\w/]{{1,8}})?\s*[(\[,]\s*95\s*%\s*"
    rf"(?:CI|confidence interval|置信区间)"
    rf"[\s:,]*(?P<low>-?{NUMBER})\s*%?\s*(?:-|to|,|至)\s*(?P<high>-?{NUMBER})",
    re.IGNORECASE,
)
_P = re.compile(r"\b[pP]\s*(?:-?\s*value)?\s*(?:of|was)?\s*([<>=≤≥])?\s*(0?\.\d+|1\.0+|\d+e-\d+)")
_ALONE = re.compile(
    r"(?<!of )(?<![\d./-])(\d+)\s+(?:were (?:still )?alive|survived|died|responded|improved|recovered)\b"
)
_OF_N = re.compile(
    rf"\b(?:[Oo]f|[Aa]mong|[Ii]n)\s+(?:the\s+|all\s+)?(\d+)\s+(?:[a-z-]+\s+){{0,2}}?{_WHO},?\s+(?:only\s+)?(\d+)\b"
    rf"(?!\s*(?:%|\.\d|weeks?|months?|years?))"
)
_WEEK = r"(?:week\s*(\d+)|(\d+)\s*-?\s*weeks?|第\s*(\d+)\s*周|(\d+)\s*周)"
_LIST = rf"({NUMBER}\s*%?(?:\s*(?:,\s*(?:and\s+)?|\band\s+|和|与)\s*{NUMBER}\s*%?)+)"
_MEANS = re.compile(rf"(-?{NUMBER})\s*(?:±|\+/-|\+-)\s*({NUMBER})")
_SIZE = re.compile(r"\bn\s*=\s*(\d+)", re.IGNORECASE)
_MEASURES = {
    "risk ratio": "RR", "relative risk": "RR", "rate ratio": "RR", "rr": "RR", "风险比": "RR",
    "相对危险度": "RR",
    "odds ratio": "OR", "or": "OR", "比值比": "OR", "hazard ratio": "HR", "hazards ratio": "HR", "hr": "HR",
}  # fmt: skip


def figures(sentence: str) -> Iterator[Found]:
    """Assertions of arithmetic kinds."""
    yield from _intervals(sentence)
    taken: list[tuple[int, int]] = []
    counted = list(counts(sentence))
    in_order = _in_order(sentence, counted)
    for index, (count, n, start, end) in enumerate(counted):
        beside = in_order[index] if in_order else _beside(sentence, start, end)
        if beside:
            taken.append(beside[1])
            yield {"kind": "percent", "value": beside[0], "n": n, "count": count}
        else:
            yield {"kind": "count", "count": count, "n": n}
    yield from _percents(sentence, taken, [(start, end) for _, _, start, end in counted])
    yield from _p_values(sentence, counted)
    yield from _courses(sentence)
    yield from _differences(sentence)
    yield from _means(sentence)


def counts(sentence: str) -> Iterator[tuple[int, int, int, int]]:
    """(count, n, start, end) of "9 of 56", "9/56" and "56 人中 9 人"."""
    for m in _COUNT.finditer(sentence):
        slash = "/" in m[0]
        before = sentence[max(0, m.start() - 12) : m.start()].lower()
        if slash and (int(m[2]) < 5 or "phase" in before or "grade" in before):
            continue
        if int(m[2]) >= 1 and not re.search(r"(?:19|20)\d\d$", m[2]):
            yield int(m[1]), int(m[2]), m.start(), m.end()
    for m in _EVENTS_AMONG.finditer(sentence):
        yield int(m[1]), int(m[2]), m.start(), m.end()
    for m in _OF_N.finditer(sentence):
        yield int(m[2]), int(m[1]), m.start(2), m.end()
    sizes = set(re.findall(r"(\d+)\s+(?:[a-z-]+\s+)?(?:patients|people)\b", sentence))
    for m in _ALONE.finditer(sentence):
        if len(sizes) == 1 and m[1] not in sizes:
            yield int(m[1]), int(next(iter(sizes))), m.start(), m.end()
    for m in _COUNT_ZH.finditer(sentence):
        yield int(m[2]), int(m[1]), m.start(), m.end()


def _beside(sentence: str, start: int, end: int) -> tuple[str, tuple[int, int]] | None:
    """The percentage printed in or before the brackets of a count."""
    words_between = r"\s*(?:[A-Za-z-]+\s+){0,6}?(?:[A-Za-z-]+\s*|[\u4e00-\u9fff]{1,8}\s*)?"
    after = re.match(rf"{words_between}[(,]\s*({NUMBER})\s*%", sentence[end:])
    if after:
        return after[1], (end + after.start(1), end + after.end())
    before = re.search(rf"({NUMBER})\s*%\s*(?:[A-Za-z-]+\s+){{0,6}}\(\s*$", sentence[:start])
    if before:
        return before[1], (before.start(1), before.end())
    return None


def _in_order(sentence: str, counted: list[tuple[int, int, int, int]]) -> list[tuple[str, tuple[int, int]]]:
    """Two percentages and then their two counts in one pair of brackets ("16 % v 33 % (9/56 v 18/54)")."""
    percents = list(_PERCENT.finditer(sentence))
    if len(percents) != 2 or len(counted) != 2 or counted[0][2] < percents[1].end():
        return []
    between = sentence[counted[0][3] : counted[1][2]]
    if "(" not in sentence[percents[1].end() : counted[0][2]] or "(" in between:
        return []
    return [(m[1], (m.start(1), m.end())) for m in percents]


def _percents(sentence: str, taken: list[tuple[int, int]], counted: list[tuple[int, int]]) -> Iterator[Found]:
    """Percentages of stated numbers of patients, and shares of people above 100.

    Args:
        sentence: plain text.
        taken: where percentages stand that belong to a count.
        counted: where counts stand, whose numbers are no denominators of other percentages.
    """
    used = list(taken)
    of = re.compile(rf"({NUMBER})\s*%\s*of\s+(?:the\s+|all\s+)?(\d+)\b(?!\s*(?:%|\.\d))")
    among = re.compile(
        rf"\b(?:[Oo]f|[Aa]mong|[Ii]n)\s+(?:the\s+|all\s+)?(\d+)\s+(?:\w+\s+){{0,2}}{_WHO}[^.%\d]{{0,60}}?({NUMBER})\s*%"
    )
    zh = re.compile(rf"(\d+)\s*[例名位人](?:患者|病人)?中?[^%\d.]{{0,20}}?({NUMBER})\s*%")
    for pattern, value, n in ((of, 1, 2), (among, 2, 1), (zh, 2, 1)):
        for m in pattern.finditer(sentence):
            free = not any(a <= m.start(value) < b for a, b in used)
            if free and not any(a <= m.start(n) < b for a, b in counted):
                used.append((m.start(value), m.end(value) + 1))
                yield {"kind": "percent", "value": m[value], "n": int(m[n])}
    people = re.search(
        rf"{_WHO}|surviv|alive|respon|mortality|患者|存活|生存|死亡|有效", sentence, re.IGNORECASE
    )
    change = re.search(
        r"increas|rise|rose|higher|more than doubled|of normal|fold|升高|增加", sentence, re.IGNORECASE
    )
    for m in _PERCENT.finditer(sentence):
        free = not any(a <= m.start() < b for a, b in used)
        if free and float(m[1]) > 100 and people and not change:
            yield {"kind": "percent", "value": m[1]}


def _intervals(sentence: str) -> Iterator[Found]:
    p = p_value(sentence)
    done: list[tuple[int, int]] = []
    for m in _RATIO.finditer(sentence):
        done.append(m.span())
        measure = _MEASURES[re.sub(r"\s+", " ", m["name"].lower())]
        found = {
            "kind": "interval",
            "estimate": m["e"],
            "low": m["low"],
            "high": m["high"],
            "measure": measure,
        }
        yield found | ({"p": p} if p and len(done) == 1 else {})
    for m in _CI.finditer(sentence):
        if not any(a <= m.start() < b for a, b in done):
            measure = "percent" if m["unit"] == "%" else ""
            yield {
                "kind": "interval",
                "estimate": m["e"],
                "low": m["low"],
                "high": m["high"],
                "measure": measure,
            }


def p_value(sentence: str) -> str:
    """The p-value of a sentence that has just one, or ""."""
    found = _P.findall(sentence)
    return (found[0][0].replace("=", "") + found[0][1]) if len(found) == 1 else ""


def _p_values(sentence: str, counted: list[tuple[int, int, int, int]]) -> Iterator[Found]:
    p = p_value(sentence)
    if not p:
        return
    test = re.search(r"fisher|chi-?squared?|χ2|log-?rank|卡方|对数秩", sentence, re.IGNORECASE)
    if len(counted) == 2:
        (x1, n1, *_), (x2, n2, *_) = counted
        if x1 <= n1 and x2 <= n2:
            living = re.search(r"surviv|alive|\bdie|death|mortality|存活|生存|死亡", sentence, re.IGNORECASE)
            yield {"kind": "p_value", "value": p, "x1": x1, "n1": n1, "x2": x2, "n2": n2,
                   "test": test[0] if test else "", "survival": bool(living) and not test}  # fmt: skip
        return
    means, sizes = _MEANS.findall(sentence), [int(n) for n in _SIZE.findall(sentence)]
    each = re.search(r"(\d+) (?:\w+ ){0,2}in each|每组\s*(\d+)", sentence)
    if each:
        sizes = [int(each[1] or each[2])] * 2
    if len(means) == 2 and len(sizes) == 2 and min(sizes) > 1:
        (m1, s1), (m2, s2) = means
        stated = "SE" if re.search(r"standard error|\bSEM?\b|标准误", sentence) else ""
        if re.search(r"standard deviation|\bSD\b|标准差", sentence):
            stated = "SD"
        yield {"kind": "p_value", "value": p, "mean1": m1, "spread1": s1, "n1": sizes[0], "mean2": m2,
               "spread2": s2, "n2": sizes[1], "stated": stated}  # fmt: skip


def week_of(sentence: str) -> float | None:
    """The only time of a sentence, in weeks; None when there is none or several."""
    weeks = [float(next(g for g in m if g)) for m in re.findall(_WEEK, sentence, re.IGNORECASE)]
    weeks += [
        round(float(m) * 52 / 12, 1)
        for m in re.findall(r"(\d+)\s*-?\s*months?|(?<=第)\d+(?=个月)", sentence)
        if m
    ]
    return weeks[0] if len(set(weeks)) == 1 else None


def _courses(sentence: str) -> Iterator[Found]:
    """Survival of one group at several weeks."""
    if not re.search(r"surviv|alive|存活|生存", sentence, re.IGNORECASE):
        return
    if re.search(r"\bpoints\b|百分点", sentence):
        return
    weeks = re.search(rf"(?:weeks|months|years|第)\s*{_LIST}", sentence, re.IGNORECASE) or re.search(
        rf"(?<![\d.%]){_LIST}\s*(?:weeks|months|years|周|个月|年)", sentence, re.IGNORECASE
    )
    if weeks:
        times = re.findall(NUMBER, weeks[1])
        for m in re.finditer(rf"{_LIST}(?<=%)|{_LIST}\s*%", sentence):
            values = re.findall(NUMBER, m[1] or m[2])
            if m.start() != weeks.start(1) and len(values) == len(times) > 1:
                yield {"kind": "course", "points": dict(zip(times, values, strict=True))}
        return
    one_arm = sum(bool(p.search(sentence)) for p in words("arms").values()) <= 1
    points = _pairs(sentence)
    if one_arm and len(points) > 1:
        yield {"kind": "course", "points": points}


def _pairs(sentence: str) -> Found:
    """Time -> percentage, where each stands beside the other; one unit of time throughout."""
    unit = r"(weeks?|months?|years?|周|个月|年)"
    when = rf"(?:(week|month|year|第)\s*(\d+)\s*(?:周|个月|年)?|(\d+)\s*-?\s*{unit})"
    found: Found = {}
    for first, second in (
        (rf"({NUMBER})\s*%\s*(?:\w+\s+){{0,3}}?\(?(?:at|by|in|after)?\s*{when}", (1, (3, 4))),
        (rf"{when}\)?\s*[:,=为是达]?\s*(?:[a-z]+\s+){{0,3}}\(?({NUMBER})\s*%", (5, (2, 3))),
    ):
        units = set()
        points: Found = {}
        for m in re.finditer(first, sentence, re.IGNORECASE):
            time = m[second[1][0]] or m[second[1][1]]
            points[time] = m[second[0]]
            named = re.search(r"week|month|year|周|月|年", m[0], re.IGNORECASE)
            units.add(named[0].lower() if named else "")
        if len(points) > len(found) and len(units) == 1:
            found = points
    return found


def _differences(sentence: str) -> Iterator[Found]:
    """Percentage points between two groups, with their percentages or their sizes."""
    points = re.findall(rf"(-?{NUMBER})\s*(?:percentage[- ])?points|(-?{NUMBER})\s*个百分点", sentence)
    values = [a or b for a, b in points]
    percents = [m[1] for m in _PERCENT.finditer(sentence)]
    sizes = re.search(
        r"(\d+)\s*(?:and|v|vs|versus|against|to|与|和|对)\s*(\d+)\s*(?:patients|people|controls|例|人|名)",
        sentence,
    )
    given = re.search(r"(\d+) (?:\w+ )?(?:received|got|were given|given|treated|had cells)", sentence)
    controls = re.search(r"(\d+) (?:\w+ )?controls", sentence)
    week = week_of(sentence)
    key = f"{week:g}" if week is not None else "0"
    found: Found = {"kind": "differences"}
    if sizes:
        found |= {"n1": int(sizes[1]), "n2": int(sizes[2])}
    elif given and controls:
        found |= {"n1": int(given[1]), "n2": int(controls[1])}
    if len(values) == 1 and len(percents) == 2:
        first, second = percents
        if not values[0].startswith("-") and float(first) < float(second):
            first, second = (
                second,
                first,
            )  # "from 55.6 % to 73.2 %, a gain of 17.6 points": a size has no sign
        yield found | {"points": {key: values[0]}, "first": {key: first}, "second": {key: second}}
    elif len(values) == 1 and "n1" in found:
        yield found | {"points": {key: values[0]}}
    elif "n1" in found:
        weeks = re.search(rf"weeks\s*{_LIST}|第\s*{_LIST}\s*周", sentence)
        listed = re.search(rf"{_LIST}\s*(?:percentage[- ])?(?:points|个百分点)", sentence)
        if weeks and listed:
            times = re.findall(NUMBER, weeks[1] or weeks[2])
            gaps = re.findall(NUMBER, listed[1])
            if len(times) == len(gaps):
                yield found | {"points": dict(zip(times, gaps, strict=True))}


def _means(sentence: str) -> Iterator[Found]:
    """Means of scores whose items are whole numbers, with their n."""
    if re.search(r"\bmeld|clif|\bage\b|bilirubin|albumin|umol|g/l|mg/d", sentence, re.IGNORECASE):
        return
    score = re.search(
        rf"(?:mean|average|平均)[^.]{{0,60}}?"
        rf"(?:score|grade|points?|rating|number of|child-pugh|分)[^.\d]{{0,40}}?"
        rf"(\d+\.\d+)(?:\s*(?:\(?\s*(?:SD|±|\+/-)\s*)({NUMBER}))?",
        sentence,
        re.IGNORECASE,
    )
    n = re.search(rf"\bn\s*=\s*(\d+)|(\d+)\s+(?:\w+\s+)?{_WHO}|(\d+)\s*[例名位]", sentence, re.IGNORECASE)
    if score and n:
        found = {"kind": "mean", "mean": score[1], "n": int(next(g for g in n.groups() if g))}
        yield found | ({"sd": score[2]} if score[2] else {})
