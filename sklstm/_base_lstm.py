"""`BaseLSTM`: the fit and the prediction that `LSTMClassifier` and `LSTMRegressor` share."""

from __future__ import annotations

import copy
import functools
import os
from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import replace
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.metrics import check_scoring, get_scorer_names
from sklearn.utils import Tags

from sklstm._auto_parameters import auto_batch_size, auto_learning_rate
from sklstm._base import BaseNetwork
from sklstm._fit_data import FitData, training_data
from sklstm._fit_tasks import fit_tasks
from sklstm._fitted_state import FittedState, LearntFromData
from sklstm._parameters import (
    LARGEST_INT,
    POSITIVE_INT,
    TRAINING_CONSTRAINTS,
    as_int,
    check_of_tokens,
    layer_units,
    static_features_of,
)
from sklstm._sequences import InputForm, Sequences
from sklstm._sklearn_compat import Interval, StrOptions, num_samples
from sklstm._targets import Targets, as_columns, equal_weights
from sklstm.input.hold_out import hold_out
from sklstm.input.parse_x import read_for_fit, read_for_predict, read_in_blocks
from sklstm.input.parse_y import check_n_targets, read_sample_weight
from sklstm.input.samples import ClassWeights, Samples
from sklstm.input.stored_arrays import rows_of
from sklstm.network.onnx_predictor import OnnxPredictor
from sklstm.network.progress import open_bar
from sklstm.network.scaling import InputScaling
from sklstm.network.spec import NetworkSpec, Weights
from sklstm.persistence._checkpoint import Checkpoint, check_parameters


class BaseLSTM(BaseNetwork):
    """Base class of the classifier and the regressor."""

    _fixed_parameters: ClassVar[tuple[str, ...]] = (
        "standardize",
        "differences",
        "timesteps",
        "static",
    )
    _parameter_constraints: dict = TRAINING_CONSTRAINTS | {
        "bidirectional": ["boolean"],
        "pooling": [StrOptions({"last", "mean", "max", "concat"})],
        "dense_units": [POSITIVE_INT, "array-like"],
        "vocabulary_size": [Interval(Integral, 2, LARGEST_INT, closed="both"), None],
        "embedding_dim": [POSITIVE_INT, None],
        "timesteps": [POSITIVE_INT, None],
        "static": [str, Integral, "array-like", None],
        "batch_size": [POSITIVE_INT, StrOptions({"auto"})],
        "learning_rate": [Interval(Real, 0, None, closed="neither"), StrOptions({"auto"}), None],
        "standardize": ["boolean"],
        "differences": ["boolean", StrOptions({"auto"})],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="left"), None],
        "n_iter_no_change": [POSITIVE_INT],
        "n_networks": [POSITIVE_INT],
        "scoring": [StrOptions({"loss", *get_scorer_names()}), callable],
        "checkpoint": [str, os.PathLike, None],
    }

    @property
    def n_features_in_(self) -> int:
        """Columns of a table, otherwise features per time step (1 for token ids)."""
        return self._fitted().data.input_form.n_columns

    @property
    def feature_names_in_(self) -> np.ndarray:
        """Names of the columns, where X was a DataFrame with string names, or a list of them."""
        names = self._fitted().data.input_form.names
        if names is None:
            raise AttributeError(f"This {type(self).__name__} was fitted on X without names.")
        return np.array(names, dtype=object)

    @property
    def n_outputs_(self) -> int:
        """1, or the number of columns of y where it has two dimensions."""
        return self._fitted().data.targets.n_columns

    @abstractmethod
    def _read_targets(self, y: Any, name: str = "y") -> np.ndarray:
        """Read and check y of any form."""

    @abstractmethod
    def _learn_targets(self, y: np.ndarray, classes: np.ndarray | None) -> Targets:
        """Learn the classes or the columns of y."""

    def _class_weights(self, targets: Targets, y: np.ndarray, weights: np.ndarray) -> ClassWeights:
        """Return the function that computes the weight of each target from its class."""
        return equal_weights

    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        validation: tuple[Any, Any] = (None, None),
        *,
        previous: FittedState | None,
        partial: bool,
        classes: np.ndarray | None = None,
    ) -> None:
        """Fit anew, or on from a previous state; `partial` is one epoch of ``partial_fit``."""
        check_parameters(self)
        given = None if all(each is None for each in validation) else validation
        fixed = self._checked_fixed_parameters(previous)
        rng = self._random_generator(previous)
        data = self._fit_data(
            X, y, sample_weight, given, classes, rng, previous=previous, partial=partial
        )
        batch_size = self._batch_size(len(data.samples.y), previous if partial else None)
        learnt = LearntFromData(
            targets=data.targets,
            input_form=data.form,
            input_scaling=data.scaling,
            lengths_vary=data.varies or (previous is not None and previous.data.lengths_vary),
            batch_size=batch_size,
            fixed_parameters=fixed,
        )
        checkpoint = None if partial else self._checkpoint(data)
        settings = self._settings(
            data.targets,
            batch_size=batch_size,
            learning_rate=self._learning_rate(batch_size),
            partial=partial,
            patience=self.n_iter_no_change if self.early_stopping and not partial else None,
            score=self._validation_score(data, learnt, X if given is None else given[0]),
            always_xla=checkpoint is not None,
        )
        state = self._train(
            self._spec(data),
            settings,
            training_data(data),
            learnt,
            rng,
            varies=data.varies,
            previous=previous,
            partial=partial,
            resume=None if checkpoint is None else checkpoint.read(),
            on_epoch=None if checkpoint is None else checkpoint.write,
            tasks=fit_tasks(self, X, y, sample_weight, data.samples.numbers),
        )
        self._learn(state)

    def _fixed_values(self) -> dict[str, Any]:
        return super()._fixed_values() | {"static": static_features_of(self.static)}

    def _state_before_part(self) -> FittedState | None:
        """Return the state that ``partial_fit`` continues; None for the first part."""
        if self.early_stopping:
            raise ValueError(
                "partial_fit does not support early_stopping=True: it trains for one epoch, and "
                "holds no sample out. Set early_stopping=False."
            )
        return self._state()

    def _fit_data(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        given: tuple[Any, Any] | None,
        classes: np.ndarray | None,
        rng: np.random.RandomState,
        *,
        previous: FittedState | None,
        partial: bool,
    ) -> FitData:
        """Read the data, and learn from them how inputs and targets are scaled and encoded.

        Held-out samples have no influence: scales and class weights come from the others only.
        """
        samples, form = self._read(X, y, sample_weight, previous)
        if previous is None:
            targets = self._learn_targets(samples.y, classes)
        else:
            targets = previous.data.targets
        targets.check(samples.y, "y")
        seed = rng.randint(2**31)  # drawn in any case, so that later draws do not change
        if given is not None:
            validation = self._read_validation(*given, form, targets)
        else:
            samples, validation = self._hold_out(samples, targets, seed, partial=partial)
        class_weights = self._class_weights(targets, samples.y, samples.weights)
        samples = samples.weighted(class_weights)
        if validation is not None:
            validation = validation.weighted(class_weights)
        if previous is not None:
            return FitData(samples, validation, form, previous.data.input_scaling, targets)
        targets = targets.scaled_by(samples.y, samples.weights)
        return FitData(samples, validation, form, self._learn_scaling(samples), targets)

    def _read(
        self, X: Any, y: Any, sample_weight: Any, previous: FittedState | None
    ) -> tuple[Samples, InputForm]:
        """Read X, y and the weights, and drop samples of weight zero."""
        if y is None:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, "
                "but the target y is None."
            )
        if previous is not None:
            form = previous.data.input_form
            sequences = read_for_predict(X, form, type(self).__name__)
        else:
            sequences, form = self._read_anew(X)
        y = self._read_targets(y)
        check_n_targets(sequences, y, form)
        weights = read_sample_weight(sample_weight, len(y))
        samples = Samples(sequences, y, weights, np.arange(len(y)))
        return samples.with_weight(), form

    def _read_anew(self, X: Any) -> tuple[Sequences, InputForm]:
        static = static_features_of(self.static)
        check_of_tokens(self.embedding_dim, self.vocabulary_size, static)
        return read_for_fit(
            X,
            timesteps=as_int(self.timesteps),
            tokens=self.embedding_dim is not None,
            vocabulary_size=as_int(self.vocabulary_size),
            static=static,
        )

    def _read_validation(
        self, X_val: Any, y_val: Any, form: InputForm, targets: Targets
    ) -> Samples:
        if X_val is None or y_val is None:
            missing = "X_val" if X_val is None else "y_val"
            raise ValueError(f"X_val and y_val go together, but {missing} is None.")
        try:
            sequences = read_for_predict(X_val, form, type(self).__name__)
        except (TypeError, ValueError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"X_val is not valid. {error}") from error
        y = self._read_targets(y_val, "y_val")
        check_n_targets(sequences, y, form, "y_val")
        targets.check(y, "y_val")
        return Samples(sequences, y, np.ones(len(y)), np.arange(len(y)), "X_val")

    def _hold_out(
        self, samples: Samples, targets: Targets, seed: int, *, partial: bool
    ) -> tuple[Samples, Samples | None]:
        """Split the samples into a training set and a validation set, which may be None."""
        if partial:
            return samples, None
        # Without this, all held-out samples could be of a class of weight zero.
        counts = self._class_weights(targets, samples.y, samples.weights)(samples.y) > 0
        samples = samples if counts.all() else samples.of(np.flatnonzero(counts))
        return hold_out(
            samples,
            targets.strata(samples.y),
            seed,
            fraction=self.validation_fraction,
            early_stopping=self.early_stopping,
        )

    def _learn_scaling(self, samples: Samples) -> InputScaling | None:
        """Learn the scaling of X; token ids are not scaled."""
        if self.embedding_dim is not None:
            return None
        return InputScaling.fit(
            samples.sequences,
            samples.weights,
            standardize=self.standardize,
            differences=self.differences,
        )

    def _checkpoint(self, data: FitData) -> Checkpoint | None:
        """Return the checkpoint of a fit of these data, if one is wanted."""
        if self.checkpoint is None:
            return None
        learnt_from = [
            array
            for samples in data.sets
            for array in (*vars(samples.sequences).values(), samples.y, samples.weights)
        ]
        return Checkpoint(self, learnt_from)

    def _validation_score(
        self, data: FitData, learnt: LearntFromData, X: Any
    ) -> Callable[[Weights], float] | None:
        """Return what `scoring` says of a network's weights on the validation set.

        X is what the validation set was read from.
        """
        if self.scoring == "loss" or data.validation is None:
            return None
        scorer, spec = check_scoring(self, self.scoring), self._spec(data).single
        silent = copy.copy(self).set_params(verbose=0)
        X_val, y_val = rows_of(X, data.validation.numbers), data.validation.y
        if isinstance(self.scoring, str) and y_val.ndim > 2:  # scikit-learn's take two axes
            learnt = replace(learnt, targets=learnt.targets.side_by_side())
            y_val = as_columns(y_val)

        def score(weights: Weights) -> float:
            network = OnnxPredictor(spec, weights)
            state = FittedState(network, learnt, ({},), training_loop="", interrupted=False)
            return float(scorer(silent._with_state(state), X_val, y_val))

        return score

    def _learning_rate(self, batch_size: int) -> float | None:
        if self.learning_rate != "auto":
            return self.learning_rate
        return auto_learning_rate(batch_size)

    def _batch_size(self, n: int, first_part: FittedState | None) -> int:
        """Return the batch size for n samples, or that of the first ``partial_fit``."""
        if self.batch_size != "auto":
            return int(self.batch_size)
        return auto_batch_size(n) if first_part is None else first_part.data.batch_size

    def _spec(self, data: FitData) -> NetworkSpec:
        form, scaling = data.form, data.scaling
        return NetworkSpec(
            n_outputs=data.targets.n_outputs,
            activation=data.targets.activation,
            n_features=form.n_features if scaling is None else len(scaling.mean),
            vocabulary_size=form.vocabulary_size,
            embedding_dim=as_int(self.embedding_dim),
            units=layer_units(self.units, "units"),
            bidirectional=bool(self.bidirectional),
            dropout=float(self.dropout),
            pooling=self.pooling,
            n_static=len(form.static),
            dense_units=layer_units(self.dense_units, "dense_units"),
            n_quantiles=data.targets.n_quantiles,
            n_networks=int(self.n_networks),
        )

    def _targets_to_score(self, y: Any, sample_weight: Any) -> tuple[np.ndarray, np.ndarray | None]:
        """Read y and the weights of a score as ``fit`` does."""
        targets = self._fitted().data.targets
        y = self._read_targets(y)
        targets.check_columns(y, "y")
        return y, None if sample_weight is None else read_sample_weight(sample_weight, len(y))

    def _sequences(self, X: Any) -> Sequences:
        learnt = self._fitted().data
        sequences = read_for_predict(X, learnt.input_form, type(self).__name__)
        return _as_the_network_reads(sequences, learnt.input_scaling)

    def _predict_outputs(self, X: Any, state: FittedState, *, averages: bool = True) -> np.ndarray:
        """Compute the outputs, (n, n_outputs), or without averaging (n, n_networks, n_outputs)."""
        predict = functools.partial(state.network.predict, averages=averages)
        blocks = self._blocks(X, state)
        if self.verbose < 3:
            return np.concatenate([predict(block) for block in blocks])
        with open_bar("predict", unit="sample", total=num_samples(X)) as bar:
            return np.concatenate([predict(block, bar.update) for block in blocks])

    def _predict_each(self, X: Any, state: FittedState) -> list[np.ndarray]:
        """Predict by each of several networks."""
        n_networks = state.network.spec.n_networks
        if n_networks == 1:
            raise ValueError(
                "return_std=True needs several networks, whose predictions differ: fit with "
                "n_networks=5, say."
            )
        outputs = self._predict_outputs(X, state, averages=False)
        return [state.data.targets.decode(outputs[:, k]) for k in range(n_networks)]

    def _blocks(self, X: Any, state: FittedState) -> Iterator[Sequences]:
        """Read X block by block, as the network reads it."""
        n_done = 0
        for block in read_in_blocks(X, state.data.input_form, type(self).__name__):
            yield _as_the_network_reads(block, state.data.input_scaling, n_done)
            n_done += len(block)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


def _as_the_network_reads(
    sequences: Sequences, scaling: InputScaling | None, first_sample: int = 0
) -> Sequences:
    if scaling is None:
        return sequences
    return scaling.transform(sequences, range(first_sample, first_sample + len(sequences)))
