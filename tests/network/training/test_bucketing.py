"""Sequences of any length: how they are stored, grouped into batches and trained."""

import tracemalloc
import warnings
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from sklstm import LSTMClassifier
from sklstm._sequences import Sequences
from sklstm.network.onnx_predictor import OnnxPredictor
from sklstm.network.spec import NetworkSpec
from sklstm.network.training import batches as batch_module
from sklstm.network.training import bucketing as grouping
from sklstm.network.training.batches import Batches, SequenceData
from sklstm.network.training.bucketing import (
    LADDER,
    MAX_SHAPES,
    choose_shapes,
    draw_order,
    round_up,
)
from tasks import first_step_task, from_padded, ragged

some_lengths = st.lists(st.integers(1, 60), min_size=1, max_size=80).map(np.array)


def steps_filled_up(lengths, shapes):
    return np.array(shapes)[np.searchsorted(shapes, lengths)].sum()


def sequences_of(lengths, seed=0):
    values = np.random.default_rng(seed).normal(size=(lengths.sum(), 2)).astype("f")
    return Sequences(values, np.cumsum(lengths) - lengths, lengths)


@given(some_lengths, st.integers(0, 5))
def test_padded_sequences_are_zero_behind_their_end(lengths, more):
    sequences = sequences_of(lengths)
    padded = sequences.padded(sequences.longest + more)
    for row, sequence in zip(padded, sequences, strict=True):
        assert_array_equal(row[: len(sequence)], sequence)
        assert not row[len(sequence) :].any()
    again = from_padded(padded, lengths)
    assert_array_equal(again.padded(), sequences.padded())


@given(some_lengths, st.integers(0, 2**31))
def test_rows_of_sequences_are_rows_of_the_padded_array(lengths, seed):
    sequences = sequences_of(lengths)
    rows = np.random.RandomState(seed).randint(len(lengths), size=7)
    expected = sequences.padded()[rows, : lengths[rows].max()]
    assert_array_equal(sequences[rows].padded(), expected)
    assert sequences[rows].steps is sequences.steps  # not a copy


@given(some_lengths, st.integers(1, 8))
def test_shapes_are_few_and_hold_every_sequence(lengths, batch_size):
    shapes = choose_shapes(lengths, batch_size)
    assert 1 <= len(shapes) <= MAX_SHAPES
    assert list(shapes) == sorted(set(shapes))
    assert shapes[-1] == round_up(lengths.max())
    assert set(shapes) <= set(LADDER.tolist())


def test_few_sizes_hold_all_and_common_ones_exactly():
    sizes = np.arange(1, 5000)
    rounded = np.array([round_up(size) for size in sizes])
    assert (rounded >= sizes).all()
    assert (rounded <= 1.25 * sizes).all()
    assert len(np.unique(rounded[2:62])) == 16
    assert len(np.unique(rounded)) == 43
    common = [*2 ** np.arange(31), 3, 6, 10, 12, 14, 20, 24, 28, 48, 96, 224]
    assert [round_up(size) for size in common] == common


@settings(max_examples=40)
@given(some_lengths)
def test_no_other_shapes_of_that_number_fill_up_less(lengths):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grouping, "MIN_BATCH_STEPS_SAVED", 0)
        patch.setattr(grouping, "MAX_SHAPES", 3)
        shapes = choose_shapes(lengths, 1)
    rungs = LADDER[: np.searchsorted(LADDER, lengths.max()) + 1].tolist()
    others = [(*few, rungs[-1]) for few in combinations(rungs[:-1], len(shapes) - 1)]
    if len(np.unique(lengths)) > 1:
        least = min(steps_filled_up(lengths, other) for other in others)
        assert steps_filled_up(lengths, shapes) == least


def test_a_shape_must_earn_its_compilation():
    lengths = np.tile([10, 96], 50)
    assert len(choose_shapes(lengths, batch_size=50)) == 1
    assert len(choose_shapes(np.tile(lengths, 100), batch_size=50)) == 2


@given(some_lengths, st.integers(1, 8), st.integers(0, 2**31))
def test_an_epoch_has_every_row_once(lengths, batch_size, seed):
    order = draw_order(lengths, batch_size, np.random.RandomState(seed))
    assert_array_equal(np.sort(order), np.arange(len(lengths)))


def test_batches_hold_similar_lengths_in_random_order():
    lengths = np.random.RandomState(0).geometric(0.02, 4000)
    rng = np.random.RandomState(1)
    first, second = (draw_order(lengths, 16, rng).reshape(-1, 16) for _ in range(2))
    spread = np.ptp(lengths[first], axis=1).mean()
    assert spread < np.ptp(lengths[rng.permutation(4000).reshape(-1, 16)], axis=1).mean() / 4
    means = lengths[first].mean(axis=1)
    assert abs(np.corrcoef(np.arange(len(means)), means)[0, 1]) < 0.2  # nowhere sorted
    companions = [set(batch) for batch in first if 0 in batch] + [
        set(batch) for batch in second if 0 in batch
    ]
    assert len(companions[0] & companions[1]) < 8  # row 0 meets others in every epoch


@settings(max_examples=60)
@given(some_lengths, st.integers(1, 8), st.sampled_from([None, 0, 3]), st.integers(0, 2**31))
def test_batches_gather_every_sequence_once_whole(lengths, batch_size, more, seed):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grouping, "MIN_BATCH_STEPS_SAVED", 1)
        sequences = sequences_of(lengths)
        numbers = np.arange(len(lengths))
        rows_of = SequenceData(sequences, numbers, np.ones(len(lengths), "f"))
        capacity = None if more is None else batch_size + more
        batches = Batches(rows_of, batch_size, np.random.RandomState(seed), capacity)
        rows = batches.all_rows() if seed % 2 else batches.draw_epoch()
        seen, n_batches, sizes = [], 0, {}
        for (values, context, targets, weights), count in batches.chunks(rows):
            size, n_rows, n_steps = values.shape[:3]
            assert context.shape == targets.shape == weights.shape == (size, n_rows)
            if capacity is None:
                assert (size, n_rows) == (count, batch_size)
            else:
                assert n_rows == capacity
                assert n_steps in LADDER
                assert sizes.setdefault(n_steps, size) == size  # few shapes
            assert not weights[count:].any()
            assert not weights[:, batch_size:].any()
            assert (context >= 1).all()
            assert (context.max(1) <= context.max(1, where=weights > 0, initial=0))[:count].all()
            n_batches += count
            for place in zip(*np.nonzero(weights), strict=True):
                seen.append(targets[place])
                expected = sequences[targets[place][np.newaxis]].padded(n_steps)
                assert_array_equal(values[place], expected[0])
                assert context[place] == lengths[targets[place]]
    assert_array_equal(np.sort(seen), numbers)
    assert n_batches == batches.count(rows)


def test_lengths_batch_sizes_and_folds_need_few_shapes():
    """What is compiled is one program for each shape of the arrays of a chunk."""
    uniform, mixed = set(), set()
    rng = np.random.RandomState(0)
    for n_steps in range(3, 63):
        for batch_size in (7, 8, 13, 31, 32):
            for n in (20, 93):
                ones = np.ones(n, "f")
                for shapes, lengths in (
                    (uniform, np.full(n, n_steps)),
                    (mixed, rng.randint(1, n_steps + 1, n)),
                ):
                    data = SequenceData(sequences_of(lengths), ones, ones)
                    batches = Batches(data, batch_size, rng, round_up(batch_size))
                    shapes |= {x.shape for (x, *_), _ in batches.chunks(batches.all_rows())}
    # 16 lengths of 3 and more, and batches of 8, 14 and 32 rows
    assert len(uniform) == 16 * 3
    assert len(mixed) <= 18 * 3


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"bidirectional": True, "pooling": "max"}])
def test_a_fit_does_not_depend_on_what_batches_are_filled_up_to(options, monkeypatch):
    X, y = first_step_task(n=40)
    X = ragged(X)
    monkeypatch.setattr(batch_module, "TIME_STEPS_PER_TURN", 1)  # batches keep their order

    def fit():
        network = LSTMClassifier(5, epochs=2, batch_size=8, random_state=0, **options)
        return network.fit(X, y, X_val=X[:9], y_val=y[:9])

    one_shape = fit()
    monkeypatch.setattr(grouping, "MIN_BATCH_STEPS_SAVED", 0)
    monkeypatch.setattr(grouping, "MIN_SHARE_SAVED", 0)
    assert len(choose_shapes(np.array([len(x) for x in X]), 8)) > 1
    several = fit()
    assert_allclose(several.predict_proba(X), one_shape.predict_proba(X), atol=1e-5)
    for name, values in one_shape.history_.items():
        assert_allclose(several.history_[name], values, rtol=1e-5, err_msg=name)


@pytest.mark.slow
def test_one_long_sequence_among_short_ones_does_not_fill_the_memory():
    """Padded to the longest, the numbers would take 400 MB instead of half of one."""
    X = [np.ones((10, 1), "f")] * 999 + [np.ones((100_000, 1), "f")]
    network = LSTMClassifier(2, epochs=1, random_state=0).fit(X[:2], [0, 1])
    tracemalloc.start()
    sequences = network._sequences(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sequences.longest == 100_000
    assert peak < 20e6


def test_batches_of_predictions_follow_the_lengths():
    lengths = np.append(np.full(1000, 10), 100_000)
    runtime = OnnxPredictor(NetworkSpec(n_outputs=1, activation="linear"), {})
    cuts = [(rows.start, rows.stop) for rows in runtime._batches(lengths, 1)]
    assert cuts[0][1] - cuts[0][0] <= 8  # next to the long one
    assert len(cuts) < 10
    rows = [row for start, stop in reversed(cuts) for row in range(start, stop)]
    assert rows == list(range(1001))


@pytest.mark.slow
def test_a_deep_network_reads_ragged_sequences_without_a_warning():
    X, y = first_step_task(n=40)
    deep = LSTMClassifier([4, 3], epochs=1, bidirectional=True, dropout=0.2, pooling="max")
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        deep.fit(ragged(X), y)
