"""The check of the loss and the progress bar, which every training has."""

from __future__ import annotations

import keras
import numpy as np

from sklstm.network.progress import fill, open_bar, shown
from sklstm.network.training.settings import Progress


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


class ProgressBar(keras.callbacks.Callback):
    """Shows one bar over all epochs, with loss and metrics."""

    def __init__(self, progress: Progress, epochs: int, initial_epoch: int) -> None:
        super().__init__()
        self.progress, self.epochs, self.n_done = progress, epochs, initial_epoch

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Open the bar."""
        per_epoch = self.progress.per_epoch
        self.bar = open_bar(
            "fit",
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
        values = shown(logs, self.progress)
        if self.progress.per_epoch > 1:  # otherwise the bar counts epochs
            values["epoch"] = str(epoch + 1)
        self.bar.set_postfix(values, refresh=False)
        self.n_done = epoch + 1
        self.bar.update(self.n_done * self.progress.per_epoch - self.bar.n)

    def on_train_end(self, logs: dict | None = None) -> None:
        """Fill the bar, where a callback or early stopping has ended the training."""
        fill(self.bar)

    def close(self) -> None:
        """Close the bar, however the fit ended."""
        if hasattr(self, "bar"):
            self.bar.close()
