"""TimeDistributed on lists of data frames: columns of every kind, and their names."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
    TargetEncoder,
)

from sklstm import persistence
from sklstm.preprocessing import SequencePadder, TimeDistributed, sequences_from_table

N = 40
RNG = np.random.default_rng(0)
EVENTS = pd.DataFrame(
    {
        "id": np.sort(RNG.integers(0, 9, N)),
        "time": np.arange(N),
        "channel": RNG.choice(["web", "shop", "phone"], N),
        "level": pd.Categorical(RNG.choice(["low", "high"], N), ["low", "high"], ordered=True),
        "open": RNG.random(N) > 0.5,
        "amount": RNG.normal(5, 2, N),
        "visits": pd.array(RNG.integers(0, 9, N), dtype="Int64"),
    }
)
EVENTS.loc[3, "amount"] = np.nan
EVENTS.loc[[4, 20], "visits"] = pd.NA
POLARS = pl.from_pandas(EVENTS)
both = pytest.mark.parametrize("table", [EVENTS, POLARS], ids=["pandas", "polars"])


def sequences(table):
    return sequences_from_table(table, by="id", order_by="time").X


def encode():
    return make_column_transformer(
        (OneHotEncoder(), ["channel"]),
        (OrdinalEncoder(), ["level"]),
        (make_pipeline(SimpleImputer(), StandardScaler()), ["amount", "visits"]),
        ("passthrough", ["open"]),
        verbose_feature_names_out=False,
    )


NAMES = ["channel_phone", "channel_shop", "channel_web", "level", "amount", "visits", "open"]


@both
def test_columns_of_every_kind_are_those_of_one_table(table):
    X = sequences(table)
    expected = encode().fit_transform(table)
    distributed = TimeDistributed(encode()).fit(X)
    for out in (distributed.transform(X), TimeDistributed(encode()).fit_transform(X)):
        assert [x.shape for x in out] == [(len(x), 7) for x in X]
        assert_array_equal(np.concatenate(out), expected.astype(float))
    assert distributed.feature_names_in_.tolist() == list(table.columns[2:])
    assert distributed.n_features_in_ == 5
    assert distributed.get_feature_names_out().tolist() == NAMES


@both
def test_the_transformer_sees_one_frame_with_names_and_dtypes(table):
    seen = []
    remember = FunctionTransformer(lambda rows: seen.append(rows) or np.zeros((len(rows), 1)))
    TimeDistributed(remember).fit_transform(sequences(table))
    (rows,) = seen
    assert type(rows) is type(table)
    assert list(rows.columns) == list(table.columns[2:])
    assert list(rows.dtypes) == list(table.dtypes[2:])
    assert rows.equals(table[list(rows.columns)])


@both
@pytest.mark.parametrize("library", ["pandas", "polars"])
@pytest.mark.parametrize("globally", [False, True])
def test_frames_come_out_if_they_are_asked_for(table, library, globally):
    X = sequences(table)
    distributed = TimeDistributed(encode().set_params(onehotencoder__sparse_output=False))
    with sklearn.config_context(transform_output=library if globally else "default"):
        if not globally:
            distributed.set_output(transform=library)
        out = distributed.fit(X).transform(X)
    frame = {"pandas": pd.DataFrame, "polars": pl.DataFrame}[library]
    assert all(isinstance(x, frame) for x in out)
    assert list(out[0].columns) == NAMES
    expected = encode().fit_transform(table).astype(float)
    assert_array_equal(np.concatenate([np.asarray(x, dtype=float) for x in out]), expected)
    if library == "pandas" and table is EVENTS:
        assert [x.index.tolist() for x in out] == [x.index.tolist() for x in X]
    elif library == "pandas":
        assert [x.index.tolist() for x in out] == [list(range(len(x))) for x in X]


def test_encoders_of_sparse_output_make_frames_too():
    encoder = make_column_transformer((OneHotEncoder(), ["channel"]))
    out = TimeDistributed(encoder).set_output(transform="pandas").fit_transform(sequences(EVENTS))
    assert list(out[0].columns) == [f"onehotencoder__{name}" for name in NAMES[:3]]
    assert set(map(len, out)) == set(EVENTS.groupby("id").size())


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_columns_that_the_transformer_makes_keep_their_dtypes(library):
    table = EVENTS if library == "pandas" else POLARS
    keep = FunctionTransformer(lambda rows: rows[["level", "channel", "visits"]])
    out = TimeDistributed(keep).set_output(transform=library).fit_transform(sequences(table))
    assert all(x.equals(y[list(x.columns)]) for x, y in zip(out, sequences(table), strict=True))
    assert list(out[0].dtypes) == list(table[["level", "channel", "visits"]].dtypes)
    with pytest.raises(ValueError, match=r"What transform of FunctionTransformer returned holds"):
        TimeDistributed(keep).fit_transform(sequences(table))


@both
def test_text_in_an_array_of_objects(table):
    impute = make_column_transformer((SimpleImputer(strategy="most_frequent"), ["channel"]))
    X = sequences(table)
    out = TimeDistributed(impute).set_output(transform="polars").fit_transform(X)
    assert out[0].schema == {"simpleimputer__channel": pl.String}
    assert [list(x[:, 0]) for x in out] == [list(x["channel"]) for x in X]


def test_a_list_of_arrays_makes_frames_with_the_names_of_the_transformer():
    X = [np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[5.0, 6.0]])]
    out = TimeDistributed(StandardScaler(with_std=False)).set_output(transform="pandas")
    out = out.fit_transform(X)
    assert [x.columns.tolist() for x in out] == [["x0", "x1"]] * 2
    assert_array_equal(out[1], [[2, 2]])
    assert out[1].index.tolist() == [0]
    no_names = TimeDistributed(FunctionTransformer()).set_output(transform="polars")
    assert no_names.fit_transform(X)[0].columns == ["column_0", "column_1"]
    padded = SequencePadder().fit_transform(X)
    assert isinstance(no_names.fit_transform(padded), np.ndarray)


def test_the_choice_of_the_output_is_kept():
    distributed = TimeDistributed(StandardScaler()).set_output(transform="polars")
    distributed.set_output()
    for copy in (clone(distributed), pickle.loads(pickle.dumps(distributed))):
        assert isinstance(copy.fit_transform([[1.0]])[0], pl.DataFrame)


@pytest.mark.parametrize("library", [pd, pl], ids=["pandas", "polars"])
@pytest.mark.parametrize("output", ["default", "pandas", "polars"])
def test_padding_stays_and_a_gap_is_seen(library, output):
    X = [
        library.DataFrame({"a": [1.0, None, 3.0, None], "b": ["x", None, "y", None]}),
        library.DataFrame({"a": [None, 8.0], "b": [None, "x"]}),
    ]
    columns = make_column_transformer(
        (SimpleImputer(), ["a"]),
        (
            OneHotEncoder(sparse_output=False, categories=[["x", "y"]], handle_unknown="ignore"),
            ["b"],
        ),
    )
    distributed = TimeDistributed(columns).set_output(transform=output).fit(X)
    first, second = (np.asarray(x, dtype=float) for x in distributed.transform(X))
    assert_array_equal(first, [[1, 1, 0], [4, 0, 0], [3, 0, 1], [np.nan] * 3])
    assert_array_equal(second, [[np.nan] * 3, [8, 1, 0]])


def test_categories_that_differ_become_those_of_all_frames():
    X = [
        pd.DataFrame({"c": pd.Categorical(["x", "y"])}),
        pd.DataFrame({"c": pd.Categorical(["z"])}),
    ]
    by_dtype = (OneHotEncoder(), make_column_selector(dtype_include="category"))
    out = TimeDistributed(make_column_transformer(by_dtype)).fit_transform(X)
    assert_array_equal(np.concatenate(out), np.eye(3))


@pytest.mark.parametrize("library", [pd, pl], ids=["pandas", "polars"])
def test_numbers_of_several_kinds_are_one_column(library):
    columns = [[1, 2], [0.5], [None], [True]]
    X = [library.DataFrame({"a": column, "b": [0] * len(column)}) for column in columns]
    out = TimeDistributed(FunctionTransformer()).fit_transform(X)
    assert_array_equal(np.concatenate(out)[:, 0], [1, 2, 0.5, np.nan, 1])


ORDERS = [pd.Categorical(["x"], order, ordered=True) for order in (["x", "y"], ["y", "x"])]
ENUMS = [pl.Series(["x"], dtype=pl.Enum(order)) for order in (["x", "y"], ["y", "x"])]


@pytest.mark.parametrize(
    ("columns", "library", "message"),
    [
        ([[1.5], [None], ["x"]], pd, "column 'a' is of dtype (str|object) in sequence 2 of X, but"),
        ([[1], [None], ["x"]], pl, "'a' is of dtype String in sequence 2 of X, but of dtype Int64"),
        ([["x"], [1.5]], pd, "of dtype float64 in sequence 1 of X, but of dtype (str|object) in"),
        (
            [pd.Series(["x"], dtype=object), [1]],
            pd,
            "of dtype int64 in sequence 1 of X, but of dtype (str|object)",
        ),
        (ORDERS, pd, "The categories of the column 'a' differ between the sequences of X"),
        (ENUMS, pl, "The dtypes of a column differ between the sequences of X"),
        ([[1.0], []], pd, "Sequence 1 of X is empty: it has no time step"),
        ([[1.0], [None]], pd, "Sequence 1 of X is empty: it has no time step other than NaN"),
        ([[1.0], [2.0, np.inf]], pd, "infinity in sample 1 at time step 1, column 'a'. Scale or"),
        ([[1.0], [2.0, np.inf]], pl, "infinity in sample 1 at time step 1, column 'a'. Scale or"),
    ],
)
def test_columns_that_do_not_go_together(columns, library, message):
    X = [library.DataFrame({"a": column}) for column in columns]
    with pytest.raises(ValueError, match=message):
        TimeDistributed(FunctionTransformer()).fit(X)


def test_infinity_in_a_nullable_column():
    X = [pd.DataFrame({"a": pd.array([1.0, None, np.inf], dtype="Float64")})]
    with pytest.raises(ValueError, match="infinity in sample 0 at time step 2, column 'a'"):
        TimeDistributed(FunctionTransformer()).fit(X)


def test_frames_of_two_libraries():
    X = [pd.DataFrame({"a": [1.0]}), pl.DataFrame({"a": [1.0]})]
    message = (
        r"Sequence 1 of X is of type polars\..*, and sequence 0 of type pandas.*valid are Data"
    )
    with pytest.raises(ValueError, match=message):
        TimeDistributed(StandardScaler()).fit(X)


@both
def test_other_columns_are_refused(table):
    X = sequences(table)
    distributed = TimeDistributed(encode()).fit(X)
    order = list(X[0].columns)[::-1]
    with pytest.raises(ValueError, match=r"(?s)Sequence 0 of X: .*must be in the same order"):
        distributed.transform([x[order] for x in X])
    with pytest.raises(ValueError, match=r"(?s)Sequence 0 of X: .*yet now missing:\n- channel"):
        distributed.transform([x[order[:-1]] for x in X])
    with pytest.raises(ValueError, match=r"Sequence 3 of X has the columns .*'visits'"):
        distributed.transform([x[order] if i == 3 else x for i, x in enumerate(X)])


def test_steps_get_the_target_of_their_sequence():
    X, y = sequences(EVENTS), np.arange(9) % 2
    select = make_column_transformer((SelectKBest(k=1), ["open", "amount"]))
    X = [x.assign(amount=x["amount"].fillna(0)) for x in X]
    inner = TimeDistributed(select).fit(X, y).transformer_.named_transformers_["selectkbest"]
    rows = EVENTS[["open", "amount"]].fillna({"amount": 0})
    assert_array_equal(inner.scores_, SelectKBest(k=1).fit(rows, EVENTS["id"] % 2).scores_)


def test_the_transformer_fits_and_transforms_in_its_own_way():
    """TargetEncoder encodes the rows that it is fitted on by the labels of other rows."""
    X, y = sequences(EVENTS[["id", "time", "channel"]]), np.arange(9) % 2
    encoder = TargetEncoder(cv=KFold(4))
    out = TimeDistributed(encoder).fit_transform(X, y)
    expected = clone(encoder).fit_transform(EVENTS[["channel"]], EVENTS["id"] % 2)
    assert_array_equal(np.concatenate(out), expected)
    assert not np.array_equal(
        np.concatenate(TimeDistributed(encoder).fit(X, y).transform(X)), expected
    )


@both
def test_a_feature_without_values_is_named(table):
    X = sequences(table)
    name = "amount"
    empty = [
        x.assign(amount=np.nan) if table is EVENTS else x.with_columns(amount=pl.lit(None, float))
        for x in X
    ]
    with pytest.warns(UserWarning, match=rf"Feature\(s\) {name} of X are NaN at every time step"):
        TimeDistributed(FunctionTransformer(lambda rows: np.zeros((len(rows), 1)))).fit(empty)


def test_x_is_not_changed():
    X, before = sequences(EVENTS), sequences(EVENTS)
    TimeDistributed(encode()).set_output(transform="pandas").fit_transform(X)
    assert all(a.equals(b) for a, b in zip(X, before, strict=True))


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_inverse(library):
    X = [x[["amount"]].fillna(1.0) for x in sequences(EVENTS)]
    distributed = TimeDistributed(make_pipeline(StandardScaler(), PCA()))
    distributed.set_output(transform=library).fit(X)
    for x, back in zip(X, distributed.inverse_transform(distributed.transform(X)), strict=True):
        np.testing.assert_allclose(back, x)


@both
def test_model_files(table, tmp_path):
    X = sequences(table)
    distributed = TimeDistributed(encode()).set_output(transform="pandas").fit(X)
    persistence.save(distributed, tmp_path / "encode.sklstm")
    loaded = persistence.load(tmp_path / "encode.sklstm")
    for actual, expected in zip(loaded.transform(X), distributed.transform(X), strict=True):
        assert actual.equals(expected)
