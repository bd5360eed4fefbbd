"""
From a table of events to the customers who may leave
=====================================================

The table has one row per visit: customer, date, amount, channel, discount. Dates are
uneven, some amounts are missing, and rows come in any order. ``train`` writes such a
table of 2,000 customers and goes from ``read_csv`` to a cross-validated AUC, a grid
search and a saved model. ``nightly`` is the script that runs every night, which loads
no TensorFlow::

    python event_table.py train
    python event_table.py nightly
"""

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklstm import LSTMClassifier, TimeDistributed, sequences_from_table
from sklstm.persistence import load, save


def main():
    parser = argparse.ArgumentParser(description="Predict which customers leave.")
    parser.add_argument("part", choices=["train", "nightly"], help="which part to run")
    parser.add_argument(
        "folder", type=Path, nargs="?", default=Path(), help="default: this one"
    )
    parser.add_argument(
        "--customers", type=int, default=2000, help="default: %(default)s"
    )
    parser.add_argument("--epochs", type=int, default=20, help="default: %(default)s")
    options = parser.parse_args()
    model, history = options.folder / "customers.sklstm", options.folder / "history.csv"
    tonight, risks = options.folder / "tonight.csv", options.folder / "risks.csv"
    if options.part == "train":
        make_visits(options.customers, seed=0).to_csv(history, index=False)
        visits = make_visits(options.customers // 10, seed=1).replace(
            {"channel": {"web": "app"}}
        )
        visits.drop(columns="left").to_csv(tonight, index=False)
        train(history, model, options.epochs)
        print(f"{model}: {model.stat().st_size / 1024:.0f} KiB")
    else:
        predict_at_night(model, tonight, risks)
        tensorflow = "with" if "tensorflow" in sys.modules else "without"
        print(f"{len(pd.read_csv(risks))} customers, {tensorflow} TensorFlow: {risks}")


def make_visits(n_customers, seed):
    """Make a table: those who leave come ever less often, and spend less each time."""
    rng = np.random.default_rng(seed)
    tables, start = [], pd.Timestamp("2025-01-01")
    for customer in range(n_customers):
        n, leaves = rng.integers(1, 25), rng.random() < 0.3
        fatigue = leaves * np.linspace(0, 1, n)
        days = rng.exponential(10 * np.exp(fatigue)).round() + 1
        amounts = rng.lognormal(3 - fatigue, 0.7).round(2)
        visits = {
            "customer": f"c{customer:05}",
            "date": start + pd.to_timedelta(days.cumsum(), unit="D"),
            "amount": np.where(rng.random(n) < 0.1, np.nan, amounts),
            "channel": rng.choice(["web", "shop", "phone"], n),
            "discount": rng.random(n) < 0.2,
            "left": leaves,
        }
        tables.append(pd.DataFrame(visits))
    return pd.concat(tables).sample(frac=1, random_state=seed)


# What a user writes: 25 lines.


def read_sequences(path, target=None):
    visits = pd.read_csv(path, parse_dates=["date"]).sort_values("date")
    days = visits.groupby("customer")["date"].diff().dt.days  # since the visit before
    visits = visits.assign(days=days)
    return sequences_from_table(visits, by="customer", order_by="date", target=target)


def train(history, path, epochs):
    X, y, _ = read_sequences(history, target="left")
    numbers = make_pipeline(SimpleImputer(add_indicator=True), StandardScaler())
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["channel"]),
        (numbers, ["amount", "days"]),
        ("passthrough", ["discount"]),
    )
    network = LSTMClassifier(epochs=epochs, random_state=0)
    model = make_pipeline(TimeDistributed(columns), network)
    scores = cross_val_score(model, X, y, scoring="roc_auc", cv=3)
    print(f"AUC of {len(X)} customers: {scores.mean():.3f} ± {scores.std():.3f}")
    grid = {"lstmclassifier__units": [8, 32]}
    search = GridSearchCV(model, grid, scoring="roc_auc", cv=3).fit(X, y)
    print(f"best AUC: {search.best_score_:.3f}, by {search.best_params_}")
    save(search.best_estimator_, path)


def predict_at_night(path, tonight, risks):
    X, _, customers = read_sequences(tonight)
    risk = load(path).predict_proba(X)[:, 1]
    pd.DataFrame({"customer": customers, "risk": risk}).to_csv(risks, index=False)


if __name__ == "__main__":
    main()
