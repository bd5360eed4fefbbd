"""What the estimators share: parameters, the way from X and y to weights, and pickling."""

from __future__ import annotations

import copy
import warnings
from abc import ABCMeta, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.model_selection import train_test_split
from sklearn.utils import Tags, check_random_state
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import (
    _check_sample_weight,
    _num_samples,
    check_consistent_length,
    check_is_fitted,
)
from tqdm import tqdm

from sklstm._features import SeenFeatures
from sklstm._sequences import Sequences, read_for_fit, read_for_predict, read_in_blocks
from sklstm.network.runtime import Runtime
from sklstm.network.spec import NetworkSpec
from sklstm.network.training.data import SequenceData, TrainingData
from sklstm.network.training.schedule import SCHEDULES
from sklstm.network.training.settings import Progress, Snapshot, Trained, TrainingSettings

if TYPE_CHECKING:
    import keras
    import onnx

OPTIMIZERS = {
    "adadelta",
    "adafactor",
    "adagrad",
    "adam",
    "adamax",
    "adamw",
    "ftrl",
    "lion",
    "nadam",
    "rmsprop",
    "sgd",
}
DEFAULT_VALIDATION_FRACTION = 0.1
AUTO_BATCH_SIZES, MIN_AUTO_BATCHES = (4, 32), 10
AUTO_LEARNING_RATE = 0.01
EPOCHS = Progress()
Weigher = Callable[[np.ndarray], np.ndarray]  # from targets to factors of their samples' weights

TRAINING_CONSTRAINTS: dict[str, list] = {
    "units": [Interval(Integral, 1, None, closed="left"), "array-like"],
    "dropout": [Interval(Real, 0, 1, closed="left")],
    "optimizer": [StrOptions(OPTIMIZERS), HasMethods("apply_gradients")],
    "learning_rate": [Interval(Real, 0, None, closed="neither"), None],
    "learning_rate_schedule": [StrOptions(SCHEDULES)],
    "warmup": [Interval(Real, 0, 1, closed="left")],
    "clipnorm": [Interval(Real, 0, None, closed="neither"), None],
    "batch_size": [Interval(Integral, 1, None, closed="left")],
    "epochs": [Interval(Integral, 1, None, closed="left")],
    "callbacks": [list, tuple, None],
    "keras_params": [Mapping, None],
    "warm_start": ["boolean"],
    "random_state": ["random_state"],
    "verbose": ["verbose"],
}


class BaseNetwork(BaseEstimator, metaclass=ABCMeta):
    """What every fitted network can do, whatever its input means."""

    def summary(self) -> None:
        """Print the layers, the shapes of their weights and how many numbers they hold.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        """
        check_is_fitted(self)
        shapes = self._runtime.spec.weight_shapes()
        width = max(map(len, shapes))
        for name, shape in shapes.items():
            print(f"{name:{width}}  {shape!s:>14}  {int(np.prod(shape)):>10,}")
        total = sum(int(np.prod(shape)) for shape in shapes.values())
        print(f"{'total':{width}}  {'':>14}  {total:>10,}")

    def to_keras(self) -> keras.Model:
        """Build a `keras.Model` with the fitted weights; this loads TensorFlow.

        Returns
        -------
        keras.Model
            Takes what X is inside: arrays of shape (n, T, F), or (n, T) for token ids. Where
            sequences varied in length in ``fit``, they are right-padded with NaN (ids with 0).

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        """
        check_is_fitted(self)
        from sklstm.network.keras_model import model_for_users

        return model_for_users(*self._network_for_users(), varies=self._lengths_vary)

    def to_onnx(self) -> onnx.ModelProto:
        """Return the network as an ONNX model, for other languages and machines.

        Returns
        -------
        onnx.ModelProto
            Its inputs are described in the user guide.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        """
        check_is_fitted(self)
        return Runtime(*self._network_for_users()).to_onnx()

    @abstractmethod
    def _sequences(self, X: Any) -> Sequences:
        """Read X, in any form that ``predict`` takes, as what the network reads."""

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_runtime")

    def _network_for_users(self) -> tuple[NetworkSpec, list[np.ndarray]]:
        """Return the network that takes X and gives y as they are, and its weights."""
        return self._runtime.spec, self._runtime.weights

    def _keras_params(self) -> dict[str, Any]:
        """Return the parameters that scikeras routes to the optimizer and the loss."""
        return _checked_keras_params(self.keras_params)

    def _settings(
        self,
        loss: str,
        metric: str | None,
        *,
        batch_size: int,
        learning_rate: float | None,
        one_epoch: bool,
        patience: int | None,
        progress: Progress = EPOCHS,
        always_xla: bool = False,
    ) -> TrainingSettings:
        routed = self._keras_params()
        by_name = isinstance(self.optimizer, str)
        sets_rate = by_name and "optimizer__learning_rate" not in routed
        scheduled = by_name and not one_epoch
        return TrainingSettings(
            loss=loss,
            metric=metric,
            optimizer=self.optimizer,
            learning_rate=learning_rate if sets_rate else None,
            clipnorm=self.clipnorm if by_name else None,
            keras_params=routed,
            batch_size=batch_size,
            epochs=1 if one_epoch else self.epochs,
            patience=patience,
            schedule=self.learning_rate_schedule if scheduled else "constant",
            warmup=self.warmup if scheduled else 0.0,
            always_xla=always_xla,
            callbacks=_checked_callbacks(self.callbacks),
            progress=progress if self.verbose else None,
        )

    def _random_generator(self, *, continues: bool) -> np.random.RandomState:
        """Return the generator of a fit; one that continues goes on where the last one stopped.

        Without a seed it is a new one: numpy's global generator is never touched.
        """
        if self.random_state is None:
            return np.random.RandomState()
        if continues and isinstance(self.random_state, Integral) and self._rng is not None:
            return copy.deepcopy(self._rng)  # the fit may fail
        return check_random_state(self.random_state)

    def _train(
        self,
        spec: NetworkSpec,
        settings: TrainingSettings,
        data: TrainingData,
        validation: TrainingData | None,
        rng: np.random.RandomState,
        *,
        continues: bool,
        keep_optimizer: bool,
        varies: bool,
        resume: Snapshot | None = None,
        on_epoch: Callable[[Trained], None] | None = None,
    ) -> Trained:
        from sklstm.network.training.trainer import train

        if continues and spec.weight_shapes() != self._runtime.spec.weight_shapes():
            raise ValueError(
                "warm_start=True continues from the fitted weights, but the network's shape "
                "changed since (units, dense_units, bidirectional, embedding_dim, features or "
                "outputs): set warm_start=False to begin anew."
            )
        trained = train(
            spec,
            settings,
            data,
            validation,
            weights=self._runtime.weights if continues else spec.initial_weights(rng),
            optimizer_state=getattr(self, "_optimizer_state", None) if continues else None,
            varies=varies,
            rng=rng,
            resume=resume,
            on_epoch=on_epoch,
        )
        self._remember(trained, continues=continues, varies=varies)
        self._optimizer_state = trained.last.optimizer_state if keep_optimizer else None
        self._rng = rng if keep_optimizer else None
        return trained

    @contextmanager
    def _unchanged_by_errors(self) -> Iterator[None]:
        """Learn whole or not at all: put back what was learnt before if a fit fails."""
        before = dict(vars(self))
        try:
            yield
        except BaseException:
            vars(self).clear()
            vars(self).update(before)
            raise

    def _as_of(self, trained: Trained) -> Self:
        """Return a copy as it stands after an epoch, while the fit goes on."""
        copied = copy.copy(self)
        copied._remember(trained, continues=False, varies=False)
        return copied

    def _remember(self, trained: Trained, *, continues: bool, varies: bool) -> None:
        self._lengths_vary = varies or (continues and self._lengths_vary)
        self._runtime = Runtime(trained.spec, trained.weights)
        self.training_loop_ = trained.loop
        n_before = self.n_iter_ if continues else 0
        before, now = self.history_ if continues else {}, trained.last.history
        self.n_iter_ = n_before + trained.last.n_epochs
        self.history_ = {
            name: before.get(name, [np.nan] * n_before)
            + now.get(name, [np.nan] * trained.last.n_epochs)
            for name in {**before, **now}
        }

    def _warn_if_interrupted(self, trained: Trained) -> None:
        if trained.interrupted:
            warnings.warn(
                f"Training was interrupted: the weights are those after epoch {self.n_iter_}.",
                UserWarning,
                stacklevel=5,
            )


class BaseLSTM(BaseNetwork):
    """The way from X and y to a network, for the classifier and the regressor."""

    _parameter_constraints: dict = TRAINING_CONSTRAINTS | {
        "bidirectional": ["boolean"],
        "pooling": [StrOptions({"last", "mean", "max", "concat"})],
        "dense_units": [Interval(Integral, 1, None, closed="left"), "array-like"],
        "vocabulary_size": [Interval(Integral, 2, None, closed="left"), None],
        "embedding_dim": [Interval(Integral, 1, None, closed="left"), None],
        "timesteps": [Interval(Integral, 1, None, closed="left"), None],
        "batch_size": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "learning_rate": [Interval(Real, 0, None, closed="neither"), StrOptions({"auto"}), None],
        "standardize": ["boolean"],
        "differences": ["boolean", StrOptions({"auto"})],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="left"), None],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
    }

    @abstractmethod
    def _check_targets(self, y: Any) -> np.ndarray:
        """Check y of any kind."""

    @abstractmethod
    def _learn_targets(self, y: np.ndarray, weights: np.ndarray) -> None:
        """Learn from y what its values mean: the classes, or its mean and scale."""

    @abstractmethod
    def _encode_targets(self, y: np.ndarray) -> np.ndarray:
        """Turn y into what the network learns."""

    @abstractmethod
    def _output_layer(self) -> tuple[int, str]:
        """Return the units and the activation of the output layer."""

    @abstractmethod
    def _loss_and_metric(self) -> tuple[str, str | None]:
        """Return names of the loss and the metric."""

    def _weigher(self, y: np.ndarray, weights: np.ndarray) -> Weigher:
        """Return what weighs targets, as learnt from those of training."""
        return lambda y: np.ones(len(y))

    def _strata(self, y: np.ndarray) -> np.ndarray | None:
        """Return what a validation set is stratified by."""
        return None

    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        X_val: Any,
        y_val: Any,
        *,
        continues: bool,
        keep_optimizer: bool,
        one_epoch: bool,
    ) -> None:
        with self._unchanged_by_errors():
            sequences, y, weights, weigh = self._learn_data(
                X, y, sample_weight, continues=continues
            )
            rng = self._random_generator(continues=continues)
            if X_val is None and y_val is None:
                data, validation = self._hold_out(sequences, y, weights, rng)
            else:
                data = self._data(sequences, y, weights)
                validation = self._validation(X_val, y_val, weigh)
            batch_size = self._batch_size(len(data))
            settings = self._settings(
                *self._loss_and_metric(),
                batch_size=batch_size,
                learning_rate=self._learning_rate(batch_size),
                one_epoch=one_epoch,
                patience=self.n_iter_no_change if self.early_stopping else None,
            )
            trained = self._train(
                self._spec(),
                settings,
                data,
                validation,
                rng,
                continues=continues,
                keep_optimizer=keep_optimizer,
                varies=sequences.varies or (validation is not None and validation.sequences.varies),
            )
        self._warn_if_interrupted(trained)

    def _learn_data(
        self, X: Any, y: Any, sample_weight: Any, *, continues: bool
    ) -> tuple[Sequences, np.ndarray, np.ndarray, Weigher]:
        """Read the data, and learn what a prediction must know of it beside the network."""
        sequences, y, weights = self._read(X, y, sample_weight, continues=continues)
        if not continues:
            self._learn_targets(y, weights)
        weigh = self._weigher(y, weights)
        sequences, y, weights = _that_count(sequences, y, weights * weigh(y))
        if not continues:
            self._seen = self._see(sequences, weights)
        return self._as_seen(sequences), y, weights, weigh

    def _read(
        self, X: Any, y: Any, sample_weight: Any, *, continues: bool
    ) -> tuple[Sequences, np.ndarray, np.ndarray]:
        """Read X, y and the weights; rows of weight zero end here."""
        if y is None:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, "
                "but the target y is None."
            )
        if continues:
            sequences = read_for_predict(self, X, self._form)
        else:
            if self.vocabulary_size is not None and self.embedding_dim is None:
                raise ValueError(
                    f"vocabulary_size={self.vocabulary_size} is for token ids, which are read "
                    "where embedding_dim is set, but it is None."
                )
            sequences, self._form = read_for_fit(
                self,
                X,
                timesteps=self.timesteps,
                tokens=self.embedding_dim is not None,
                vocabulary_size=self.vocabulary_size,
            )
        y = self._check_targets(y)
        check_consistent_length(sequences, y)
        weights = _check_sample_weight(
            sample_weight, sequences.lengths, dtype=np.float64, ensure_non_negative=True
        )
        return _that_count(sequences, y, weights)

    def _hold_out(
        self, sequences: Sequences, y: np.ndarray, weights: np.ndarray, rng: np.random.RandomState
    ) -> tuple[SequenceData, SequenceData | None]:
        """Return what is trained on, and what is validated on if anything is."""
        rows, held_out = self._split(y, rng)
        data = self._data(sequences[rows], y[rows], weights[rows])
        if held_out is not None:
            return data, self._data(sequences[held_out], y[held_out], weights[held_out])
        if self.early_stopping:
            raise ValueError(
                "early_stopping=True needs a validation set: validation_fraction above 0 "
                f"(it is {self.validation_fraction}), or X_val and y_val in fit."
            )
        return data, None

    def _split(
        self, y: np.ndarray, rng: np.random.RandomState
    ) -> tuple[np.ndarray | slice, np.ndarray | None]:
        """Draw the rows to train on and those to hold out."""
        fraction = self.validation_fraction
        if fraction is None:
            fraction = DEFAULT_VALIDATION_FRACTION if self.early_stopping else 0
        if not fraction:
            return slice(None), None
        if len(y) < 2:
            raise ValueError(
                f"validation_fraction={fraction} of {len(y)} sample leaves nothing to train on."
            )
        n_held_out = min(int(np.ceil(fraction * len(y))), len(y) - 1)
        strata = self._strata(y)
        if strata is not None and min(n_held_out, len(y) - n_held_out) < len(np.unique(strata)):
            strata = None
        return tuple(
            train_test_split(
                np.arange(len(y)), test_size=n_held_out, stratify=strata, random_state=rng
            )
        )

    def _validation(self, X_val: Any, y_val: Any, weigh: Weigher) -> SequenceData:
        """Read a validation set."""
        if X_val is None or y_val is None:
            missing = "X_val" if X_val is None else "y_val"
            raise ValueError(f"X_val and y_val go together, but {missing} is None.")
        sequences = self._sequences(X_val)
        y = self._check_targets(y_val)
        check_consistent_length(sequences, y)
        return self._data(sequences, y, weigh(y))

    def _data(self, sequences: Sequences, y: np.ndarray, weights: np.ndarray) -> SequenceData:
        return SequenceData(sequences, self._encode_targets(y), weights.astype(np.float32))

    def _learning_rate(self, batch_size: int) -> float | None:
        """Answer the noise of small batches with small steps."""
        if self.learning_rate != "auto":
            return self.learning_rate
        return AUTO_LEARNING_RATE * min(1, batch_size / AUTO_BATCH_SIZES[1]) ** 0.5

    def _batch_size(self, n: int) -> int:
        if self.batch_size != "auto":
            return self.batch_size
        power = 2 ** int(np.log2(max(1, n / MIN_AUTO_BATCHES)))
        return int(np.clip(power, *AUTO_BATCH_SIZES))

    def _spec(self) -> NetworkSpec:
        n_outputs, activation = self._output_layer()
        return NetworkSpec(
            n_outputs=n_outputs,
            activation=activation,
            n_features=self._form.n_features if self._seen is None else len(self._seen.scale),
            vocabulary_size=self._form.vocabulary_size,
            embedding_dim=self.embedding_dim,
            units=layer_units(self.units, "units"),
            bidirectional=bool(self.bidirectional),
            dropout=float(self.dropout),
            pooling=self.pooling,
            dense_units=layer_units(self.dense_units, "dense_units"),
        )

    def _sequences(self, X: Any) -> Sequences:
        return self._as_seen(read_for_predict(self, X, self._form))

    def _see(self, sequences: Sequences, weights: np.ndarray) -> SeenFeatures | None:
        """Learn what the network sees of X; None for all as it is."""
        if self.embedding_dim is not None or not (self.standardize or self.differences):
            return None
        return SeenFeatures.measure(
            sequences, weights, standardize=self.standardize, differences=self.differences
        )

    def _as_seen(self, sequences: Sequences) -> Sequences:
        return sequences if self._seen is None else self._seen.apply(sequences)

    def _network_for_users(self) -> tuple[NetworkSpec, list[np.ndarray]]:
        spec, weights = super()._network_for_users()
        return (spec, weights) if self._seen is None else self._seen.undo(spec, weights)

    def _predict_outputs(self, X: Any) -> np.ndarray:
        """Compute the network's outputs, of shape (n, n_outputs)."""
        check_is_fitted(self)
        blocks = map(self._as_seen, read_in_blocks(self, X, self._form))
        if not self.verbose:
            return np.concatenate([self._runtime.predict(block) for block in blocks])
        with tqdm(desc="predict", unit="sample", total=_num_samples(X)) as bar:
            outputs = [self._runtime.predict(block, bar.update) for block in blocks]
        return np.concatenate(outputs)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


def _that_count(
    sequences: Sequences, y: np.ndarray, weights: np.ndarray
) -> tuple[Sequences, np.ndarray, np.ndarray]:
    """Leave out samples of weight zero."""
    if weights.all():
        return sequences, y, weights
    if not weights.any():
        raise ValueError("All samples have the weight 0, by sample_weight or class_weight.")
    kept = np.flatnonzero(weights)
    return sequences[kept], y[kept], weights[kept]


def layer_units(units: Any, name: str) -> tuple[int, ...]:
    """Read the units of the layers: an int for one layer, or a sequence."""
    layers = (units,) if isinstance(units, Integral) else tuple(units)
    if not all(isinstance(n, Integral) and not isinstance(n, bool) and n >= 1 for n in layers):
        raise ValueError(
            f"{name}={units!r} is not valid: give an int of at least 1, or a sequence of them, "
            "one for each layer."
        )
    return tuple(int(n) for n in layers)


def _checked_callbacks(callbacks: list | tuple | None) -> tuple:
    for callback in callbacks or ():
        is_either = callable(callback) or hasattr(callback, "on_epoch_end")
        if isinstance(callback, type) or not is_either:
            raise ValueError(
                f"callbacks holds {callback!r}: valid are Keras callbacks and functions of "
                "(epoch, logs)."
            )
    return tuple(callbacks or ())


def _checked_keras_params(params: Mapping | None) -> dict[str, Any]:
    for name in params or {}:
        if not str(name).startswith(("optimizer__", "loss__")):
            raise ValueError(
                f"keras_params holds {name!r}: valid names start with 'optimizer__' or 'loss__', "
                "such as 'optimizer__beta_1'."
            )
    return dict(params or {})
