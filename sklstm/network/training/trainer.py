"""From a spec and data to trained weights."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import keras
import numpy as np

from sklstm.network.spec import NetworkSpec
from sklstm.network.training import callbacks as ours
from sklstm.network.training.data import Batches, TrainingData
from sklstm.network.training.programs import (
    Program,
    ProgramKey,
    count_parts,
    pool,
    settings_key,
)
from sklstm.network.training.schedule import Schedule
from sklstm.network.training.settings import (
    OptimizerState,
    Snapshot,
    Trained,
    TrainingSettings,
)

# XLA takes about a second to compile and saves, on two cores, half a second in 3,600 time steps of
# LSTM(32) (ten epochs on the digits). A program serves the next fits too: what a single fit loses
# below that, a grid search wins several times over.
MIN_TIME_STEPS_FOR_XLA = 1000
ROWS_ROUNDED_TO = 8


def train(
    spec: NetworkSpec,
    settings: TrainingSettings,
    data: TrainingData,
    validation: TrainingData | None,
    *,
    weights: list[np.ndarray],
    optimizer_state: OptimizerState | None,
    varies: bool,
    rng: np.random.RandomState,
    resume: Snapshot | None = None,
    on_epoch: Callable[[Trained], None] | None = None,
) -> Trained:
    """Train a network.

    Parameters
    ----------
    spec : NetworkSpec
    settings : TrainingSettings
    data, validation : TrainingData
    weights : list of ndarray
        To start from.
    optimizer_state : OptimizerState or None
        To start from; None, or one of another optimizer, for the optimizer's own beginning.
    varies : bool
        Whether sequences differ in length.
    rng : RandomState
        Draws the order of the rows and the dropout.
    resume : Snapshot, default=None
        Where an earlier call with the same arguments stood, to go on from.
    on_epoch : callable, default=None
        Called after every epoch with what would be returned if it were the last one.

    Returns
    -------
    Trained

    Raises
    ------
    ValueError
        If the loss of an epoch is not finite.
    KeyboardInterrupt
        If Ctrl-C comes before the first epoch is complete; afterwards it ends the training.
    """
    seed = int(rng.randint(2**31))
    batches = Batches(data, _batch_size(settings.batch_size, len(data)), rng)
    rows = batches.all_rows()
    n_batches = batches.count(rows)
    n_steps = float(data.lengths_of(rows).mean())
    if validation is not None:
        validation = Batches(validation, batches.batch_size, rng)
    key = _program_key(
        spec, settings, batches.batch_size, n_batches=n_batches, n_steps=n_steps, varies=varies
    )
    with pool.borrow(key, settings) as program:
        program.reset(weights, optimizer_state, settings.learning_rate, seed)
        if resume is not None:
            program.restore(resume)
            rng.set_state(resume.rng_state)
        return _fit(program, settings, batches, n_batches, validation, resume, on_epoch)


def _program_key(
    spec: NetworkSpec,
    settings: TrainingSettings,
    batch_size: int,
    *,
    n_batches: int,
    n_steps: float,
    varies: bool,
) -> ProgramKey:
    work = settings.epochs * n_batches * n_steps * max(1, len(spec.units))
    xla = settings.always_xla or work >= MIN_TIME_STEPS_FOR_XLA
    return ProgramKey(
        spec=spec,
        settings=settings_key(settings),
        varies=varies,
        n_steps=None if varies else int(n_steps),
        batch_size=batch_size,
        n_parts=count_parts(spec, settings, n_steps=n_steps, batch_size=batch_size, xla=xla),
        xla=xla,
    )


def _batch_size(batch_size: int, n_rows: int) -> int:
    """Limit the batch size to the rows there are, rounded up so that few programs are compiled."""
    return min(batch_size, -(-n_rows // ROWS_ROUNDED_TO) * ROWS_ROUNDED_TO)


def _fit(
    program: Program,
    settings: TrainingSettings,
    batches: Batches,
    n_batches: int,
    validation: Batches | None,
    resume: Snapshot | None,
    on_epoch: Callable[[Trained], None] | None,
) -> Trained:
    model = program.model
    theirs = ours.prepare(settings.callbacks)
    model.batch_events = any(map(ours.wants_batch_events, theirs))
    last = ours.LastEpoch(partial(program.snapshot, batches.rng), settings.patience, resume)
    callbacks = [ours.FiniteLoss(), last, *theirs]
    if on_epoch is not None:
        after = keras.callbacks.LambdaCallback(
            on_epoch_end=lambda *_: on_epoch(_trained(program, last.snapshot))
        )
        callbacks.append(after)
    bar = None
    if settings.progress is not None:
        bar = ours.ProgressBar(settings.progress, settings.epochs, last.n_epochs)
        callbacks.append(bar)
    interrupted = False
    try:
        model.fit(
            batches,
            validation_data=validation,
            epochs=last.n_epochs if last.is_done else settings.epochs,
            initial_epoch=last.n_epochs,
            schedule=_schedule(program, settings, n_batches),
            callbacks=callbacks,
            on_progress=bar and (lambda n_done: bar.advance(n_done / n_batches)),
        )
    except (KeyboardInterrupt, SystemError) as error:
        if not _is_ctrl_c(error):
            raise
        if last.snapshot is None:
            raise KeyboardInterrupt from error
        interrupted = True
    finally:
        if bar is not None:
            bar.close()
    trained = _trained(program, last.snapshot)
    if not interrupted and settings.patience is None:
        trained.weights = program.weights()  # a callback may have set others at the end
    trained.interrupted = interrupted
    return trained


def _is_ctrl_c(error: BaseException) -> bool:
    """Whether it is Ctrl-C, or what TensorFlow's C++ makes of it while it traces."""
    return isinstance(error, KeyboardInterrupt) or isinstance(error.__cause__, KeyboardInterrupt)


def _trained(program: Program, last: Snapshot) -> Trained:
    loop = "xla" if program.key.xla else "graph"
    return Trained(
        spec=program.key.spec,
        weights=last.weights if last.best_weights is None else last.best_weights,
        last=last,
        interrupted=False,
        loop=f"{loop}{', batch by batch' * program.model.batch_events}",
    )


def _schedule(program: Program, settings: TrainingSettings, n_batches: int) -> Schedule | None:
    if settings.schedule == "constant" and not settings.warmup:
        return None
    if not program.sets_learning_rate:
        raise ValueError(
            f"learning_rate_schedule={settings.schedule!r} and warmup={settings.warmup} multiply "
            "one learning rate, but the optimizer has a LearningRateSchedule of Keras's. Give it "
            "a number, or set learning_rate_schedule='constant' and warmup=0."
        )
    return Schedule(settings.schedule, settings.warmup, settings.epochs, n_batches)
