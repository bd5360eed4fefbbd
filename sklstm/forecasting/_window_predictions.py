"""Forecasts of windows, in the units of the target."""

from __future__ import annotations

import numpy as np

from sklstm._sequences import Sequences
from sklstm.forecasting._panel_windows import PanelWindows
from sklstm.network.onnx_predictor import OnnxPredictor

NUMBERS_AT_ONCE = 2**23  # of the values of windows: 32 MiB


def predict_windows(
    network: OnnxPredictor, windows: PanelWindows
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Forecast the future of windows.

    Returns
    -------
    forecasts : ndarray of shape (n, horizon, n_quantiles)
    truth : ndarray of shape (n, horizon)
        NaN where it is missing.
    spread : ndarray of shape (n,)
        Of the past of each window, in units of the target.
    """
    form = windows.panel.form
    size = max(1, NUMBERS_AT_ONCE // (form.n_steps * form.n_features))
    blocks = []
    for first in range(0, windows.n_windows, size):
        block = slice(first, first + size)
        values, future, scale = windows.panel.windows(windows.series[block], windows.origins[block])
        forecasts = scale.restore(network.predict(as_sequences(values)))
        truth = future * scale.spread[:, np.newaxis] + scale.level[:, np.newaxis]
        blocks.append((forecasts, truth, scale.spread))
    forecasts, truth, spread = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    return forecasts, truth, spread


def as_sequences(values: np.ndarray) -> Sequences:
    """Return windows, (n, n_steps, n_features), as sequences."""
    n, n_steps, n_features = values.shape
    starts = np.arange(n) * n_steps
    return Sequences(values.reshape(-1, n_features), starts, np.full(n, n_steps))
