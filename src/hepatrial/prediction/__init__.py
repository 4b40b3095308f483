"""Prediction of a study from its Table 1, rivals beside it, and how such predictions have scored."""

from hepatrial.prediction.predict import MODELS, Prediction, predict_study
from hepatrial.prediction.study import Study, read_study, study_from_dict

__all__ = ["MODELS", "Prediction", "Study", "predict_study", "read_study", "study_from_dict"]
