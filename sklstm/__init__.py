"""LSTM networks as scikit-learn estimators."""

import importlib
from typing import Any

from sklstm._classifier import LSTMClassifier
from sklstm._regressor import LSTMRegressor
from sklstm._version import __version__
from sklstm.preprocessing import (
    CharOneHotEncoder,
    FillGaps,
    SequencePadder,
    SequenceTokenizer,
    SlidingWindow,
    TimeDistributed,
    sequences_from_table,
    sliding_windows,
)
from sklstm.text.chars import CharSequenceGenerator
from sklstm.text.decoding import TextState
from sklstm.text.words import WordSequenceGenerator

__all__ = [
    "CharOneHotEncoder",
    "CharSequenceGenerator",
    "FillGaps",
    "LSTMClassifier",
    "LSTMRegressor",
    "SequencePadder",
    "SequenceTokenizer",
    "SlidingWindow",
    "TextState",
    "TimeDistributed",
    "WordSequenceGenerator",
    "__version__",
    "sequences_from_table",
    "sliding_windows",
]

_MODULES = ("datasets", "export", "forecasting", "inspection", "persistence", "preprocessing")


def __dir__() -> list[str]:
    return sorted([*__all__, *_MODULES])


def __getattr__(name: str) -> Any:
    """Import a public module when it is first asked for."""
    if name in _MODULES:
        return importlib.import_module(f"sklstm.{name}")
    raise AttributeError(f"module 'sklstm' has no attribute {name!r}")
