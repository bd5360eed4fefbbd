"""Kinds of targets: how they are encoded and decoded, and which loss they are trained by."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol, Self

import numpy as np
from sklearn.metrics import d2_pinball_score, r2_score

from sklstm.input.parse_y import is_one_hot, weights_of_classes
from sklstm.input.samples import ClassWeights
from sklstm.network.scaling import TargetScaling

ONE_HOT = (
    "Every row of y has exactly one 1, as one-hot labels have. y is read as an indicator matrix of "
    "several labels at once, and a prediction may have none of them, or several. If each sample "
    "has one class, pass y.argmax(axis=1). If it is meant as it is, silence this by "
    "warnings.filterwarnings('ignore', message='Every row of y')."
)


class Targets(Protocol):
    """What every kind of targets tells the training and the output layer of the network.

    Attributes
    ----------
    n_columns : int
        Columns of y.
    n_outputs : int
        Units of the output layer.
    activation : str
        Activation of the output layer.
    loss, metric : str or None
        Keras's names of the loss, and of a metric that is reported with it.
    scaling : TargetScaling or None
        What an exported network multiplies its outputs by and adds to them.
    n_quantiles : int
        Quantiles that are predicted of each number; 1 where it is no quantiles.
    """

    n_columns: int
    n_outputs: int
    activation: str
    loss: str
    metric: str | None
    scaling: TargetScaling | None
    n_quantiles: int


class SoftmaxTargets:
    """What kinds of targets share that are one of several for each sample: classes, or tokens."""

    activation: ClassVar[str] = "softmax"
    loss: ClassVar[str] = "sparse_categorical_crossentropy"
    metric: ClassVar[str] = "sparse_categorical_accuracy"
    scaling: ClassVar[None] = None
    n_quantiles: ClassVar[int] = 1
    n_columns: ClassVar[int] = 1


@dataclass(frozen=True, eq=False)
class ClassTargets(SoftmaxTargets):
    """One class for each sample, learnt by a softmax.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
        The labels, sorted.
    """

    classes: np.ndarray

    @classmethod
    def of(cls, y: np.ndarray, classes: np.ndarray | None, estimator_name: str) -> Self:
        """Learn the classes from y, unless they are given.

        Raises
        ------
        ValueError
            If there are fewer than two.
        """
        found = np.unique(y) if classes is None else classes
        if len(found) < 2:
            name, held = ("y", "only one class") if classes is None else ("classes", "too few")
            raise ValueError(
                f"{estimator_name} needs samples of at least 2 classes, but {name} holds "
                f"{held}: {', '.join(map(repr, found.tolist())) or 'none'}."
            )
        return cls(found)

    @property
    def n_outputs(self) -> int:
        """Units of the output layer."""
        return len(self.classes)

    def check_columns(self, y: np.ndarray, name: str) -> None:
        """Raise ValueError unless y has one column."""
        _check_label_columns(y, name, self.n_columns, is_matrix=False)

    def check(self, y: np.ndarray, name: str) -> None:
        """Raise ValueError unless all labels of y are known."""
        self.check_columns(y, name)
        unseen = ~np.isin(y, self.classes)
        if unseen.any():
            raise ValueError(
                f"{name} holds {np.unique(y[unseen]).tolist()}, which are not among the classes "
                f"{self.classes.tolist()}."
            )

    def scaled_by(self, y: np.ndarray, weights: np.ndarray) -> Self:
        """Return the same targets: labels have no scale."""
        return self

    def encode(self, y: np.ndarray) -> np.ndarray:
        """Return the index of each label among the classes, int32."""
        return np.searchsorted(self.classes, y).astype(np.int32)

    def decode(self, outputs: np.ndarray) -> np.ndarray:
        """Return the most probable label of each row of probabilities."""
        return self.classes[outputs.argmax(axis=1)]

    def strata(self, y: np.ndarray) -> np.ndarray | None:
        """Return labels to stratify by, or None where a class has one sample only."""
        return None if np.unique(y, return_counts=True)[1].min() < 2 else y

    def class_weights(
        self, class_weight: dict | str | None, y: np.ndarray, weights: np.ndarray
    ) -> ClassWeights:
        """Return the function that gives each target the weight of its class.

        Parameters
        ----------
        class_weight : dict, "balanced" or None
        y, weights : ndarray of shape (n,)
            Targets and weights of the samples whose classes "balanced" counts.
        """
        if class_weight is None:
            return equal_weights
        by_label = weights_of_classes(class_weight, y, self.classes, weights)

        def weigh(y: np.ndarray) -> np.ndarray:
            labels, places = np.unique(y, return_inverse=True)
            return np.array([by_label.get(label, 1.0) for label in labels.tolist()])[places]

        return weigh


@dataclass(frozen=True, eq=False)
class MultilabelTargets:
    """Several labels at once, as an indicator matrix, learnt by sigmoids.

    Attributes
    ----------
    n_columns : int
        The number of labels.
    """

    n_columns: int

    activation: ClassVar[str] = "sigmoid"
    loss: ClassVar[str] = "binary_crossentropy"
    metric: ClassVar[str] = "binary_accuracy"
    scaling: ClassVar[None] = None
    n_quantiles: ClassVar[int] = 1

    @classmethod
    def of(cls, y: np.ndarray, *, stacklevel: int) -> Self:
        """Learn the columns of y; warn if they look like one-hot classes."""
        if is_one_hot(y):
            warnings.warn(ONE_HOT, UserWarning, stacklevel=stacklevel + 1)
        return cls(y.shape[1])

    @property
    def classes(self) -> np.ndarray:
        """The numbers of the columns."""
        return np.arange(self.n_columns)

    @property
    def n_outputs(self) -> int:
        """Units of the output layer."""
        return self.n_columns

    def check_columns(self, y: np.ndarray, name: str) -> None:
        """Raise ValueError unless y has as many columns as were learnt."""
        _check_label_columns(y, name, self.n_columns, is_matrix=True)

    def check(self, y: np.ndarray, name: str) -> None:
        """Raise ValueError unless y has as many columns as were learnt."""
        self.check_columns(y, name)

    def scaled_by(self, y: np.ndarray, weights: np.ndarray) -> Self:
        """Return the same targets: labels have no scale."""
        return self

    def encode(self, y: np.ndarray) -> np.ndarray:
        """Return the indicator matrix as float32."""
        return y.astype(np.float32)

    def decode(self, outputs: np.ndarray) -> np.ndarray:
        """Return the labels whose probability is above one half, as an indicator matrix."""
        return (outputs > 0.5).astype(int)

    def strata(self, y: np.ndarray) -> None:
        """Return None: rows of an indicator matrix are not stratified."""

    def class_weights(
        self, class_weight: dict | str | None, y: np.ndarray, weights: np.ndarray
    ) -> ClassWeights:
        """Raise ValueError if class weights are given: they are for single labels only."""
        if class_weight is None:
            return equal_weights
        raise ValueError(
            f"class_weight={class_weight!r} weighs single labels, and y is an indicator matrix of "
            "several: use sample_weight."
        )


@dataclass(frozen=True, eq=False)
class NumberTargets:
    """One or several numbers for each sample, standardised unless they are counts.

    Attributes
    ----------
    loss : str
        One of the regressor's losses.
    shape : tuple of int
        The shape of one target: (), (n_outputs,) or (horizon, F).
    scale, mean : ndarray of shape (n_outputs,), float64
        What each output of the network is multiplied by, and what is then added.
    n_quantiles : int
        Outputs for each number: several quantiles of it, or 1.
    """

    loss: str
    shape: tuple[int, ...]
    scale: np.ndarray
    mean: np.ndarray
    n_quantiles: int = 1

    metric: ClassVar[None] = None

    @classmethod
    def of(cls, y: np.ndarray, loss: str, n_quantiles: int = 1) -> Self:
        """Learn the shape of the targets; `scaled_by` learns their scale."""
        n = as_columns(y).shape[1] * n_quantiles
        return cls(loss, y.shape[1:], np.ones(n), np.zeros(n), n_quantiles)

    def scaled_by(self, y: np.ndarray, weights: np.ndarray) -> Self:
        """Learn the mean and the scale of the training targets; counts are not scaled.

        Raises
        ------
        ValueError
            If a value of y is too large.
        """
        if self.loss == "poisson":
            return self
        scale, mean = TargetScaling.fit(as_columns(y), weights)
        return replace(self, scale=self._repeated(scale), mean=self._repeated(mean))

    @property
    def n_columns(self) -> int:
        """Numbers of one target."""
        return len(self.scale) // self.n_quantiles

    @property
    def n_outputs(self) -> int:
        """Units of the output layer."""
        return len(self.scale)

    @property
    def scaling(self) -> TargetScaling:
        """The scaling that turns the network's outputs into the units of y."""
        return TargetScaling(self.scale, self.mean)

    @property
    def activation(self) -> str:
        """Activation of the output layer."""
        return "exponential" if self.loss == "poisson" else "linear"

    def check_columns(self, y: np.ndarray, name: str) -> None:
        """Raise ValueError unless each target has the shape that was learnt."""
        if y.shape[1:] != self.shape:
            raise ValueError(
                f"{name} has shape {y.shape}, but the regressor was fitted on a y of shape "
                f"({', '.join(['n', *map(str, self.shape)])}{'' if self.shape else ','})."
            )

    def check(self, y: np.ndarray, name: str) -> None:
        """Raise ValueError unless each target has the shape that was learnt."""
        self.check_columns(y, name)

    def encode(self, y: np.ndarray) -> np.ndarray:
        """Return standardised targets of shape (n, n_outputs), float32."""
        columns = self._repeated(as_columns(y))
        return ((columns - self.mean) / self.scale).astype(np.float32)

    def decode(self, outputs: np.ndarray) -> np.ndarray:
        """Return predictions in the units and the shape of y, float64.

        Several quantiles are on an axis of their own, the last one.
        """
        numbers = outputs * self.scale + self.mean
        of_each = () if self.n_quantiles == 1 else (self.n_quantiles,)
        return numbers.reshape(len(outputs), *self.shape, *of_each)

    def side_by_side(self) -> Self:
        """Return the same numbers, those of one target on one axis, as scikit-learn takes them."""
        return replace(self, shape=(self.n_columns,))

    def _repeated(self, of_numbers: np.ndarray) -> np.ndarray:
        """Repeat what belongs to each number for each of its quantiles."""
        return np.repeat(of_numbers, self.n_quantiles, axis=-1)

    def strata(self, y: np.ndarray) -> None:
        """Return None: numbers are not stratified."""


def equal_weights(y: np.ndarray) -> np.ndarray:
    """Return the weight 1 for each target."""
    return np.ones(len(y))


def _check_label_columns(y: np.ndarray, name: str, n_columns: int, *, is_matrix: bool) -> None:
    if (y.ndim == 2) != is_matrix or (is_matrix and y.shape[1] != n_columns):
        raise ValueError(
            f"{name} has shape {y.shape}, but the classifier was fitted on "
            f"{n_columns} column(s) of labels."
        )


def as_columns(y: np.ndarray) -> np.ndarray:
    """Return one row of numbers for each sample, of shape (n, n_outputs)."""
    return y.reshape(len(y), -1)


def score_numbers(
    y: np.ndarray,
    predicted: np.ndarray,
    quantiles: float | tuple[float, ...],
    weights: np.ndarray | None,
) -> float:
    """Return R² of predictions, or for several quantiles the mean of their D²."""
    y = as_columns(y)
    if isinstance(quantiles, float):
        return r2_score(y, as_columns(predicted), sample_weight=weights)
    scores = [
        d2_pinball_score(y, as_columns(predicted[..., k]), alpha=quantile, sample_weight=weights)
        for k, quantile in enumerate(quantiles)
    ]
    return float(np.mean(scores))
