"""
Predict the rows of a CSV every night, without TensorFlow
=========================================================

This script predicts the rows of a CSV with a Pipeline from a file, and writes another
CSV. No TensorFlow is loaded. The predictions appear all at once or not at all. If
something goes wrong, the script prints one line on the error stream, and its exit
status is 1. The columns that the pipeline was fitted on are found by their names, in
any order. ``batch_training.py`` makes a pipeline and a CSV to try it with. Load only
files that you trust: those of joblib can run code.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import joblib
import pandas as pd


def main():
    parser = argparse.ArgumentParser(description="Predict the rows of a CSV.")
    parser.add_argument("model", type=Path, help="a fitted Pipeline, saved by joblib")
    parser.add_argument("rows", type=Path, help="a CSV with a header, a sample per row")
    parser.add_argument("output", type=Path, help="the CSV to write")
    parser.add_argument(
        "--keep", nargs="+", default=[], metavar="COLUMN", help="columns to copy"
    )
    parser.add_argument(
        "--proba", action="store_true", help="write the classes' probabilities too"
    )
    options = parser.parse_args()
    start = time.perf_counter()
    try:
        model = load_model(options.model)
        rows = pd.read_csv(options.rows)
        predictions = predict(model, rows, keep=options.keep, proba=options.proba)
        write_atomically(predictions, options.output)
    except OSError as error:
        sys.exit(f"{parser.prog}: {error}")
    except ValueError as error:
        sys.exit(f"{parser.prog}: {options.rows} by {options.model}: {error}")
    done = f"{len(rows)} rows in {time.perf_counter() - start:.2f} s"
    tensorflow = "with" if "tensorflow" in sys.modules else "without"
    print(f"{done}, {tensorflow} TensorFlow: {options.output}")


def load_model(path):
    try:
        model = joblib.load(path)
    except OSError:
        raise
    except Exception as error:  # whatever bytes that are no pickle lead to
        raise ValueError(f"joblib cannot load the model: {error!r}") from error
    if not hasattr(model, "predict"):
        raise ValueError(
            f"the model is of type {type(model).__name__}, which does not predict"
        )
    return model


def predict(model, rows, *, keep, proba):
    """Return a table of predictions, row by row, beside the columns to keep."""
    features = getattr(model, "feature_names_in_", None)
    needed = [*keep, *(features if features is not None else [])]
    missing = [name for name in needed if name not in rows.columns]
    if missing:
        raise ValueError(f"{len(missing)} columns are missing, such as {missing[0]!r}")
    X = rows.drop(columns=keep).to_numpy() if features is None else rows[features]
    predictions = rows[keep].copy()
    predictions["prediction"] = model.predict(X)
    if proba:
        names = [f"probability_{label}" for label in model.classes_]
        predictions[names] = model.predict_proba(X)
    return predictions


def write_atomically(table, path):
    """Write a CSV that other programs see as a whole or not at all."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        table.to_csv(part, index=False)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
