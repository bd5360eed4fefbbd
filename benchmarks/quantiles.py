"""Three quantiles of three series: one network that learns them at once, against three networks.

    SKLSTM_DATA=folder python benchmarks/quantiles.py

One-step forecasts of the quantiles 0.1, 0.5 and 0.9, by the recipes of `forecasting.py`; the last
20 % of each series are the test. A is one fit of three quantiles, B three fits of one each, in
turns and from the same seed; the score is the mean pinball loss in units of the series (less is
better). A fit before them, uncounted, compiles what both sides use. "Crossed" is the share of test
rows in which a quantile lies above the next one; those of A cannot.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from _timing import (
    Comparison,
    Run,
    compare,
    parser,
    score,
    seconds,
    show_machine,
    show_table,
    timed,
)
from sklearn.base import clone
from sklearn.metrics import mean_pinball_loss

from forecasting import RECIPES, Recipe, found_series

QUANTILES = [0.1, 0.5, 0.9]
PARAMETER = "regressor__differencedregressor__regressor__lstmregressor__quantile"


def at_once(recipe: Recipe, seed: int, X: np.ndarray, y: np.ndarray, n: int) -> np.ndarray:
    """Fit once; return the quantiles of the last n rows."""
    model = recipe.model("quantile", seed).set_params(**{PARAMETER: QUANTILES})
    return model.fit(X[:-n], y[:-n]).predict(X)[-n:]


def one_by_one(recipe: Recipe, seed: int, X: np.ndarray, y: np.ndarray, n: int) -> np.ndarray:
    """Fit once for each quantile; return those of the last n rows."""
    model = recipe.model("quantile", seed)
    models = [clone(model).set_params(**{PARAMETER: quantile}) for quantile in QUANTILES]
    return np.stack([each.fit(X[:-n], y[:-n]).predict(X)[-n:] for each in models], axis=1)


def run_of(forecast: Callable[..., np.ndarray], crossed: list[float], *arguments) -> float:
    """Return the mean pinball loss, and note how many quantiles cross."""
    predicted = forecast(*arguments)
    _, y, n = arguments[-3:]
    crossed.append(float((np.diff(predicted) < 0).any(axis=1).mean()))
    losses = [
        mean_pinball_loss(y[-n:], predicted[:, k], alpha=quantile)
        for k, quantile in enumerate(QUANTILES)
    ]
    return float(np.mean(losses))


def measure(recipe: Recipe, values: np.ndarray, seeds: int) -> tuple[Comparison, float]:
    """Compare both sides for each seed; return also how often quantiles of B cross."""
    X, y, n = values[:-1, np.newaxis], values[1:], len(values) // 5
    runs, crossed = Comparison([], []), []
    for seed in range(seeds):
        a = timed(partial(run_of, at_once, [], recipe, seed, X, y, n))
        b = timed(partial(run_of, one_by_one, crossed, recipe, seed, X, y, n))
        pair = compare(a, b, 1, warm=seed == 0)
        runs.a.extend(pair.a)
        runs.b.extend(pair.b)
    return runs, float(np.mean(crossed))


def scores(runs: list[Run]) -> str:
    each = ", ".join(f"{run.score:.4g}" for run in runs)
    return f"{score(runs):.4g} ({each})"


def main() -> None:
    arguments = parser(__doc__, pairs=3)
    options = arguments.parse_args()
    show_machine()
    table = []
    for name, values in found_series().items():
        runs, crossed = measure(RECIPES[name], values, options.pairs)
        times = [f"{seconds(side):.2f} s" for side in (runs.a, runs.b)]
        losses = [scores(side) for side in (runs.a, runs.b)]
        ratio = f"{score(runs.a) / score(runs.b):.3f}"
        table.append([name, *times, f"{runs.ratio:.2f}", *losses, ratio, f"{crossed:.1%}"])
    show_table(
        ["series", "1 fit (A)", "3 fits (B)", "time B / A", "pinball loss A, of each seed",
         "pinball loss B, of each seed", "loss A / B", "crossed in B"],
        table,
    )  # fmt: skip


if __name__ == "__main__":
    main()
