"""A run with the schema's columns, made from exponential courses: quick, and every truth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from hepatrial.report.facts import (
    Arm,
    Assumption,
    Card,
    CohortFigure,
    Facts,
    Published,
    PublishedText,
    Reported,
    Step,
    Study,
    Variant,
)

WEEKS = 24.0
LANDMARKS = (4.0, 12.0, 24.0)
VISIT_WEEKS = (1.0, 2.0, 3.0, 4.0, 8.0, 12.0, 16.0, 20.0, 24.0)
HAZARDS = {"smt": 0.0036, "msc": 0.0030}
"""Death per day; with 168 days 55 % and 60 % survive."""

TRANSPLANT = 0.0004
"""Transplants per day."""

VARIANTS = {"no_effect": 1.0, "infection_only": 0.9, "secretome_14d": 0.7, "engraftment_only": 1.0}
"""Hazard of the treated arm relative to the control arm in the counterfactual pairs."""

MEASURES = {
    "alt": (300.0, 0.7), "ast": (200.0, 0.7), "bilirubin": (320.0, 0.4), "albumin": (31.0, 0.13),
    "inr": (1.9, 0.2), "creatinine": (75.0, 0.3), "sodium": (136.0, 0.03), "meld": (23.0, 0.15),
}  # fmt: skip

ARMS = (
    Arm("msc", {"en": "MSC + standard care", "zh": "间充质干细胞＋标准治疗"}, False, 56, 4, 3.2e5),
    Arm("smt", {"en": "Standard care", "zh": "标准治疗"}, True, 54),
)


def subjects_of(
    rng: np.random.Generator, arm: Arm, replicate: int, hazard: float, variant: str, first_patient: int
) -> pl.DataFrame:
    """One arm of one trial."""
    n, end = arm.size, 7 * WEEKS
    death = rng.exponential(1 / hazard, n)
    transplant = rng.exponential(1 / TRANSPLANT, n)
    dropout = rng.exponential(1 / 0.0008, n)
    first = np.minimum(np.minimum(death, transplant), dropout)
    names = np.select(
        [first >= end, first == death, first == transplant], ["none", "death", "transplant"], "dropout"
    )
    seen = np.minimum(dropout, end)
    overall = np.minimum(death, seen)
    received = np.minimum(1 + np.floor(overall / 7), arm.infusions).astype(int)
    table = {
        "replicate": np.full(n, replicate, np.int32),
        "subject": np.arange(1, n + 1, dtype=np.int32),
        "patient": np.arange(first_patient, first_patient + n, dtype=np.int64),
        "arm": [arm.name] * n,
        "treatment_actual": [arm.name] * n,
        "variant": [variant] * n,
        "world": np.ones(n, np.int32),
        "status": ["ok"] * n,
        "age": rng.normal(44, 10, n),
        "sex": rng.choice(["female", "male"], n, p=[0.15, 0.85]),
        "weight": rng.normal(65, 9, n),
        "cirrhosis": rng.random(n) < 0.4,
        "infected_at_entry": rng.random(n) < 0.05,
        "referral_delay": rng.lognormal(2.7, 0.7, n),
        "infusions_planned": np.full(n, arm.infusions, np.int32),
        "infusions_received": received.astype(np.int32),
        "overall_survival_time": overall,
        "overall_survival_event": (death <= seen).astype(np.int32),
        "transplant_free_time": np.minimum(first, end),
        "transplant_free_event": np.isin(names, ["death", "transplant"]).astype(np.int32),
        "first_event": names,
        "dropout_reason": np.where(names == "dropout", "withdrew consent", ""),
    }
    for name, (centre, spread) in MEASURES.items():
        table[f"baseline_{name}"] = centre * np.exp(rng.normal(0, spread, n))
    return pl.DataFrame(table)


def visits_of(rng: np.random.Generator, subjects: pl.DataFrame) -> pl.DataFrame:
    """The weekly visits of those still seen; values fall towards normal."""
    parts = []
    for week in VISIT_WEEKS:
        here = subjects.filter(pl.col("overall_survival_time") >= 7 * week)
        columns = [
            (pl.col(f"baseline_{name}") * np.exp(-0.03 * week)).alias(name)
            if name not in ("albumin", "sodium")
            else pl.col(f"baseline_{name}").alias(name)
            for name in MEASURES
        ]
        day = 7 * week + rng.normal(0, 0.3, here.height)
        parts.append(
            here.select(
                "replicate",
                "subject",
                "patient",
                "arm",
                pl.lit(f"week {week:g}").alias("visit"),
                pl.lit(week).alias("week"),
                pl.Series("day", day),
                *columns,
            )
        )
    return pl.concat(parts)


def events_of(rng: np.random.Generator, subjects: pl.DataFrame) -> pl.DataFrame:
    """Infections, bleeds, fevers, infusions and ends."""
    rates = {"severe_infection": 0.0025, "mild_infection": 0.006, "variceal_bleeding": 0.0006, "fever": 0.004}
    rows: list[pl.DataFrame] = []
    key = ("replicate", "subject", "patient", "arm")
    for event, rate in rates.items():
        day = rng.exponential(1 / rate, subjects.height)
        rows.append(
            subjects.with_columns(day=pl.Series(day))
            .filter(pl.col("day") < pl.col("overall_survival_time"))
            .select(*key, "day", pl.lit(event).alias("event"), pl.lit("").alias("detail"))
        )
    for k in range(4):
        given = subjects.filter(pl.col("infusions_received") > k)
        rows.append(
            given.select(
                *key,
                pl.lit(7.0 * k).alias("day"),
                pl.lit("cell_infusion").alias("event"),
                pl.lit("").alias("detail"),
            )
        )
    for event, column in (("death", "overall_survival_time"), ("transplant", "transplant_free_time")):
        had = (
            pl.col("overall_survival_event") == 1
            if event == "death"
            else pl.col("first_event") == "transplant"
        )
        rows.append(
            subjects.filter(had).select(
                *key, pl.col(column).alias("day"), pl.lit(event).alias("event"), pl.lit("").alias("detail")
            )
        )
    return pl.concat(rows).sort(*key, "day", "event")


DOI = "doi:10.1002/hep.29189"


def published() -> tuple[Published, ...]:
    """Lin 2017 as far as it is published: week 24 and infections seen, weeks 4 and 12 an article's."""

    def figure(endpoint: str, arm: str, week: float, count: int, role: str, *ci: float) -> Published:
        of = 56 if arm == "msc" else 54
        low, high = ci or (None, None)
        interval = "printed" if ci and endpoint == "survival" else "exact" if ci else ""
        grade = "article" if role == "article" else "seen"
        share = count / of
        return Published(endpoint, arm, week, share, low, high, interval, count, of, grade, role, DOI)

    return (
        figure("survival", "msc", 4.0, 56, "article"),
        figure("survival", "smt", 4.0, 42, "article"),
        figure("survival", "msc", 12.0, 47, "article"),
        figure("survival", "smt", 12.0, 35, "article"),
        figure("survival", "msc", 24.0, 41, "predicted", 0.616, 0.848),
        figure("survival", "smt", 24.0, 30, "fitted", 0.423, 0.689),
        figure("severe_infection", "msc", 24.0, 9, "predicted", 0.076, 0.283),
        figure("severe_infection", "smt", 24.0, 18, "fitted", 0.211, 0.475),
    )


def study() -> Study:
    """The plan."""
    return Study(
        name="lin2017",
        title={"en": "Marrow MSC in HBV-related ACLF", "zh": "骨髓间充质干细胞治疗乙肝相关慢加急性肝衰竭"},
        question={"en": "How does survival to week 24 compare?", "zh": "24 周生存有何差别？"},
        context={"en": "It may inform the planning of a trial.", "zh": "仅供试验设计参考。"},
        citation="Lin BL, Chen JF, Qiu WH, et al. Hepatology 2017;66:209-219",
        doi="10.1002/hep.29189",
        registration="NCT01322906",
        definition={"en": "Chinese Medical Association", "zh": "中华医学会"},
        entry={"en": "Total bilirubin at least 171 µmol/L.", "zh": "总胆红素 ≥ 171 µmol/L。"},
        weeks=WEEKS,
        landmarks=LANDMARKS,
        primary_week=24.0,
        endpoint="overall_survival",
        strategies=("treatment_policy", "composite", "hypothetical", "while_untransplanted"),
        assumptions=(
            Assumption(
                "population.eligibility",
                {"en": "Not found.", "zh": "未找到。"},
                {"en": "Those of a sister protocol.", "zh": "采用后续方案。"},
                "assumed",
                "NCT01844063",
            ),
        ),
    )


def cards() -> tuple[Card, ...]:
    """A card of each kind."""
    none = {"en": "", "zh": ""}
    half = {"en": "IL-10 half-life 3.5 h.", "zh": "IL-10 半衰期 3.5 h。"}
    rate = {"en": "Largest division rate.", "zh": "最大分裂率。"}
    cells = {"en": "Hepatocytes of a healthy liver.", "zh": "健康肝脏的肝细胞。"}
    fever = {"en": "Makes the risk ratio 2.48.", "zh": "使风险比为 2.48。"}
    return (
        Card("calming_turnover", 4.7, "1/day", none, "huhn1997", "seen", half),
        Card("growth_max", 0.47, "1/day", none, "fitted: exploratory", "fitted", rate),
        Card("hepatocytes_total", 160000.0, "1e6 cells", none, "remien2012", "recalled", cells),
        Card("fever_by_cells", 0.062, "1/day", none, "fever55rct", "derived", fever),
    )


def reported() -> tuple[Reported, ...]:
    """What was published without a simulated twin."""
    down = {"en": "lower than the control arm", "zh": "低于对照组"}
    return (
        Reported("event", {"en": "Carcinoma", "zh": "癌"}, {"en": "0/56"}, "msc", "seen", DOI),
        Reported("laboratory", {"en": "bilirubin"}, down, "msc", "seen", DOI),
        Reported("test", {"en": "Survival", "zh": "生存"}, {"en": "p = 0.03"}, "", "seen", DOI),
    )


def fake_facts(replicates: int = 40, pairs: int = 400, seed: int = 1) -> Facts:
    """Everything a report is made from."""
    rng = np.random.default_rng(seed)
    parts, patient = [], 1
    for replicate in range(1, replicates + 1):
        variant = "secretome_14d" if replicate % 2 else "no_effect"
        for arm in ARMS:
            parts.append(subjects_of(rng, arm, replicate, HAZARDS[arm.name], variant, patient))
            patient += arm.size
    numbered = pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("replicate")
    trials = pl.concat(parts).with_columns(subject=numbered)
    admission = {"bilirubin": (318.0, 92.0, 300.0, 250.0, 380.0), "inr": (1.9, 0.3, 1.87, 1.7, 2.1)}
    statistics = ("mean", "sd", "median", "q1", "q3")
    return Facts(
        study=study(),
        arms=ARMS,
        subjects=pl.concat([trials, *_pairs(rng, pairs)]) if pairs else trials,
        visits=visits_of(rng, trials),
        events=events_of(rng, trials),
        candidates=4770 + 110 * replicates,
        steps=(Step("never_eligible", 2900), Step("died_first", 1100), Step("left_eligibility", 770)),
        never_met={"inr at least 1.5": 1700, "age 18 to 65": 30},
        matching={},
        admission=pl.DataFrame(
            [(m, s, v) for m, values in admission.items() for s, v in zip(statistics, values, strict=True)],
            schema=["measure", "statistic", "value"],
            orient="row",
        ),
        cohorts={"bmcgastro2020": {"en": "HBV-ACLF, n = 684", "zh": "乙肝慢加急性肝衰竭，684 例"}},
        published=published(),
        reported=reported(),
        read={"en": "The abstract.", "zh": "仅读到摘要。"},
        remarks=({"en": "The trial was open.", "zh": "该试验为开放设计。"},),
        published_baseline=(PublishedText("msc", "age", "40.0 (9.9)", "seen_secondary", "a review"),),
        published_admission=(
            CohortFigure("bmcgastro2020", "all", 684, "bilirubin", "mean", 323.5, "seen", "PMC7081680"),
            CohortFigure("bmcgastro2020", "all", 684, "bilirubin", "sd", 148.4, "seen", "PMC7081680"),
        ),
        again=pl.concat(_pairs(np.random.default_rng(seed + 1), pairs)) if pairs else pl.DataFrame(),
        variants=tuple(Variant(name, 0.25, {"en": f"Meaning of {name}."}) for name in VARIANTS),
        cards=cards(),
        references={"huhn1997": "Interleukin-10 half-life doi:10.1016/j.example"},
        provenance={
            "run_hash": "3f2a9c01d4e7" + "0" * 52,
            "model_hash": "ab" * 32,
            "seed": 7,
            "versions": {"hepatrial": "0.1.0", "numpy": "2.1.0"},
        },
    )


def _pairs(rng: np.random.Generator, n: int) -> list[pl.DataFrame]:
    """Counterfactual arms: the same persons with the same luck, spread evenly over the variants."""
    arms = {arm.name: replace(arm, size=n) for arm in ARMS}
    state = rng.bit_generator.state
    parts = []
    for place, (variant, ratio) in enumerate(VARIANTS.items()):
        for name, factor in (("msc", ratio), ("smt", 1.0)):
            same_luck = np.random.default_rng()
            same_luck.bit_generator.state = state
            rows = subjects_of(same_luck, arms[name], 0, HAZARDS["smt"] * factor, variant, 1_000_001)
            parts.append(rows.filter(pl.col("subject") % len(VARIANTS) == place))
    return parts
