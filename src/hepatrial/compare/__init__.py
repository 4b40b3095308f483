"""A virtual cohort beside a real one, matched to its Table 1, misses first."""

from hepatrial.compare.cohort import RealCohort, read_cohort
from hepatrial.compare.compare import Comparison, Group, compare_cohort

__all__ = ["Comparison", "Group", "RealCohort", "compare_cohort", "read_cohort"]
