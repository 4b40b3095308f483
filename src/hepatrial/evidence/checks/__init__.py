"""Arithmetic checks of printed figures; every check answers with a ``Finding`` and fair words."""

from hepatrial.evidence.checks.denominators import (
    CountLine,
    count_within,
    mixed_denominators,
    percent_within,
)
from hepatrial.evidence.checks.finding import UNFAIR, Finding, Verdict, printed_p
from hepatrial.evidence.checks.granularity import grim, grimmer
from hepatrial.evidence.checks.intervals import (
    interval_holds_estimate,
    interval_of_counts,
    interval_of_two,
    ratio_of_counts,
)
from hepatrial.evidence.checks.patients import (
    course_of_differences,
    difference_of_patients,
    difference_of_percentages,
    percent_of_count,
    percent_of_patients,
)
from hepatrial.evidence.checks.pvalues import p_of_counts, p_of_means, p_of_survivors
from hepatrial.evidence.checks.significance import logrank_reach, p_of_interval
from hepatrial.evidence.checks.survival import (
    claimed_limit,
    monotone_survival,
    no_event_by_chance,
    randomised_against_treated,
)
from hepatrial.evidence.checks.tables import (
    TableColumns,
    against_record,
    check_table,
    outside_scope,
    repeated_rows,
)

__all__ = [
    "UNFAIR",
    "CountLine",
    "Finding",
    "TableColumns",
    "Verdict",
    "against_record",
    "check_table",
    "claimed_limit",
    "count_within",
    "course_of_differences",
    "difference_of_patients",
    "difference_of_percentages",
    "grim",
    "grimmer",
    "interval_holds_estimate",
    "interval_of_counts",
    "interval_of_two",
    "logrank_reach",
    "mixed_denominators",
    "monotone_survival",
    "no_event_by_chance",
    "outside_scope",
    "p_of_counts",
    "p_of_interval",
    "p_of_means",
    "p_of_survivors",
    "percent_of_count",
    "percent_of_patients",
    "percent_within",
    "printed_p",
    "randomised_against_treated",
    "ratio_of_counts",
    "repeated_rows",
]
