"""What a training shows, and that both kinds of loops train alike."""

import re

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from tqdm import tqdm

from fits import BIG, TINY, VALIDATED, X, weights_of, y
from sklstm import CharSequenceGenerator, LSTMClassifier
from sklstm.forecasting import LSTMForecaster
from sklstm.network.progress import BAR_FORMAT
from tasks import ragged, run_script

SERIES = pd.DataFrame({"time": np.arange(40), "y": np.arange(40) % 4})

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
    names = ("val_loss", "val_accuracy", "loss", "accuracy")
    assert re.search(r"2/2, " + ", ".join(rf"{name}=[\d.]+" for name in names), err.split("\r")[-1])


def test_narrow_terminals_cut_the_times_and_not_the_validation():
    line = tqdm.format_meter(
        60,
        60,
        100,
        ncols=40,
        prefix="fit",
        postfix="val_loss=0.7239, loss=1",
        bar_format=BAR_FORMAT,
    )
    assert len(line) <= 40
    assert line.startswith("fit: 100%|")
    assert "60/60, val_loss=0.7239" in line


def test_a_bar_is_full_where_a_training_stops_early(capfd):
    stop = VALIDATED | {"early_stopping": True, "n_iter_no_change": 1, "epochs": 60}
    for n_networks in (1, 2):
        fitted = LSTMClassifier(**stop, n_networks=n_networks, verbose=1).fit(X, y)
        n_epochs = sum(len(history["loss"]) for history in fitted.histories_)
        assert n_epochs < 60
        assert f" {n_epochs}/{n_epochs}, val_loss=" in capfd.readouterr().err.split("\r")[-1]


def test_a_line_for_each_epoch_of_each_network(capfd):
    fitted = LSTMClassifier(**VALIDATED, n_networks=2, verbose=2).fit(X, y)
    out, err = capfd.readouterr()
    assert err == ""
    told = sorted(re.sub(r", [\d.]+ s:", ":", line) for line in out.splitlines())
    assert told == [
        f"network {k}/2, epoch {epoch}/2: val_loss={history['val_loss'][epoch - 1]:.4g}, "
        f"val_accuracy={history['val_accuracy'][epoch - 1]:.4g}, "
        f"loss={history['loss'][epoch - 1]:.4g}, accuracy={history['accuracy'][epoch - 1]:.4g}"
        for k, history in enumerate(fitted.histories_, start=1)
        for epoch in (1, 2)
    ]


@pytest.mark.parametrize(
    ("estimator", "data", "loss"),
    [
        (CharSequenceGenerator(4, window=8, batch_size=4, epochs=2), ("abcd" * 40,), "nats/char"),
        (
            LSTMForecaster(2, units=4, epochs=2, batches_per_epoch=2, n_networks=1),
            (SERIES,),
            "loss",
        ),
    ],
    ids=["generator", "forecaster"],
)
def test_lines_of_other_estimators(capfd, estimator, data, loss):
    fitted = clone(estimator).set_params(verbose=2).fit(*data)
    out = capfd.readouterr().out.splitlines()
    for epoch, (line, value) in enumerate(zip(out, fitted.history_["loss"], strict=True), start=1):
        assert re.fullmatch(rf"epoch {epoch}/2, [\d.]+ s: {loss}={value:.4g}(, .*)?", line)


@pytest.mark.parametrize(("verbose", "is_shown"), [(1, False), (2, False), (3, True)])
def test_predictions_are_silent_unless_asked(capfd, classifier, verbose, is_shown):
    clone(classifier).set_params(verbose=verbose)._with_state(classifier._fitted_state).predict(
        list(X)
    )
    out, err = capfd.readouterr()
    assert out == ""
    assert ("predict: 100%" in err) == is_shown
    assert (err != "") == is_shown


def test_a_notebook_without_widgets_gets_a_line_and_no_warning():
    """What tqdm looks for in a notebook is there, but for the widgets."""
    run_script(
        "import sys, types, warnings\n"
        "warnings.simplefilter('error')\n"
        "sys.modules['ipykernel.zmqshell'] = types.ModuleType('ipykernel.zmqshell')\n"
        "sys.modules['IPython'] = types.ModuleType('IPython')\n"
        "sys.modules['IPython'].get_ipython = object\n"
        "sys.modules['ipywidgets'] = None\n"
        "from sklstm.network.progress import open_bar\n"
        "bar = open_bar('fit', total=2, unit='epoch')\n"
        "assert type(bar).__mro__[1].__module__ == 'tqdm.std', type(bar).__mro__\n"
    )


@pytest.mark.slow
def test_summary_counts_the_weights(capsys):
    classifier = LSTMClassifier(**TINY | BIG).fit(X, y)
    classifier.summary()
    described, table = capsys.readouterr().out.split("\n\n")
    assert described.splitlines() == [
        "input     2 features, standardized, no differences",
        "LSTM      2 layers of (4, 3) units, bidirectional, dropout 0.2",
        "pooling   the maximum over time",
        "dense     1 layer of 3 units, relu, dropout 0.2",
        "output    2 units, softmax",
        "networks  1",
    ]
    *layers, total = table.splitlines()
    assert len(layers) == 2 * 2 * 3 + 4
    assert int(total.split()[1].replace(",", "")) == len(weights_of(classifier))
    assert len(weights_of(classifier)) == classifier.to_keras().count_params()
