"""FillGaps on frames: names, dates, text, and tables of several series."""

import re

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline

from sklstm import LSTMClassifier, LSTMRegressor, SlidingWindow, persistence
from sklstm.preprocessing import FillGaps
from tasks import TINY

NAN = np.nan
DATES = pd.to_datetime(["2024-01-01", "2024-01-03", "2024-01-04", "2024-01-10"])
CUSTOMER = pd.DataFrame(
    {
        "date": DATES,
        "amount": [1.0, NAN, 2.5, NAN],
        "channel": pd.Categorical(["web", None, None, "shop"], categories=["shop", "web"]),
        "items": pd.array([1, None, 4, 5], dtype="Int64"),
        "new": pd.array([True, None, False, False], dtype="boolean"),
    }
)
OTHER = CUSTOMER[:2].assign(
    amount=[NAN, 6.5], channel=pd.Categorical([None, "web"], categories=["shop", "web"])
).set_axis([7, 8])  # fmt: skip
FRAMES = [CUSTOMER, OTHER]
both = pytest.mark.parametrize("make", [lambda x: x, pl.from_pandas], ids=["pandas", "polars"])


@both
def test_frames_stay_frames(make):
    transformer = FillGaps("linear", times="date", add_mask=True, add_interval=True)
    out = transformer.fit_transform([make(frame) for frame in FRAMES])
    names = ["amount", "channel", "items", "new"]
    names += [f"mask_{name}" for name in names]
    assert transformer.get_feature_names_out().tolist() == [*names, "interval"]
    assert transformer.feature_names_in_.tolist() == list(CUSTOMER.columns)
    assert transformer.fill_values_.tolist() == [10 / 3, "web", 2.75, True]
    first, second = out
    assert isinstance(first, type(make(CUSTOMER)))
    assert list(first.columns) == [*names, "interval"]
    assert first["amount"].to_list() == [1, 2, 2.5, 2.5]
    assert first["channel"].to_list() == ["web", "web", "web", "shop"]
    assert first["items"].to_list() == [1, 3, 4, 5]
    assert first["new"].to_list() == [True, True, False, False]
    assert first["mask_channel"].to_list() == [1, 0, 0, 1]
    assert first["interval"].to_list() == [0, 2, 1, 6]
    assert second["amount"].to_list() == [6.5, 6.5]
    assert second["channel"].to_list() == ["web", "web"]
    for name in ("channel", "new"):
        assert first[name].dtype == make(CUSTOMER)[name].dtype


def test_the_index_of_pandas_stays():
    out = FillGaps(times="date").fit_transform(FRAMES)
    assert out[0].index.tolist() == [0, 1, 2, 3]
    assert out[1].index.tolist() == [7, 8]
    out[0].loc[0, "amount"] = 99.0  # a frame of its own
    assert CUSTOMER.loc[0, "amount"] == 1
    assert list(OTHER.columns) == list(CUSTOMER.columns)


def test_labels_by_their_frequency():
    out = FillGaps("mean", times="date").fit(FRAMES).transform([CUSTOMER])[0]
    assert out["channel"].tolist() == ["web", "web", "web", "shop"]
    assert out["new"].tolist() == [True, True, False, False]  # the first of equally frequent


@pytest.mark.parametrize(
    "channels",
    [
        pd.Series(pd.Categorical([None, "web"], categories=["web"])),
        pl.Series([None, "web"], dtype=pl.Enum(["web"])),
    ],
    ids=["pandas", "polars"],
)
def test_a_label_that_is_no_category(channels):
    library = pd if isinstance(channels, pd.Series) else pl
    fitted = FillGaps(times="t").fit([library.DataFrame({"c": ["post", "post"], "t": [1, 2]})])
    out = fitted.transform([library.DataFrame({"c": channels, "t": [1, 2]})])[0]
    assert out["c"].to_list() == ["post", "web"]


@both
@pytest.mark.parametrize(
    ("times", "interval"),
    [
        ([0.0, 0.5, 2.0], [0, 0.5, 1.5]),
        (pd.array([1, 2, 5], dtype="Int64"), [0, 1, 3]),
        (pd.to_datetime(["2024-03-30 12:00", "2024-03-31 00:00", "2024-04-02 00:00"]), [0, 0.5, 2]),
        (pd.date_range("2024-03-30 12:00", periods=3, freq="12h", tz="Europe/Berlin"),
         [0, 0.5, 0.5]),
        (pd.to_timedelta(["1h", "25h", "37h"]), [0, 1, 0.5]),
        (DATES[:3].date, [0, 2, 1]),
    ],
)  # fmt: skip
def test_times_of_many_kinds(make, times, interval):
    frame = make(pd.DataFrame({"when": times, "v": [1.0, NAN, 2.0]}))
    out = FillGaps(times="when", add_interval=True).fit_transform([frame])[0]
    np.testing.assert_allclose(out["interval"].to_numpy(), interval, atol=1e-9)


@pytest.mark.parametrize(
    ("times", "interval"),
    [
        (pd.period_range("2024-01", periods=3, freq="M"), [0, 31, 29]),
        (["2024-01-01", "2024-01-02T12:00", "2024-01-03"], [0, 1.5, 0.5]),
    ],
)
def test_times_of_pandas(times, interval):
    frame = pd.DataFrame({"when": times, "v": [1.0, NAN, 2.0]})
    transformer = FillGaps("linear", times="when", add_interval=True)
    assert transformer.fit_transform([frame])[0]["interval"].tolist() == interval
    indexed = transformer.fit_transform([frame.set_index("when")])[0]
    assert indexed["interval"].tolist() == interval
    assert indexed["v"].tolist() == pytest.approx([1, 1 + interval[1] / sum(interval), 2])


def test_a_date_without_any_value_is_a_time_step():
    frame = pd.DataFrame({"when": DATES, "v": [NAN, 1.0, NAN, NAN]})
    assert FillGaps(times="when").fit_transform([frame])[0]["v"].tolist() == [1, 1, 1, 1]
    without = FillGaps().fit_transform([frame[["v"]]])[0]["v"].tolist()
    np.testing.assert_array_equal(without, [NAN, 1, NAN, NAN])


# Tables of several series

SALES = pd.DataFrame(
    {
        "date": DATES[[0, 0, 1, 1, 2, 2]],
        "shop": ["north", "south"] * 3,
        "sales": [1.0, 10, NAN, NAN, 4, NAN],
    },
    index=list("abcdef"),
)


@both
def test_series_of_a_table(make):
    transformer = FillGaps({"sales": "linear"}, by="shop", times="date", add_delta=True)
    out = transformer.fit_transform(make(SALES))
    assert list(out.columns) == ["shop", "sales", "delta_sales"]
    assert transformer.get_feature_names_out().tolist() == list(out.columns)
    assert out["shop"].to_list() == SALES["shop"].tolist()
    assert out["sales"].to_list() == [1, 10, 3, 10, 4, 10]
    assert out["delta_sales"].to_list() == [0, 0, 2, 2, 3, 3]
    if make(SALES) is SALES:
        assert out.index.tolist() == list("abcdef")


def test_columns_of_a_table_stay_in_place():
    table = np.array([[1.0, 5, 0, 7], [NAN, 5, 1, 8], [3.0, 6, 2, NAN]])
    out = FillGaps(by=1, times=2, add_mask=True).fit_transform(table)
    np.testing.assert_array_equal(out, [[1, 5, 7, 1, 1], [1, 5, 8, 0, 1], [3, 6, 7.5, 1, 0]])
    named = np.array([["x", 1.0], ["y", 5.0], ["x", None]], object)
    out = FillGaps(by=0).fit_transform(named)
    assert out.tolist() == [["x", 1.0], ["y", 5.0], ["x", 1.0]]


def test_frames_whose_columns_have_no_names():
    frame = pd.DataFrame([[1.0, 5.0], [NAN, 6.0], [2.0, 7.0]])
    assert FillGaps().fit_transform([frame])[0].columns.tolist() == [0, 1]
    transformer = FillGaps({0: "linear"}, add_mask=True)
    out = transformer.fit_transform([frame])[0]
    assert out.columns.tolist() == transformer.get_feature_names_out().tolist()
    assert out.columns.tolist() == ["x0", "x1", "mask_x0", "mask_x1"]
    assert out["x0"].tolist() == [1, 1.5, 2]


def test_series_and_times_in_the_index():
    frame = SALES.set_index(["shop", "date"])
    out = FillGaps("linear", by="shop", times="date", add_interval=True).fit_transform(frame)
    assert out.index.equals(frame.index)
    assert out["sales"].tolist() == [1, 10, 3, 10, 4, 10]
    assert out["interval"].tolist() == [0, 0, 2, 2, 1, 1]


def test_the_rows_of_one_series():
    frame = pd.DataFrame({"v": [NAN, 1.0, NAN]}, index=DATES[:3])
    out = FillGaps(by=[]).fit_transform(frame)
    assert out["v"].tolist() == [1, 1, 1]
    assert out.index.equals(frame.index)


def test_before_windows_of_several_series():
    frame = SALES.assign(y=np.arange(6.0))
    model = make_pipeline(
        FillGaps(by="shop", times="date", add_mask=True, add_interval=True),
        SlidingWindow(2, by="shop"),
        LSTMRegressor(**TINY),
    )
    model.fit(frame[["date", "shop", "sales"]], frame["y"])
    assert model[-1].n_features_in_ == 3
    assert model[:-1].get_feature_names_out().tolist() == ["sales", "mask_sales", "interval"]


def test_frames_in_a_pipeline():
    frames = [frame.drop(columns=["channel", "new"]) for frame in FRAMES] * 4
    model = make_pipeline(FillGaps(times="date", add_delta=True), LSTMClassifier(**TINY))
    model.fit(frames, ["a", "b"] * 4)
    assert model[-1].feature_names_in_.tolist() == [
        "amount",
        "items",
        "delta_amount",
        "delta_items",
    ]
    assert model.predict(frames).shape == (8,)
    assert make_column_transformer(("passthrough", ["amount"])).fit_transform(
        model[0].transform(frames)[0]
    ).tolist() == [[1], [1], [2.5], [2.5]]


def test_model_files(tmp_path):
    table = SALES.assign(day=list("MMTTWW"))
    model = make_pipeline(
        FillGaps({"sales": "linear", "day": "mean"}, by="shop", times="date", add_mask=True)
    ).fit(table)
    persistence.save(model, tmp_path / "gaps.sklstm")
    loaded = persistence.load(tmp_path / "gaps.sklstm")
    pd.testing.assert_frame_equal(loaded.transform(table), model.transform(table))
    windows = make_pipeline(FillGaps({1: 0}, by=[0]), SlidingWindow(2, by=0))
    rows = np.array([[5, 1.0], [6, 2.0], [5, NAN]])
    persistence.save(windows.fit(rows), tmp_path / "windows.sklstm")
    loaded = persistence.load(tmp_path / "windows.sklstm")
    np.testing.assert_array_equal(loaded.transform(rows)[2, :, 0], [1, 0])


# What is refused


@pytest.mark.parametrize(
    ("transformer", "X", "message"),
    [
        (FillGaps(times="when"), FRAMES, "times='when' is no column of X: valid are its col"),
        (FillGaps({"price": 0}), FRAMES, "The key 'price' of method is no column of X"),
        (FillGaps(times="date"), [CUSTOMER[::-1]],
         "The time (times='date') of sample 0 at time step 1 is before that of the step before"),
        (FillGaps(times="date"), [OTHER, CUSTOMER.assign(date=[*DATES[:3], None])],
         "The time (times='date') of sample 1 at time step 3 is missing"),
        (FillGaps(times="channel"), FRAMES, "times='channel' holds 'web' in sample 0 at time step"),
        (FillGaps(times="date", add_mask=True), [CUSTOMER.assign(mask_amount=1)],
         "The output would have the feature(s) ['mask_amount'] twice: rename those of X."),
        (FillGaps(), [OTHER, CUSTOMER.drop(columns="new")], "Sequence 1 of X has the columns ['da"),
        (FillGaps(times="date"), [CUSTOMER.assign(amount=np.inf)],
         "Input X contains infinity in sample 0 at time step 0, column 'amount'"),
        (FillGaps(by="shop", times="date"), SALES[::-1],
         "The time (times='date') of row 2 is before that of the step before it"),
        (FillGaps(by="shop", times=1), SALES, "times=1 is no feature of X: valid are [0, 2]."),
        (FillGaps(by="shop"), SALES[:0], "X is empty: found 0 sample(s)"),
    ],
)  # fmt: skip
def test_errors(transformer, X, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        transformer.fit(X)


def test_frames_that_are_not_those_of_fit():
    fitted = FillGaps(times="date").fit(FRAMES)
    with pytest.raises(ValueError, match="must be in the same order"):
        fitted.transform([CUSTOMER[CUSTOMER.columns[::-1]]])
    with pytest.raises(ValueError, match="holds 'x' in sample 0 at time step 0, column 'amount'"):
        fitted.transform([CUSTOMER.assign(amount="x")])
    plain = FillGaps(times=0).fit([CUSTOMER[["items", "amount", "channel"]]])
    with (
        pytest.warns(UserWarning, match="X does not have valid feature names"),
        pytest.raises(ValueError, match=r"frames with text in column\(s\) \['channel'\], but X"),
    ):
        plain.transform([np.ones((3, 3))])
