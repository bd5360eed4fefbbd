"""LSTM networks as scikit-learn estimators."""

from sklstm._estimators import LSTMClassifier, LSTMRegressor
from sklstm._generator import CharSequenceGenerator
from sklstm._writing import TextState
from sklstm.preprocessing import (
    CharOneHotEncoder,
    SequencePadder,
    SequenceTokenizer,
    SlidingWindow,
    TimeDistributed,
    sliding_windows,
)

__version__ = "0.1.0"

__all__ = [
    "CharOneHotEncoder",
    "CharSequenceGenerator",
    "LSTMClassifier",
    "LSTMRegressor",
    "SequencePadder",
    "SequenceTokenizer",
    "SlidingWindow",
    "TextState",
    "TimeDistributed",
    "sliding_windows",
]
