"""What a training shows, and that both kinds of loops train alike."""

import numpy as np
import pytest

from fits import BIG, TINY, VALIDATED, X, weights_of, y
from sklstm import LSTMClassifier
from tasks import ragged

# --- loops ---


def test_xla_and_plain_graphs_train_alike(monkeypatch):
    """But for dropout: TensorFlow draws other numbers under XLA from the same seed."""
    fitted = []
    time_steps = 2 * 3 * np.mean([len(x) for x in ragged(X)])  # in 2 epochs of 3 batches
    for threshold in (1.01 * time_steps, 0.99 * time_steps):
        monkeypatch.setattr("sklstm.network.training.trainer.MIN_TIME_STEPS_FOR_XLA", threshold)
        fitted.append(LSTMClassifier(**TINY, bidirectional=True).fit(ragged(X), y))
    graph, xla = fitted
    assert (graph.training_loop_, xla.training_loop_) == ("graph", "xla")
    np.testing.assert_allclose(weights_of(xla), weights_of(graph), rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(xla.history_["loss"], graph.history_["loss"], rtol=1e-4)


# --- what is shown ---


def test_silent_by_default(capfd):
    LSTMClassifier(**VALIDATED, early_stopping=True).fit(X, y).predict(X)
    assert capfd.readouterr() == ("", "")


def test_verbose_shows_one_bar_with_loss_and_metrics(capfd):
    LSTMClassifier(**VALIDATED, verbose=1).fit(X, y)
    out, err = capfd.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    last = err.split("\r")[-1]
    assert "2/2" in last
    assert all(f"{name}=" in last for name in ("loss", "accuracy", "val_loss", "val_accuracy"))


@pytest.mark.slow
def test_summary_counts_the_weights(capsys):
    classifier = LSTMClassifier(**TINY | BIG).fit(X, y)
    classifier.summary()
    *layers, total = capsys.readouterr().out.splitlines()
    assert len(layers) == 2 * 2 * 3 + 4
    assert int(total.split()[1].replace(",", "")) == len(weights_of(classifier))
    assert len(weights_of(classifier)) == classifier.to_keras().count_params()
