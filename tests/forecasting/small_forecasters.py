"""Small forecasters, and the frames that they learn."""

import numpy as np
import pandas as pd

from panels import COLUMNS, shops
from sklstm.forecasting import LSTMForecaster

TINY = {
    "units": 4,
    "epochs": 2,
    "batch_size": 8,
    "batches_per_epoch": 4,
    "lookback": 8,
    "lags": (7,),
    "bidirectional": False,
    "n_networks": 1,
    "random_state": 0,
}
HORIZON = 3
QUANTILES = ["sales_0.1", "sales_0.5", "sales_0.9"]
VALUES = ["sales", *QUANTILES]
KEYS = ["shop", "date"]


def forecaster(**parameters):
    """One that knows the promotion, and has categories of every role."""
    roles = {"known": ["promotion", "holiday"], "observed": "visitors", "static": "region"}
    return LSTMForecaster(**COLUMNS | {"horizon": HORIZON} | roles | TINY | parameters)


def plain_forecaster(**parameters):
    """One without covariates."""
    return LSTMForecaster(**COLUMNS | {"horizon": HORIZON} | TINY | parameters)


def table(n=40, names=("a", "bb", "ccc")):
    """Shops with covariates of numbers and of text."""
    frame = shops(names, n=n)
    rng = np.random.default_rng(0)
    return frame.assign(
        holiday=np.where(frame["date"].dt.day % 5 == 0, "feast", "none"),
        visitors=rng.normal(size=len(frame)),
        region=frame["shop"].map(lambda name: "north" if len(name) % 2 else "south"),
    )


def cut(frame, horizon=HORIZON):
    """Return the history, and the rows of the future."""
    is_ahead = frame.groupby("shop").cumcount(ascending=False) < horizon
    return frame[~is_ahead].reset_index(drop=True), frame[is_ahead].reset_index(drop=True)


HISTORY, FUTURE = cut(table())


def assert_same_forecasts(one, other):
    pd.testing.assert_frame_equal(one, other, check_exact=True)
