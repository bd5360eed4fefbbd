"""What a training shows of its progress: bars, and lines of text."""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sklstm.network.training.settings import Progress, Snapshot, TrainingResult

if TYPE_CHECKING:
    from tqdm.std import tqdm

# The losses stand before the times, as tqdm cuts what is too long for the terminal on the right.
BAR_FORMAT = (
    "{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt}{postfix} "
    "[{elapsed}<{remaining}, {rate_fmt}]"
)


def open_bar(
    desc: str, *, total: int, unit: str, initial: int = 0, unit_scale: bool = False
) -> tqdm:
    """Open a bar: a widget in a notebook that can show one, otherwise a line of text."""
    return _bar_class()(
        desc=desc,
        total=total,
        unit=unit,
        initial=initial,
        unit_scale=unit_scale,
        bar_format=BAR_FORMAT,
    )


def write_above_bars(text: str) -> None:
    """Print a text, and the open bars below it."""
    _bar_class().write(text)


def _bar_class() -> type[tqdm]:
    from tqdm.std import TqdmWarning

    with warnings.catch_warnings():
        # In a notebook without ipywidgets, tqdm warns and shows a line of text.
        warnings.simplefilter("ignore", TqdmWarning)
        from tqdm.auto import tqdm
    return tqdm


def shown(logs: Mapping[str, float], progress: Progress) -> dict[str, str]:
    """Return what is shown of an epoch, by name: the loss of the validation first."""
    names = {"loss": progress.loss, "val_loss": f"val_{progress.loss}"}
    ordered = sorted(logs, key=lambda name: (not name.startswith("val_"), name[-4:] != "loss"))
    return {names.get(name, name): f"{logs[name]:.4g}" for name in ordered}


class EpochLines:
    """Prints one line at the end of each epoch of each network.

    Parameters
    ----------
    progress : Progress
    n_networks, epochs : int
    """

    def __init__(self, progress: Progress, n_networks: int, epochs: int) -> None:
        self.progress, self.n_networks, self.epochs = progress, n_networks, epochs
        self.start = time.perf_counter()
        self.lock = threading.Lock()

    def show(self, k: int, trained: TrainingResult) -> None:
        """Print what has come of the latest epoch of network k."""
        epoch = f"{trained.last.n_epochs:{len(str(self.epochs))}}/{self.epochs}"
        network = f"network {k + 1}/{self.n_networks}, " if self.n_networks > 1 else ""
        seconds = time.perf_counter() - self.start
        values = shown(_latest(trained), self.progress)
        logs = ", ".join(f"{name}={value}" for name, value in values.items())
        with self.lock:
            print(f"{network}epoch {epoch}, {seconds:.1f} s: {logs}", flush=True)

    def finish(self) -> None:
        """End a training that came to its end."""

    def close(self) -> None:
        """Close, however the training ended."""


class BarOfAll:
    """Shows one bar over the epochs of all networks, with the means of loss and metrics.

    Parameters
    ----------
    progress : Progress
    n_networks, epochs : int
    resume : sequence of (Snapshot or None)
        Where the training of each network stood.
    """

    def __init__(
        self,
        progress: Progress,
        n_networks: int,
        epochs: int,
        resume: Sequence[Snapshot | None],
    ) -> None:
        self.bar = open_bar(
            f"fit {n_networks} networks",
            total=n_networks * epochs,
            initial=sum(snapshot.n_epochs for snapshot in resume if snapshot is not None),
            unit="epoch",
        )
        self.progress = progress
        self.latest: dict[int, dict[str, float]] = {}
        self.lock = threading.Lock()

    def show(self, k: int, trained: TrainingResult) -> None:
        """Show that network k has completed an epoch."""
        logs = _latest(trained)
        with self.lock:
            self.latest[k] = logs
            of_each = self.latest.values()
            means = {name: np.mean([values[name] for values in of_each]) for name in logs}
            self.bar.set_postfix(shown(means, self.progress), refresh=False)
            self.bar.update()

    def finish(self) -> None:
        """Fill the bar of a training that came to its end, perhaps before the last epoch."""
        fill(self.bar)

    def close(self) -> None:
        """Close the bar, however the training ended."""
        self.bar.close()


def fill(bar: tqdm) -> None:
    """Fill a bar: a widget that is closed before turns red, as if there had been an error."""
    bar.total = bar.n


def _latest(trained: TrainingResult) -> dict[str, float]:
    return {name: values[-1] for name, values in trained.last.history.items()}
