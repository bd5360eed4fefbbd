"""What tests of fits share: a task, its estimators, and what they learnt."""

import numpy as np
import pytest

from sklstm import LSTMClassifier, LSTMRegressor
from tasks import TINY as TINY_BY_DEFAULT
from tasks import first_step_task

# A fit that goes on is one longer fit only where the rate does not fall towards its end.
TINY = TINY_BY_DEFAULT | {"learning_rate_schedule": "constant"}
X, y = first_step_task()
NUMBERS = 1000 + 50 * X[:, 0, 0]
FULL_BATCH = {**TINY, "batch_size": 24, "epochs": 5}
AS_IT_IS = {"standardize": False, "differences": False}
BIG = {"units": (4, 3), "bidirectional": True, "dense_units": 3, "dropout": 0.2}
VALIDATED = {**TINY, "validation_fraction": 0.25}
both = pytest.mark.parametrize(
    ("estimator", "targets"),
    [(LSTMClassifier(**TINY), y), (LSTMRegressor(**TINY), NUMBERS)],
    ids=["classifier", "regressor"],
)


def outputs(fitted, X=X):
    return fitted.predict_proba(X) if hasattr(fitted, "predict_proba") else fitted.predict(X)


def weights_of(fitted):
    return np.concatenate([w.ravel() for w in fitted._fitted_state.network.weights.values()])


def fail(epoch, logs):
    raise RuntimeError("not saved")
