"""Windows of many series, beside a loop over their time steps."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from sklstm.forecasting._covariates import CALENDAR
from sklstm.forecasting._panel import Roles, read_panel
from sklstm.forecasting._panel_form import PanelForm
from sklstm.forecasting._panel_windows import (
    MIN_SPREAD,
    EncodedPanel,
    PanelWindows,
    calibration_windows,
    last_windows,
)

ROLES = Roles(
    "sales", "date", ("shop",), ("price", "holiday"), ("visitors", "weather"), ("region",)
)
SETTINGS = {"horizon": 3, "quantiles": (0.1, 0.9), "lookback": 8, "lags": (3, 7), "calendar": True}


def frame_of(lengths=(30, 17, 5), seed=0):
    """Shops of different sizes, with missing values and covariates of every kind."""
    rng, parts = np.random.default_rng(seed), []
    for number, n in enumerate(lengths):
        sales = 10.0**number * (5 + rng.normal(size=n))
        sales[rng.random(n) < 0.2] = np.nan
        visitors = rng.normal(size=n)
        visitors[rng.random(n) < 0.3] = np.nan
        parts.append(
            pd.DataFrame(
                {
                    "shop": number,
                    "date": pd.date_range("2024-01-27", periods=n) + pd.Timedelta(days=number),
                    "sales": sales,
                    "price": rng.normal(size=n),
                    "holiday": rng.choice(["none", "feast", None], n),
                    "visitors": visitors,
                    "weather": rng.choice(["sun", "rain"], n),
                    "region": "north" if number % 2 else "south",
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def encoded(frame, roles=ROLES, **settings):
    panel = read_panel(frame, roles, "history")
    form = PanelForm.learn(panel, roles, **SETTINGS | settings)
    return EncodedPanel.of(panel, form), panel


def all_windows(encoded):
    """All windows with at least one time step before the origin."""
    lengths = encoded.stops - encoded.starts
    pairs = [
        (series, origin)
        for series, n in enumerate(lengths)
        for origin in range(1, n - encoded.form.horizon + 1)
    ]
    series, origins = np.array(pairs).T
    return series, origins


# --- a loop over time steps ---


def standardised(frame):
    """The frame with numbers of mean 0 and standard deviation 1, and what the categories are."""
    numbers = frame[["price", "visitors"]]
    categories = {
        name: frame[name].dropna().unique().tolist() for name in ("holiday", "weather", "region")
    }
    return frame.assign(**(numbers - numbers.mean()) / numbers.std(ddof=0)), categories


def expected_window(rows, categories, form, origin):
    """One window by the definition, from the rows of a series."""
    sales = np.array([row["sales"] for row in rows])
    past = sales[max(0, origin - form.level_steps) : origin]
    whole, known = (values[~np.isnan(values)] for values in (sales, past))
    level = (known if len(known) else whole).mean()
    spread = max(known.std() if len(known) else 0, MIN_SPREAD * whole.std()) or abs(level)

    def with_flag(step):
        value = sales[step] if 0 <= step < len(rows) else np.nan
        return [0, 0] if np.isnan(value) else [(value - level) / spread, 1]

    window = []
    for step in range(origin - form.lookback, origin + form.horizon):
        is_inside, is_past = 0 <= step < len(rows), step < origin
        row = rows[step] if is_inside else None
        values = [number for lag in form.lags for number in with_flag(step - lag)]
        for part in form.calendar:
            attribute, period = CALENDAR[part]
            angle = 2 * np.pi * getattr(row["date"], attribute) / period if is_inside else 0
            values += [np.sin(angle), np.cos(angle)] if is_inside else [0, 0]
        values.append(row["price"] if is_inside else 0)
        values += [is_inside and row["holiday"] == each for each in categories["holiday"]]
        values += [rows[0]["region"] == each for each in categories["region"]]
        values.append(max(0, step - origin + 1) / form.horizon)
        values += with_flag(step) if is_past else [0, 0]
        is_seen = is_inside and is_past
        has_visitors = is_seen and not np.isnan(row["visitors"])
        values += [row["visitors"] if has_visitors else 0, has_visitors]
        values += [is_seen and row["weather"] == each for each in categories["weather"]]
        window.append(np.array(values, float))
    future = (sales[origin : origin + form.horizon] - level) / spread
    return np.array(window), future, (level, spread)


@pytest.mark.parametrize("lags", [(3, 7), (), (5,)])
@pytest.mark.parametrize("lookback", [1, 8, 40])
def test_windows_are_those_of_a_loop(lags, lookback):
    frame = frame_of()
    panel, _ = encoded(frame, lags=lags, lookback=lookback)
    series, origins = all_windows(panel)
    values, future, scale = panel.windows(series, origins)
    form = panel.form
    assert values.shape == (len(series), form.n_steps, form.n_features)
    assert values.dtype == np.float32
    scaled, categories = standardised(frame)
    rows = [scaled[scaled["shop"] == each].to_dict("records") for each in range(3)]
    for row, (one, origin) in enumerate(zip(series, origins, strict=True)):
        window, ahead, (level, spread) = expected_window(rows[one], categories, form, origin)
        np.testing.assert_allclose(values[row], window, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(future[row], ahead, rtol=1e-9)
        np.testing.assert_allclose((scale.level[row], scale.spread[row]), (level, spread))


def test_scales_come_back():
    panel, whole = encoded(frame_of())
    series, origins = all_windows(panel)
    _, future, scale = panel.windows(series, origins)
    restored = scale.restore(future[:, :, np.newaxis])[:, :, 0]
    rows = panel.starts[series][:, np.newaxis] + origins[:, np.newaxis] + np.arange(3)
    np.testing.assert_allclose(restored, whole.columns["sales"][rows])
    np.testing.assert_allclose(scale.scale(restored), future)


def test_the_future_is_not_seen():
    """What comes after the origin changes neither the values nor the scale of a window."""
    frame = frame_of()
    form = encoded(frame)[0].form
    rng = np.random.default_rng(1)

    def window_at(table, one, origin):
        panel = read_panel(table, ROLES, "history")
        windows = last_windows(panel.until(panel.first + origin + form.horizon), form, 10)
        row = windows.series.tolist().index(one)
        values, _, scale = windows.panel.windows(windows.series[[row]], windows.origins[[row]])
        return values[0], scale.level[0], scale.spread[0]

    for one, origin in [(0, 12), (0, 27), (1, 9), (2, 2)]:
        later = (frame["shop"] == one) & (frame.groupby("shop").cumcount() >= origin)
        changed = frame.assign(
            sales=frame["sales"].where(~later, 1e6),
            weather=frame["weather"].where(~later, "rain"),
            visitors=frame["visitors"].where(~later, rng.normal(size=len(frame))),
        )
        before, after = window_at(frame, one, origin), window_at(changed, one, origin)
        for expected, found in zip(before, after, strict=True):
            np.testing.assert_allclose(found, expected, atol=1e-6)


def test_direct_features_are_known_for_the_future_and_the_others_are_0():
    panel, _ = encoded(frame_of())
    values, _, _ = panel.windows(*all_windows(panel))
    form = panel.form
    assert (values[:, form.lookback :, form.n_direct :] == 0).all()
    assert (values[:, form.lookback :, : form.n_direct] != 0).any(axis=(0, 1)).all()
    assert form.n_features - form.n_direct == 2 + 2 + 2


def test_series_of_other_sizes_have_the_same_windows():
    frame = frame_of((30, 30))
    one = frame[frame["shop"] == 0]
    both = pd.concat([one, one.assign(shop=1, sales=1000 * one["sales"])])
    panel, _ = encoded(both)
    origins = np.arange(1, 28)
    first, future, scale = panel.windows(np.zeros(27, int), origins)
    second, its_future, its_scale = panel.windows(np.ones(27, int), origins)
    np.testing.assert_allclose(first, second, atol=1e-5)
    np.testing.assert_allclose(future, its_future, atol=1e-9)
    np.testing.assert_allclose(its_scale.spread, 1000 * scale.spread)


# --- series without spread or values ---


@pytest.mark.parametrize(
    ("sales", "level", "spread"),
    [
        (np.full(20, 7.0), 7, 7),
        (np.full(20, -7.0), -7, 7),
        (np.zeros(20), 0, 1),
        (np.full(20, np.nan), 0, 1),
        (np.r_[np.full(5, 7.0), np.full(15, np.nan)], 7, 7),
        (np.r_[np.arange(8.0), np.full(12, np.nan)], 3.5, MIN_SPREAD * np.arange(8).std()),
    ],
)
def test_levels_of_constant_and_missing_values(sales, level, spread):
    dates = pd.date_range("2024-01-01", periods=20)
    frame = pd.DataFrame({"date": dates, "sales": sales})
    panel, _ = encoded(frame, Roles("sales", "date"))
    panel = replace(panel, form=replace(panel.form, level_steps=5))
    values, future, scale = panel.windows(np.array([0]), np.array([17]))
    assert (scale.level[0], scale.spread[0]) == (pytest.approx(level), pytest.approx(spread))
    assert np.isfinite(values).all()
    np.testing.assert_allclose(future[0][np.isfinite(future[0])], 0, atol=1e-12)


def test_a_quiet_beginning_has_the_spread_of_the_whole_series():
    rng = np.random.default_rng(0)
    sales = np.concatenate([rng.normal(1e3, 1, 5000), np.full(30, 0.1), rng.normal(50, 9, 30)])
    frame = pd.DataFrame({"shop": np.repeat([0, 1], [5000, 60]), "sales": sales})
    frame["date"] = frame.groupby("shop").cumcount()
    panel, _ = encoded(frame, Roles("sales", "date", ("shop",)), lags=())
    _, future, scale = panel.windows(np.ones(27, int), np.arange(1, 28))
    np.testing.assert_allclose(scale.spread, MIN_SPREAD * sales[5000:].std())
    np.testing.assert_allclose(future, 0, atol=1e-9)


# --- which windows ---


def brute_force_windows(panel):
    """The windows of a training by their definition."""
    form, found = panel.form, []
    for series, (start, stop) in enumerate(zip(panel.starts, panel.stops, strict=True)):
        sales = panel.target[start:stop]
        last = len(sales) - form.horizon
        first = max(min(-(-form.lookback // 2), last), 1)
        for origin in range(first, last + 1):
            past = sales[max(0, origin - form.lookback) : origin]
            if np.isfinite(past).any() and np.isfinite(sales[origin : origin + 3]).any():
                found.append((series, origin))
    return found


@pytest.mark.parametrize("lookback", [1, 8, 40])
def test_windows_of_a_training(lookback):
    frame = frame_of((30, 17, 5, 3, 1))
    frame.loc[5:20, "sales"] = np.nan
    panel, _ = encoded(frame, lookback=lookback)
    windows = PanelWindows.of(panel, 10)
    found = list(zip(windows.series.tolist(), windows.origins.tolist(), strict=True))
    assert found == brute_force_windows(panel)
    assert windows.n_windows == len(found) > 9
    assert len(windows) == 10


def test_an_epoch_draws_each_window_equally_often():
    windows = PanelWindows.of(encoded(frame_of())[0], 10)
    n, rng = windows.n_windows, np.random.RandomState(0)
    few = windows.draw_epoch(rng, 4)
    assert len(few) == len(set(few.tolist())) == 10
    many = replace(windows, n_per_epoch=2 * n + 3)
    counts = np.bincount(many.draw_epoch(rng, 4), minlength=n)
    assert sorted(set(counts.tolist())) == [2, 3]
    assert counts.sum() == 2 * n + 3
    np.testing.assert_array_equal(np.diff(windows.all_rows(4)) > 0, True)
    assert windows.all_rows(4).max() < n


def test_missing_targets_weigh_nothing():
    windows = PanelWindows.of(encoded(frame_of())[0], 10)
    rows = np.arange(windows.n_windows)
    values, lengths, targets, weights = windows.gather(rows, 11)
    _, future, _ = windows.panel.windows(windows.series, windows.origins)
    assert np.isfinite(values).all()
    np.testing.assert_array_equal(lengths, 11)
    np.testing.assert_array_equal(weights, np.isfinite(future))
    np.testing.assert_allclose(targets[:, :, 0], np.nan_to_num(future), rtol=1e-6)
    assert 0 < weights.mean() < 1


def test_the_last_window_of_each_series():
    panel, whole = encoded(frame_of((30, 17, 5, 3)))
    windows = last_windows(whole, panel.form, 10)
    assert windows.series.tolist() == [0, 1, 2]
    assert windows.origins.tolist() == [27, 14, 2]


def test_windows_of_a_calibration_are_the_last_ones():
    panel, whole = encoded(frame_of((60, 17, 3)))
    windows = calibration_windows(whole, panel.form)
    assert windows.series.tolist() == [0] * 13 + [1] * 2
    assert windows.origins.tolist() == [*range(57, 44, -1), 14, 13]


def test_no_window_is_an_error():
    panel, _ = encoded(frame_of((3, 2)))
    windows = PanelWindows.of(panel, 10)
    message = (
        r"no window to learn from: its longest series has 3 time step\(s\) to learn .* horizon=3"
    )
    with pytest.raises(ValueError, match=message):
        windows.check_not_empty()


# --- the form ---


@pytest.mark.parametrize(
    ("frequency", "n", "horizon", "lags", "lookback", "level_steps", "calendar"),
    [
        ("h", 50, 48, (48, 72, 96, 120, 168), 72, 168, ("hour", "weekday")),
        ("30min", 50, 48, (48, 96, 144, 192, 336), 96, 336, ("minute", "hour", "weekday")),
        ("D", 50, 14, (14, 21, 28, 35, 364), 28, 28, ("weekday",)),
        ("D", 740, 14, (14, 21, 28, 35, 364), 28, 28, ("weekday", "month")),
        ("W-SUN", 110, 4, (52, 104, 156, 208), 52, 52, ("month",)),
        ("MS", 40, 6, (12, 24, 36, 48), 24, 12, ("month",)),
        ("QS-JAN", 20, 8, (8, 12, 16, 20), 24, 4, ("month",)),
        ("YS-JAN", 20, 2, (), 24, 24, ()),
    ],
)
def test_a_form_resolves_what_is_auto(frequency, n, horizon, lags, lookback, level_steps, calendar):
    dates = pd.date_range("2020-01-01", periods=n, freq=frequency)
    frame = pd.DataFrame({"date": dates, "sales": np.random.default_rng(0).normal(size=n)})
    roles = Roles("sales", "date")
    form = encoded(frame, roles, horizon=horizon, lookback="auto", lags="auto")[0].form
    assert (form.lags, form.lookback, form.level_steps) == (lags, lookback, level_steps)
    assert form.calendar == calendar
    assert form.quantiles == (0.1, 0.5, 0.9)
    assert form.shown == (0.1, 0.9)
    without = encoded(frame, roles, horizon=horizon, lags=[horizon], calendar=False)[0].form
    assert (without.lags, without.calendar) == ((horizon,), ())


def test_categories_unknown_to_the_form_are_all_zeros():
    frame = frame_of()
    panel, _ = encoded(frame)
    changed = frame.assign(holiday="new", weather="new", region="new")
    other = EncodedPanel.of(read_panel(changed, ROLES, "history"), panel.form)
    assert other.known.shape == panel.known.shape
    assert (other.known[:, -2:] == 0).all()
    assert (other.static == 0).all()
    assert (other.observed[:, -2:] == 0).all()


def test_numbers_that_are_constant_or_missing():
    frame = frame_of().assign(price=3.0, visitors=np.nan)
    panel, _ = encoded(frame)
    price = panel.known[:-1, 2 * len(panel.form.calendar)]
    np.testing.assert_array_equal(price, 0)
    np.testing.assert_array_equal(panel.observed[:, :2], 0)
    assert panel.form.observed["visitors"].scale == 1
