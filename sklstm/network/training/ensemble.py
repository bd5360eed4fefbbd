"""Several networks trained side by side, on the cores that there are."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import closing, nullcontext
from dataclasses import replace
from functools import partial

from sklstm.network.onnx_predictor import available_cores
from sklstm.network.progress import BarOfAll, EpochLines
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
    before_epoch: Callable[[int], None] | None = None,
    on_epoch: Callable[[int, TrainingResult], bool | None] | None = None,
) -> list[TrainingResult]:
    """Train each of the networks of a spec as `train` does.

    The results do not depend on how many are trained at once. They are trained one after another
    where callbacks are told of every epoch, or of its beginning.

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
    before_epoch : callable, default=None
        Called with the number of a network, counted from 0, before each of its epochs.
    on_epoch : callable, default=None
        Called with the number of a network, and what `train` calls it with; maybe from several
        threads at once. If it returns True, the training of that network ends.

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
    display = _display(settings, n_networks, resume or ())
    if display is not None:
        settings = replace(settings, progress=None)
    told = [tell for tell in (on_epoch, display and display.show) if tell is not None]

    def tell_all(k: int, trained: TrainingResult) -> bool:
        answers = [tell(k, trained) for tell in told]
        return any(answers)

    def train_one(k: int, interrupts: Interrupts | None = None) -> TrainingResult:
        return train(
            spec.single,
            settings,
            data,
            validation,
            starts[k],
            varies=varies,
            resume=None if resume is None else resume[k],
            before_epoch=None if before_epoch is None else partial(before_epoch, k),
            on_epoch=partial(tell_all, k) if told else None,
            interrupts=interrupts,
        )

    in_turns = settings.callbacks or before_epoch is not None
    n_threads = 1 if in_turns else min(n_networks, available_cores())
    with nullcontext() if display is None else closing(display):
        if n_threads == 1:
            results = _train_in_turns(train_one, n_networks)
        else:
            results = _train_in_threads(train_one, n_networks, n_threads)
        if display is not None and not any(one.interrupted for one in results):
            display.finish()
    return results


def _display(
    settings: TrainingSettings, n_networks: int, resume: Sequence[Snapshot | None]
) -> BarOfAll | EpochLines | None:
    """Return what shows the progress of all networks; a single one has a finer bar of its own."""
    progress = settings.progress
    if progress is not None and progress.as_lines:
        return EpochLines(progress, n_networks, settings.epochs)
    if progress is not None and n_networks > 1:
        return BarOfAll(progress, n_networks, settings.epochs, resume)
    return None


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
