"""Seasons of series without dates are found in their autocorrelation."""

import numpy as np
import pandas as pd
import pytest

from sklstm.forecasting._find_seasons import find_seasons
from sklstm.forecasting._panel import Roles, read_panel

ROLES = Roles("y", "t", ("s",))


def panel_of(series):
    n, n_steps = series.shape
    frame = pd.DataFrame(
        {
            "s": np.repeat(np.arange(n), n_steps),
            "t": np.tile(np.arange(n_steps), n),
            "y": series.ravel(),
        }
    )
    return read_panel(frame, ROLES, "history")


def noisy(cycles, scale, seed=0):
    rng = np.random.default_rng(seed)
    return cycles + rng.normal(0, scale, (4, cycles.shape[-1]))


@pytest.mark.parametrize("season", [4, 12, 24])
def test_a_season_is_found(season):
    cycle = np.random.default_rng(1).normal(size=season)
    assert find_seasons(panel_of(noisy(np.resize(cycle, 300), 0.1)), "y") == (season,)


def test_a_second_season_is_a_multiple_of_the_first():
    days = np.tile(np.sin(np.arange(24) / 24 * 2 * np.pi), 70)
    weekdays = np.tile(np.repeat([1, 1.1, 0.9, 1, 1.2, 0.3, 0.2], 24), 10)
    assert find_seasons(panel_of(noisy(days * weekdays, 0.02)), "y") == (24, 168)


def test_missing_values_do_not_hide_a_season():
    series = noisy(np.resize(np.random.default_rng(1).normal(size=12), 300), 0.1)
    series[:, 50:60] = np.nan
    assert find_seasons(panel_of(series), "y") == (12,)


def test_a_random_walk_has_no_season():
    walk = np.random.default_rng(0).normal(size=(5, 400)).cumsum(axis=1)
    assert find_seasons(panel_of(walk), "y") == ()


@pytest.mark.parametrize("series", [np.ones((2, 100)), np.ones((2, 5)), np.full((1, 90), np.nan)])
def test_what_does_not_vary_or_is_short_has_no_season(series):
    assert find_seasons(panel_of(series), "y") == ()
