"""Metadata that estimators request."""

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from file_tools import TABLE, through_a_file, with_header, y
from sklstm import (
    LSTMClassifier,
    persistence,
)
from tasks import TINY


def test_metadata_requests_come_back(tmp_path):
    with sklearn.config_context(enable_metadata_routing=True):
        lstm = LSTMClassifier(**TINY, timesteps=5).set_fit_request(
            sample_weight="weights", X_val=True, y_val=True
        )
        scale = StandardScaler().set_fit_request(sample_weight=False)
        pipeline = Pipeline([("scale", scale), ("lstm", lstm)], transform_input=["X_val"])
        metadata = {"weights": np.linspace(0.1, 2, 24), "X_val": TABLE, "y_val": y}
        pipeline.fit(TABLE, y, **metadata)
        routing = repr(pipeline.get_metadata_routing())
        loaded = through_a_file(pipeline, tmp_path)
        assert "weights" in routing
        assert repr(loaded.get_metadata_routing()) == routing
        assert repr(pipeline.get_metadata_routing()) == routing  # left alone
        assert set(vars(loaded["lstm"])) == set(vars(pipeline["lstm"]))
        refitted = clone(loaded).fit(TABLE, y, **metadata)
    assert refitted["lstm"].history_ == pipeline["lstm"].history_
    np.testing.assert_array_equal(loaded.predict_proba(TABLE), pipeline.predict_proba(TABLE))


class SavingScaler(StandardScaler):
    """Saves itself while it is fitted, when a Pipeline has hung something on it."""

    def fit(self, X, y=None):
        super().fit(X)
        self.hung_ = sorted(set(vars(self)) - set(vars(StandardScaler().fit(X))))
        persistence.save(self, self.hung_path, trusted=[SavingScaler])
        return self


def test_what_a_pipeline_hangs_on_its_steps_is_not_saved(tmp_path):
    SavingScaler.hung_path = tmp_path / "scaler.sklstm"
    pipeline = make_pipeline(SavingScaler(), StandardScaler()).fit(TABLE)
    assert len(pipeline[0].hung_) == 1
    loaded = persistence.load(SavingScaler.hung_path, trusted=[SavingScaler])
    assert set(vars(loaded)) == set(vars(pipeline[0]))
    np.testing.assert_array_equal(loaded.transform(TABLE), pipeline[0].transform(TABLE))


def test_odd_metadata_requests_are_refused(model_file, tmp_path):
    for odd in (
        {"nowhere": {}},
        {"LSTMClassifier": {"__class__": {"a": "b"}}},
        {"LSTMClassifier": 1},
    ):
        path = with_header(model_file, tmp_path / "odd.sklstm", metadata_requests=odd)
        with pytest.raises(
            ValueError,
            match=r"odd\.sklstm (cannot be loaded|is truncated or damaged) .*metadata requests",
        ):
            persistence.load(path)
