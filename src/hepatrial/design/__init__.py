"""Trial designs: from a protocol to boundaries, operating characteristics and assurance."""

from hepatrial.design.adaptive import AdaptiveTrials, Decide, Decision, Look, run_adaptive, summary_of
from hepatrial.design.assurance import assurance
from hepatrial.design.bank import Bank, make_bank, open_bank
from hepatrial.design.decisions import drop_an_arm, response_adaptive, sample_size_reestimation
from hepatrial.design.effect import Effect
from hepatrial.design.evaluate import Evaluation, compare, evaluate
from hepatrial.design.operating import Runner, characteristics, make_runner
from hepatrial.design.plan import Plan, load_design, make_plan
from hepatrial.design.priors import Prior, priors
from hepatrial.design.run import Asked, ask, run_design
from hepatrial.design.truth import Stage, Truth, hazard_ratio, make_stage, strong_null, weak_null

__all__ = [
    "AdaptiveTrials",
    "Asked",
    "Bank",
    "Decide",
    "Decision",
    "Effect",
    "Evaluation",
    "Look",
    "Plan",
    "Prior",
    "Runner",
    "Stage",
    "Truth",
    "ask",
    "assurance",
    "characteristics",
    "compare",
    "drop_an_arm",
    "evaluate",
    "hazard_ratio",
    "load_design",
    "make_bank",
    "make_plan",
    "make_runner",
    "make_stage",
    "open_bank",
    "priors",
    "response_adaptive",
    "run_adaptive",
    "run_design",
    "sample_size_reestimation",
    "strong_null",
    "summary_of",
    "weak_null",
]
