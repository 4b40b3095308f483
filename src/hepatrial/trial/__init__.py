"""What happens: randomise, treat, visit, drop out, simulate; the run folder."""

from hepatrial.trial.folder import RunFolder
from hepatrial.trial.run import merge_trial, resume_trial, run_trial

__all__ = ["RunFolder", "merge_trial", "resume_trial", "run_trial"]
