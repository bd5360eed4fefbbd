"""LSTM networks as scikit-learn estimators."""

from sklstm._classifier import LSTMClassifier
from sklstm._regressor import LSTMRegressor
from sklstm._version import __version__
from sklstm.preprocessing import (
    CharOneHotEncoder,
    SequencePadder,
    SequenceTokenizer,
    SlidingWindow,
    TimeDistributed,
    sliding_windows,
)
from sklstm.text.chars import CharSequenceGenerator
from sklstm.text.decoding import TextState
from sklstm.text.words import WordSequenceGenerator

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
    "WordSequenceGenerator",
    "__version__",
    "sliding_windows",
]
