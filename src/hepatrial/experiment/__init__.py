"""The three mechanisms in the dish and the mouse, beside what was published. No evidence for patients."""

from hepatrial.experiment.report import write_experiment
from hepatrial.experiment.run import EXPERIMENTS, run_experiment
from hepatrial.experiment.types import Curve, Experiment, Finding, KnockOut

__all__ = ["EXPERIMENTS", "Curve", "Experiment", "Finding", "KnockOut", "run_experiment", "write_experiment"]
