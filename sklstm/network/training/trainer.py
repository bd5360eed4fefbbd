"""The training of a network, from its spec and data to its weights: `train`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing, nullcontext
from dataclasses import replace
from functools import partial

import keras

from sklstm.network.spec import NetworkSpec
from sklstm.network.training.batches import Batches, TrainingData
from sklstm.network.training.bucketing import round_up
from sklstm.network.training.callbacks import FiniteLoss, ProgressBar
from sklstm.network.training.compiled_model import CompiledModel
from sklstm.network.training.early_stopping import Snapshots
from sklstm.network.training.interrupts import Interrupts
from sklstm.network.training.learning_rate import Schedule
from sklstm.network.training.model_key import ModelKey, count_shards, settings_key
from sklstm.network.training.model_pool import pool
from sklstm.network.training.processes import use_compiled_code
from sklstm.network.training.settings import (
    Snapshot,
    Start,
    TrainingResult,
    TrainingSettings,
)
from sklstm.network.training.user_callbacks import (
    TEST_BATCH_EVENTS,
    TRAIN_BATCH_EVENTS,
    UserCallbacks,
)

# XLA takes about a second to compile and saves, on two cores, half a second in 3,600 time steps of
# LSTM(32) (ten epochs on the digits). The compiled code serves later fits too: what a single fit
# loses below that, a grid search wins several times over.
MIN_TIME_STEPS_FOR_XLA = 1000

# What is called before each epoch, and after it: see `train`.
Listeners = tuple[Callable[[], None] | None, Callable[[TrainingResult], bool | None] | None]


def train(
    spec: NetworkSpec,
    settings: TrainingSettings,
    data: TrainingData,
    validation: TrainingData | None,
    start: Start,
    *,
    varies: bool,
    resume: Snapshot | None = None,
    before_epoch: Callable[[], None] | None = None,
    on_epoch: Callable[[TrainingResult], bool | None] | None = None,
    interrupts: Interrupts | None = None,
) -> TrainingResult:
    """Train a network.

    Parameters
    ----------
    spec : NetworkSpec
    settings : TrainingSettings
    data, validation : TrainingData
    start : Start
        The weights and the state of the optimizer to begin with, and the generator that draws the
        order of the rows and the dropout.
    varies : bool
        Whether sequences differ in length.
    resume : Snapshot, default=None
        State of an earlier call with the same arguments, to go on from.
    before_epoch : callable, default=None
        Called before every epoch.
    on_epoch : callable, default=None
        Called after every epoch with what would be returned if it were the last one. If it returns
        True, it is the last one.
    interrupts : Interrupts, default=None
        What asks the training to stop; None for Ctrl-C.

    Returns
    -------
    TrainingResult

    Raises
    ------
    ValueError
        If the loss of an epoch is not finite, or a callback changed what predictions depend on.
    RuntimeError
        In a forked process, if TensorFlow had started before the fork.
    KeyboardInterrupt
        If Ctrl-C comes before the first epoch is complete; afterwards it ends the training.
    """
    pool.refuse_forks()
    use_compiled_code()
    rng = start.rng
    seed = int(rng.randint(2**31))
    batches = Batches(data, min(settings.batch_size, round_up(len(data))), rng)
    rows = batches.all_rows()
    n_batches = batches.count(rows)
    n_steps = float(data.lengths_of(rows).mean())
    key = _model_key(
        spec, settings, batches.batch_size, n_batches=n_batches, n_steps=n_steps, varies=varies
    )
    if not key.any_shape:
        batches = replace(batches, capacity=_capacity(settings, batches.batch_size))
    if validation is not None:
        validation = replace(batches, data=validation)
    with interrupts or Interrupts() as interrupts, pool.borrow(key, settings) as compiled:
        compiled.reset(start.weights, start.optimizer_state, settings.learning_rate, seed)
        if resume is not None:
            compiled.restore(resume)
            rng.set_state(resume.rng_state)
        return _fit(
            compiled,
            settings,
            batches,
            n_batches,
            validation,
            resume,
            (before_epoch, on_epoch),
            interrupts,
        )


def _model_key(
    spec: NetworkSpec,
    settings: TrainingSettings,
    batch_size: int,
    *,
    n_batches: int,
    n_steps: float,
    varies: bool,
) -> ModelKey:
    work = settings.epochs * n_batches * n_steps * max(1, len(spec.units))
    xla = settings.always_xla or work >= MIN_TIME_STEPS_FOR_XLA
    return ModelKey(
        spec=spec,
        settings=settings_key(settings),
        varies=varies,
        carried_rows=_capacity(settings, batch_size) if spec.carries_state else None,
        n_shards=count_shards(spec, settings, n_steps=n_steps, batch_size=batch_size, xla=xla),
        xla=xla,
    )


def _capacity(settings: TrainingSettings, batch_size: int) -> int:
    """Return the number of rows of the arrays that hold a batch.

    Rows of weight zero fill a batch up to it. They do not count in a weighted mean, but they may
    in another reduction of the loss.
    """
    return batch_size if "loss__reduction" in settings.keras_params else round_up(batch_size)


def _fit(
    compiled: CompiledModel,
    settings: TrainingSettings,
    batches: Batches,
    n_batches: int,
    validation: Batches | None,
    resume: Snapshot | None,
    listeners: Listeners,
    interrupts: Interrupts,
) -> TrainingResult:
    model = compiled.model
    of_user = UserCallbacks(settings.callbacks, interrupts)
    model.batch_events = of_user.want(TRAIN_BATCH_EVENTS)
    model.test_batch_events = of_user.want(TEST_BATCH_EVENTS)
    take = partial(compiled.snapshot, batches.rng)
    snapshots = Snapshots(take, settings.patience, resume, settings.score)
    bar = None
    if settings.progress is not None:
        bar = ProgressBar(settings.progress, settings.epochs, snapshots.n_epochs)
    later = _after_epochs(compiled, snapshots, listeners, bar)
    run = partial(
        model.fit,
        batches,
        validation_data=validation,
        epochs=snapshots.n_epochs if snapshots.is_done else settings.epochs,
        initial_epoch=snapshots.n_epochs,
        steps=n_batches,
        verbose=int(bar is not None),
        schedule=_schedule(compiled, settings, n_batches),
        callbacks=[FiniteLoss(), snapshots, of_user, *later],
        before_call=interrupts.check,
        on_progress=bar and (lambda n_done: bar.advance(n_done / n_batches)),
    )
    with nullcontext() if bar is None else closing(bar), of_user.noted_in_errors():
        interrupted = _run_until_ctrl_c(run, snapshots, interrupts)
    trained = _trained(compiled, snapshots.latest)
    if not interrupted and settings.patience is None:
        trained.weights = compiled.weights()  # a callback may have set others at the end
    trained.interrupted = interrupted
    return trained


def _after_epochs(
    compiled: CompiledModel,
    snapshots: Snapshots,
    listeners: Listeners,
    bar: ProgressBar | None,
) -> list[keras.callbacks.Callback]:
    """Return the callbacks that come after those of the user, in each epoch."""
    before_epoch, on_epoch = listeners

    def begin(epoch: int, logs: dict | None) -> None:
        before_epoch()

    def end(epoch: int, logs: dict) -> None:
        stops = on_epoch(_trained(compiled, snapshots.latest))
        compiled.model.stop_training |= bool(stops)

    tell = keras.callbacks.LambdaCallback(
        on_epoch_begin=before_epoch and begin, on_epoch_end=on_epoch and end
    )
    return [tell] if bar is None else [tell, bar]


def _run_until_ctrl_c(
    run: Callable[[], object], snapshots: Snapshots, interrupts: Interrupts
) -> bool:
    """Train; return whether Ctrl-C ended it, and raise it if no epoch was complete."""
    try:
        run()
        interrupts.check()
    except (KeyboardInterrupt, SystemError) as error:
        if not _is_ctrl_c(error, interrupts.forget()):
            raise
        if snapshots.latest is None:
            raise KeyboardInterrupt from error
        return True
    return False


def _is_ctrl_c(error: BaseException, kept: BaseException | None) -> bool:
    """Whether an error is a KeyboardInterrupt, or the one that TensorFlow's C++ makes of it."""
    errors = (error, error.__cause__, kept)
    return any(isinstance(one, KeyboardInterrupt) for one in errors)


def _trained(compiled: CompiledModel, last: Snapshot) -> TrainingResult:
    loop = "xla" if compiled.key.xla else "graph"
    return TrainingResult(
        spec=compiled.key.spec,
        weights=last.weights if last.best_weights is None else last.best_weights,
        last=last,
        interrupted=False,
        loop=f"{loop}{', batch by batch' * compiled.model.batch_events}",
    )


def _schedule(
    compiled: CompiledModel, settings: TrainingSettings, n_batches: int
) -> Schedule | None:
    if settings.schedule == "constant" and not settings.warmup:
        return None
    if not compiled.sets_learning_rate:
        raise ValueError(
            f"learning_rate_schedule={settings.schedule!r} and warmup={settings.warmup} multiply "
            "one learning rate, but the optimizer has a LearningRateSchedule of Keras's. Give it "
            "a number, or set learning_rate_schedule='constant' and warmup=0."
        )
    return Schedule(settings.schedule, settings.warmup, settings.epochs, n_batches)
