"""Run by `_neuralforecast.py`: fit neuralforecast's LSTM and forecast, from files to files."""

from __future__ import annotations

import json
import logging
import resource
import sys
import time
from pathlib import Path

import pandas as pd
from neuralforecast import NeuralForecast
from neuralforecast.losses.pytorch import MQLoss
from neuralforecast.models import LSTM


def main(folder: Path) -> None:
    settings = json.loads((folder / "settings.json").read_text())
    tables = {
        name: pd.read_csv(folder / f"{name}.csv", parse_dates=["ds"] if name != "static" else None)
        for name in ("history", "future", "static")
    }
    forecaster = NeuralForecast([network(settings)], freq=settings["frequency"])
    static = tables["static"] if settings["static"] else None
    start = time.perf_counter()
    forecaster.fit(tables["history"], static_df=static)
    fit = time.perf_counter() - start
    start = time.perf_counter()
    forecasts = forecaster.predict(futr_df=tables["future"])
    predict = time.perf_counter() - start
    outputs = [column for column in forecasts if column not in ("unique_id", "ds")]
    named = forecasts.rename(columns=dict(zip(outputs, ("low", "mid", "high"), strict=True)))
    named.to_csv(folder / "forecasts.csv", index="unique_id" not in named)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    (folder / "found.json").write_text(json.dumps({"fit": fit, "predict": predict, "peak": peak}))


def network(settings: dict) -> LSTM:
    return LSTM(
        h=settings["horizon"],
        input_size=settings["lookback"],
        encoder_n_layers=1,
        encoder_hidden_size=settings["units"],
        decoder_hidden_size=settings["units"],
        decoder_layers=1,
        futr_exog_list=settings["known"],
        hist_exog_list=settings["observed"] or None,
        stat_exog_list=settings["static"] or None,
        loss=MQLoss(quantiles=[0.1, 0.5, 0.9]),
        max_steps=settings["max_steps"],
        learning_rate=settings["learning_rate"],
        batch_size=settings["n_windows"],
        windows_batch_size=settings["n_windows"],
        scaler_type=settings["scaler"],
        random_seed=settings["seed"],
        start_padding_enabled=True,
        accelerator="cpu",
        enable_progress_bar=False,
        enable_model_summary=False,
        logger=False,
        enable_checkpointing=False,
    )


if __name__ == "__main__":
    logging.getLogger("lightning").setLevel(logging.ERROR)
    main(Path(sys.argv[1]))
