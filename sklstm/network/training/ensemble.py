"""Several networks trained side by side, on the cores that there are."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import closing, nullcontext
from dataclasses import replace
from functools import partial

import numpy as np
from tqdm import tqdm

from sklstm.network.onnx_predictor import available_cores
from sklstm.network.spec import NetworkSpec
from sklstm.network.training.batches import TrainingData
from sklstm.network.training.interrupts import Interrupts, StopRequest
from sklstm.network.training.settings import Snapshot, Start, TrainingResult, TrainingSettings
from sklstm.network.training.trainer import train

SECONDS_BETWEEN_LOOKS = 0.05  # for Ctrl-C, while other threads train

TrainOne = Callable[[int, Interrupts | None], TrainingResult]


def train_networks(
    spec: NetworkSpec,
    settings: TrainingSettings,
    data: TrainingData,
    validation: TrainingData | None,
    starts: list[Start],
    *,
    varies: bool,
    resume: Sequence[Snapshot | None] | None = None,
    on_epoch: Callable[[int, TrainingResult], None] | None = None,
) -> list[TrainingResult]:
    """Train each of the networks of a spec as `train` does.

    The results do not depend on how many are trained at once. They are trained one after another
    where callbacks are told of every epoch.

    Parameters
    ----------
    spec : NetworkSpec
        Of all networks.
    settings, data, validation, varies
        As of `train`.
    starts : list of Start
        Where each network begins.
    resume : sequence of (Snapshot or None), default=None
        Where the training of each network stood in an earlier call.
    on_epoch : callable, default=None
        Called with the number of a network, counted from 0, and what `train` calls it with; maybe
        from several threads at once.

    Returns
    -------
    list of TrainingResult

    Raises
    ------
    ValueError, RuntimeError
        As `train`; the other networks are then given up.
    KeyboardInterrupt
        If Ctrl-C comes before each network has completed its first epoch.
    """
    n_networks = len(starts)
    bar = None
    if n_networks > 1 and settings.progress is not None:
        bar = BarOfAll(n_networks, settings.epochs, resume or ())
        settings = replace(settings, progress=None)
    told = [tell for tell in (on_epoch, bar and bar.show) if tell is not None]

    def tell_all(k: int, trained: TrainingResult) -> None:
        for tell in told:
            tell(k, trained)

    def train_one(k: int, interrupts: Interrupts | None = None) -> TrainingResult:
        return train(
            spec.single,
            settings,
            data,
            validation,
            starts[k],
            varies=varies,
            resume=None if resume is None else resume[k],
            on_epoch=partial(tell_all, k) if told else None,
            interrupts=interrupts,
        )

    n_threads = 1 if settings.callbacks else min(n_networks, available_cores())
    with nullcontext() if bar is None else closing(bar):
        if n_threads == 1:
            return _train_in_turns(train_one, n_networks)
        return _train_in_threads(train_one, n_networks, n_threads)


def _train_in_turns(train_one: TrainOne, n_networks: int) -> list[TrainingResult]:
    """Train one after another; where Ctrl-C ends one training, it ends those after it."""
    stop, results = threading.Event(), []
    for k in range(n_networks):
        results.append(train_one(k, StopRequest(stop) if stop.is_set() else None))
        if results[-1].interrupted:
            stop.set()
    return results


def _train_in_threads(train_one: TrainOne, n_networks: int, n_threads: int) -> list[TrainingResult]:
    """Train in threads of ours; the caller's thread hears Ctrl-C and asks them to stop."""
    stop = threading.Event()
    with Interrupts() as interrupts, ThreadPoolExecutor(n_threads) as threads:
        futures = [threads.submit(train_one, k, StopRequest(stop)) for k in range(n_networks)]
        try:
            while wait(futures, SECONDS_BETWEEN_LOOKS, FIRST_EXCEPTION).not_done:
                interrupts.check()
                _raise_first_error(futures)
        except KeyboardInterrupt:
            _stop(futures, stop)
            if not all(_has_result(future) for future in futures):
                raise
        except BaseException:
            _stop(futures, stop)
            raise
        return [future.result() for future in futures]


def _raise_first_error(futures: list[Future]) -> None:
    for future in futures:
        if future.done() and future.exception() is not None:
            raise future.exception()


def _stop(futures: list[Future], stop: threading.Event) -> None:
    """End all trainings, and wait until they have ended."""
    stop.set()
    for future in futures:
        future.cancel()
    wait(futures)


def _has_result(future: Future) -> bool:
    return not future.cancelled() and future.exception() is None


class BarOfAll:
    """Shows one bar over the epochs of all networks, with the means of loss and metrics.

    Parameters
    ----------
    n_networks, epochs : int
    resume : sequence of (Snapshot or None)
        Where the training of each network stood.
    """

    def __init__(self, n_networks: int, epochs: int, resume: Sequence[Snapshot | None]) -> None:
        self.bar = tqdm(
            desc=f"fit {n_networks} networks",
            total=n_networks * epochs,
            initial=sum(snapshot.n_epochs for snapshot in resume if snapshot is not None),
            unit="epoch",
        )
        self.latest: dict[int, dict[str, float]] = {}
        self.lock = threading.Lock()

    def show(self, k: int, trained: TrainingResult) -> None:
        """Show that network k has completed an epoch."""
        logs = {name: values[-1] for name, values in trained.last.history.items()}
        with self.lock:
            self.latest[k] = logs
            of_each = self.latest.values()
            means = {name: np.mean([values[name] for values in of_each]) for name in logs}
            shown = {name: f"{mean:.4g}" for name, mean in means.items()}
            self.bar.set_postfix(shown, refresh=False)
            self.bar.update()

    def close(self) -> None:
        """Close the bar, however the fit ended."""
        self.bar.close()
