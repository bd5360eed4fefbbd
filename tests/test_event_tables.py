"""From a table of events to a model: data frames as sequences, in all of scikit-learn."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.compose import make_column_transformer
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklstm import LSTMClassifier, LSTMRegressor, TimeDistributed, persistence, sequences_from_table
from tasks import TINY


def make_events(n=30):
    """Make a table in which the first event of a customer tells the label."""
    rng = np.random.default_rng(0)
    events = pd.DataFrame({"customer": np.repeat(np.arange(n), 4), "day": np.tile([4, 1, 3, 9], n)})
    events["channel"] = rng.choice(["web", "shop"], len(events))
    events["amount"] = rng.normal(size=len(events))
    events["left"] = events["customer"] % 2 == 1
    first = events["day"] == 1
    events.loc[first, "channel"] = np.where(events["left"], "web", "shop")[first]
    return events


EVENTS = make_events()
both = pytest.mark.parametrize("table", [EVENTS, pl.from_pandas(EVENTS)], ids=["pandas", "polars"])


def read(table):
    return sequences_from_table(table, by="customer", order_by="day", target="left")


def make_model(**changes):
    columns = make_column_transformer(
        (OneHotEncoder(), ["channel"]),
        (StandardScaler(), ["amount"]),
        verbose_feature_names_out=False,
    )
    return make_pipeline(TimeDistributed(columns), LSTMClassifier(**TINY | changes))


@both
def test_an_event_table_goes_through_scikit_learn(table, tmp_path):
    X, y, customers = read(table)
    model = make_model(epochs=30, learning_rate=0.05)
    scores = cross_val_score(
        model, X, y, scoring="roc_auc", cv=GroupKFold(3), groups=customers, error_score="raise"
    )
    assert scores.mean() > 0.9
    grid = {"lstmclassifier__units": [4]}
    search = GridSearchCV(model, grid, scoring="roc_auc", cv=2, error_score="raise").fit(X, y)
    assert roc_auc_score(y, search.predict_proba(X)[:, 1]) > 0.9
    persistence.save(search.best_estimator_, tmp_path / "model.sklstm")
    tonight = table.drop(columns="left") if table is EVENTS else table.drop("left")
    X_tonight, _, _ = sequences_from_table(tonight, by="customer", order_by="day")
    loaded = persistence.load(tmp_path / "model.sklstm")
    np.testing.assert_array_equal(loaded.predict_proba(X_tonight), search.predict_proba(X))
    with pytest.raises(ValueError, match="Sequence 0 of X: The feature names should match"):
        loaded.predict([x[["amount", "channel"]] for x in X])


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_the_network_learns_the_names_of_what_it_reads(library):
    X, y, _ = read(EVENTS)
    model = make_model().set_output(transform=library).fit(X, y)
    names = ["channel_shop", "channel_web", "amount"]
    assert model[-1].feature_names_in_.tolist() == names
    expected = make_model().fit(X, y)
    np.testing.assert_array_equal(model.predict_proba(X), expected.predict_proba(X))
    encoded = model[0].transform(X)
    with pytest.raises(ValueError, match="must be in the same order"):
        model[-1].predict([x[names[::-1]] for x in encoded])


@both
def test_labels_and_numbers_in_the_library_of_the_table(table):
    X, y, _ = sequences_from_table(table, by="customer", order_by="day", target=["left"])
    X = [x[["amount"]] for x in X]
    expected = LSTMClassifier(**TINY).fit(X, np.arange(30) % 2 == 1)
    fitted = LSTMClassifier(**TINY).fit(X, y["left"])
    np.testing.assert_array_equal(fitted.predict_proba(X), expected.predict_proba(X))
    regressor = LSTMRegressor(**TINY).fit(X, y["left"])
    assert regressor.predict(X).shape == (30,)
