"""What the estimators share: the way from X and y to weights, and what a fitted network can do."""

from __future__ import annotations

import copy
import warnings
from abc import ABCMeta, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_is_fitted
from tqdm import tqdm

from sklstm._parameters import (
    LARGEST_INT,
    POSITIVE_INT,
    TRAINING_CONSTRAINTS,
    as_float,
    as_int,
    auto_batch_size,
    auto_learning_rate,
    check_optimizer,
    checked_callbacks,
    checked_keras_params,
    layer_units,
)
from sklstm._sequences import Sequences
from sklstm._sklearn_compat import Interval, StrOptions, num_samples
from sklstm.input.parse_x import read_for_fit, read_for_predict, read_in_blocks
from sklstm.input.parse_y import check_n_targets, read_sample_weight
from sklstm.input.samples import Samples, Weigher, hold_out
from sklstm.network.onnx_predictor import OnnxPredictor
from sklstm.network.scaling import InputScaling, TargetScaling
from sklstm.network.spec import NetworkSpec
from sklstm.network.training.data import SequenceData, TrainingData
from sklstm.network.training.interrupts import Interrupts
from sklstm.network.training.settings import Progress, Snapshot, Trained, TrainingSettings

if TYPE_CHECKING:
    import keras
    import onnx

EPOCHS = Progress()
ABSENT = object()  # in place of the value of an attribute that is not there
NUMBERS_SCALED_AT_ONCE = 2**23  # 32 MiB; more are scaled batch by batch, in every epoch


class BaseNetwork(BaseEstimator, metaclass=ABCMeta):
    """What every fitted network can do, whatever its input means."""

    # They say what X and y mean to the network: a fit that goes on cannot change them.
    _fixed_parameters: ClassVar[tuple[str, ...]] = ()

    def summary(self) -> None:
        """Print the layers, the shapes of their weights and how many numbers they hold.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        """
        shapes = self._as_learnt()._runtime.spec.weight_shapes()
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
            Takes X in the units of ``fit``: arrays of shape (n, T, F), or (n, T) for token ids.
            Where sequences varied in length in ``fit``, they are right-padded with NaN (ids with
            0). The outputs of a regressor are in the units of y.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        """
        learnt = self._as_learnt()
        with Interrupts():
            from sklstm.network.keras_model import model_for_users

        input_scaling, target_scaling = learnt._scalings()
        return model_for_users(
            learnt._runtime.spec,
            learnt._runtime.weights,
            varies=learnt._lengths_vary,
            input_scaling=input_scaling,
            target_scaling=target_scaling,
        )

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
        learnt = self._as_learnt()
        return learnt._runtime.to_onnx(*learnt._scalings())

    @abstractmethod
    def _sequences(self, X: Any) -> Sequences:
        """Read X, in any form that ``predict`` takes, as what the network reads."""

    def __sklearn_clone__(self) -> Self:
        """Clone as scikit-learn does, but for the callbacks: a clone has the same ones.

        They may hold what cannot be copied, such as a lock, or report to an object of the user.
        Each fit makes shallow copies of them anyway.
        """
        without = self._copy()
        without.callbacks = None
        cloned = super(BaseNetwork, without).__sklearn_clone__()
        cloned.callbacks = copy.copy(self.callbacks)
        return cloned

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_runtime")

    def _scalings(self) -> tuple[InputScaling | None, TargetScaling | None]:
        """Return what lies between X and the network, and between the network and y."""
        return None, None

    def _keras_params(self) -> dict[str, Any]:
        """Return the parameters that scikeras routes to the optimizer and the loss."""
        return checked_keras_params(self.keras_params)

    def _learn_fixed_parameters(self, *, continues: bool) -> None:
        """Remember them, or check that a fit that goes on has those of the first one."""
        if not continues:
            self._learnt_with = {name: getattr(self, name) for name in self._fixed_parameters}
            return
        for name, before in self._learnt_with.items():
            if (now := getattr(self, name)) != before:
                raise ValueError(
                    f"{name}={now!r} cannot go on from a fit with {name}={before!r}: what was "
                    "learnt depends on it. Set it as it was, or fit anew, with warm_start=False."
                )

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
        check_optimizer(self.optimizer, routed)
        by_name = isinstance(self.optimizer, str)
        sets_rate = by_name and "optimizer__learning_rate" not in routed
        scheduled = by_name and not one_epoch
        return TrainingSettings(
            loss=loss,
            metric=metric,
            optimizer=self.optimizer,
            learning_rate=as_float(learning_rate, "learning_rate") if sets_rate else None,
            clipnorm=as_float(self.clipnorm, "clipnorm") if by_name else None,
            keras_params=routed,
            batch_size=int(batch_size),
            epochs=1 if one_epoch else int(self.epochs),
            patience=as_int(patience),
            schedule=self.learning_rate_schedule if scheduled else "constant",
            warmup=float(self.warmup) if scheduled else 0.0,
            always_xla=always_xla,
            callbacks=checked_callbacks(self.callbacks),
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
        with Interrupts():  # TensorFlow that was interrupted half way cannot be imported again
            from sklstm.network.training.trainer import train

        if continues:
            _check_same_network(self._runtime.spec, spec)
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

    def _as_learnt(self) -> Self:
        """Return a copy that a fit in another thread does not change meanwhile."""
        if not self.__sklearn_is_fitted__():  # scikit-learn's check takes as long as a prediction
            check_is_fitted(self)
        return self._copy()

    def _copy(self) -> Self:
        """Return another estimator that shares all that this one has."""
        copied = object.__new__(type(self))
        copied.__dict__ = vars(self).copy()  # in one call: a fit in another thread may end now
        return copied

    @contextmanager
    def _learner(self) -> Iterator[Self]:
        """Lend a copy that learns in place of this estimator, and take over what it has learnt.

        All is taken over at once and at the end: a fit that fails leaves the estimator as it was,
        and whoever predicts with it in another thread sees what one fit has learnt. What others
        set meanwhile, such as a callback that knows the estimator, stays.
        """
        learner = self._copy()
        before = vars(learner).copy()
        yield learner
        learnt, now = vars(learner), vars(self)
        # Where another fit has ended meanwhile, what it has learnt goes as a whole.
        is_latest = now.get("_runtime") is before.get("_runtime")
        untouched = {
            name: value
            for name, value in now.items()
            if (is_latest or name in self._get_param_names())
            and learnt.get(name, ABSENT) is before.get(name, ABSENT)
        }
        self.__dict__ = {**learnt, **untouched}

    def _as_of(self, trained: Trained) -> Self:
        """Return a copy as it stands after an epoch, while the fit goes on."""
        copied = self._copy()
        copied._remember(trained, continues=False, varies=False)
        return copied

    def _remember(self, trained: Trained, *, continues: bool, varies: bool) -> None:
        self._lengths_vary = varies or (continues and self._lengths_vary)
        self._runtime = OnnxPredictor(trained.spec, trained.weights)
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

    _fixed_parameters: ClassVar[tuple[str, ...]] = ("standardize", "differences", "timesteps")
    _parameter_constraints: dict = TRAINING_CONSTRAINTS | {
        "bidirectional": ["boolean"],
        "pooling": [StrOptions({"last", "mean", "max", "concat"})],
        "dense_units": [POSITIVE_INT, "array-like"],
        "vocabulary_size": [Interval(Integral, 2, LARGEST_INT, closed="both"), None],
        "embedding_dim": [POSITIVE_INT, None],
        "timesteps": [POSITIVE_INT, None],
        "batch_size": [POSITIVE_INT, StrOptions({"auto"})],
        "learning_rate": [Interval(Real, 0, None, closed="neither"), StrOptions({"auto"}), None],
        "standardize": ["boolean"],
        "differences": ["boolean", StrOptions({"auto"})],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="left"), None],
        "n_iter_no_change": [POSITIVE_INT],
    }

    @abstractmethod
    def _check_targets(self, y: Any, name: str = "y") -> np.ndarray:
        """Check y of any kind."""

    @abstractmethod
    def _check_kind_of_targets(self, y: np.ndarray, name: str) -> None:
        """Check that y is of the kind that was learnt: its classes, or its columns."""

    @abstractmethod
    def _learn_kind_of_targets(self, y: np.ndarray, classes: np.ndarray | None) -> None:
        """Learn what y is: its classes, or its columns."""

    def _learn_scale_of_targets(self, y: np.ndarray, weights: np.ndarray) -> None:
        """Learn the scale of y from the samples of training."""

    @abstractmethod
    def _check_columns(self, y: np.ndarray, name: str = "y") -> None:
        """Check that y has the columns that were learnt."""

    @abstractmethod
    def _encode_targets(self, y: np.ndarray) -> np.ndarray:
        """Turn y into what the network learns."""

    @abstractmethod
    def _output_layer(self) -> tuple[int, str]:
        """Return the units and the activation of the output layer."""

    @abstractmethod
    def _loss_and_metric(self) -> tuple[str, str | None]:
        """Return names of the loss and the metric."""

    def _class_weights(self, y: np.ndarray, weights: np.ndarray) -> Weigher:
        """Return the function that weights targets, as learnt from those of training."""
        return lambda y: np.ones(len(y))

    def _strata(self, y: np.ndarray) -> np.ndarray | None:
        """Return what a validation set is stratified by."""
        return None

    def _target_scaling(self) -> TargetScaling | None:
        """Return what brings the network's outputs to the units of y; None where they are."""
        return None

    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        X_val: Any = None,
        y_val: Any = None,
        *,
        continues: bool,
        keep_optimizer: bool,
        one_epoch: bool,
        classes: np.ndarray | None = None,
    ) -> None:
        with self._learner() as learner:
            trained = learner._learn(
                X,
                y,
                sample_weight,
                None if X_val is None and y_val is None else (X_val, y_val),
                classes,
                continues=continues,
                keep_optimizer=keep_optimizer,
                one_epoch=one_epoch,
            )
        self._warn_if_interrupted(trained)

    def _learn(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        given: tuple[Any, Any] | None,
        classes: np.ndarray | None,
        *,
        continues: bool,
        keep_optimizer: bool,
        one_epoch: bool,
    ) -> Trained:
        samples, validation, rng = self._learn_data(
            X, y, sample_weight, given, classes, continues=continues, one_epoch=one_epoch
        )
        batch_size = self._batch_size(len(samples.y), goes_on=continues and one_epoch)
        self._learnt_batch_size = batch_size
        stops_early = self.early_stopping and not one_epoch
        settings = self._settings(
            *self._loss_and_metric(),
            batch_size=batch_size,
            learning_rate=self._learning_rate(batch_size),
            one_epoch=one_epoch,
            patience=int(self.n_iter_no_change) if stops_early else None,
        )
        read = [each for each in (samples, validation) if each is not None]
        return self._train(
            self._spec(),
            settings,
            self._training_data(samples),
            None if validation is None else self._training_data(validation),
            rng,
            continues=continues,
            keep_optimizer=keep_optimizer,
            varies=any(each.sequences.varies for each in read),
        )

    def _partial_fit(
        self, X: Any, y: Any, sample_weight: Any, classes: np.ndarray | None = None
    ) -> None:
        if self.early_stopping:
            raise ValueError(
                "partial_fit does not support early_stopping=True: it trains for one epoch, and "
                "holds no sample out. Set early_stopping=False."
            )
        self._fit(
            X,
            y,
            sample_weight,
            continues=self.__sklearn_is_fitted__(),
            keep_optimizer=True,
            one_epoch=True,
            classes=classes,
        )

    def _learn_data(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        given: tuple[Any, Any] | None,
        classes: np.ndarray | None,
        *,
        continues: bool,
        one_epoch: bool,
    ) -> tuple[Samples, Samples | None, np.random.RandomState]:
        """Read the data, and learn all from them that a prediction needs besides the network.

        What is held out is not measured: the fit is the one of the other samples alone.
        """
        self._learn_fixed_parameters(continues=continues)
        samples = self._read(X, y, sample_weight, continues=continues)
        if not continues:
            self._learn_kind_of_targets(samples.y, classes)
        self._check_kind_of_targets(samples.y, "y")
        rng = self._random_generator(continues=continues)
        seed = rng.randint(2**31)  # drawn in any case, so that the rest does not depend on it
        if given is not None:
            validation = self._read_validation(*given)
        else:
            samples, validation = self._hold_out(samples, seed, one_epoch=one_epoch)
        weights_of = self._class_weights(samples.y, samples.weights)
        samples = samples.weighted(weights_of)
        if validation is not None:
            validation = validation.weighted(weights_of)
        if not continues:
            self._learn_scale_of_targets(samples.y, samples.weights)
            self._input_scaling = self._measure_inputs(samples)
        return samples, validation, rng

    def _hold_out(
        self, samples: Samples, seed: int, *, one_epoch: bool
    ) -> tuple[Samples, Samples | None]:
        """Return what is trained on, and what is validated on if anything is."""
        if one_epoch:
            return samples, None
        # Samples of a class of weight zero could be all that is held out.
        counts = self._class_weights(samples.y, samples.weights)(samples.y) > 0
        samples = samples if counts.all() else samples.of(np.flatnonzero(counts))
        return hold_out(
            samples,
            self._strata(samples.y),
            seed,
            fraction=self.validation_fraction,
            early_stopping=self.early_stopping,
        )

    def _read(self, X: Any, y: Any, sample_weight: Any, *, continues: bool) -> Samples:
        """Read X, y and the weights; samples of weight zero end here."""
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
                timesteps=as_int(self.timesteps),
                tokens=self.embedding_dim is not None,
                vocabulary_size=as_int(self.vocabulary_size),
            )
        y = self._check_targets(y)
        check_n_targets(sequences, y, self._form)
        weights = read_sample_weight(sample_weight, len(y))
        return Samples(sequences, y, weights, np.arange(len(y))).that_count()

    def _read_validation(self, X_val: Any, y_val: Any) -> Samples:
        if X_val is None or y_val is None:
            missing = "X_val" if X_val is None else "y_val"
            raise ValueError(f"X_val and y_val go together, but {missing} is None.")
        try:
            sequences = read_for_predict(self, X_val, self._form)
        except (TypeError, ValueError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"X_val is not valid. {error}") from error
        y = self._check_targets(y_val, "y_val")
        check_n_targets(sequences, y, self._form, "y_val")
        self._check_kind_of_targets(y, "y_val")
        return Samples(sequences, y, np.ones(len(y)), np.arange(len(y)), "X_val")

    def _targets_to_score(self, y: Any, sample_weight: Any) -> tuple[np.ndarray, np.ndarray | None]:
        """Read y and the weights of a score as ``fit`` does."""
        check_is_fitted(self)
        y = self._check_targets(y)
        self._check_columns(y)
        return y, None if sample_weight is None else read_sample_weight(sample_weight, len(y))

    def _training_data(self, samples: Samples) -> SequenceData:
        targets = self._encode_targets(samples.y)
        # The loss is a weighted mean: only the ratios of the weights matter, and float32 holds
        # these whatever the unit of the weights.
        weights = (samples.weights / (samples.weights.max() or 1)).astype(np.float32)
        sequences, scaling = samples.sequences, self._input_scaling
        if scaling is None:
            return SequenceData(sequences, targets, weights)
        if sequences.n_steps * len(scaling.mean) > NUMBERS_SCALED_AT_ONCE:
            scaling.check(sequences, samples.numbers, samples.name)
            return SequenceData(sequences, targets, weights, scaling)
        scaled = scaling.transform(sequences, samples.numbers, samples.name)
        return SequenceData(scaled, targets, weights)

    def _learning_rate(self, batch_size: int) -> float | None:
        if self.learning_rate != "auto":
            return self.learning_rate
        return auto_learning_rate(batch_size)

    def _batch_size(self, n: int, *, goes_on: bool) -> int:
        """Return the batch size for n samples, or that of the first part of several."""
        if self.batch_size != "auto":
            return int(self.batch_size)
        if goes_on:
            return self._learnt_batch_size
        return auto_batch_size(n)

    def _spec(self) -> NetworkSpec:
        n_outputs, activation = self._output_layer()
        scaling = self._input_scaling
        return NetworkSpec(
            n_outputs=n_outputs,
            activation=activation,
            n_features=self._form.n_features if scaling is None else len(scaling.mean),
            vocabulary_size=self._form.vocabulary_size,
            embedding_dim=as_int(self.embedding_dim),
            units=layer_units(self.units, "units"),
            bidirectional=bool(self.bidirectional),
            dropout=float(self.dropout),
            pooling=self.pooling,
            dense_units=layer_units(self.dense_units, "dense_units"),
        )

    def _sequences(self, X: Any) -> Sequences:
        return self._as_the_network_reads(read_for_predict(self, X, self._form))

    def _measure_inputs(self, samples: Samples) -> InputScaling | None:
        """Learn the scale of X; token ids have none."""
        if self.embedding_dim is not None:
            return None
        return InputScaling.fit(
            samples.sequences,
            samples.weights,
            standardize=self.standardize,
            differences=self.differences,
        )

    def _as_the_network_reads(self, sequences: Sequences, first_sample: int = 0) -> Sequences:
        if self._input_scaling is None:
            return sequences
        numbers = range(first_sample, first_sample + len(sequences))
        return self._input_scaling.transform(sequences, numbers)

    def _scalings(self) -> tuple[InputScaling | None, TargetScaling | None]:
        return self._input_scaling, self._target_scaling()

    def _predict_outputs(self, X: Any) -> np.ndarray:
        """Compute the network's outputs, of shape (n, n_outputs)."""
        if not self.verbose:
            blocks = self._blocks(X)
            return np.concatenate([self._runtime.predict(block) for block in blocks])
        with tqdm(desc="predict", unit="sample", total=num_samples(X)) as bar:
            outputs = [self._runtime.predict(block, bar.update) for block in self._blocks(X)]
        return np.concatenate(outputs)

    def _blocks(self, X: Any) -> Iterator[Sequences]:
        """Read X block by block, as the network reads it."""
        n_done = 0
        for block in read_in_blocks(self, X, self._form):
            yield self._as_the_network_reads(block, n_done)
            n_done += len(block)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


def _check_same_network(before: NetworkSpec, now: NetworkSpec) -> None:
    """Check that a fit can go on with the weights of the one before."""
    changed = [
        f"{field.name}={getattr(now, field.name)!r} (it was {getattr(before, field.name)!r})"
        for field in fields(NetworkSpec)
        if field.name != "dropout" and getattr(now, field.name) != getattr(before, field.name)
    ]
    if changed:
        raise ValueError(
            f"This fit goes on with the fitted weights, but the network has changed since: "
            f"{', '.join(changed)}. Set it as it was, or fit anew, with warm_start=False."
        )
