"""Forecasts with columns that are known ahead: each reaches the forecast of its own time step."""

import re

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from series import flat_windows
from sklstm import LSTMRegressor, SlidingWindow, sliding_windows
from sklstm.forecasting import forecast, one_step_rows
from tasks import TINY

N, HORIZON = 40, 12
DAYS = pd.date_range("2024-01-01", periods=N + HORIZON)
PROMOTION = np.random.default_rng(0).integers(0, 2, N + HORIZON).astype(float)
WEEKDAY = np.array(list("abcdefg"))[np.arange(N + HORIZON) % 7]


def sales_of(promotion, weekday_effect):
    """Half of yesterday's sales, and what today adds, without noise."""
    sales = [5.0]
    for t in range(1, len(promotion)):
        sales.append(0.5 * sales[-1] + 3 * promotion[t] + weekday_effect * (t % 7))
    return np.array(sales)


TABLE = np.c_[sales_of(PROMOTION, 0), PROMOTION]
FRAME = pd.DataFrame(
    {"promotion": PROMOTION, "sales": sales_of(PROMOTION, 1), "weekday": WEEKDAY}, index=DAYS
)
HISTORY, FUTURE = FRAME[:N], FRAME.loc[DAYS[N:], ["weekday", "promotion"]]
KNOWN = ["promotion", "weekday"]


def fitted_on_arrays():
    return LinearRegression().fit(*one_step_rows(TABLE[:N], known=1))


def fitted_on(history):
    encode = make_column_transformer((OneHotEncoder(), ["weekday"]), remainder="passthrough")
    return make_pipeline(encode, LinearRegression()).fit(*one_step_rows(history, KNOWN))


def test_arrays():
    model = fitted_on_arrays()
    forecasts = forecast(model, TABLE[:N], future=TABLE[N:, 1:])
    assert forecasts.shape == (HORIZON, 1)
    np.testing.assert_allclose(forecasts, TABLE[N:, :1], atol=1e-9)
    first = forecast(model, TABLE[:N], 3, future=TABLE[N:, 1:].tolist())
    np.testing.assert_array_equal(first, forecasts[:3])


def test_frames_with_text():
    forecasts = forecast(fitted_on(HISTORY), HISTORY, future=FUTURE)
    assert forecasts.columns.tolist() == ["sales"]
    assert forecasts.index.equals(DAYS[N:])
    np.testing.assert_allclose(forecasts["sales"], FRAME["sales"][N:], atol=1e-9)
    categories = HISTORY.astype({"weekday": "category"})
    again = forecast(fitted_on(HISTORY), categories, 2, future=FUTURE)
    np.testing.assert_array_equal(again, forecasts[:2])


def test_polars():
    history, future = pl.from_pandas(HISTORY), pl.from_pandas(FUTURE)
    forecasts = forecast(fitted_on(history), history, future=future)
    assert forecasts.columns == ["sales"]
    np.testing.assert_allclose(forecasts["sales"].to_numpy(), FRAME["sales"][N:], atol=1e-9)


def test_windows():
    """The last window of a model of windows holds the known columns of the next step as well."""
    X, y = one_step_rows(TABLE[:N], known=1)
    windows, _, rows = sliding_windows(X, 2, return_rows=True)
    for shape in ((len(windows), 4), windows.shape):
        model = LinearRegression() if len(shape) == 2 else AsColumns()
        model.fit(windows.reshape(shape), y[rows])
        forecasts = forecast(model, TABLE[:N], future=TABLE[N:, 1:], window=2)
        np.testing.assert_allclose(forecasts, TABLE[N:, :1], atol=1e-9)


class AsColumns(LinearRegression):
    """Takes windows of shape (n, T, F)."""

    def fit(self, X, y):
        super().fit(X.reshape(len(X), -1), y)
        self.n_features_in_ = X.shape[2]
        return self

    def predict(self, X):
        return X.reshape(len(X), -1) @ self.coef_ + self.intercept_


def test_rows_of_their_own_time_step():
    """A model that learnt of a promotion on the day after it."""
    late = np.c_[np.roll(TABLE[:, 0], 1), TABLE[:, 1]][1:]
    model = LinearRegression().fit(late[:30], late[1:31, 0])
    np.testing.assert_allclose(model.predict(late[:-1]), late[1:, 0], atol=1e-9)
    forecasts = forecast(model, late[:30], future=late[30:, 1:], lead=0)
    np.testing.assert_allclose(forecasts[:, 0], late[30:, 0], atol=1e-9)


def test_several_columns_are_forecast():
    both = np.c_[TABLE[:, 0], -TABLE[:, 0], PROMOTION]
    frame = pd.DataFrame(both, columns=["sales", "stock", "promotion"])
    X, y = one_step_rows(frame[:N], "promotion")
    assert y.columns.tolist() == ["sales", "stock"]
    forecasts = forecast(LinearRegression().fit(X, y), frame[:N], future=frame[["promotion"]][N:])
    np.testing.assert_allclose(forecasts, both[N:, :2], atol=1e-9)


def test_a_search_over_an_lstm():
    X, y = one_step_rows(HISTORY[["sales", "promotion"]], "promotion")
    model = make_pipeline(StandardScaler(), SlidingWindow(3), LSTMRegressor(**TINY))
    grid = {"slidingwindow__window": [2, 6]}
    search = GridSearchCV(model, grid, cv=TimeSeriesSplit(2)).fit(X, y)
    history = HISTORY[["sales", "promotion"]]
    forecasts = forecast(search, history, future=FUTURE[["promotion"]])
    assert forecasts.shape == (HORIZON, 1)
    search.estimator.set_params(slidingwindow__window=40)  # the template does not count
    assert len(forecast(search, history[-6:], 2, future=FUTURE[["promotion"]])) == 2
    best = search.best_params_["slidingwindow__window"]
    with pytest.raises(ValueError, match=rf"fewer than a window of {best}"):
        forecast(search, history[: best - 1], 2, future=FUTURE[["promotion"]])


def test_one_network_for_several_series():
    """The column that tells the series is known of the future too, and may be text."""
    shops = pd.concat(
        [pd.DataFrame(TABLE * k, columns=["sales", "promotion"]).assign(shop=s)
         for k, s in enumerate(["north", "south"], 1)]
    )  # fmt: skip
    X, y = one_step_rows(shops, "promotion", by="shop")
    assert len(X) == len(y) == 2 * (N + HORIZON - 1)
    flat = FunctionTransformer(flat_windows)
    model = make_pipeline(SlidingWindow(1, by="shop"), flat, LinearRegression()).fit(X, y)
    south = shops[shops["shop"] == "south"]
    forecasts = forecast(model, south[:N], future=south.loc[N:, ["promotion", "shop"]])
    np.testing.assert_allclose(forecasts["sales"], south["sales"][N:], atol=1e-9)


# How rows of the future are found


def test_a_calendar_that_holds_more_than_the_future():
    calendar = FRAME[["promotion", "weekday"]]
    forecasts = forecast(fitted_on(HISTORY), HISTORY, 5, future=calendar)
    np.testing.assert_allclose(forecasts["sales"], FRAME["sales"][N : N + 5], atol=1e-9)


@pytest.mark.parametrize(
    ("history", "future"),
    [
        (HISTORY, FUTURE.reset_index(drop=True)),
        (HISTORY.reset_index(drop=True), FUTURE.reset_index(drop=True)),
        (HISTORY.reset_index(drop=True), FUTURE.set_index(pd.RangeIndex(N, N + HORIZON))),
        (HISTORY.set_index(DAYS[:N].to_period("D")), FUTURE.set_index(DAYS[N:].to_period("D"))),
        (HISTORY.set_index(pd.Index(WEEKDAY[:N])), FUTURE),
    ],
    ids=["dates and numbers", "numbers from 0", "numbers", "periods", "no times"],
)
@pytest.mark.filterwarnings("ignore:The index of history cannot be continued")
def test_rows_by_their_index_or_by_their_number(history, future):
    forecasts = forecast(fitted_on(HISTORY), history, future=future)
    np.testing.assert_allclose(forecasts["sales"], FRAME["sales"][N:], atol=1e-9)


def test_neither_history_nor_future_is_changed():
    history, future = HISTORY.copy(), FUTURE.copy()
    forecast(fitted_on(history), history, future=future)
    pd.testing.assert_frame_equal(history, HISTORY)
    pd.testing.assert_frame_equal(future, FUTURE)
    table = TABLE.copy()
    forecast(fitted_on_arrays(), table[:N], future=table[N:, 1:])
    np.testing.assert_array_equal(table, TABLE)


@pytest.mark.parametrize(
    ("history", "future", "message"),
    [
        (HISTORY, FUTURE.drop(DAYS[N + 3]),
         "future lacks 1 of the 11 time step(s) that follow history: 2024-02-13. Its index runs"),
        (HISTORY, FUTURE[::-1].rename(lambda day: day + pd.Timedelta(days=1)),
         "future lacks 1 of the 12 time step(s) that follow history: 2024-02-10."),
        (HISTORY, FUTURE.iloc[[0, 0]], "The index of future holds 2024-02-10 twice: valid is one"),
        (HISTORY, FUTURE[:0], "future has 0 rows: valid is one for each time step"),
        (HISTORY, FRAME[N:], "future has all columns of history: leave those out that are"),
        (HISTORY, FUTURE.assign(price=1), "future has the column(s) ['price'], which history"),
        (HISTORY, FUTURE[["weekday"]], "predicts 1 value(s) per time step, but future lacks 2 "
         "column(s) of history, which are to be forecast: ['promotion', 'sales']. Add those"),
        (HISTORY, FUTURE.replace({"promotion": {0: np.nan}}), "future contains NaN in row"),
        (HISTORY, FUTURE.assign(promotion="x"),
         "Column 'promotion' holds 1.0 in history and 'x' in future: both need values of one kind"),
        (HISTORY, FUTURE["promotion"], "future is a Series: pass a table of the known"),
        (HISTORY, FUTURE[["promotion"]].to_numpy(), "history is a DataFrame and future a ndarray"),
        (HISTORY["sales"], FUTURE, "With future, history is a table of the columns to"),
        (HISTORY.reset_index(drop=True), FRAME[KNOWN].reset_index(drop=True),
         "future has 52 rows, numbered from 0, and history goes on with row 40: pass only the"),
        (HISTORY, None, "horizon=None takes the number of rows of future, but future is None"),
    ],
)  # fmt: skip
def test_futures_that_are_refused(history, future, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        forecast(fitted_on(HISTORY), history, future=future)


def test_arrays_that_are_refused():
    model = fitted_on_arrays()
    for future, message in (
        (np.ones(3), r"future has shape \(3,\): valid are a DataFrame of the known columns, or an"),
        (np.ones((3, 3)), "future has 3 columns, more than the 2 of history, of which its columns"),
        (np.ones((3, 2)), "future has all columns of history"),
        (np.full((3, 1), np.inf), "Input future contains infinity in row 0, column 0"),
    ):
        with pytest.raises(ValueError, match=message):
            forecast(model, TABLE[:N], future=future)
    with pytest.raises(ValueError, match=r"future has 12 row\(s\), fewer than horizon=13"):
        forecast(model, TABLE[:N], 13, future=TABLE[N:, 1:])
    with pytest.raises(ValueError, match=r"'lead' parameter .* {0, 1}. Got 2 instead"):
        forecast(model, TABLE[:N], future=TABLE[N:, 1:], lead=2)
    with pytest.raises(ValueError, match="forecast needs a model that predicts every feature"):
        forecast(model, TABLE[:N], 3)


# Rows to learn from


def test_rows_of_several_series():
    frame = pd.DataFrame(
        {"shop": ["a", "b", "a", "b", "a", "c"], "v": [1, 10, 2, 20, 3, 7], "k": list("uvwxyz")},
        index=[5, 6, 7, 8, 9, 10],
    )
    X, y = one_step_rows(frame, ["k"], by="shop")
    assert X.to_dict("list") == {"shop": ["a", "b", "a"], "v": [1, 10, 2], "k": list("wxy")}
    assert y.tolist() == [2, 20, 3]
    assert y.name == "v"
    assert X.index.tolist() == y.index.tolist() == [5, 6, 7]
    X, y = one_step_rows(pl.from_pandas(frame), "k", by=["shop"])
    assert X.to_dict(as_series=False) == {
        "shop": ["a", "b", "a"],
        "v": [1, 10, 2],
        "k": list("wxy"),
    }
    assert y.to_list() == [2, 20, 3]


@pytest.mark.parametrize(
    ("history", "options", "message"),
    [
        (FRAME, {"known": "price"}, "known='price' is no column of history: valid are its columns"),
        (TABLE, {"known": 2}, "known=2 is no column of history: valid are numbers of its columns"),
        (TABLE, {"known": [0, 1]}, "known=[0, 1] leaves no column of history to forecast."),
        (TABLE, {"known": 1, "by": 0}, "known=1 leaves no column of history to forecast."),
        (TABLE[:1], {"known": 1}, "No series of history has two rows: there is no next time step"),
        (TABLE[:0], {"known": 1}, "No series of history has two rows"),
        (FRAME["sales"], {"known": 0}, "history has shape (52,): valid are a DataFrame and an"),
        (FRAME[::-1], {"known": KNOWN}, "history has its newest row first"),
    ],
)  # fmt: skip
def test_rows_that_cannot_be_made(history, options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        one_step_rows(history, **options)
