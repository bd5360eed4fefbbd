"""Several networks trained side by side, on the cores that there are."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from functools import partial

from sklstm.network.onnx_predictor import available_cores
from sklstm.network.spec import NetworkSpec
from sklstm.network.training.data import TrainingData
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

    def train_one(k: int, interrupts: Interrupts | None = None) -> TrainingResult:
        return train(
            spec.single,
            settings,
            data,
            validation,
            starts[k],
            varies=varies,
            resume=None if resume is None else resume[k],
            on_epoch=None if on_epoch is None else partial(on_epoch, k),
            interrupts=interrupts,
        )

    n_threads = 1 if settings.callbacks else min(len(starts), available_cores())
    if n_threads == 1:
        return [train_one(k) for k in range(len(starts))]
    return _train_in_threads(train_one, len(starts), n_threads)


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
