"""Analysis of trial tables: arrays or data frames in, frozen results out.

Knows only the shared words, nothing of the model, so it works on a real trial's tables as well.
"""

from hepatrial.analysis.adam import adam_tables, trial_tables
from hepatrial.analysis.ancova import ancova
from hepatrial.analysis.balance import BaselineTable, baseline_table, smd, smd_categories, smd_share
from hepatrial.analysis.change import change_from_baseline
from hepatrial.analysis.clusters import clustered_error, mean_with_error, world_by_trial
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
from hepatrial.analysis.estimands.analyse import analyse, apply_estimand
from hepatrial.analysis.estimands.compare import METHODS, compare
from hepatrial.analysis.estimands.endpoints import endpoint
from hepatrial.analysis.estimands.estimand import Estimand, estimand_from_dict
from hepatrial.analysis.estimands.events import TrialTables, intercurrent_days
from hepatrial.analysis.estimands.nested import nested_difference
from hepatrial.analysis.estimands.sample import LevelSample, TimeSample, ValueSample
from hepatrial.analysis.estimands.side_by_side import side_by_side
from hepatrial.analysis.estimands.standard import standard_estimands
from hepatrial.analysis.estimands.truth import truth_of
from hepatrial.analysis.fine_gray import FineGrayFit, fine_gray
from hepatrial.analysis.gray import Gray, gray
from hepatrial.analysis.inferences import Inferences
from hepatrial.analysis.ipcw import NoCensoringModel, WeightedSurvival, ipcw_kaplan_meier
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
    "Estimand",
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
    "NoCensoringModel",
    "ProportionalHazards",
    "RandomSlopeFit",
    "RmstContrast",
    "SequentialDesign",
    "Summary",
    "SurvivalByArm",
    "SurvivalData",
    "TimeLevel",
    "TimeSample",
    "TrialTables",
    "ValueLevel",
    "ValueSample",
    "WeightedSurvival",
    "WinRatio",
    "aalen_johansen",
    "adam_tables",
    "after_stopping",
    "analyse",
    "ancova",
    "apply_estimand",
    "baseline_table",
    "change_from_baseline",
    "clustered_error",
    "compare",
    "concordance",
    "cox",
    "endpoint",
    "episodes",
    "estimand_from_dict",
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
    "intercurrent_days",
    "ipcw_kaplan_meier",
    "kaplan_meier",
    "kaplan_meier_by_arm",
    "logrank",
    "logrank_by_replicate",
    "marginal_contrast",
    "maxcombo",
    "maxcombo_by_replicate",
    "mean_with_error",
    "milestone",
    "nested_difference",
    "proportion_interval",
    "proportional_hazards",
    "random_slope",
    "rate_interval",
    "risk_difference",
    "rmst",
    "rmst_contrast",
    "side_by_side",
    "size_for_means",
    "size_for_rates",
    "smd",
    "smd_categories",
    "smd_share",
    "standard_estimands",
    "summarise",
    "survival_by_arm",
    "survival_data",
    "survival_power",
    "trial_tables",
    "truth_of",
    "win_ratio",
    "world_by_trial",
]
