"""
Train a Pipeline and save it
============================

This script makes what ``batch_prediction.py`` needs: a fitted Pipeline in a file, and
a CSV to predict.

Images of digits become a table, as analysts have them: one row per image, one named
column per pixel. The pipeline reads its 64 columns as 8 time steps of 8 features.
"""

import argparse
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import joblib
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler

from sklstm import LSTMClassifier


def main():
    parser = argparse.ArgumentParser(description="Make files for batch_prediction.py.")
    parser.add_argument(
        "folder", type=Path, nargs="?", default=Path(), help="default: this one"
    )
    parser.add_argument("--epochs", type=int, default=30, help="default: 30")
    options = parser.parse_args()

    X, y = load_digits(return_X_y=True, as_frame=True)
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, stratify=y, random_state=0
    )
    lstm = LSTMClassifier(32, timesteps=8, epochs=options.epochs, random_state=0)
    pipeline = Pipeline([("scale", MinMaxScaler()), ("lstm", lstm)]).fit(
        X_train, y_train
    )
    print(f"test accuracy {pipeline.score(X_test, y_test):.3f}")

    options.folder.mkdir(parents=True, exist_ok=True)
    model, rows = options.folder / "digits.joblib", options.folder / "digits.csv"
    joblib.dump(pipeline, model)
    X_test.to_csv(rows, index_label="image")
    print(f"{model}: {model.stat().st_size / 1024:.0f} KiB; {rows}: {len(X_test)} rows")
    script = Path(__file__).with_name("batch_prediction.py")
    print(f"Now: python {script} {model} {rows} predictions.csv --keep image")


if __name__ == "__main__":
    main()
