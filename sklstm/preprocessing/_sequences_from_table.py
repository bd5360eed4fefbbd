"""`sequences_from_table`: a table of events becomes sequences, one for each id."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np

from sklstm._sklearn_compat import StrOptions, validate_params
from sklstm.input.frames import cut_rows, take_rows
from sklstm.preprocessing._table_columns import (
    Column,
    check_table,
    find_columns,
    rank_times,
    rank_values,
)

Columns = Hashable | Sequence[Hashable]


class TableSequences(NamedTuple):
    """What `sequences_from_table` returns.

    Attributes
    ----------
    X : list of n DataFrames
        The sequences: one row per time step, one column per feature.
    y : Series of shape (n,), DataFrame of shape (n, n_outputs) or None
        The label of each sequence. None where no `target` was named.
    ids : Series of shape (n,) or DataFrame of shape (n, number of id columns)
        The id of each sequence.

    Examples
    --------
    It can be taken apart as a tuple, or read by name:

    >>> import pandas as pd
    >>> from sklstm.preprocessing import sequences_from_table
    >>> visits = pd.DataFrame({"customer": ["a", "b", "a"], "day": [1, 1, 2], "amount": [5, 6, 7]})
    >>> found = sequences_from_table(visits, by="customer", order_by="day")
    >>> found.X[0]["amount"].tolist(), found.ids.tolist(), found.y
    ([5, 7], ['a', 'b'], None)
    """

    X: list[Any]
    y: Any
    ids: Any


@validate_params(
    {"duplicates": [StrOptions({"raise", "keep"})]}, prefer_skip_nested_validation=True
)
def sequences_from_table(
    frame: Any,
    *,
    by: Columns,
    order_by: Columns | None,
    target: Columns | None = None,
    keep: Columns = (),
    duplicates: str = "raise",
) -> TableSequences:
    """Cut a long table of events into sequences, one for each id, in the order of time.

    A long table has one row per id and time step, such as customer and day. Its rows may come in
    any order. The sequences are sorted by their ids, as pandas' `groupby` sorts them, so that the
    order of the rows has no influence on the result.

    Parameters
    ----------
    frame : DataFrame of pandas or polars
        The table. It is not changed. Levels of a pandas index that have names are columns too.
    by : str or list of str
        The column of the ids, or several columns that together tell the sequences apart.
    order_by : str or list of str, or None
        The column of the times, or several of which each orders the rows that are equal in the
        ones before. Numbers, dates, durations, ordered categories and text of ISO 8601 are valid.
        None says that the rows of each id are in the order of time already.
    target : str or list of str, default=None
        The column of the labels, which has one value per id, or several of these.
    keep : str or list of str, default=()
        Which of the columns named above stay in the sequences. The others are left out: as a
        feature, an id or a label would tell the answer, and a date is no number.
    duplicates : {"raise", "keep"}, default="raise"
        What to do where two rows of one id have the same time: raise an error, or keep them all,
        in the order of the table.

    Returns
    -------
    sequences : TableSequences
        A named tuple: ``X, y, ids = sequences_from_table(...)``. The frames of `X` are of the
        library of `frame`; their columns have its order and dtypes, and pandas' rows their index.
        `y` and `ids` have a row for each sequence: a Series for one column, a DataFrame for a
        list of columns.

    Raises
    ------
    TypeError
        If `frame` is no DataFrame of pandas or polars.
    ValueError
        If `frame` is empty or lacks a column; if an id, a time or a label is missing, a label
        differs between the rows of an id, or a time comes twice in it; if values have no order; or
        if no column is left for the sequences.

    See Also
    --------
    sklstm.preprocessing.TimeDistributed : Encodes and scales the columns of the sequences.

    Notes
    -----
    All rows of an id belong to one sequence, so a cross-validation never splits one. Where
    several sequences belong together, such as the months of a customer, pass one of the id columns
    as `groups` to `GroupKFold`: ``sequences_from_table(frame, by=["customer", "month"], ...)`` and
    ``groups=ids["customer"]``.

    A time step without any value, at an end of a sequence, is no time step to the estimators of
    this package: keep a column that is always known, such as the time, if its event counts.

    Labels in a table of their own are put in the order of the sequences by
    ``labels.set_index("customer").loc[ids, "label"]``.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklstm.preprocessing import sequences_from_table
    >>> visits = pd.DataFrame({
    ...     "customer": ["b", "a", "b"],
    ...     "day": ["2026-01-03", "2026-01-05", "2026-01-01"],
    ...     "amount": [30.0, 20.0, 10.0],
    ...     "channel": ["web", "shop", "web"],
    ...     "left": [True, False, True],
    ... })
    >>> X, y, ids = sequences_from_table(visits, by="customer", order_by="day", target="left")
    >>> X[1]
       amount channel
    2    10.0     web
    0    30.0     web
    >>> y.tolist(), ids.tolist()
    ([False, True], ['a', 'b'])
    """
    check_table(frame)
    of_keys, of_times, of_targets = (_as_list(names, frame) for names in (by, order_by, target))
    named = [*of_keys, *of_times, *of_targets]
    _check_roles(of_keys, named)
    frame = find_columns(frame, named)
    features = _features(frame, named, _as_list(keep, frame))
    keys, times, labels = (
        [Column(name, frame[name]) for name in names] for names in (of_keys, of_times, of_targets)
    )
    ranks_of_keys, ranks_of_times = _rank(keys, times)
    order = np.lexsort([*ranks_of_times[::-1], *ranks_of_keys[::-1]])  # the last one counts first
    is_first = _changes(ranks_of_keys, order)
    if times and duplicates == "raise":
        _check_times_differ(is_first | _changes(ranks_of_times, order), order, keys, times)
    for column in labels:
        _check_one_label(column, is_first, order, keys)
    rows = order[is_first]
    return TableSequences(
        cut_rows(
            take_rows(frame[features], order), np.append(np.flatnonzero(is_first), len(order))
        ),
        _per_sequence(frame, target, rows) if of_targets else None,
        _per_sequence(frame, by, rows),
    )


def _as_list(names: Any, frame: Any) -> list[Hashable]:
    """Return one or several names of columns as a list; None names no column."""
    if names is None:
        return []
    return [names] if _is_one_name(names, frame) else list(names)


def _is_one_name(names: Any, frame: Any) -> bool:
    """Whether it is the name of one column, which may be a tuple in a pandas frame."""
    if isinstance(names, list) or not isinstance(names, Hashable):
        return False
    return not isinstance(names, tuple) or names in list(frame.columns)


def _check_roles(of_keys: list[Hashable], named: list[Hashable]) -> None:
    if not of_keys:
        raise ValueError("by names no column: valid are one column of ids, or several.")
    if twice := [name for name in named if named.count(name) > 1]:
        raise ValueError(
            f"The column {twice[0]!r} is named twice: by, order_by and target each need columns of "
            "their own."
        )


def _features(frame: Any, named: list[Hashable], kept: list[Hashable]) -> list[Hashable]:
    """Return the columns of the sequences."""
    if other := [name for name in kept if name not in named]:
        raise ValueError(
            f"keep names the column {other[0]!r}, but is for those that would be left out: valid "
            f"are {named}. All other columns of frame stay in the sequences."
        )
    features = [name for name in frame.columns if name not in named or name in kept]
    if not features:
        raise ValueError(
            "No column is left for the sequences: by, order_by and target name all columns of "
            f"frame, {list(frame.columns)}. Name in keep which of them are features."
        )
    return features


def _rank(keys: list[Column], times: list[Column]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Rank the ids and the times, none of which may be missing."""
    for column in keys:
        column.check_none_missing("The id", "leave such rows out, or fill in their id")
    for column in times:
        column.check_none_missing("The time", "leave such rows out, or fill in their time")
    return [rank_values(column) for column in keys], [rank_times(column) for column in times]


def _changes(ranks: list[np.ndarray], order: np.ndarray) -> np.ndarray:
    """Return a mask of the rows, put in order, that differ from the row before."""
    changes = np.zeros(len(order), bool)
    changes[0] = True
    for each in ranks:
        changes[1:] |= each[order[1:]] != each[order[:-1]]
    return changes


def _check_times_differ(
    is_new: np.ndarray, order: np.ndarray, keys: list[Column], times: list[Column]
) -> None:
    """Check that no row has the id and the time of the row before."""
    if is_new.all():
        return
    place = int(np.argmin(is_new))
    first, second = sorted((int(order[place - 1]), int(order[place])))
    by = [column.name for column in (*keys, *times)]
    group_by = "groupby" if hasattr(keys[0].values, "iloc") else "group_by"
    raise ValueError(
        f"Rows {first} and {second} of frame have the same id and time, {_show(keys, first)} and "
        f"{_show(times, first)} ({int((~is_new).sum()):,} such rows in all). duplicates='keep' "
        "keeps them all, in the order of the table; or make one row of each, such as by the sum "
        f"or the mean of frame.{group_by}({by})."
    )


def _check_one_label(
    column: Column, is_first: np.ndarray, order: np.ndarray, keys: list[Column]
) -> None:
    """Check that a label is known, and the same in all rows of an id."""
    column.check_none_missing(
        "The label", "fill it in, leave such rows out, or set target=None where none is known"
    )
    changes = _changes([rank_values(column)], order) & ~is_first
    if not changes.any():
        return
    place = int(np.argmax(changes))
    row, before = int(order[place]), int(order[place - 1])
    raise ValueError(
        f"The label changes inside the id {_show(keys, row)}: {column.show(before)} in row "
        f"{before} of frame, but {column.show(row)} in row {row}. A sequence has one label: make "
        "it one, such as by the last row of each id, or name another column as target."
    )


def _show(columns: list[Column], row: int) -> str:
    return ", ".join(column.show(row) for column in columns)


def _per_sequence(frame: Any, names: Columns, rows: np.ndarray) -> Any:
    """Return columns, one row for each sequence, with an index from 0 where there is one."""
    columns = frame[names if _is_one_name(names, frame) else list(names)]
    taken = take_rows(columns, rows)
    return taken.reset_index(drop=True) if hasattr(taken, "iloc") else taken
