"""Ensembles of any model: a table of patients in, tables of visits and events out, at any size."""

from hepatrial.ensemble.merge import merge_ensemble
from hepatrial.ensemble.results import EnsembleFolder
from hepatrial.ensemble.run import resume_ensemble, run_ensemble

__all__ = ["EnsembleFolder", "merge_ensemble", "resume_ensemble", "run_ensemble"]
