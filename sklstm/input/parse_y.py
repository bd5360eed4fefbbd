"""The parser of y: reads and checks targets, class weights and sample weights."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Number, Real
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import check_array, column_or_1d
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from sklstm._sequences import InputForm, Sequences
from sklstm._sklearn_compat import check_sample_weight
from sklstm.input.containers import as_numbers, frame_as_array, is_frame, is_missing


def read_labels(y: Any, name: str = "y") -> np.ndarray:
    """Read labels, or an indicator matrix of several labels at once.

    Parameters
    ----------
    y : array-like of shape (n,) or (n, n_labels), or sparse matrix
    name : str
        The name of y in errors.

    Returns
    -------
    ndarray of shape (n,), or (n, n_labels) of int64 zeros and ones

    Raises
    ------
    ValueError or TypeError
        If y has another form, is empty, or a value is missing.
    """
    array = y if issparse(y) else _array_of(y, name)
    if not issparse(y):
        _refuse_missing(array, name)
        _refuse_odd_labels(array, name)
    with np.errstate(invalid="ignore"):  # it casts floats to int to compare them
        check_classification_targets(array)
        kind = type_of_target(array)
    if kind == "multilabel-indicator":
        return _indicators(array, name)
    if kind == "multiclass-multioutput":
        raise ValueError(
            f"{name} has several columns of more than two values (multiclass-multioutput): valid "
            "are one column of labels, or an indicator matrix of zeros and ones."
        )
    labels = column_or_1d(array, warn=True)
    # Strings in a list were read as objects to find missing values; now they become str.
    is_list_of_text = isinstance(y, list | tuple) and labels.dtype == object
    return labels.astype(str) if is_list_of_text else labels


def read_classes(classes: Any) -> np.ndarray:
    """Read the `classes` argument of ``partial_fit``: all labels that may occur, sorted.

    Raises
    ------
    ValueError
        If a label is missing.
    """
    for label in np.asarray(classes, dtype=object).ravel():
        if _is_missing(label):
            raise ValueError(f"classes holds {label!r}: valid are numbers or strings.")
    return np.unique(classes)


def classes_of_part(classes: Any, before: np.ndarray | None) -> np.ndarray | None:
    """Read the classes that a call of ``partial_fit`` is given, after those of the first call.

    Raises
    ------
    ValueError
        If the first call is given none, or a later one other classes.
    """
    if classes is None and before is None:
        raise ValueError("classes must be passed on the first call to partial_fit.")
    read = None if classes is None else read_classes(classes)
    if read is not None and before is not None and not np.array_equal(read, before):
        raise ValueError(
            f"classes={classes!r} is not the same as on the first call to partial_fit: {before!r}."
        )
    return read


def read_numbers(y: Any, name: str = "y") -> np.ndarray:
    """Read the targets of a regression; a single column becomes a 1-D array.

    Returns
    -------
    ndarray of shape (n,), (n, n_outputs) or (n, horizon, F), float64

    Raises
    ------
    ValueError or TypeError
        If y has another form, is empty, not numeric or not finite, or a value is missing.
    """
    array = read_numbers_as_shaped(y, name)
    is_column = array.ndim == 2 and array.shape[1] == 1
    return column_or_1d(array, warn=True) if is_column else array


def read_numbers_as_shaped(y: Any, name: str = "y") -> np.ndarray:
    """Read the targets of a regression, and keep their dimensions."""
    if not issparse(y):
        of_text = "Labels are learnt by LSTMClassifier."
        if is_frame(y):
            y = frame_as_array(y, name, of_text)
        else:
            y = as_numbers(_array_of(y, name), name, _place, of_text)
        _refuse_missing(y, name)
    array = check_array(y, ensure_2d=False, allow_nd=True, dtype=np.float64, input_name=name)
    if array.ndim > 3 or 0 in array.shape:
        raise ValueError(
            f"{name} has shape {array.shape}: valid are (n,), (n, n_outputs) and (n, horizon, F)."
        )
    return array


def is_one_hot(y: np.ndarray) -> bool:
    """Whether an indicator matrix has two columns or more and exactly one 1 in each row."""
    return y.shape[1] > 1 and bool((y.sum(axis=1) == 1).all())


def check_n_targets(sequences: Sequences, y: np.ndarray, form: InputForm, name: str = "y") -> None:
    """Raise ValueError unless there are as many targets as sequences."""
    n, n_targets = len(sequences), len(y)
    if n == n_targets:
        return
    found = f"Found input variables with inconsistent numbers of samples: {[n, n_targets]}"
    X = "X_val" if name == "y_val" else "X"
    if form.kind != "table" or n < n_targets:
        raise ValueError(f"{found}: {X} has {n:,}, but {name} has {n_targets:,}.")
    raise ValueError(
        f"{found}: the table {X} has {n:,} rows, but {name} has {n_targets:,} values. Each row of "
        "a table is a sequence of its own. If the rows are the time steps of longer sequences, "
        f"pass these as a list of {n_targets:,} arrays of shape (T_i, F), or as an array of shape "
        "(n, T, F); sequences_from_table(X, by=..., order_by=...) makes a list of a DataFrame."
    )


def read_sample_weight(sample_weight: Any, n: int) -> np.ndarray:
    """Read the sample weights and scale the largest to 1: only their ratios matter.

    Returns
    -------
    ndarray of shape (n,), float64

    Raises
    ------
    ValueError
        If a weight is negative, not finite or masked, if all are 0, or if their number is wrong.
    """
    _refuse_mask(sample_weight, "sample_weight")
    if sample_weight is not None:
        _refuse_missing(np.asarray(sample_weight), "sample_weight")
    weights = check_sample_weight(sample_weight, np.empty(n), dtype=np.float64)
    if (weights < 0).any():
        sample = int(np.argmax(weights < 0))
        raise ValueError(
            f"sample_weight is {weights[sample]} in sample {sample}: valid are finite numbers of 0 "
            "or more."
        )
    return weights / weights.max()


def weights_of_classes(
    class_weight: Mapping | str, y: np.ndarray, classes: np.ndarray, weights: np.ndarray
) -> dict[Any, float]:
    """Return the weight of each class, by label.

    Parameters
    ----------
    class_weight : dict or "balanced"
    y : ndarray of shape (n,)
        For "balanced", which weights classes by the inverse of their frequency in y.
    classes : ndarray of shape (n_classes,)
        All classes, of which a dict may name only some.
    weights : ndarray of shape (n,)
        Weights of the samples.

    Raises
    ------
    ValueError
        If a weight is negative or not a finite number, or if all are 0.
    """
    if class_weight == "balanced":
        classes = np.unique(y)
        by_class = compute_class_weight("balanced", classes=classes, y=y, sample_weight=weights)
        return dict(zip(classes.tolist(), by_class, strict=True))
    for label, weight in class_weight.items():
        if not (isinstance(weight, Real) and 0 <= weight <= np.finfo(np.float64).max.item()):
            raise ValueError(
                f"class_weight holds {weight!r:.60} for the class {label!r}: valid are finite "
                "numbers of 0 or more."
            )
    by_class = compute_class_weight(class_weight, classes=classes, y=classes)
    if not by_class.any():
        raise ValueError(
            f"class_weight={class_weight!r} is 0 for every class: at least one needs a weight."
        )
    return dict(zip(classes.tolist(), by_class / by_class.max(), strict=True))


def _array_of(y: Any, name: str) -> np.ndarray:
    """Convert y to an array; strings stay objects, so that None does not become text."""
    _refuse_mask(y, name)
    if isinstance(y, list | tuple) and any(isinstance(value, str) for value in y):
        y = np.fromiter(y, object, len(y))
    try:
        array = np.asarray(y)
    except ValueError:
        raise ValueError(f"{name} has rows of different lengths.") from None
    if array.ndim == 0:
        raise ValueError(f"{name} is {y!r:.60}: pass an array with one target for each sample.")
    if not len(array):
        raise ValueError(f"{name} is empty: found 0 sample(s) while a minimum of 1 is required.")
    return array


def _refuse_mask(y: Any, name: str) -> None:
    if np.ma.is_masked(y):
        index = np.argwhere(np.ma.getmaskarray(y))[0]
        raise ValueError(f"{name} is masked in {_place(index)}: {_leave_out(name)}.")


def _refuse_missing(array: np.ndarray, name: str) -> None:
    """Check that no target is NaN, NaT, None or infinite."""
    kind = array.dtype.kind
    if kind == "f":
        _refuse(np.isnan(array), f"Input {name} contains NaN", array, name)
        what = "infinity or a value too large for dtype('float64')"
        _refuse(np.isinf(array), f"Input {name} contains {what}", array, name)
    elif kind in "mM":
        _refuse(np.isnat(array), f"Input {name} contains NaT", array, name)
    elif kind == "O":
        missing = np.array([_is_missing(value) for value in array.ravel()]).reshape(array.shape)
        _refuse(missing, f"Input {name} contains a missing value", array, name)


def _is_missing(value: Any) -> bool:
    if is_missing(value) or type(value).__name__ == "NaTType":
        return True
    return isinstance(value, Number) and value != value


def _refuse(wrong: np.ndarray, what: str, array: np.ndarray, name: str) -> None:
    if wrong.any():
        index = tuple(np.argwhere(wrong)[0])
        shown = f" ({array[index]!r})" if array.dtype == object else ""
        raise ValueError(f"{what}{shown} in {_place(index)}: {_leave_out(name)}.")


def _refuse_odd_labels(array: np.ndarray, name: str) -> None:
    """Check that labels in an array of objects are strings, which can be sorted."""
    if array.ndim > 2:
        raise ValueError(f"{name} has shape {array.shape}: valid are (n,) and (n, n_labels).")
    if array.dtype != object:
        return
    is_text = np.array([isinstance(value, str) for value in array.ravel()]).reshape(array.shape)
    if not is_text.all():
        index = tuple(np.argwhere(~is_text)[0])
        raise ValueError(
            f"{name} holds {array[index]!r:.60} in {_place(index)}: Unknown label type. Valid "
            "labels in an array of objects are strings; make numbers an array of integers, "
            "np.asarray(y, dtype=int)."
        )


def _indicators(y: Any, name: str) -> np.ndarray:
    """Read an indicator matrix, which says which labels each sample has."""
    y = check_array(y, accept_sparse=True, input_name=name)
    y = y.toarray() if issparse(y) else y
    values = np.unique(y)
    if not set(values.tolist()) <= {0, 1}:
        raise ValueError(
            f"{name} has {y.shape[1]} columns with the values {values.tolist()}: an indicator "
            f"matrix, for several labels at once, holds 0 and 1 only, as (y == {values[-1]})"
            ".astype(int) does."
        )
    return y.astype(np.int64)


def _leave_out(name: str) -> str:
    both = "X_val and of y_val" if name == "y_val" else "X and of y"
    return f"leave such samples out, of {both}"


def _place(index: Any) -> str:
    return f"sample {index[0]}" + "".join(f", column {j}" for j in index[1:])
