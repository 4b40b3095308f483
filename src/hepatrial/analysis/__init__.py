"""Analysis of trial tables: arrays or data frames in, frozen results out.

Knows only the shared words, nothing of the model, so it works on a real trial's tables as well.
"""

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
from hepatrial.analysis.fine_gray import FineGrayFit, fine_gray
from hepatrial.analysis.gray import Gray, gray
from hepatrial.analysis.kaplan_meier import KaplanMeier, kaplan_meier
from hepatrial.analysis.logrank import LogRank, logrank
from hepatrial.analysis.maxcombo import MaxCombo, MaxComboByReplicate, maxcombo, maxcombo_by_replicate
from hepatrial.analysis.proportions import fisher_exact, proportion_interval, rate_interval, risk_difference
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

__all__ = [
    "ENDPOINTS",
    "Accrual",
    "AfterStopping",
    "BaselineTable",
    "Boundary",
    "CoxFit",
    "CumulativeIncidence",
    "FineGrayFit",
    "Gray",
    "HazardRatioByReplicate",
    "Inference",
    "KaplanMeier",
    "LogRank",
    "LogRankByReplicate",
    "MarginalContrast",
    "MaxCombo",
    "MaxComboByReplicate",
    "RmstContrast",
    "SequentialDesign",
    "Summary",
    "SurvivalByArm",
    "SurvivalData",
    "aalen_johansen",
    "after_stopping",
    "baseline_table",
    "change_from_baseline",
    "concordance",
    "cox",
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
    "kaplan_meier",
    "kaplan_meier_by_arm",
    "logrank",
    "logrank_by_replicate",
    "marginal_contrast",
    "maxcombo",
    "maxcombo_by_replicate",
    "proportion_interval",
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
]
