"""The peers that PyTorch runs: a plain training loop, and skorch.

The loop holds its data as tensors and shuffles indices, without a DataLoader, which would be
slower. Weights, order of the rows and optimizer are those of ours. PyTorch's LSTM has two biases
that are added: the second one stays zero, or the bias would learn twice as fast. Keras and PyTorch
place Adam's epsilon differently, which the loop makes up for (`KerasAdam`); skorch has PyTorch's.
"""

from __future__ import annotations

import time
from statistics import median

import numpy as np
import torch
from _timing import Run
from skorch import NeuralNetClassifier
from torch import nn

from sklstm.network.spec import Weights

EPSILON = 1e-7  # Keras's default; PyTorch's is 1e-8
IGNORED = -100  # a target that does not count

State = tuple[torch.Tensor, torch.Tensor]  # (1, n, units) each


class Network(nn.Module):
    """One LSTM layer and the logits, from the weights of a Keras model.

    Parameters
    ----------
    weights : dict of ndarray
        As for `_peers.keras_model`.
    every_step, one_hot : bool
        As there.
    """

    def __init__(
        self, weights: Weights, *, every_step: bool = False, one_hot: bool = False
    ) -> None:
        super().__init__()
        kernel, recurrent, bias, out_kernel, out_bias = map(torch.tensor, weights.values())
        self.n_inputs, self.every_step, self.one_hot = len(kernel), every_step, one_hot
        self.lstm = nn.LSTM(len(kernel), len(recurrent), batch_first=True)
        self.out = nn.Linear(*out_kernel.shape)
        with torch.no_grad():
            self.lstm.weight_ih_l0.copy_(kernel.T)  # the gates come in Keras's order
            self.lstm.weight_hh_l0.copy_(recurrent.T)
            self.lstm.bias_ih_l0.copy_(bias)
            self.lstm.bias_hh_l0.zero_()
            self.out.weight.copy_(out_kernel.T)
            self.out.bias.copy_(out_bias)
        self.lstm.bias_hh_l0.requires_grad_(False)
        self.names = tuple(weights)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Compute logits, (n, n_outputs) or (n, T, n_outputs)."""
        return self.read(x)[0]

    def read(self, x: torch.Tensor, state: State | None = None) -> tuple[torch.Tensor, State]:
        """Compute logits from a state on, and the state after the last time step."""
        if self.one_hot:
            x = nn.functional.one_hot(x, self.n_inputs).float()
        states, state = self.lstm(x, state)
        return self.out(states if self.every_step else states[:, -1]), state

    def keras_weights(self) -> Weights:
        """Return the weights in the form that the constructor takes."""
        lstm, out = self.lstm, self.out
        bias = lstm.bias_ih_l0 + lstm.bias_hh_l0
        weights = (lstm.weight_ih_l0.T, lstm.weight_hh_l0.T, bias, out.weight.T, out.bias)
        arrays = [weight.detach().numpy().copy() for weight in weights]
        return dict(zip(self.names, arrays, strict=True))


class DigitsNetwork(Network):
    """The network of digits, for skorch to search over."""

    def __init__(self, units: int) -> None:
        from _peers import digits_spec, initial_weights

        super().__init__(initial_weights(digits_spec(units)))


def fit_epochs(
    network: Network,
    X: np.ndarray,
    y: np.ndarray,
    *,
    learning_rate: float,
    batch_size: int,
    epochs: int,
    rng: np.random.RandomState,
    dropped: int = 2,
) -> Run:
    """Train in a plain loop; return the median epoch after the first ones, and the last loss."""
    inputs = torch.from_numpy(X.astype(np.int64) if network.one_hot else X)
    targets = torch.from_numpy(y.astype(np.int64))
    optimizer = KerasAdam(network, learning_rate)
    times = []
    for _ in range(epochs):
        start = time.perf_counter()
        order = torch.from_numpy(rng.permutation(len(X)))
        loss = _epoch(network, optimizer, inputs, targets, order.split(batch_size))
        times.append(time.perf_counter() - start)
    return Run(median(times[dropped:]), loss)


def _epoch(
    network: Network,
    optimizer: torch.optim.Optimizer,
    inputs: torch.Tensor,
    targets: torch.Tensor,
    batches: tuple[torch.Tensor, ...],
) -> float:
    total = 0.0
    for rows in batches:
        optimizer.zero_grad()
        logits = network(inputs[rows])
        loss = nn.functional.cross_entropy(logits.flatten(0, -2), targets[rows].flatten())
        loss.backward()
        optimizer.step()
        total += loss.item() * len(rows)
    return total / len(inputs)


class KerasAdam(torch.optim.Adam):
    """Adam of all that is trained, with Keras's epsilon where Keras adds it.

    That is to the root of the second moment as it is, not as it is corrected for its beginning.
    The first steps on text differ visibly otherwise: many of its gradients are small.
    """

    def __init__(self, network: Network, learning_rate: float) -> None:
        trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
        super().__init__(trained, learning_rate)
        self.n_steps = 0

    def step(self, closure: None = None) -> None:
        """Set epsilon, and take a step."""
        self.n_steps += 1
        for group in self.param_groups:
            group["eps"] = EPSILON / (1 - group["betas"][1] ** self.n_steps) ** 0.5
        super().step(closure)


def carried_epoch(
    network: Network,
    optimizer: KerasAdam,
    arrays: tuple[np.ndarray, ...],
    *,
    batch_size: int,
    clipnorm: float,
) -> None:
    """Train on windows of a text whose lanes go on from batch to batch.

    Parameters
    ----------
    network : Network
    optimizer : KerasAdam
    arrays : tuple of ndarray
        Ids, whether rows continue, targets and weights, as `TextWindows.gather` returns them.
    batch_size : int
    clipnorm : float
        Largest norm of the gradient of each weight array, as Keras clips.
    """
    ids, continues, targets, weights = (torch.from_numpy(array) for array in arrays)
    targets = targets.long().masked_fill(weights == 0, IGNORED)
    parts = (tensor.split(batch_size) for tensor in (ids.long(), continues, targets))
    shape = 1, batch_size, network.lstm.hidden_size
    state = torch.zeros(shape), torch.zeros(shape)
    for inputs, keep, next_ids in zip(*parts, strict=True):
        optimizer.zero_grad()
        kept = keep[:, None].float()
        logits, state = network.read(inputs, tuple(kept * values.detach() for values in state))
        loss = nn.functional.cross_entropy(
            logits.flatten(0, 1), next_ids.flatten(), ignore_index=IGNORED
        )
        loss.backward()
        for parameter in optimizer.param_groups[0]["params"]:
            nn.utils.clip_grad_norm_(parameter, clipnorm)
        optimizer.step()


def predict(network: Network, X: np.ndarray) -> np.ndarray:
    """Predict labels as a user of PyTorch does."""
    with torch.inference_mode():
        return network(torch.from_numpy(X)).argmax(dim=1).numpy()


def skorch_classifier(
    module: type[Network], *, learning_rate: float, epochs: int, batch_size: int = 32, **module_args
) -> NeuralNetClassifier:
    """Make skorch's classifier: no validation, no log, rows shuffled, Keras's epsilon."""
    return NeuralNetClassifier(
        module,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        optimizer__eps=EPSILON,
        lr=learning_rate,
        batch_size=batch_size,
        max_epochs=epochs,
        train_split=None,
        iterator_train__shuffle=True,
        callbacks__print_log=None,
        verbose=0,
        **{f"module__{name}": value for name, value in module_args.items()},
    )


def skorch_epoch(net: NeuralNetClassifier, X: np.ndarray, y: np.ndarray, dropped: int = 2) -> Run:
    """Fit anew; return the median epoch after the first ones, and the last loss."""
    torch.manual_seed(0)
    net.fit(X, y)
    return Run(median(net.history[dropped:, "dur"]), net.history[-1, "train_loss"])
