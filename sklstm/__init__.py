"""LSTM networks as scikit-learn estimators."""

from sklstm._estimators import LSTMClassifier, LSTMRegressor

__version__ = "0.1.0"
