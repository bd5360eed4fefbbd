"""The callbacks that every training has: the check of the loss, snapshots, the progress bar."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import keras
import numpy as np
from tqdm import tqdm

from sklstm.network.spec import Weights
from sklstm.network.training.settings import Progress, Snapshot


class FiniteLoss(keras.callbacks.Callback):
    """Ends a fit with an error where the loss is infinite or NaN."""

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Check the loss."""
        loss = logs["loss"]
        if not np.isfinite(loss):
            rate = float(self.model.optimizer.learning_rate)
            raise ValueError(
                f"The loss is {loss} after epoch {epoch + 1}: training diverged. Try a smaller "
                f"learning_rate (it is {rate:g}), clipnorm=1.0, or standardize=True where it is "
                "off."
            )


class Snapshots(keras.callbacks.Callback):
    """Takes a snapshot after every epoch, and stops where the validation no longer gets better.

    Parameters
    ----------
    take : callable
        Takes a snapshot, given the history of all epochs so far.
    patience : int or None
        Epochs without a better validation after which the training stops.
    resume : Snapshot or None
        Where the training begins, if an earlier one is resumed.
    score : callable or None
        Says how good weights are, greater is better: the history has it as "val_score". None
        judges by the validation loss.
    """

    def __init__(
        self,
        take: Callable[[dict[str, list[float]]], Snapshot],
        patience: int | None,
        resume: Snapshot | None,
        score: Callable[[Weights], float] | None = None,
    ) -> None:
        super().__init__()
        self.take, self.patience, self.score = take, patience, score
        self.latest = resume

    @property
    def n_epochs(self) -> int:
        """Number of epochs run so far."""
        return self.latest.n_epochs if self.latest else 0

    @property
    def is_done(self) -> bool:
        """Whether the training stops early, or had stopped before it was resumed."""
        if self.patience is None or self.latest is None:
            return False
        return self._epochs_since_best(self.latest.history) >= self.patience

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Take a snapshot."""
        before = self.latest.history if self.latest else {}
        history = {name: [*before.get(name, []), value] for name, value in logs.items()}
        snapshot = self.take(history)
        if self.score is not None:
            logs["val_score"] = self.score(snapshot.weights)
            history["val_score"] = [*before.get("val_score", []), logs["val_score"]]
        if self.patience is not None:
            is_best = not self._epochs_since_best(history)
            best = snapshot.weights if is_best else self.latest.best_weights
            snapshot = replace(snapshot, best_weights=best)
        self.latest = snapshot
        self.model.stop_training |= self.is_done

    def _epochs_since_best(self, history: dict[str, list[float]]) -> int:
        if self.score is None:
            return _epochs_since_least(history["val_loss"])
        return _epochs_since_least([-score for score in history["val_score"]])


def _epochs_since_least(losses: list[float]) -> int:
    """Count the epochs since the least loss; NaN is never the least."""
    finite = [loss if np.isfinite(loss) else np.inf for loss in losses]
    return len(losses) - 1 - int(np.argmin(finite))


class ProgressBar(keras.callbacks.Callback):
    """Shows one bar over all epochs, with loss and metrics."""

    def __init__(self, progress: Progress, epochs: int, initial_epoch: int) -> None:
        super().__init__()
        self.progress, self.epochs, self.n_done = progress, epochs, initial_epoch

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Open the bar."""
        per_epoch = self.progress.per_epoch
        self.bar = tqdm(
            desc="fit",
            total=self.epochs * per_epoch,
            initial=self.n_done * per_epoch,
            unit=self.progress.unit,
            unit_scale=per_epoch > 1,
        )

    def advance(self, share: float) -> None:
        """Advance by a share of an epoch, if the bar counts smaller units than epochs."""
        per_epoch = self.progress.per_epoch
        if per_epoch > 1:  # never beyond the epoch: windows cut at random may be a few more
            left = self.n_done * per_epoch + per_epoch - self.bar.n
            self.bar.update(min(int(share * per_epoch), left))

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Show the loss."""
        names = {"loss": self.progress.loss, "val_loss": f"val_{self.progress.loss}"}
        shown = {names.get(name, name): f"{value:.4g}" for name, value in logs.items()}
        self.bar.set_postfix({"epoch": epoch + 1, **shown}, refresh=False)
        self.n_done = epoch + 1
        self.bar.update(self.n_done * self.progress.per_epoch - self.bar.n)

    def close(self) -> None:
        """Close the bar, however the fit ended."""
        if hasattr(self, "bar"):
            self.bar.close()
