"""What happens: randomise, treat, visit, drop out, simulate; the run folder."""

from hepatrial.trial.folder import RunFolder
from hepatrial.trial.run import resume_trial, run_trial

__all__ = ["RunFolder", "resume_trial", "run_trial"]
