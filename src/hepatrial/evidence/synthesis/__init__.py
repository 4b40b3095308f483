"""Evidence synthesis: effect sizes, pooling and what could be wrong with them.

Every pooling takes ``Effects`` (or count rows), out of which figures of grade ``recalled`` and
``article`` are kept by construction, and gives a ``Pooled``.
"""

from hepatrial.evidence.synthesis.bayes import Posterior, Priors, bayes
from hepatrial.evidence.synthesis.bias import (
    Bias,
    TippingPoint,
    adjust,
    bias_adjusted,
    sum_of_domains,
    tipping_point,
)
from hepatrial.evidence.synthesis.counts import mantel_haenszel, peto
from hepatrial.evidence.synthesis.effects import Effect, Effects, effect_sizes
from hepatrial.evidence.synthesis.pool import PREDICTIONS, common_effect, random_effects
from hepatrial.evidence.synthesis.regression import MetaRegression, egger, meta_regression
from hepatrial.evidence.synthesis.result import (
    Contribution,
    Heterogeneity,
    Interval,
    Pooled,
    Prediction,
)
from hepatrial.evidence.synthesis.rows import MEASURES, POOLABLE, Counts, Means, Printed, Refused
from hepatrial.evidence.synthesis.series import Subgroups, cumulative, leave_one_out, subgroups

__all__ = [
    "MEASURES",
    "POOLABLE",
    "PREDICTIONS",
    "Bias",
    "Contribution",
    "Counts",
    "Effect",
    "Effects",
    "Heterogeneity",
    "Interval",
    "Means",
    "MetaRegression",
    "Pooled",
    "Posterior",
    "Prediction",
    "Printed",
    "Priors",
    "Refused",
    "Subgroups",
    "TippingPoint",
    "adjust",
    "bayes",
    "bias_adjusted",
    "common_effect",
    "cumulative",
    "effect_sizes",
    "egger",
    "leave_one_out",
    "mantel_haenszel",
    "meta_regression",
    "peto",
    "random_effects",
    "subgroups",
    "sum_of_domains",
    "tipping_point",
]
