"""Analysis of trial tables: arrays or data frames in, frozen results out.

Knows only the shared words, nothing of the model, so it works on a real trial's tables as well.
"""

from hepatrial.analysis.ancova import ancova
from hepatrial.analysis.balance import BaselineTable, baseline_table, smd, smd_categories, smd_share
from hepatrial.analysis.change import change_from_baseline
from hepatrial.analysis.competing import CumulativeIncidence, aalen_johansen
from hepatrial.analysis.counterfactual import MarginalContrast, marginal_contrast
from hepatrial.analysis.cox import CoxFit, concordance, cox
from hepatrial.analysis.endpoints import (
    ENDPOINTS,
    SurvivalData,
    incidence_by_arm,
    kaplan_meier_by_arm,
    survival_data,
)
from hepatrial.analysis.episodes import Episodes, episodes
from hepatrial.analysis.estimands.compare import METHODS, compare
from hepatrial.analysis.estimands.sample import LevelSample, TimeSample, ValueSample
from hepatrial.analysis.fine_gray import FineGrayFit, fine_gray
from hepatrial.analysis.gray import Gray, gray
from hepatrial.analysis.inferences import Inferences
from hepatrial.analysis.ipcw import WeightedSurvival, ipcw_kaplan_meier
from hepatrial.analysis.kaplan_meier import KaplanMeier, kaplan_meier
from hepatrial.analysis.logrank import LogRank, logrank
from hepatrial.analysis.maxcombo import MaxCombo, MaxComboByReplicate, maxcombo, maxcombo_by_replicate
from hepatrial.analysis.milestone import milestone
from hepatrial.analysis.proportional import ProportionalHazards, proportional_hazards
from hepatrial.analysis.proportions import fisher_exact, proportion_interval, rate_interval, risk_difference
from hepatrial.analysis.random_slope import RandomSlopeFit, random_slope
from hepatrial.analysis.replicates import (
    HazardRatioByReplicate,
    LogRankByReplicate,
    Summary,
    SurvivalByArm,
    hazard_ratio_by_replicate,
    logrank_by_replicate,
    summarise,
    survival_by_arm,
)
from hepatrial.analysis.result import Inference
from hepatrial.analysis.rmst import RmstContrast, rmst, rmst_contrast
from hepatrial.analysis.safety import event_rates
from hepatrial.analysis.sample_size import (
    Accrual,
    event_fractions,
    events_for_survival,
    hazard_of_median,
    hazard_of_share,
    size_for_means,
    size_for_rates,
    survival_power,
)
from hepatrial.analysis.sequential import SequentialDesign, group_sequential
from hepatrial.analysis.spending import Boundary
from hepatrial.analysis.stopping import AfterStopping, after_stopping
from hepatrial.analysis.win_ratio import TimeLevel, ValueLevel, WinRatio, win_ratio

__all__ = [
    "ENDPOINTS",
    "METHODS",
    "Accrual",
    "AfterStopping",
    "BaselineTable",
    "Boundary",
    "CoxFit",
    "CumulativeIncidence",
    "Episodes",
    "FineGrayFit",
    "Gray",
    "HazardRatioByReplicate",
    "Inference",
    "Inferences",
    "KaplanMeier",
    "LevelSample",
    "LogRank",
    "LogRankByReplicate",
    "MarginalContrast",
    "MaxCombo",
    "MaxComboByReplicate",
    "ProportionalHazards",
    "RandomSlopeFit",
    "RmstContrast",
    "SequentialDesign",
    "Summary",
    "SurvivalByArm",
    "SurvivalData",
    "TimeLevel",
    "TimeSample",
    "ValueLevel",
    "ValueSample",
    "WeightedSurvival",
    "WinRatio",
    "aalen_johansen",
    "after_stopping",
    "ancova",
    "baseline_table",
    "change_from_baseline",
    "compare",
    "concordance",
    "cox",
    "episodes",
    "event_fractions",
    "event_rates",
    "events_for_survival",
    "fine_gray",
    "fisher_exact",
    "gray",
    "group_sequential",
    "hazard_of_median",
    "hazard_of_share",
    "hazard_ratio_by_replicate",
    "incidence_by_arm",
    "ipcw_kaplan_meier",
    "kaplan_meier",
    "kaplan_meier_by_arm",
    "logrank",
    "logrank_by_replicate",
    "marginal_contrast",
    "maxcombo",
    "maxcombo_by_replicate",
    "milestone",
    "proportion_interval",
    "proportional_hazards",
    "random_slope",
    "rate_interval",
    "risk_difference",
    "rmst",
    "rmst_contrast",
    "size_for_means",
    "size_for_rates",
    "smd",
    "smd_categories",
    "smd_share",
    "summarise",
    "survival_by_arm",
    "survival_data",
    "survival_power",
    "win_ratio",
]
