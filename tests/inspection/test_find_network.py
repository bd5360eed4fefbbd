"""Estimators in which there is no network to look into."""

import subprocess
import sys

import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklstm import LSTMClassifier
from sklstm.inspection import (
    GateActivationsDisplay,
    TrainingHistoryDisplay,
    gate_activations,
)
from tasks import TINY

INSPECT = {
    "history": lambda estimator, X: TrainingHistoryDisplay.from_estimator(estimator),
    "gates": gate_activations,
    "gates display": GateActivationsDisplay.from_estimator,
}
every_way = pytest.mark.parametrize("inspect", INSPECT.values(), ids=INSPECT)


@every_way
def test_not_fitted(inspect, task):
    with pytest.raises(NotFittedError, match="LSTMClassifier instance is not fitted"):
        inspect(LSTMClassifier(), task[0])
    with pytest.raises(NotFittedError, match="GridSearchCV instance is not fitted"):
        inspect(GridSearchCV(LSTMClassifier(), {}), task[0])


@every_way
@pytest.mark.parametrize("estimator", [StandardScaler(), make_pipeline(LogisticRegression())])
def test_no_network_inside(inspect, estimator, task):
    with pytest.raises(TypeError, match=r"\(\) holds no LSTM network: valid are LSTMClassifier"):
        inspect(estimator, task[0])


@every_way
def test_a_search_that_was_not_refitted(inspect, task):
    search = GridSearchCV(LSTMClassifier(**TINY), {}, cv=2, refit=False).fit(*task)
    with pytest.raises(ValueError, match="GridSearchCV was fitted with refit=False and has no"):
        inspect(search, task[0])


@pytest.mark.parametrize("inspect", [INSPECT["history"], INSPECT["gates display"]])
def test_matplotlib_is_missing(inspect, classifier, task, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"Display\.from_estimator requires matplotlib"):
        inspect(classifier, task[0])


@pytest.mark.slow
def test_importing_loads_no_matplotlib():
    script = "import sys, sklstm, sklstm.inspection; assert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True)
