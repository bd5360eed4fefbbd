"""Forecasts, drawn with their history and truth."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import pytest

from sklstm.forecasting import ForecastDisplay

mpl.use("Agg")

N, HORIZON = 50, 7
DATES = pd.date_range("2024-01-01", periods=N)
NAMES = {"target": "sales", "time": "date"}


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def shop(name, times=DATES):
    rng = np.random.default_rng(len(name))
    return pd.DataFrame({"shop": name, "date": times, "sales": rng.normal(10, size=len(times))})


def with_quantiles(frame):
    ends = {f"sales_{q}": frame["sales"] + 4 * (q - 0.5) for q in (0.1, 0.25, 0.75, 0.9)}
    return frame.assign(**ends)


def parts(times=DATES, names=("a", "bb", "ccc")):
    """History, forecasts and truth of some shops."""
    shops = [shop(name, times) for name in names]
    history = pd.concat([one[:-HORIZON] for one in shops])
    truth = pd.concat([one[-HORIZON:] for one in shops])
    return history, with_quantiles(truth.assign(sales=truth["sales"] + 1)), truth


def of(frame, name):
    return frame[frame["shop"] == name].sort_values("date")


def assert_drawn(line, frame):
    drawn = pd.DatetimeIndex(mpl.dates.num2date(line.get_xdata(orig=False))).tz_localize(None)
    assert list(drawn) == list(frame["date"])
    np.testing.assert_array_equal(line.get_ydata(), frame["sales"])


def ends_of(band):
    """The lower and the upper end of a band, at each time."""
    x, y = band.get_paths()[0].vertices.T
    return [(y[x == one].min(), y[x == one].max()) for one in np.unique(x)]


def shuffled(frame):
    return frame.sample(frac=1, random_state=0)


@pytest.mark.parametrize(
    "convert", [lambda f: f, shuffled, pl.from_pandas], ids=["sorted", "shuffled", "polars"]
)
def test_the_lines_are_the_rows_of_each_series_in_order(convert):
    frames = [convert(frame) for frame in parts()]
    display = ForecastDisplay.from_predictions(*frames, **NAMES, series="shop", n_past=None)
    titles = [axes.get_title(loc="left") for axes in display.axes_]
    assert sorted(titles) == ["a", "bb", "ccc"]
    history, forecasts, truth = parts()
    for j, name in enumerate(titles):
        assert_drawn(display.history_lines_[j], of(history, name))
        assert_drawn(display.truth_lines_[j], of(truth, name))
        (line,) = display.forecast_lines_[j]
        assert_drawn(line, of(forecasts, name))
        assert list(display.bands_[j]) == [0.8, 0.5]
        for share, low, high in (
            (0.8, "sales_0.1", "sales_0.9"),
            (0.5, "sales_0.25", "sales_0.75"),
        ):
            (band,) = display.bands_[j][share]
            expected = of(forecasts, name)[[low, high]].to_numpy()
            np.testing.assert_allclose(ends_of(band), expected)
        assert display.axes_[j].get_ylabel() == "sales"
    assert isinstance(display.figure_, mpl.figure.Figure)


def test_the_legend_names_each_thing_once():
    history, forecasts, truth = parts()
    display = ForecastDisplay.from_predictions(history, forecasts, truth, **NAMES, series="shop")
    labels = [text.get_text() for text in display.axes_[0].get_legend().get_texts()]
    assert labels == ["history", "truth", "forecast", "80 % interval", "50 % interval"]
    plain = forecasts[["shop", "date", "sales"]]
    display = ForecastDisplay.from_predictions(history, plain, **NAMES, series="shop")
    labels = [text.get_text() for text in display.axes_[0].get_legend().get_texts()]
    assert labels == ["history", "forecast"]
    assert display.bands_ == [{}, {}, {}]
    assert display.truth_lines_ == []


def test_series_are_chosen():
    frames = parts()
    display = ForecastDisplay.from_predictions(*frames, **NAMES, series="shop", n_series=2)
    assert [axes.get_title(loc="left") for axes in display.axes_] == ["a", "bb"]
    display.plot(ids=["ccc", "a"])
    assert [axes.get_title(loc="left") for axes in display.axes_] == ["ccc", "a"]
    two = [frame.assign(region=7) for frame in frames]
    columns = ["region", "shop"]
    display = ForecastDisplay.from_predictions(*two, **NAMES, series=columns, ids=[(7, "bb")])
    assert [axes.get_title(loc="left") for axes in display.axes_] == ["7, bb"]
    message = r"ids holds 'bb', of which there is no forecast: valid are \(7, 'a'\), \(7, 'bb'\)"
    with pytest.raises(ValueError, match=message):
        display.plot(ids=["bb"])
    with pytest.raises(ValueError, match="ids is empty"):
        display.plot(ids=[])


@pytest.mark.parametrize(("n_past", "n_drawn"), [("auto", 35), (3, 3), (None, 43), (1000, 43)])
def test_the_end_of_the_history_is_drawn(n_past, n_drawn):
    history, forecasts, _ = parts()
    display = ForecastDisplay.from_predictions(
        history, forecasts, **NAMES, series="shop", n_past=n_past
    )
    assert_drawn(display.history_lines_[0], of(history, "a")[-n_drawn:])


def test_one_series_without_a_name():
    history, forecasts, truth = (frame.drop(columns="shop") for frame in parts(names=["a"]))
    display = ForecastDisplay.from_predictions(history, forecasts, truth, **NAMES)
    assert len(display.axes_) == 1
    assert display.axes_[0].get_title(loc="left") == ""


def test_forecasts_from_several_origins_have_a_line_each():
    history, forecasts, truth = parts(names=["a"])
    whole = pd.concat([history, truth])
    earlier = forecasts.assign(date=forecasts["date"] - pd.Timedelta(days=4), origin=1)
    both = pd.concat([forecasts.assign(origin=2), earlier])
    display = ForecastDisplay.from_predictions(
        whole, both, **NAMES, series="shop", origin="origin", n_past=5
    )
    first, second = display.forecast_lines_[0]
    assert_drawn(first, earlier)
    assert_drawn(second, forecasts)
    assert [len(bands) for bands in display.bands_[0].values()] == [2, 2]
    assert_drawn(display.history_lines_[0], whole[-16:])  # the truth is part of the history
    labels = [text.get_text() for text in display.axes_[0].get_legend().get_texts()]
    assert labels == ["history", "forecast", "80 % interval", "50 % interval"]
    message = "forecasts holds 2024-02-13 more than once of the series 'a'. If the forecasts come"
    with pytest.raises(ValueError, match=message):
        ForecastDisplay.from_predictions(whole, both, **NAMES, series="shop")


def test_a_single_step_is_a_point_with_a_bar():
    history, forecasts, truth = parts(names=["a"])
    first = forecasts[:1]
    display = ForecastDisplay.from_predictions(history, first, truth[:1], **NAMES, series="shop")
    (line,) = display.forecast_lines_[0]
    assert line.get_marker() == "o"
    (band,) = display.bands_[0][0.8]
    np.testing.assert_allclose(ends_of(band), first[["sales_0.1", "sales_0.9"]])
    assert band.get_linewidth() > 0


def test_gaps_are_gaps():
    history, forecasts, _ = parts(names=["a"])
    history.loc[20, "sales"] = np.nan
    forecasts.loc[45, "sales"] = np.nan
    display = ForecastDisplay.from_predictions(history, forecasts, **NAMES, n_past=None)
    assert np.flatnonzero(np.isnan(display.history_lines_[0].get_ydata())).tolist() == [20]
    assert np.isnan(display.forecast_lines_[0][0].get_ydata()[2])


def test_a_series_without_history_is_drawn():
    history, forecasts, truth = parts()
    display = ForecastDisplay.from_predictions(
        of(history, "a"), forecasts, of(truth, "a"), **NAMES, series="shop", ids=["bb"]
    )
    assert len(display.history_lines_[0].get_xdata()) == 0
    assert len(display.truth_lines_[0].get_xdata()) == 0
    assert len(display.forecast_lines_[0][0].get_xdata()) == HORIZON


@pytest.mark.parametrize(
    ("times", "drawn"),
    [
        (DATES.tz_localize("Asia/Tokyo"), DATES),
        (DATES.to_period("D"), DATES),
        (DATES.date, DATES),
        (DATES.strftime("%Y-%m-%d"), DATES),
        (np.arange(N) * 3, np.arange(N) * 3),
    ],
    ids=["time zone", "period", "date", "text", "numbers"],
)
def test_times_of_every_kind(times, drawn):
    history, forecasts, truth = parts(times)
    display = ForecastDisplay.from_predictions(history, forecasts, truth, **NAMES, series="shop")
    x = display.forecast_lines_[0][0].get_xdata()
    np.testing.assert_array_equal(x, np.asarray(drawn)[-HORIZON:])


def test_dates_are_written_short():
    history, forecasts, _ = parts()
    display = ForecastDisplay.from_predictions(history, forecasts, **NAMES, series="shop")
    formatter = display.axes_[0].xaxis.get_major_formatter()
    assert isinstance(formatter, mpl.dates.ConciseDateFormatter)


def test_styles_and_given_axes():
    figure, axes = plt.subplots(3)
    display = ForecastDisplay.from_predictions(
        *parts(),
        **NAMES,
        series="shop",
        ax=axes,
        history_kw={"c": "red"},
        forecast_kw={"lw": 3},
        truth_kw={"ls": ":"},
        interval_kw={"alpha": 0.9},
    )
    assert display.figure_ is figure
    assert display.history_lines_[1].get_color() == "red"
    assert display.forecast_lines_[1][0].get_linewidth() == 3
    assert display.truth_lines_[1].get_linestyle() == ":"
    assert display.bands_[1][0.5][0].get_alpha() == 0.9
    with pytest.raises(ValueError, match="ax holds 3 axes, but this display has 2 panels"):
        display.plot(ax=axes, n_series=2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"time": "day"}, r"history lacks the column 'day'. Its columns are \['shop', 'date'"),
        ({"series": ["shop", "state"]}, "history lacks the column 'state'"),
        ({"target": "visits"}, "history lacks the column 'visits'"),
        ({"origin": "cutoff"}, "forecasts lacks the column 'cutoff'"),
        ({"n_series": 0}, r"n_series=0 is not valid: give an int of 1 or more\."),
        (
            {"n_past": "all"},
            "n_past='all' is not valid: give an int of 1 or more or 'auto' or None",
        ),
        (
            {"forecasts": pd.DataFrame({"shop": [], "date": [], "sales": []})},
            "forecasts has no row",
        ),
        ({"truth": [1.0, 2.0]}, "truth is a list: valid is a long DataFrame of pandas or polars"),
        ({"time": "shop"}, "column 'shop' of history holds 'a': valid are dates, periods, and"),
    ],
)
def test_errors(change, message):
    history, forecasts, truth = parts()
    arguments = {"history": history, "forecasts": forecasts, "truth": truth, "series": "shop"}
    with pytest.raises((ValueError, TypeError), match=message):
        ForecastDisplay.from_predictions(**arguments | NAMES | change)


def test_a_missing_time():
    history, forecasts, _ = parts(names=["a"])
    history.loc[3, "date"] = pd.NaT
    with pytest.raises(ValueError, match="column 'date' of history is missing in row 3"):
        ForecastDisplay.from_predictions(history, forecasts, **NAMES)
