"""Metrics of forecasts, against values worked out by hand and scikit-learn's."""

import numpy as np
import pytest
from sklearn.metrics import mean_pinball_loss

from sklstm.forecasting._metrics import (
    central_intervals,
    interval_coverage,
    interval_width,
    mean_absolute_scaled_error,
    pinball_loss,
    seasonal_naive_error,
    weighted_absolute_percentage_error,
)

NAN = np.nan
ROWS = np.random.default_rng(0).normal(size=(5, 7))


def naive_error(rows, season):
    """Of series of one length."""
    n, length = rows.shape
    return seasonal_naive_error(rows.ravel(), np.arange(n) * length, np.full(n, length), season)


def test_seasonal_naive_error_of_known_pairs():
    values = np.array([[1.0, 2, 4, 7, 11], [1, NAN, 4, 7, 11], [NAN, 5, NAN, NAN, 3]])
    np.testing.assert_allclose(naive_error(values, 1), [2.5, 3.5, NAN])
    np.testing.assert_allclose(naive_error(values, 2), [5, 5, NAN])
    np.testing.assert_allclose(naive_error(values, 5), [NAN] * 3)


def test_seasonal_naive_error_of_parts_of_series():
    values = np.concatenate([np.arange(9.0), 10 * np.arange(5), [7, 8, 0]])
    starts = np.array([0, 9, 14])
    for lengths in ([9, 5, 3], [8, 5, 2]):
        found = seasonal_naive_error(values, starts, np.array(lengths), 2)
        np.testing.assert_allclose(found, [2, 20, 7 if lengths[2] == 3 else NAN])
    assert np.isnan(seasonal_naive_error(values, starts, np.array([0, 1, 2]), 2)).all()


def test_mase_averages_over_series():
    truth = np.array([[1.0, 2, 3], [10, NAN, 30], [5, 5, 5]])
    forecast = np.array([[2.0, 2, 5], [10, 0, 20], [6, 6, 6]])
    error, n_left_out = mean_absolute_scaled_error(truth, forecast, np.array([2.0, 5, 0]))
    assert error == pytest.approx(((1 + 0 + 2) / 3 / 2 + (0 + 10) / 2 / 5) / 2)
    assert n_left_out == 1


def test_mase_of_the_seasonal_naive_forecast_within_its_history_is_one():
    series = np.cumsum(ROWS, axis=1)
    scale = naive_error(series, 2)
    error, n_left_out = mean_absolute_scaled_error(series[:, 2:], series[:, :-2], scale)
    assert error == pytest.approx(1)
    assert n_left_out == 0


def test_series_without_truth_are_not_left_out_but_absent():
    truth = np.array([[NAN, NAN], [1.0, 2]])
    error, n_left_out = mean_absolute_scaled_error(truth, np.zeros((2, 2)), np.array([0, NAN]))
    assert np.isnan(error)
    assert n_left_out == 1


def test_wape_weighs_by_size():
    truth = np.array([[100.0, -50, NAN], [1, 0, 2]])
    forecast = np.array([[90.0, -50, 7], [3, 1, NAN]])
    expected = (10 + 0 + 2 + 1) / (100 + 50 + 1 + 0)
    assert weighted_absolute_percentage_error(truth, forecast) == pytest.approx(expected)
    assert np.isnan(weighted_absolute_percentage_error(np.zeros(3), np.ones(3)))


def test_pinball_loss_is_that_of_scikit_learn():
    quantiles = (0.1, 0.5, 0.75)
    forecasts = np.stack([ROWS - 1, ROWS * 0.9, ROWS + 0.4], axis=-1)
    truth = ROWS[::-1].copy()
    expected = np.mean(
        [
            mean_pinball_loss(truth.ravel(), forecasts[..., j].ravel(), alpha=q)
            for j, q in enumerate(quantiles)
        ]
    )
    assert pinball_loss(truth, forecasts, quantiles) == pytest.approx(expected)
    mean_error = np.abs(truth - forecasts[..., 1]).mean()
    assert pinball_loss(truth, forecasts[..., [1]], (0.5,)) == pytest.approx(mean_error / 2)


def test_unknown_truths_do_not_count():
    forecasts = np.stack([ROWS - 1, ROWS, ROWS + 1], axis=-1)
    truth = ROWS + np.linspace(-2, 2, 7)
    with_gaps = truth.copy()
    with_gaps[2], with_gaps[0, 3] = NAN, NAN
    rest = ~np.isnan(with_gaps)
    lower, upper = forecasts[..., 0], forecasts[..., 2] + truth**2
    for metric, args in (
        (weighted_absolute_percentage_error, (ROWS,)),
        (pinball_loss, (forecasts, (0.1, 0.5, 0.9))),
        (interval_coverage, (lower, upper)),
        (interval_width, (lower, upper)),
    ):
        kept = [one[rest] if isinstance(one, np.ndarray) else one for one in args]
        assert metric(with_gaps, *args) == pytest.approx(metric(truth[rest], *kept))
        assert metric(with_gaps, *args) != pytest.approx(metric(truth, *args))
        assert np.isnan(metric(np.full_like(truth, NAN), *args))


def test_coverage_and_width():
    truth = np.array([0.0, 1, 2, 3, NAN])
    lower, upper = np.array([0.0, 2, 1, 0, 0]), np.array([4.0, 4, 4, 3, 100])
    assert interval_coverage(truth, lower, upper) == 0.75  # ends belong to their interval
    assert interval_width(truth, lower, upper) == (4 + 2 + 3 + 3) / 4


@pytest.mark.parametrize(
    ("quantiles", "expected"),
    [
        ((0.1, 0.5, 0.9), {0.8: (0, 2)}),
        ((0.05, 0.25, 0.5, 0.75, 0.95), {0.9: (0, 4), 0.5: (1, 3)}),
        ((0.1, 0.5, 0.95), {}),
        ((0.5,), {}),
        ((0.025, 0.975), {0.95: (0, 1)}),
    ],
)
def test_central_intervals(quantiles, expected):
    assert central_intervals(quantiles) == expected
    assert list(central_intervals(quantiles)) == list(expected)
