"""Transformers that turn text, tables and sequences into what an LSTM reads."""

from sklstm.preprocessing._char_one_hot import CharOneHotEncoder
from sklstm.preprocessing._fill_gaps import FillGaps
from sklstm.preprocessing._padding import SequencePadder
from sklstm.preprocessing._sequences_from_table import (
    TableSequences,
    sequences_from_table,
)
from sklstm.preprocessing._time_distributed import TimeDistributed
from sklstm.preprocessing._tokenizer import SequenceTokenizer
from sklstm.preprocessing._windows import SlidingWindow, sliding_windows

__all__ = [
    "CharOneHotEncoder",
    "FillGaps",
    "SequencePadder",
    "SequenceTokenizer",
    "SlidingWindow",
    "TableSequences",
    "TimeDistributed",
    "sequences_from_table",
    "sliding_windows",
]
