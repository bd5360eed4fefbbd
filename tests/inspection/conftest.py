"""Fitted estimators to look into."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklstm import CharSequenceGenerator, LSTMClassifier, TimeDistributed
from tasks import TINY, ragged, without_training

mpl.use("Agg")


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="session")
def stopped(task):
    """Early stopping in a Pipeline."""
    lstm = LSTMClassifier(**TINY | {"epochs": 4}, early_stopping=True, validation_fraction=0.25)
    return make_pipeline(TimeDistributed(StandardScaler()), lstm).fit(*task)


@pytest.fixture(
    scope="session",
    params=[
        "last",
        *(pytest.param(pooling, marks=pytest.mark.slow) for pooling in ("mean", "max")),
    ],
)
def deep_classifier(request, task):
    """Two bidirectional layers of 3 units and 2, pooled, on sequences of 3 to 5 time steps."""
    lstm = LSTMClassifier((3, 2), bidirectional=True, pooling=request.param, random_state=0)
    with without_training():
        return lstm.fit(ragged(task[0]), task[1])


@pytest.fixture(scope="session")
def generator():
    with without_training():
        return CharSequenceGenerator((5, 4), random_state=0).fit("to be or not to be\n" * 4)


@pytest.fixture(scope="session")
def search(task):
    grid = {"units": [3, 4]}
    return GridSearchCV(LSTMClassifier(**TINY), grid, cv=2).fit(*task)


@pytest.fixture(scope="session")
def ensemble(task):
    """Three networks, stopped early, each after epochs of its own."""
    lstm = LSTMClassifier(**TINY | {"epochs": 12, "learning_rate": 0.3}, n_networks=3)
    lstm.set_params(early_stopping=True, validation_fraction=0.25, n_iter_no_change=1)
    return lstm.fit(*task)
