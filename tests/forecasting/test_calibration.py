"""Calibrated quantiles hold their shares of later truths."""

import numpy as np
import pytest

from sklstm.forecasting._calibration import apply_offsets, learn_offsets, n_errors_needed

Q = (0.1, 0.5, 0.9)
N, HORIZON = 400, 4


def overconfident_task(n, seed):
    """Windows of series of all sizes, whose noise grows over the horizon; ends far too near."""
    rng = np.random.default_rng(seed)
    scale = np.exp(rng.normal(scale=2, size=n))
    level = scale[:, None] * rng.normal(size=(n, HORIZON))
    noise = rng.gamma(2, size=(n, HORIZON)) - 2  # skewed
    truth = level + scale[:, None] * noise * np.arange(1, HORIZON + 1)
    near = np.array([-0.1, 0, 0.1]) * scale[:, None, None]
    return level[..., None] + near, truth, scale


def shares_below(forecasts, truth):
    return (truth[..., None] <= forecasts).mean(axis=0)  # (horizon, n_quantiles)


def calibrated(n, quantiles=Q):
    forecasts, truth, scale = overconfident_task(n, 0)
    offsets = learn_offsets(forecasts, truth, scale, quantiles)
    later, later_truth, later_scale = overconfident_task(20_000, 1)
    return apply_offsets(later, offsets, later_scale, quantiles), later_truth


def test_each_end_holds_its_share_at_each_step():
    forecasts, truth = calibrated(2000)
    shares = shares_below(forecasts, truth)
    np.testing.assert_allclose(shares[:, 0], 0.1, atol=0.02)
    np.testing.assert_allclose(shares[:, 2], 0.9, atol=0.02)
    widths = np.median(forecasts[..., 2] - forecasts[..., 0], axis=0)
    np.testing.assert_allclose(widths / widths[0], [1, 2, 3, 4], rtol=0.15)


def test_the_coverage_is_at_least_what_is_asked_for_on_average():
    """Over many calibrations of few windows, as the theorem says; not far more, either."""
    covered = []
    for seed in range(300):
        forecasts, truth, scale = overconfident_task(40, seed)
        offsets = learn_offsets(forecasts[:30, :1], truth[:30, :1], scale[:30], Q)
        later = apply_offsets(forecasts[30:, :1], offsets, scale[30:], Q)
        inside = (later[..., 0] <= truth[30:, :1]) & (truth[30:, :1] <= later[..., 2])
        covered.append(inside.mean())
    assert 0.8 < np.mean(covered) < 0.8 + 2 / 31 + 0.02


def test_wide_quantiles_are_narrowed():
    forecasts, truth, scale = overconfident_task(N, 0)
    far = np.array([-100.0, 0, 100]) * scale[:, None, None]
    offsets = learn_offsets(forecasts + far, truth, scale, Q)
    assert (offsets[:, 0] > 0).all()
    assert (offsets[:, 2] < 0).all()


def test_the_median_stays():
    forecasts, truth, scale = overconfident_task(N, 0)
    offsets = learn_offsets(forecasts, truth + 50 * scale[:, None], scale, Q)
    np.testing.assert_array_equal(offsets[:, 1], 0)
    moved = apply_offsets(forecasts, offsets, scale, Q)
    np.testing.assert_array_equal(moved[..., 1], forecasts[..., 1])
    assert (np.diff(moved, axis=-1) >= 0).all()  # the lower end would cross it


def test_offsets_are_of_the_size_of_each_series():
    forecasts, truth, scale = overconfident_task(N, 0)
    offsets = learn_offsets(forecasts, truth, scale, Q)
    larger = learn_offsets(1000 * forecasts, 1000 * truth, 1000 * scale, Q)
    np.testing.assert_allclose(offsets, larger)
    moved = apply_offsets(forecasts, offsets, scale, Q)
    np.testing.assert_allclose(
        moved[..., 2] - forecasts[..., 2], offsets[:, 2] * scale[:, None], atol=1e-9 * scale.max()
    )


def test_ranks_of_few_errors():
    """Of 9 errors, the ends are the outermost ones; of 19, the second ones."""
    for n, second in ((9, 0), (19, 1)):
        truth = np.random.default_rng(0).permutation(np.arange(n, dtype=float))[:, None]
        offsets = learn_offsets(np.zeros((n, 1, 3)), truth, np.ones(n), Q)
        np.testing.assert_array_equal(offsets, [[second, 0, n - 1 - second]])


def test_too_few_errors():
    with pytest.raises(ValueError, match=r"8 error\(s\) .* \[0.1, 0.5, 0.9\], and 9 are needed"):
        learn_offsets(np.zeros((8, 1, 3)), np.zeros((8, 1)), np.ones(8), Q)
    assert n_errors_needed(Q) == 9
    assert n_errors_needed((0.01, 0.5)) == 99
    assert n_errors_needed((0.5,)) == 1
    assert n_errors_needed((0.5, 0.95)) == 19


def test_a_step_with_few_errors_takes_in_its_neighbours():
    n = 60  # two steps have 100 errors together
    truth = np.random.default_rng(0).normal(size=(n, 5))
    truth[:, 4] += 1000
    offsets = learn_offsets(np.zeros((n, 5, 3)), truth, np.ones(n), Q)
    assert (np.abs(offsets[:3]) < 10).all()
    assert (offsets[3:, 2] > 500).all()
    alone = learn_offsets(np.zeros((n, 1, 3)), truth[:, :1], np.ones(n), Q)
    assert alone[0, 2] != offsets[0, 2]
    nearby = learn_offsets(np.zeros((2 * n, 1, 3)), truth[:, :2].reshape(-1, 1), np.ones(2 * n), Q)
    np.testing.assert_array_equal(offsets[0], nearby[0])


def test_unknown_truths_and_flat_series_do_not_count():
    forecasts, truth, scale = overconfident_task(N, 0)
    expected = learn_offsets(forecasts[:200], truth[:200], scale[:200], Q)
    truth[200:300] = np.nan
    scale[300:350], scale[350:] = 0, np.nan
    np.testing.assert_array_equal(learn_offsets(forecasts, truth, scale, Q), expected)
    moved = apply_offsets(forecasts, expected, scale, Q)
    np.testing.assert_array_equal(moved[300:], forecasts[300:])


@pytest.mark.parametrize("quantiles", [(0.05, 0.25, 0.5, 0.75, 0.95), (0.2, 0.6, 0.7), (0.9,)])
def test_any_quantiles_stay_in_order(quantiles):
    rng = np.random.default_rng(0)
    forecasts = 0.01 * np.sort(rng.normal(size=(N, HORIZON, len(quantiles))), axis=-1)
    truth, scale = rng.normal(size=(N, HORIZON)), np.ones(N)
    moved = apply_offsets(
        forecasts, learn_offsets(forecasts, truth, scale, quantiles), scale, quantiles
    )
    assert moved.shape == forecasts.shape
    assert (np.diff(moved, axis=-1) >= 0).all()
    below = (truth[..., None] <= moved).mean(axis=(0, 1))
    np.testing.assert_allclose(below, quantiles, atol=0.03)
