"""How X is read: which of its columns are time steps, and which are static features."""

from __future__ import annotations

from collections.abc import Sequence

from sklstm._sequences import InputForm

NAMES_IN_ERRORS = 20

Names = tuple[str, ...] | None
Static = Sequence[str | int]


def form_of_table(n_columns: int, names: Names, timesteps: int | None, static: Static) -> InputForm:
    """Return how a table of some columns is read.

    Raises
    ------
    ValueError
        If `static` is not of its columns, or `timesteps` does not divide the others.
    """
    columns = find_static(static, n_columns, names)
    n_in_steps = n_columns - len(columns)
    if timesteps and n_in_steps % timesteps:
        which = " that are not static" if columns else ""
        raise ValueError(
            f"timesteps={timesteps} does not divide the {n_in_steps} columns of X{which}: "
            "each time step needs the same number of features."
        )
    n_features = n_in_steps // (timesteps or n_in_steps)
    return InputForm("table", n_features, n_columns, names, timesteps, static=columns)


def form_of_sequences(
    n_columns: int, names: Names, timesteps: int | None, static: Static
) -> InputForm:
    """Return how a 3-D array, or a list of arrays or frames, of some columns is read.

    Raises
    ------
    ValueError
        If `static` is not of its columns.
    """
    columns = find_static(static, n_columns, names)
    n_features = n_columns - len(columns)
    return InputForm("sequences", n_features, n_columns, names, timesteps, static=columns)


def find_static(static: Static, n_columns: int, names: Names) -> tuple[int, ...]:
    """Find the columns of static features, which are given by name or by index.

    Returns
    -------
    tuple of int
        In ascending order.

    Raises
    ------
    ValueError
        If one is not in X or is given twice, or no other column is left.
    """
    given: dict[int, str | int] = {}  # by column
    for each in static:
        column = _column_of_name(each, names) if isinstance(each, str) else _index(each, n_columns)
        if column in given:
            raise ValueError(
                f"static holds {given[column]!r} and {each!r}, which are one column of X: give "
                "each column once."
            )
        given[column] = each
    if given and len(given) == n_columns:
        raise ValueError(
            f"static={list(static)!r:.80} are all columns of X, and none is left for the time "
            "steps: an LSTM needs at least one feature that changes over time."
        )
    return tuple(sorted(given))


def check_n_features(n_features: int, form: InputForm, estimator_name: str) -> None:
    """Check the features per time step of a 3-D X or of a list, the static ones among them.

    Raises
    ------
    ValueError
        If they are not as many as in ``fit``.
    """
    if form.kind == "table" and form.static:
        raise ValueError(
            f"X holds sequences, but {estimator_name} was fitted on a table with static columns: "
            f"pass a table of the same {form.n_columns} columns."
        )
    expected = form.n_features + len(form.static)
    if n_features != expected:
        raise ValueError(
            f"X has {n_features} features per time step, but {estimator_name} is "
            f"expecting {expected} features per time step as input."
        )


def _column_of_name(name: str, names: Names) -> int:
    if names is None:
        raise ValueError(
            f"static holds the name {name!r}, but the columns of X have no names: pass X as a "
            "DataFrame with names that are strings (or a list of such DataFrames), or give the "
            "index of the column."
        )
    if name not in names:
        n_others = len(names) - NAMES_IN_ERRORS
        others = f" and {n_others} others" if n_others > 0 else ""
        raise ValueError(
            f"static holds {name!r}, which is no column of X: valid are "
            f"{list(names[:NAMES_IN_ERRORS])}{others}."
        )
    return names.index(name)


def _index(index: int, n_columns: int) -> int:
    if not -n_columns <= index < n_columns:
        raise ValueError(
            f"static holds the index {index}, but X has {n_columns} columns: valid are "
            f"{-n_columns} to {n_columns - 1}."
        )
    return index % n_columns
