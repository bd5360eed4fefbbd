"""Fits that go on after they were interrupted, to the last bit."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from crafting import refused_swaps
from file_tools import members_of
from sklstm import CharSequenceGenerator, LSTMRegressor, persistence
from sklstm.network.training import ensemble
from tasks import ENVIRONMENT, assert_same_weights

TEXT = "".join(np.random.RandomState(0).choice(list("abcde "), 2400))  # XLA from two epochs on
X_VAL = TEXT[:60]
PARAMETERS = {
    "units": [6, 5],
    "dropout": 0.2,
    "window": 8,
    "batch_size": 8,
    "learning_rate": 0.02,
    "learning_rate_schedule": "cosine",
    "warmup": 0.1,
    "epochs": 4,
    "random_state": 0,
}
CONSTANT = {"learning_rate_schedule": "constant", "warmup": 0.0}
EARLY = CONSTANT | {"early_stopping": True, "n_iter_no_change": 1, "learning_rate": 0.3}


def make(path=None, **options):
    return CharSequenceGenerator(**PARAMETERS | {"checkpoint": path} | options)


def fit(path=None, **options):
    return make(path, **options).fit(TEXT, X_val=X_VAL)


def stop_at(epoch, error=RuntimeError):
    def stop(done, logs):
        if done == epoch:
            raise error

    return stop


def epochs_of(path):
    return persistence.load(path)._fitted_state.checkpoint.snapshots[0].n_epochs


def assert_same(ours, theirs):
    assert ours.history_ == theirs.history_
    assert ours.n_iter_ == theirs.n_iter_
    assert_same_weights(ours, theirs)


@pytest.fixture(scope="module")
def uninterrupted():
    return fit()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "text.sklstm"


def test_a_checkpoint_changes_nothing(path, uninterrupted):
    whole = fit(str(path))
    assert whole.training_loop_ == "xla"
    assert_same(whole, uninterrupted)
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    loaded = persistence.load(path)
    assert_same(loaded, whole)
    assert loaded.generate("ab", 20, random_state=0) == whole.generate("ab", 20, random_state=0)


@pytest.mark.parametrize("epoch", [0, 1, 2, 3])
def test_an_error_at_any_epoch_costs_one_epoch_at_most(epoch, path, uninterrupted):
    with pytest.raises(RuntimeError):
        fit(path, callbacks=[stop_at(epoch)])
    assert epochs_of(path) == epoch if epoch else not path.exists()
    assert_same(fit(path), uninterrupted)
    assert epochs_of(path) == 4


@pytest.mark.parametrize("epoch", [1, 3])
def test_ctrl_c_at_any_epoch(epoch, path, uninterrupted):
    with pytest.warns(UserWarning, match="interrupted"):
        stopped = fit(path, callbacks=[stop_at(epoch, KeyboardInterrupt)])
    assert stopped.n_iter_ == epoch + 1
    assert epochs_of(path) == epoch
    assert_same(fit(path), uninterrupted)


def test_ctrl_c_at_every_epoch_in_turn(path, uninterrupted):
    for epoch in range(4):
        with pytest.raises(RuntimeError):
            fit(path, callbacks=[stop_at(epoch)])
        with pytest.raises(RuntimeError):  # again at the same place
            fit(path, callbacks=[stop_at(epoch)])
    assert_same(fit(path), uninterrupted)


class InterruptWithin(keras.callbacks.Callback):
    """Ctrl-C after some batches of the second epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.epoch == 1 and batch == 5:
            raise KeyboardInterrupt


def test_ctrl_c_within_an_epoch(path, uninterrupted):
    with pytest.warns(UserWarning, match="after epoch 1"):
        fit(path, callbacks=[InterruptWithin()])
    assert epochs_of(path) == 1
    assert_same(fit(path), uninterrupted)


def test_a_complete_training_is_not_run_again(path, uninterrupted):
    fit(path)
    written = path.stat().st_mtime_ns
    assert_same(fit(path, callbacks=[stop_at(3)]), uninterrupted)
    assert path.stat().st_mtime_ns == written


@pytest.mark.slow
def test_early_stopping_goes_on_and_stops_where_it_would_have(path):
    options = EARLY | {"epochs": 30}
    whole = fit(**options)
    assert 1 < whole.n_iter_ < 30
    for epoch in range(1, whole.n_iter_):
        with pytest.raises(RuntimeError):
            fit(path, **options, callbacks=[stop_at(epoch)])
    assert_same(fit(path, **options), whole)
    for epochs in (30, 40):  # it has stopped: no epoch follows
        again = fit(path, **options | {"epochs": epochs}, callbacks=[stop_at(whole.n_iter_)])
        assert_same(again, whole)


def test_without_a_seed_it_goes_on_from_the_file(path):
    with pytest.raises(RuntimeError):
        fit(path, random_state=None, callbacks=[stop_at(2)])
    losses = persistence.load(path).history_["loss"]
    resumed = fit(path, random_state=None)
    assert resumed.n_iter_ == 4
    assert resumed.history_["loss"][:2] == losses
    assert fit(path, random_state=np.random.RandomState(5)).n_iter_ == 4


def test_a_random_state_is_advanced_as_without_interruption(path):
    whole, resumed = np.random.RandomState(3), np.random.RandomState(3)
    expected = fit(random_state=whole)
    with pytest.raises(RuntimeError):
        fit(path, random_state=np.random.RandomState(3), callbacks=[stop_at(2)])
    assert_same(fit(path, random_state=resumed), expected)
    assert resumed.randint(2**31) == whole.randint(2**31)


@pytest.mark.slow
def test_more_epochs_go_on_where_the_learning_rate_is_constant(path):
    options = CONSTANT | {"epochs": 5}
    assert fit(path, **options | {"epochs": 2}).training_loop_ == "xla"  # as that of five
    assert_same(fit(path, **options), fit(**options))
    with pytest.raises(ValueError, match=r"ran 5 epochs, and this has epochs=3"):
        fit(path, **options | {"epochs": 3})


@pytest.mark.slow
def test_early_stopping_remembers_the_best_weights(path):
    options = EARLY | {"n_iter_no_change": 3, "epochs": 8}
    whole = fit(**options)
    losses = whole.history_["val_loss"]
    with pytest.raises(RuntimeError):
        fit(path, **options, callbacks=[stop_at(len(losses) - 1)])
    loaded = persistence.load(path)
    assert loaded.score([X_VAL]) == pytest.approx(-min(losses[:-1]), abs=0.2)
    assert_same(fit(path, **options), whole)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"units": [6, 6]}, r"units=\[6, 5\], and this has units=\[6, 6\]"),
        ({"epochs": 5}, "epochs=4"),  # a cosine over five epochs is another one
        ({"learning_rate": 0.03}, r"learning_rate=0\.02"),
        ({"random_state": 1}, "random_state=0"),
        ({"random_state": np.int64(1)}, "random_state=0"),
        ({"dropout": 0.0}, r"dropout=0\.2"),
        ({"batch_size": 16}, "batch_size=8"),
        ({"keras_params": {"optimizer__beta_1": 0.8}}, "keras_params=None"),
    ],
)
def test_other_parameters_are_refused(options, message, path):
    fit(path, epochs=4)
    written = path.read_bytes()
    with pytest.raises(ValueError, match=message):
        fit(path, **options)
    assert path.read_bytes() == written


@pytest.mark.parametrize(
    ("text", "validation"),
    [
        (TEXT[:-1], X_VAL),
        (TEXT, None),
        (TEXT, X_VAL[:-1]),
        ([TEXT[:400], TEXT[400:]], X_VAL),
        (TEXT.replace("a", "f"), X_VAL.replace("a", "f")),
        # Another alphabet of the same size, in the same order: the same ids.
        (TEXT.replace("e", "f"), X_VAL.replace("e", "f")),
    ],
)
def test_another_text_is_refused(text, validation, path):
    fit(path)
    written = path.read_bytes()
    with pytest.raises(ValueError, match="learnt other data"):
        make(path).fit(text, X_val=validation)
    assert path.read_bytes() == written


def test_swapped_arrays_are_refused(path):
    fit(path)
    assert refused_swaps(members_of(path), path, random.Random(0)) > 50


def test_a_checkpoint_is_written_within_a_pipeline(path, uninterrupted):
    pipeline = Pipeline([("text", make(str(path)))]).fit(TEXT, text__X_val=X_VAL)
    assert_same(pipeline["text"], uninterrupted)
    loaded = persistence.load(path)
    assert vars(loaded).keys() == vars(uninterrupted).keys()
    assert loaded._fitted_state.checkpoint.snapshots[0].n_epochs == 4
    assert uninterrupted._fitted_state.checkpoint is None
    saved = path.with_name("pipeline.sklstm")
    persistence.save(pipeline, saved)
    assert persistence.load(saved).score([X_VAL]) == uninterrupted.score(X_VAL)


def test_a_search_over_several_fits_says_that_they_have_one_checkpoint(path):
    def search(grid):
        split, options = [([0], [1])], {"vocabulary": "abcde ", "epochs": 1}
        generator = make(str(path), **options)
        return GridSearchCV(generator, grid, cv=split, refit=False, error_score="raise")

    documents = [TEXT, X_VAL]
    searched = search({"learning_rate": [0.02]}).fit(documents)
    assert np.isfinite(searched.cv_results_["mean_test_score"]).all()
    assert epochs_of(path) == 1
    with pytest.raises(
        ValueError, match=r"learning_rate=0\.02, and this has learning_rate=0\.03.*In a search"
    ):
        search({"learning_rate": [0.02, 0.03]}).fit(documents)
    persistence.save(searched, path)
    assert persistence.load(path).cv_results_["params"] == [{"learning_rate": 0.02}]


def test_damaged_and_foreign_files_are_refused_and_stay(path):
    whole = fit(path)
    written = path.read_bytes()
    persistence.save(make().fit(TEXT), path)
    saved = path.read_bytes()
    persistence.save(LSTMRegressor(), path)
    foreign = path.read_bytes()
    for content, message in [
        (written[: len(written) // 2], "truncated or damaged"),
        (written[:-1], "truncated or damaged"),
        (b"", "it is empty"),
        (b"no model at all", "not a model file"),
        (saved, "no state of a training"),
        (foreign, "holds a LSTMRegressor"),
    ]:
        path.write_bytes(content)
        with pytest.raises(ValueError, match=rf"checkpoint='.*text.sklstm'.*{message}.*begin anew"):
            fit(path)
        assert path.read_bytes() == content
    path.write_bytes(written)
    assert_same(fit(path), whole)


def never(*_, **__):
    raise AssertionError("an epoch was run")


def test_a_place_where_nothing_can_be_written_is_an_error_before_the_first_epoch(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(ensemble, "train", never)
    with pytest.raises(FileNotFoundError, match="no such folder"):
        fit(tmp_path / "missing" / "text.sklstm")
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        fit(tmp_path / "file" / "text.sklstm")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_an_error_before_the_first_epoch(tmp_path, monkeypatch):
    monkeypatch.setattr(ensemble, "train", never)
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(PermissionError):
            fit(tmp_path / "text.sklstm")
    finally:
        tmp_path.chmod(0o700)


def test_what_a_checkpoint_cannot_go_with(path):
    with pytest.raises(ValueError, match="warm_start=True"):
        fit(path, warm_start=True)
    with pytest.raises(ValueError, match="optimizer given by name"):
        fit(path, optimizer=keras.optimizers.Adam())
    assert not path.exists()


@pytest.mark.slow
def test_partial_fit_neither_reads_nor_writes_the_file(path):
    make(path).partial_fit(TEXT)
    assert not path.exists()


def test_a_model_with_a_path_as_checkpoint_says_how_it_is_saved(path):
    fitted = fit(path)
    with pytest.raises(TypeError, match="by a str"):
        persistence.save(fitted, path.with_name("model.sklstm"))
    persistence.save(fitted.set_params(checkpoint=str(path)), path.with_name("model.sklstm"))


SCRIPT = """
import sys
sys.path.insert(0, {tests!r})
import test_checkpoint

def tell(epoch, logs):
    print(epoch, flush=True)

test_checkpoint.fit({path!r}, epochs={epochs}, callbacks=[tell])
"""


def kill_after(path, n_lines, seconds, epochs):
    """Fit in another process, kill it; return the last epoch that it ended, None for none."""
    code = SCRIPT.format(tests=str(Path(__file__).parent), path=str(path), epochs=epochs)
    done = None
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    ) as process:
        for _ in range(n_lines):
            done = process.stdout.readline() or done
        time.sleep(seconds)
        process.kill()
        done = (process.stdout.read().splitlines() or [done])[-1]
    return None if done is None else int(done)


@pytest.mark.long
def test_a_killed_process_loses_one_epoch_at_most(path):
    epochs, moments = 20, random.Random(os.getpid())
    for _ in range(2):
        done = kill_after(path, moments.randint(1, 4), moments.uniform(0, 0.1), epochs)
        if path.exists():
            loaded = persistence.load(path)
            assert set(loaded.generate("a", 10)) <= set(TEXT)
        saved = epochs_of(path) if path.exists() else 0
        assert saved >= (done or 0)  # epochs count from 0
    assert_same(fit(path, epochs=epochs), fit(epochs=epochs))
