"""The network of a forecaster outside of the package: ONNX, Keras, and what goes in."""

import numpy as np
import onnxruntime
import pytest
from numpy.testing import assert_allclose

from small_forecasters import FUTURE, HISTORY, HORIZON, VALUES, cut, forecaster, table
from tasks import without_training


@pytest.fixture(scope="module", params=[{}, {"n_networks": 2, "bidirectional": True}], ids=str)
def model(request):
    with without_training():
        return forecaster(dense_units=3, **request.param).fit(HISTORY)


def restored(outputs, level, spread):
    return outputs * spread[:, np.newaxis, np.newaxis] + level[:, np.newaxis, np.newaxis]


def quantiles_of(model):
    return model.predict(HISTORY, FUTURE)[VALUES[1:]].to_numpy().reshape(3, HORIZON, 3)


def test_windows_have_the_past_and_the_future(model):
    values, level, spread = model.windows(HISTORY, FUTURE)
    form = model._fitted_state.data.targets
    assert values.shape == (3, model.lookback_ + HORIZON, form.n_features)
    assert values.dtype == np.float32
    assert level.shape == spread.shape == (3,)
    assert (spread > 0).all()
    past = HISTORY["sales"].to_numpy().reshape(3, -1)[:, -model.lookback_ :]
    scaled = values[:, : model.lookback_, form.n_direct]
    assert_allclose(scaled * spread[:, np.newaxis] + level[:, np.newaxis], past, rtol=1e-4)
    with pytest.raises(ValueError, match="pass their values"):
        model.windows(HISTORY)


def test_onnx_computes_the_quantiles(model):
    values, level, spread = model.windows(HISTORY, FUTURE)
    session = onnxruntime.InferenceSession(model.to_onnx().SerializeToString())
    assert [each.name for each in session.get_inputs()] == ["values", "lengths"]
    lengths = np.full(len(values), values.shape[1], np.int32)
    (outputs,) = session.run(None, {"values": values, "lengths": lengths})
    assert outputs.shape == (3, HORIZON, 3)
    assert_allclose(restored(outputs, level, spread), quantiles_of(model), rtol=1e-5)


def test_keras_computes_the_quantiles(model):
    values, level, spread = model.windows(HISTORY, FUTURE)
    outputs = model.to_keras().predict(values, verbose=0)
    assert_allclose(restored(outputs, level, spread), quantiles_of(model), rtol=1e-4)


def test_calibrated_quantiles_are_moved_in_spreads():
    history, future = cut(table(80))
    model = forecaster(conformal=True, quantiles=(0.2, 0.8)).fit(history)
    values, level, spread = model.windows(history, future)
    session = onnxruntime.InferenceSession(model.to_onnx().SerializeToString())
    lengths = np.full(len(values), values.shape[1], np.int32)
    (outputs,) = session.run(None, {"values": values, "lengths": lengths})
    moved = restored(outputs + model._fitted_state.data.targets.offsets, level, spread)
    expected = model.predict(history, future)[["sales_0.2", "sales", "sales_0.8"]].to_numpy()
    lower, middle, upper = np.moveaxis(moved, 2, 0)
    found = np.stack([np.minimum(lower, middle), middle, np.maximum(upper, middle)], axis=2)
    assert_allclose(found.reshape(-1, 3), expected, rtol=1e-5)
