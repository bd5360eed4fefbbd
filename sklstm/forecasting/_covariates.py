"""How covariates and the calendar become numbers that the network reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Number
from typing import Any, Self

import numpy as np

# Parts of a date, by the attribute of pandas, and after how many units they come again.
CALENDAR = {
    "minute": ("minute", 60),
    "hour": ("hour", 24),
    "weekday": ("day_of_week", 7),
    "day": ("day", 31),
    "month": ("month", 12),
}


@dataclass(frozen=True)
class NumberColumn:
    """A column of numbers, which is standardised; a missing one becomes 0, the mean.

    Attributes
    ----------
    mean, scale : float
    has_flag : bool
        Whether a column that is 1 where a value is known follows it.
    """

    mean: float
    scale: float
    has_flag: bool

    @classmethod
    def of(cls, values: np.ndarray) -> Self:
        """Measure a column, NaN left out."""
        known = values[np.isfinite(values)]
        mean, scale = (known.mean(), known.std()) if len(known) else (0.0, 1.0)
        is_constant = scale <= 1e-12 * max(1.0, abs(mean))
        return cls(float(mean), 1.0 if is_constant else float(scale), len(known) < len(values))

    @property
    def kind(self) -> str:
        """What the column holds."""
        return "number"

    @property
    def width(self) -> int:
        """Number of columns."""
        return 1 + self.has_flag

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Return the columns, (N, width) float32."""
        known = np.isfinite(values)
        scaled = np.where(known, (values - self.mean) / self.scale, 0)
        columns = [scaled, known] if self.has_flag else [scaled]
        return np.stack(columns, axis=1).astype(np.float32)


@dataclass(frozen=True)
class CategoryColumn:
    """A column of categories, one-hot coded; a missing or an unknown one is all zeros.

    Attributes
    ----------
    categories : tuple
    """

    categories: tuple

    @classmethod
    def of(cls, values: np.ndarray) -> Self:
        """Learn the categories, in the order in which they first appear."""
        import pandas as pd

        return cls(tuple(pd.factorize(values)[1].tolist()))

    @property
    def kind(self) -> str:
        """What the column holds: text, or categories among which there are numbers."""
        is_text = not any(isinstance(category, Number) for category in self.categories)
        return "text" if is_text else "category"

    @property
    def width(self) -> int:
        """Number of columns."""
        return len(self.categories)

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Return the columns, (N, width) float32."""
        import pandas as pd

        codes, found = pd.factorize(values)
        place = {category: k for k, category in enumerate(self.categories)}
        places = [place.get(value, -1) for value in found.tolist()]
        codes = np.array([*places, -1], np.int64)[codes]  # a missing value has the code -1
        return (codes[:, np.newaxis] == np.arange(self.width)).astype(np.float32)


def learn_columns(
    columns: dict[str, np.ndarray], names: Sequence[str]
) -> dict[str, NumberColumn | CategoryColumn]:
    """Learn how to encode some columns of a panel."""
    return {
        name: (NumberColumn if columns[name].dtype.kind == "f" else CategoryColumn).of(
            columns[name]
        )
        for name in names
    }


def encode_columns(
    encodings: dict[str, NumberColumn | CategoryColumn], columns: dict[str, np.ndarray], n: int
) -> np.ndarray:
    """Return the encoded columns side by side, (n, width) float32."""
    parts = [encoding.encode(columns[name]) for name, encoding in encodings.items()]
    return np.concatenate([np.empty((n, 0), np.float32), *parts], axis=1)


def calendar_columns(times: Any, parts: Sequence[str]) -> np.ndarray:
    """Return the sine and the cosine of parts of dates, (n, 2 * len(parts)) float32.

    Parameters
    ----------
    times : pandas.DatetimeIndex or PeriodIndex
    parts : sequence of str
        Keys of `CALENDAR`.
    """
    columns = []
    for part in parts:
        attribute, period = CALENDAR[part]
        angle = 2 * np.pi * getattr(times, attribute).to_numpy() / period
        columns += [np.sin(angle), np.cos(angle)]
    return np.reshape(np.stack(columns, axis=1) if columns else [], (len(times), -1)).astype("f")
