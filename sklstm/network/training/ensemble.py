"""Several networks trained side by side, on the cores that there are."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait

from sklstm.network.onnx_predictor import available_cores
from sklstm.network.spec import NetworkSpec
from sklstm.network.training.data import TrainingData
from sklstm.network.training.interrupts import Interrupts, StopRequest
from sklstm.network.training.settings import Snapshot, Start, TrainingResult, TrainingSettings
from sklstm.network.training.trainer import train

SECONDS_BETWEEN_LOOKS = 0.05  # for Ctrl-C, while other threads train

TrainOne = Callable[[Start, Interrupts | None], TrainingResult]


def train_networks(
    spec: NetworkSpec,
    settings: TrainingSettings,
    data: TrainingData,
    validation: TrainingData | None,
    starts: list[Start],
    *,
    varies: bool,
    resume: Snapshot | None = None,
    on_epoch: Callable[[TrainingResult], None] | None = None,
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
    resume, on_epoch
        As of `train`, for a single network.

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

    def train_one(start: Start, interrupts: Interrupts | None = None) -> TrainingResult:
        return train(
            spec.single,
            settings,
            data,
            validation,
            start,
            varies=varies,
            resume=resume,
            on_epoch=on_epoch,
            interrupts=interrupts,
        )

    n_threads = 1 if settings.callbacks else min(len(starts), available_cores())
    if n_threads == 1:
        return [train_one(start) for start in starts]
    return _train_in_threads(train_one, starts, n_threads)


def _train_in_threads(
    train_one: TrainOne, starts: list[Start], n_threads: int
) -> list[TrainingResult]:
    """Train in threads of ours; the caller's thread hears Ctrl-C and asks them to stop."""
    stop = threading.Event()
    with Interrupts() as interrupts, ThreadPoolExecutor(n_threads) as threads:
        futures = [threads.submit(train_one, start, StopRequest(stop)) for start in starts]
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
