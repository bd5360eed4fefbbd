"""Model files of forecasters: nothing is lost, and what does not fit together is refused."""

import re

import numpy as np
import pandas as pd
import pytest

from crafting import archive, items, node, refusal, refused_swaps, with_part
from file_tools import load_or_refusal, members_of, same_params, through_a_file, write_members
from sklstm import persistence
from sklstm.forecasting import LSTMForecaster
from tasks import REFUSE_TENSORFLOW, run_script

DAYS = pd.date_range("2024-01-01", periods=40)
SETTINGS = {
    "time": "day",
    "target": "sales",
    "series": "shop",
    "known": ["price", "event"],
    "observed": "weather",
    "static": ["size"],
    "quantiles": (0.2, 0.8),
    "units": 3,
    "epochs": 1,
    "batch_size": 8,
    "batches_per_epoch": 2,
    "lookback": 6,
    "lags": (7,),
    "bidirectional": False,
    "n_networks": 1,
    "random_state": 0,
}


def history(n=40):
    rng = np.random.default_rng(0)
    parts = [
        pd.DataFrame(
            {
                "shop": shop,
                "day": DAYS[:n],
                "sales": rng.normal(10, 1, n),
                "price": rng.normal(size=n),
                "event": pd.Categorical(rng.choice([1, 2], n)),
                "weather": rng.choice(["sun", "rain"], n),
                "size": float(len(shop)),
            }
        )
        for shop in ("a", "bb")
    ]
    return pd.concat(parts)


def future():
    later = history(2).drop(columns=["sales", "weather", "size"])
    return later.assign(day=later["day"] + pd.Timedelta(days=40))


@pytest.fixture(scope="module")
def fitted():
    return LSTMForecaster(2, **SETTINGS, conformal=True, warm_start=True).fit(history())


@pytest.fixture(scope="module")
def members(fitted, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.sklstm"
    persistence.save(fitted, path)
    return members_of(path)


def test_forecasts_come_back(fitted, tmp_path):
    loaded = through_a_file(fitted, tmp_path)
    expected = fitted.predict(history(), future())
    pd.testing.assert_frame_equal(loaded.predict(history(), future()), expected, check_exact=True)
    assert same_params(loaded, fitted)
    assert loaded.history_ == fitted.history_
    assert loaded.to_onnx() == fitted.to_onnx()
    assert (loaded.frequency_, loaded.lookback_, loaded.lags_) == ("D", 6, (7,))
    refitted = (one.fit(history()).predict(history(), future()) for one in (loaded, fitted))
    pd.testing.assert_frame_equal(*refitted, check_exact=True)


PREDICT = """
import pandas as pd
from sklstm import persistence
folder = sys.argv[1]
model = persistence.load(folder + "/model.sklstm")
history, future, expected = (
    pd.read_pickle(f"{folder}/{name}.pkl") for name in ("history", "future", "expected")
)
pd.testing.assert_frame_equal(model.predict(history, future), expected, check_exact=True)
assert model.score(history) < 0
model.to_onnx()
model.summary()
assert "LSTMForecaster" in model._repr_html_() + repr(model)
"""


def test_a_file_forecasts_where_tensorflow_cannot_be_imported(tmp_path, members):
    path = write_members(tmp_path / "model.sklstm", members)
    frames = {"history": history(), "future": future()}
    expected = persistence.load(path).predict(*frames.values())
    for name, frame in {**frames, "expected": expected}.items():
        frame.to_pickle(tmp_path / f"{name}.pkl")
    run_script(REFUSE_TENSORFLOW + PREDICT, tmp_path)


# --- what does not fit ---


def tuple_of(*values):
    return node("tuple", items=list(values))


def column(class_name, **fields):
    return node("object", type=f"sklstm.{class_name}", state=node("dict", items=fields))


FORM, SPEC = "data.targets", "network.spec"
CATEGORIES = column("CategoryColumn", categories=tuple_of("a", "b"))
CASES = {
    "a list for a form": (FORM, items(), "targets are of another estimator: list"),
    "a vocabulary": (FORM, column("CharVocabulary", tokens=items()), "of another estimator: Cha"),
    "roles of text": (f"{FORM}.roles", "roles", "roles is of type builtins.str"),
    "columns in a list": (f"{FORM}.roles.known", items("price", "event"), "are no names of colu"),
    "columns of numbers": (f"{FORM}.roles.known", tuple_of(1, 2), "are no names of columns"),
    "a target of numbers": (f"{FORM}.roles.target", 1, "are no names of columns"),
    "a column twice": (f"{FORM}.roles.time", "sales", "roles names a column twice"),
    "other columns": (f"{FORM}.roles.known", tuple_of("price"), r"known are the columns \['price'"),
    "a frequency of nothing": (f"{FORM}.frequency", 0, "frequency is 0"),
    "a long frequency": (f"{FORM}.frequency", "D" * 99, "frequency is 'DDD"),
    "a frequency in a list": (f"{FORM}.frequency", items("D"), r"frequency is \['D'\]"),
    "a frequency without end": (f"{FORM}.frequency", float("inf"), "frequency is inf"),
    "another horizon": (f"{FORM}.horizon", 3, r"offsets has the shape \(2, 3\), valid is \(3, 3\)"),
    "a horizon of text": (f"{FORM}.horizon", "2", "horizon is '2'"),
    "no past": (f"{FORM}.lookback", 0, "lookback is 0"),
    "a past without end": (f"{FORM}.lookback", 10**12, "lookback is 1000000000000"),
    "a level of nothing": (f"{FORM}.level_steps", 0, "level_steps is 0"),
    "lags of the future": (f"{FORM}.lags", tuple_of(1), r"lags are \(1,\)"),
    "more lags": (f"{FORM}.lags", tuple_of(7, 14), "targets is not what its network reads"),
    "lags in a list": (f"{FORM}.lags", items(7), r"lags are \[7\]"),
    "another calendar": (f"{FORM}.calendar", tuple_of("values"), r"calendar is \('values',\)"),
    "no calendar": (f"{FORM}.calendar", tuple_of(), "is not what its network reads"),
    "no median": (f"{FORM}.quantiles", tuple_of(0.2, 0.6, 0.8), "quantiles are"),
    "quantiles in disorder": (f"{FORM}.quantiles", tuple_of(0.5, 0.2, 0.8), "quantiles are"),
    "quantiles of text": (f"{FORM}.quantiles", tuple_of("a"), "quantiles are"),
    "other quantiles shown": (f"{FORM}.shown", tuple_of(0.3), "quantiles are"),
    "more quantiles": (f"{FORM}.quantiles", tuple_of(0.2, 0.4, 0.5, 0.8), "offsets has the shape"),
    "offsets of nothing": (f"{FORM}.offsets", np.full((2, 3), np.nan), "is no finite number"),
    "offsets of text": (f"{FORM}.offsets", "a", "offsets has the shape"),
    "columns of nothing": (f"{FORM}.known", items(), "known is of type builtins.list"),
    "a column of text": (f"{FORM}.static.size", "size", r"static\['size'\] is of type builtins.s"),
    "a wider column": (f"{FORM}.static.size", CATEGORIES, "is not what its network reads"),
    "a scale of 0": (f"{FORM}.known.price.scale", 0.0, r"known\['price'\] is NumberColumn"),
    "a mean of nothing": (f"{FORM}.known.price.mean", float("nan"), r"\['price'\] is NumberColumn"),
    "a flag of text": (f"{FORM}.known.price.has_flag", "yes", r"\['price'\] is NumberColumn"),
    "categories in a list": (
        f"{FORM}.known.event.categories",
        items(1, 2),
        r"\['event'\] is CategoryColumn",
    ),
    "a category twice": (
        f"{FORM}.known.event.categories",
        tuple_of(1, 1),
        r"\['event'\] is CategoryColumn",
    ),
    "categories that are lists": (
        f"{FORM}.known.event.categories",
        tuple_of(items(), 1),
        r"\['event'\] is CategoryColumn",
    ),
    "categories too few": (f"{FORM}.known.event.categories", tuple_of(1), "is not what its netwo"),
    "a field too many": (f"{FORM}.known.price.width", 2, r"\['price'\] has the fields"),
    "a network without a horizon": (f"{SPEC}.horizon", None, "network is no network"),
    "another horizon of the network": (f"{SPEC}.horizon", 5, "is not what its network reads"),
    "fewer direct features": (f"{SPEC}.n_direct", 1, "lstm|dense|not what"),
    "scales of X": ("data.input_scaling", items(), "input_scaling is of type builtins.list"),
    "parameters": ("data.fixed_parameters.horizon", items(), "fixed_parameters is"),
}


@pytest.mark.parametrize(("place", "value", "message"), CASES.values(), ids=CASES)
def test_what_does_not_fit_is_refused(place, value, message, members, tmp_path):
    crafted = with_part(members, f"_fitted_state.{place}", value)
    why = refusal(tmp_path / "crafted.sklstm", archive(crafted.items()))
    assert re.search(rf"LSTMForecaster\._fitted_state.*({message})", why), why


def test_swapped_arrays_are_refused(members, tmp_path):
    assert refused_swaps(members, tmp_path / "swapped.sklstm") > 9


def test_what_fits_is_loaded(members, tmp_path):
    loaded, why = load_or_refusal(write_members(tmp_path / "whole.sklstm", members))
    assert why is None
    assert loaded.__sklearn_is_fitted__()
