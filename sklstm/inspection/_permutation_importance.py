"""`permutation_importance_over_time`: the importance of features and time steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from numbers import Integral
from typing import Any

import numpy as np
from joblib import effective_n_jobs
from sklearn.base import BaseEstimator
from sklearn.metrics import check_scoring, get_scorer_names
from sklearn.utils import Bunch, check_random_state
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_consistent_length

from sklstm._sklearn_compat import HasMethods, Interval, StrOptions, validate_params
from sklstm.input.absent_steps import TimeSteps
from sklstm.input.containers import is_frame, is_series
from sklstm.input.feature_names import first_frame
from sklstm.input.frames import cut_rows, find_empty_rows, join_frames, take_each
from sklstm.input.parse_x import flatten_sequences, is_table
from sklstm.inspection._static_features import permute_static, static_features

Scores = float | Mapping[str, float]


@dataclass(frozen=True)
class Block:
    """Time steps and features that are permuted together.

    Attributes
    ----------
    first, stop : int
        The time steps, from `first` up to but without `stop`.
    features : ndarray of int
        The features.
    is_static : bool
        Whether it is one static feature, which is permuted at all time steps together.
    """

    first: int
    stop: int
    features: np.ndarray
    is_static: bool = False


@dataclass(frozen=True)
class Matrix:
    """Sequences as one matrix, in which blocks are permuted.

    Attributes
    ----------
    steps : TimeSteps
        Numbers or, for data frames, the rows that the values come from.
    is_missing : ndarray of shape (sum of T_i,)
        Which time steps have no value.
    restore : callable
        Makes sequences like X of a permuted matrix.
    """

    steps: TimeSteps
    is_missing: np.ndarray
    restore: Callable[[np.ndarray], Any]


@validate_params(
    {
        "estimator": [HasMethods(["fit"])],
        "X": "no_validation",
        "y": "no_validation",
        "by": [StrOptions({"feature", "time", "both"})],
        "block_length": [Interval(Integral, 1, None, closed="left")],
        "scoring": [StrOptions(set(get_scorer_names())), callable, list, tuple, dict, None],
        "n_repeats": [Interval(Integral, 1, None, closed="left")],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
        "sample_weight": ["array-like", None],
    },
    prefer_skip_nested_validation=True,
)
def permutation_importance_over_time(
    estimator: BaseEstimator,
    X: Any,
    y: Any,
    *,
    by: str = "feature",
    block_length: int = 1,
    scoring: str | Callable | list | tuple | dict | None = None,
    n_repeats: int = 5,
    n_jobs: int | None = None,
    random_state: int | np.random.RandomState | None = None,
    sample_weight: Any = None,
) -> Bunch:
    """Permutation importance of features, time steps, or both, of sequences [1]_.

    The importance of a block of X, of some features at some time steps, is the score on X minus
    the score on X with this block permuted among the samples. It is
    `sklearn.inspection.permutation_importance` for 3-D X and for sequences of different lengths.

    Parameters
    ----------
    estimator : estimator
        Fitted; any that takes such an X and that `scoring` can score, Pipelines included.
    X : array of shape (n, T, F), or list or Series of arrays of shape (T_i, F) or (T_i,)
        Sequences, or data frames with columns of any dtypes; NaN-padded 3-D arrays and lists may
        vary in length. Preferably sequences that the estimator was not fitted on.
    y : array-like of shape (n,) or (n, n_outputs), or None
        Targets.
    by : {"feature", "time", "both"}, default="feature"
        What is permuted: each feature, over all time steps together; each block of time steps,
        all features together; or each feature within each block.
    block_length : int, default=1
        Length of a block, in time steps; the last one may be shorter. Neighbouring steps often
        carry the same information: permuted one by one, none of them seems to matter.
    scoring : str, callable, list, tuple or dict, default=None
        As scikit-learn's function takes it; None for the estimator's ``score``.
    n_repeats : int, default=5
        Permutations of each block.
    n_jobs : int, default=None
        Number of jobs among which the blocks are divided. None is one, unless in a
        `joblib.parallel_config` context; -1 uses all processors. The result does not depend on it.
    random_state : int, RandomState or None, default=None
        Draws the permutations.
    sample_weight : array-like of shape (n,), default=None
        Weights of the samples in the score.

    Returns
    -------
    Bunch, or dict of Bunch where `scoring` names several scores
        importances_mean : ndarray of shape (F,), (n_blocks,) or (n_blocks, F)
            For `by` "feature", "time" and "both"; mean decrease of the score.
        importances_std : ndarray, of the same shape
            Standard deviation over the repeats.
        importances : ndarray, of the same shape and (n_repeats,)
            Decrease of the score in each repeat.
        baseline_score : float
            The score on X.
        block_starts : ndarray of shape (n_blocks,)
            First time step of each block; a single 0 for ``by="feature"``.

    Raises
    ------
    ValueError
        If X is two-dimensional or not valid, a parameter is not valid, or X, y and sample_weight
        differ in length.

    See Also
    --------
    ImportanceOverTimeDisplay : Draws them.
    sklearn.inspection.permutation_importance : For the columns of a 2-D X.

    Notes
    -----
    The samples are put into a random order, in which each sample gets the block of the next one,
    and the last sample that of the first. Lengths do not change: time steps that a sample lacks
    (past the end of an array of a list, or NaN in all features) are neither given nor taken. At
    each time step, the samples that lack it are skipped, so that a value always comes from the
    same time step of another sample. If all samples have all time steps of a block, it moves as a
    whole; a sequence that is longer than the next one in the order gets its last steps from the
    samples after that. Time steps are indices of X: they count from the starts of sequences in
    lists and where padding is at the end, and from the ends where padding is at the start.

    A static feature (see the parameter `static` of `LSTMClassifier`) belongs to no time step. It is
    permuted at all time steps together, so that its importance is the same for every block, up to
    the luck of the permutations; ``by="time"`` leaves it as it is.

    Each job holds one copy of X (two of a list), in which it permutes and restores each block.

    References
    ----------
    .. [1] L. Breiman, "Random forests", Machine Learning 45(1), 2001.

    Examples
    --------
    The first time step of the second feature tells the label:

    >>> import numpy as np
    >>> from sklstm import LSTMClassifier
    >>> from sklstm.inspection import permutation_importance_over_time
    >>> X = np.random.RandomState(0).normal(size=(200, 6, 2))
    >>> y = X[:, 0, 1] > 0
    >>> clf = LSTMClassifier(8, epochs=30, learning_rate=0.02, random_state=0).fit(X, y)
    >>> result = permutation_importance_over_time(clf, X, y, by="both", random_state=0)
    >>> result.importances_mean.shape
    (6, 2)
    >>> np.unravel_index(result.importances_mean.argmax(), (6, 2))
    (np.int64(0), np.int64(1))
    """
    X = [x if is_frame(x) else np.asarray(x) for x in X] if is_series(X) else X
    block_length, n_repeats = int(block_length), int(n_repeats)  # numpy's may overflow
    n_steps, n_features = _check_shape(X, y, sample_weight)
    scorer = check_scoring(estimator, scoring=scoring)
    baseline = _score(scorer, estimator, X, y, sample_weight)
    static = static_features(estimator, X)
    blocks, shape = _blocks(n_steps, n_features, static, by, block_length)
    seeds = check_random_state(random_state).randint(2**31 - 1, size=len(blocks))
    shares = np.array_split(np.arange(len(blocks)), min(effective_n_jobs(n_jobs), len(blocks)))
    scores = Parallel(n_jobs=n_jobs)(
        delayed(_permuted_scores)(
            estimator,
            X,
            y,
            sample_weight,
            scorer,
            [blocks[i] for i in share],
            static,
            seeds[share],
            n_repeats,
        )
        for share in shares
    )
    scores = [score for share in scores for score in share]
    starts = np.unique([block.first for block in blocks])
    if isinstance(baseline, Mapping):
        return {
            name: _importances(
                value, [score[name] for score in scores], (*shape, n_repeats), starts
            )
            for name, value in baseline.items()
        }
    return _importances(baseline, scores, (*shape, n_repeats), starts)


def _check_shape(X: Any, y: Any, sample_weight: Any) -> tuple[int, int]:
    """Check that X holds sequences, as many as y; return time steps (at most) and features."""
    if is_table(X):
        raise ValueError(
            f"X has shape {np.shape(X)}, and permutation over time needs sequences: valid are an "
            "array of shape (n, T, F) and a list of arrays of shape (T_i, F) or (T_i,). The "
            "columns of a 2-D X are permuted by sklearn.inspection.permutation_importance."
        )
    steps = _as_matrix(X, ()).steps
    lengths = np.diff(steps.offsets)
    check_consistent_length(lengths, y, sample_weight)
    return int(lengths.max()), steps.values.shape[1]


def _blocks(
    n_steps: int, n_features: int, static: tuple[int, ...], by: str, block_length: int
) -> tuple[list[Block], tuple[int, ...]]:
    """Divide X into blocks; return them and the shape of the importances."""
    length = n_steps if by == "feature" else min(block_length, n_steps)
    firsts = range(0, n_steps, length)
    together = [np.delete(np.arange(n_features), list(static))]
    every = together if by == "time" else np.arange(n_features)[:, np.newaxis]
    blocks = [
        Block(first, min(first + length, n_steps), features, features[0] in static)
        for first in firsts
        for features in every
    ]
    shapes = {"feature": (n_features,), "time": (len(firsts),), "both": (len(firsts), n_features)}
    return blocks, shapes[by]


def _permuted_scores(
    estimator: BaseEstimator,
    X: Any,
    y: Any,
    sample_weight: Any,
    scorer: Callable,
    blocks: list[Block],
    static: tuple[int, ...],
    seeds: np.ndarray,
    n_repeats: int,
) -> list[Scores]:
    """Score X with each block permuted, `n_repeats` times; all within one copy of X."""
    matrix = _as_matrix(X, static)
    steps, is_missing, permuted = matrix.steps, matrix.is_missing, np.array(matrix.steps.values)
    scores = []
    for block, seed in zip(blocks, seeds, strict=True):
        rng = np.random.RandomState(seed)
        for _ in range(n_repeats):
            order = rng.permutation(len(steps.offsets) - 1)
            _permute(steps, is_missing, block, order, permuted)
            permuted_X = matrix.restore(permuted)
            scores.append(_score(scorer, estimator, permuted_X, y, sample_weight))
        _permute(steps, is_missing, block, None, permuted)
    return scores


def _permute(
    steps: TimeSteps,
    is_missing: np.ndarray,
    block: Block,
    order: np.ndarray | None,
    out: np.ndarray,
) -> None:
    """Write a block into `out`, that of the next sample in `order`; None restores the own one."""
    if block.is_static:
        permute_static(steps, is_missing, block.features[0], order, out)
        return
    starts, lengths = steps.offsets[:-1], np.diff(steps.offsets)
    if order is not None:
        starts, lengths = starts[order], lengths[order]
    for t in range(block.first, block.stop):
        rows = starts[lengths > t] + t
        rows = rows[~is_missing[rows]]
        sources = rows if order is None else np.roll(rows, -1)
        out[np.ix_(rows, block.features)] = steps.values[np.ix_(sources, block.features)]


def _as_matrix(X: Any, static: tuple[int, ...]) -> Matrix:
    """Read sequences as a matrix of numbers, or data frames as one of the places of values.

    A static feature may go on where a sequence has ended: it does not tell which steps are missing.
    """
    is_list = isinstance(X, list | tuple) or getattr(X, "dtype", None) == np.dtype(object)
    frames = list(X) if is_list else []
    if first_frame(frames) is not None:
        return _matrix_of_frames(frames, static)
    steps = flatten_sequences(X)
    is_missing = np.isnan(np.delete(steps.values, list(static), axis=1)).all(axis=1)
    return Matrix(steps, is_missing, lambda values: _like(X, values, steps.offsets))


def _matrix_of_frames(frames: list[Any], static: tuple[int, ...]) -> Matrix:
    """Read data frames with columns of any kind: what is permuted is the row of each value."""
    frame, offsets = join_frames(frames)
    rows = np.repeat(np.arange(len(frame))[:, np.newaxis], frame.shape[1], axis=1)

    def restore(rows: np.ndarray) -> list[Any]:
        sequences = cut_rows(take_each(frame, rows), offsets)
        if not hasattr(frame, "iloc"):
            return sequences
        return [x.set_axis(like.index) for x, like in zip(sequences, frames, strict=True)]

    in_steps = [j for j in range(frame.shape[1]) if j not in static]
    own = frame.iloc[:, in_steps] if hasattr(frame, "iloc") else frame[:, in_steps]
    return Matrix(TimeSteps(rows, offsets), find_empty_rows(own), restore)


def _like(X: Any, values: np.ndarray, offsets: np.ndarray) -> Any:
    """Return time steps as the type of X: array, object array, or list of arrays."""
    is_object_array = getattr(X, "dtype", None) == np.dtype(object) and np.ndim(X) == 1
    if not is_object_array and not isinstance(X, list | tuple):
        return values.reshape(np.shape(X))
    flat = np.ndim(X[0]) == 1
    sequences = [
        values[start:stop, 0] if flat else values[start:stop] for start, stop in pairwise(offsets)
    ]
    if not is_object_array:
        return sequences
    array = np.empty(len(sequences), object)
    for row, sequence in enumerate(sequences):
        array[row] = sequence
    return array


def _score(scorer: Callable, estimator: BaseEstimator, X: Any, y: Any, weight: Any) -> Scores:
    if weight is None:
        return scorer(estimator, X, y)
    return scorer(estimator, X, y, sample_weight=weight)


def _importances(
    baseline: float, scores: list[float], shape: tuple[int, ...], starts: np.ndarray
) -> Bunch:
    importances = baseline - np.reshape(scores, shape)
    return Bunch(
        importances_mean=importances.mean(axis=-1),
        importances_std=importances.std(axis=-1),
        importances=importances,
        baseline_score=baseline,
        block_starts=starts,
    )
