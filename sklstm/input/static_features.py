"""Static features: columns of X that belong to a whole sequence, split off its time steps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sklstm._sequences import InputForm, Sequences
from sklstm.input.absent_steps import TimeSteps


def split_table(
    table: np.ndarray, form: InputForm, first_sample: int
) -> tuple[np.ndarray, np.ndarray | None]:
    """Split a table into the columns of its time steps and the static ones, (n, S) float64.

    Raises
    ------
    ValueError
        If a static feature is NaN or infinite.
    """
    if not form.static:
        return table, None
    static = table[:, list(form.static)].astype(np.float64)
    finite = np.isfinite(static)
    if not finite.all():
        row, column = (int(places[0]) for places in np.nonzero(~finite))
        _refuse(static[row, column], form, column, f"sample {row + first_sample}")
    return _of_steps(table, form), static


def split_steps(steps: TimeSteps, form: InputForm) -> tuple[TimeSteps, np.ndarray | None]:
    """Split time steps into their own features and the static ones, which each step repeats."""
    if not form.static:
        return steps, None
    values = steps.values
    return replace(steps, values=_of_steps(values, form)), values[:, list(form.static)]


def with_static(
    sequences: Sequences, repeated: np.ndarray, steps: TimeSteps, form: InputForm
) -> Sequences:
    """Add static features to sequences, from a value at each time step.

    Parameters
    ----------
    sequences : Sequences
    repeated : ndarray of shape (N, S)
        Of all time steps, absent ones included, whose values do not matter.
    steps : TimeSteps
        Those that the sequences are a part of.
    form : InputForm

    Raises
    ------
    ValueError
        If a static feature is NaN or infinite, or changes within a sequence.
    """
    _check_finite(sequences, repeated, steps, form)
    _check_constant(sequences, repeated, steps, form)
    return replace(sequences, static=repeated[sequences.starts].astype(np.float64))


def _of_steps(values: np.ndarray, form: InputForm) -> np.ndarray:
    columns = np.delete(np.arange(form.n_columns), list(form.static))
    return np.ascontiguousarray(values[:, columns])


def _check_finite(
    sequences: Sequences, repeated: np.ndarray, steps: TimeSteps, form: InputForm
) -> None:
    if repeated.dtype.kind != "f":
        return
    rows, columns = np.nonzero(~np.isfinite(repeated))
    inside = _sequence_of(sequences, rows) >= 0
    if inside.any():
        first = int(np.argmax(inside))
        row, column = rows[first], columns[first]
        _refuse(repeated[row, column], form, column, steps.locate(row))


def _check_constant(
    sequences: Sequences, repeated: np.ndarray, steps: TimeSteps, form: InputForm
) -> None:
    rows, columns = np.nonzero(repeated[1:] != repeated[:-1])
    rows += 1
    sequence = _sequence_of(sequences, rows)
    changes = (sequence >= 0) & (rows > sequences.starts[sequence])
    if not changes.any():
        return
    first = int(np.argmax(changes))
    row, column, start = rows[first], columns[first], sequences.starts[sequence[first]]
    raise ValueError(
        f"The static feature {form.name_of(form.static[column])} of X is "
        f"{float(repeated[start, column])} in {steps.locate(start)}, but "
        f"{float(repeated[row, column])} in {steps.locate(row)}: a static feature has one value in "
        "a sequence. Correct it, or leave it out of static."
    )


def _sequence_of(sequences: Sequences, rows: np.ndarray) -> np.ndarray:
    """Return the sequence that each row of the time steps lies in; -1 for absent steps."""
    sequence = np.searchsorted(sequences.starts, rows, side="right") - 1
    is_present = rows < sequences.starts[sequence] + sequences.lengths[sequence]
    return np.where(is_present, sequence, -1)


def _refuse(value: float, form: InputForm, column: int, place: str) -> None:
    what = "NaN" if np.isnan(value) else "infinity"
    advice = "impute it" if np.isnan(value) else "clip or replace it"
    name = form.name_of(form.static[column])
    raise ValueError(
        f"Input X contains {what} in the static feature {name} of {place}: {advice}, or leave the "
        "sequence out, of X and of y."
    )
