"""From a spec and data to trained weights."""

from __future__ import annotations

import keras
import numpy as np

from sklstm.network.spec import NetworkSpec
from sklstm.network.training import callbacks as ours
from sklstm.network.training.data import Batches, TrainingData
from sklstm.network.training.programs import Program, ProgramKey, pool, settings_key
from sklstm.network.training.settings import OptimizerState, Trained, TrainingSettings

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
    rows = data.all_rows()
    n_steps = data.gather(rows[:1])[0].shape[1]
    batches = Batches(data, _batch_size(settings.batch_size, len(rows)), rng)
    if validation is not None:
        validation = Batches(validation, batches.batch_size, rng)
    work = settings.epochs * batches.count(rows) * n_steps * max(1, len(spec.units))
    key = ProgramKey(
        spec=spec,
        settings=settings_key(settings),
        varies=varies,
        n_steps=n_steps,
        batch_size=batches.batch_size,
        xla=work >= MIN_TIME_STEPS_FOR_XLA,
    )
    with pool.borrow(key, settings) as program:
        program.reset(weights, optimizer_state, settings.learning_rate, seed)
        return _fit(program, settings, batches, validation)


def _batch_size(batch_size: int, n_rows: int) -> int:
    """Limit the batch size to the rows there are, rounded up so that few programs are compiled."""
    return min(batch_size, -(-n_rows // ROWS_ROUNDED_TO) * ROWS_ROUNDED_TO)


def _fit(
    program: Program, settings: TrainingSettings, batches: Batches, validation: Batches | None
) -> Trained:
    model = program.model
    theirs = ours.prepare(settings.callbacks)
    model.batch_events = any(map(ours.wants_batch_events, theirs))
    last_epoch = ours.LastEpoch(program.weights)
    bar = ours.ProgressBar(settings.epochs)
    callbacks = [ours.FiniteLoss(), last_epoch, *theirs]
    callbacks += [bar] if settings.verbose else []
    if settings.patience is not None:
        callbacks.append(
            keras.callbacks.EarlyStopping(
                "val_loss", patience=settings.patience, mode="min", restore_best_weights=True
            )
        )
    interrupted = False
    try:
        model.fit(batches, validation_data=validation, epochs=settings.epochs, callbacks=callbacks)
    except KeyboardInterrupt:
        if last_epoch.weights is None:
            raise
        interrupted = True
    finally:
        bar.close()
    return Trained(
        spec=program.key.spec,
        weights=last_epoch.weights if interrupted else program.weights(),
        optimizer_state=program.optimizer_state(),
        history=last_epoch.history,
        n_epochs=last_epoch.n_epochs,
        interrupted=interrupted,
        loop=f"{'xla' if program.key.xla else 'graph'}{', batch by batch' * model.batch_events}",
    )
