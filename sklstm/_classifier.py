"""`LSTMClassifier`: labels of sequences, one of several classes or several labels at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils import Tags

from sklstm._base_lstm import BaseLSTM
from sklstm._sklearn_compat import StrOptions, fit_context
from sklstm._targets import ClassTargets, MultilabelTargets, Targets
from sklstm.input.parse_y import classes_of_part, read_labels
from sklstm.input.samples import ClassWeights

if TYPE_CHECKING:
    import keras


class LSTMClassifier(ClassifierMixin, BaseLSTM):
    """LSTM network for classification.

    Two or more classes are predicted by a softmax, several labels at once by sigmoids. Keras
    trains the network, ONNX Runtime predicts with it; a fitted classifier holds numpy arrays only.

    Parameters
    ----------
    units : int or sequence of int, default=64
        Units of the LSTM layers: an int for one layer, a sequence for one layer each, ``()`` for
        none (with `embedding_dim` and ``pooling="mean"``, the averaged embedding).
    bidirectional : bool, default=False
        Whether each LSTM layer reads the sequence in both directions.
    dropout : float in [0, 1), default=0.0
        Share of each layer's outputs that training hides, the same at all time steps of a
        sequence.
    pooling : {"last", "mean", "max", "concat"}, default="max"
        How the outputs over time become one vector: those of the last time step, their mean,
        their maximum, or these three side by side. With the maximum, the network also learns from
        time steps long before the end of a sequence.
    dense_units : int or sequence of int, default=()
        Units of the hidden dense layers (rectified linear) after the pooling.
    n_networks : int, default=1
        Networks of this kind, each with initial weights, an order of the samples and dropout of
        its own, whose outputs are averaged [3]_. Several are more accurate than one and depend
        less on luck, above all for few samples. They are trained side by side, but one after
        another where there are `callbacks`.
    vocabulary_size : int, default=None
        For token ids: the highest possible id + 1. None takes it from the X of ``fit``.
    embedding_dim : int, default=None
        Set it to read X as token ids (0 is padding), which become vectors of this length.
    timesteps : int, default=None
        The columns of a 2-D X are this many time steps: all features of the first step, then all
        of the second. None reads each column as a time step of one feature.
    static : str, int or sequence of them, default=None
        Names or indices of columns of X that belong to a whole sequence, such as a region, and
        join the pooled outputs (set `dense_units` if they interact). A table's other columns are
        the time steps; 3-D X and lists repeat static features at all time steps of a sequence.
    standardize : bool, default=True
        Whether the network sees features of mean 0 and standard deviation 1, over all time steps
        of the X of ``fit``. Has no meaning for token ids.
    differences : "auto" or bool, default="auto"
        Whether the network sees, besides each feature, its first and second differences from time
        step to time step, as in speech recognition [1]_. "auto" adds those of slow features, which
        change by less than a quarter of their standard deviation from one time step to the next.
    optimizer : str or keras.optimizers.Optimizer, default="adam"
        One of "adadelta", "adafactor", "adagrad", "adam", "adamax", "adamw", "ftrl", "lion",
        "nadam", "rmsprop" and "sgd", or an object, of which a copy is trained with its own
        learning rate.
    learning_rate : float or "auto", default="auto"
        For an optimizer given by name; None for that optimizer's own default. "auto" is 0.01 for
        batches of 32 and more, and 0.01 * sqrt(batch_size / 32) for smaller ones [2]_.
    learning_rate_schedule : {"constant", "cosine"}, default="cosine"
        Whether the learning rate stays, or falls to 0 over the fit in half a period of a cosine,
        for an optimizer given by name. If a callback sets the rate, the schedule multiplies it.
    warmup : float in [0, 1), default=0.0
        Share of the fit over which the learning rate first rises, in equal steps.
    clipnorm : float, default=1.0
        Largest norm of the gradient of each weight array, for an optimizer given by name; None
        does not clip.
    batch_size : int or "auto", default="auto"
        Samples per step of the optimizer. "auto" is a power of two from 4 to 32 that makes at
        least 10 batches of the samples.
    epochs : int, default=60
        Passes over the data.
    early_stopping : bool, default=False
        Whether to stop when the validation loss has not improved for `n_iter_no_change` epochs;
        the best weights are restored.
    validation_fraction : float in [0, 1), default=None
        Fraction of the samples held out for validation, of which ``history_`` records ``val_*``.
        None is 0.1 for early stopping, otherwise 0. ``partial_fit`` holds no samples out.
    n_iter_no_change : int, default=10
        Patience of early stopping, in epochs.
    scoring : str or callable, default="loss"
        What early stopping watches: the validation loss, or a scorer of scikit-learn ("f1_macro",
        "r2"), of which ``history_`` then has ``val_score``. A callable takes the estimator, X and
        y, and greater is better. Scorers are not given the weights of samples.
    checkpoint : str or path-like, default=None
        A file that ``fit`` writes after every epoch. If it is there when ``fit`` begins, the
        training goes on from it, to the same result as if it had never stopped. In a search, name
        a folder: each fit then has a file of its own there.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, by label: finite numbers of 0 or more, of which only the ratios
        matter. "balanced" weights each class by the inverse of its frequency.
    callbacks : list, default=None
        Keras callbacks, and functions of ``(epoch, logs)`` called at each epoch's end. Each fit
        makes shallow copies of Keras's: counters start anew, objects that they refer to are shared.
        They change the model of that fit only; it takes scaled X (`standardize`, `differences`).
    keras_params : dict, default=None
        Parameters of the optimizer and the loss by Keras's names, such as
        ``{"optimizer__beta_1": 0.8}``.
    warm_start : bool, default=False
        Whether ``fit`` continues from the fitted weights and optimizer state.
    random_state : int, RandomState or None, default=None
        Draws the initial weights, the held-out samples, the order of the samples and the dropout.
        An int gives the same numbers to the last bit on one machine.
    verbose : int, default=0
        1 shows a progress bar with loss and metrics; 2 prints them in a line for each epoch; 3
        shows a bar of each prediction too.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted; for several labels at once, their column numbers.
    n_features_in_ : int
        Columns of a table, otherwise features per time step (1 for token ids).
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, where X was a DataFrame with string names, or a list of them.
    n_outputs_ : int
        1, or the number of labels of an indicator matrix.
    history_ : dict of lists
        One entry per epoch: ``loss`` and ``accuracy``, and ``val_*`` with a validation set (NaN for
        epochs that had none).
    histories_ : list of dict
        The history of each network; ``history_`` is the mean of those that ran an epoch.
    n_iter_ : int
        Epochs run; with several networks, those of the longest training.
    interrupted_ : bool
        Whether Ctrl-C ended the last fit before its last epoch.
    training_loop_ : str
        How the epochs were run: "xla" (compiled by XLA) or "graph" (a plain TensorFlow graph, for
        work too small to be worth compiling), with ", batch by batch" if a callback needs it.

    See Also
    --------
    LSTMRegressor : The same network for numbers.

    References
    ----------
    .. [1] S. Furui, "Speaker-independent isolated word recognition using dynamic features of
       speech spectrum", 1986.
    .. [2] A. Krizhevsky, "One weird trick for parallelizing convolutional neural networks", 2014:
       the square root of the batch size.
    .. [3] L. K. Hansen, P. Salamon, "Neural network ensembles", 1990; B. Lakshminarayanan,
       A. Pritzel, C. Blundell, "Simple and scalable predictive uncertainty estimation using deep
       ensembles", 2017.

    Examples
    --------
    The class of a sequence is the sign of its first time step, which the network has to remember:

    >>> import numpy as np
    >>> from sklstm import LSTMClassifier
    >>> X = np.random.RandomState(0).normal(size=(256, 10, 1))
    >>> y = np.where(X[:, 0, 0] > 0, "up", "down")
    >>> clf = LSTMClassifier(16, learning_rate=0.02, random_state=0).fit(X, y)
    >>> clf.score(X, y) > 0.95
    True
    """

    _parameter_constraints: dict = BaseLSTM._parameter_constraints | {
        "class_weight": [dict, StrOptions({"balanced"}), None]
    }

    def __init__(
        self,
        units: int | Sequence[int] = 64,
        *,
        bidirectional: bool = False,
        dropout: float = 0.0,
        pooling: str = "max",
        dense_units: int | Sequence[int] = (),
        n_networks: int = 1,
        vocabulary_size: int | None = None,
        embedding_dim: int | None = None,
        timesteps: int | None = None,
        static: str | int | Sequence[str | int] | None = None,
        standardize: bool = True,
        differences: bool | str = "auto",
        optimizer: str | keras.optimizers.Optimizer = "adam",
        learning_rate: float | str | None = "auto",
        learning_rate_schedule: str = "cosine",
        warmup: float = 0.0,
        clipnorm: float | None = 1.0,
        batch_size: int | str = "auto",
        epochs: int = 60,
        early_stopping: bool = False,
        validation_fraction: float | None = None,
        n_iter_no_change: int = 10,
        scoring: str | Callable = "loss",
        checkpoint: str | os.PathLike | None = None,
        class_weight: dict | str | None = None,
        callbacks: list | None = None,
        keras_params: Mapping[str, Any] | None = None,
        warm_start: bool = False,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.units = units
        self.bidirectional = bidirectional
        self.dropout = dropout
        self.pooling = pooling
        self.dense_units = dense_units
        self.n_networks = n_networks
        self.vocabulary_size = vocabulary_size
        self.embedding_dim = embedding_dim
        self.timesteps = timesteps
        self.static = static
        self.standardize = standardize
        self.differences = differences
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.learning_rate_schedule = learning_rate_schedule
        self.warmup = warmup
        self.clipnorm = clipnorm
        self.batch_size = batch_size
        self.epochs = epochs
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.scoring = scoring
        self.checkpoint = checkpoint
        self.class_weight = class_weight
        self.callbacks = callbacks
        self.keras_params = keras_params
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    @property
    def classes_(self) -> np.ndarray:
        """The labels, sorted; for several labels at once, their column numbers."""
        return self._fitted().data.targets.classes

    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
    ) -> Self:
        """Fit the network, anew or, with `warm_start`, starting from the fitted weights.

        Parameters
        ----------
        X : array of shape (n, T, F) or (n, T), DataFrame, or list of arrays of shape (T_i, F)
            Sequences; NaN-padded 3-D arrays and lists may vary in length.
        y : array of shape (n,) or (n, n_outputs)
            Labels; an indicator matrix of zeros and ones for several labels at once. One-hot
            labels are such a matrix too, and give a warning: pass ``y.argmax(axis=1)``.
        sample_weight : array of shape (n,), default=None
            Weights of the samples in the loss, sum(w * l) / sum(w): only their ratios matter.
            Samples of weight 0 are dropped.
        X_val, y_val : like X and y, default=None
            A validation set of your own, instead of `validation_fraction`.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a parameter, X, y or a weight is not valid, or the loss becomes infinite or NaN.
        """
        previous = self._state_to_continue()
        self._fit(X, y, sample_weight, (X_val, y_val), previous=previous, partial=False)
        return self

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Train for one more epoch; the scales of the features stay those of the first call.

        Parameters
        ----------
        X : sequences, as in ``fit``
        y : array of shape (n,) or (n, n_labels)
            Labels.
        classes : array of shape (n_classes,), default=None
            All labels that may occur in any call; required in the first call only.
        sample_weight : array of shape (n,), default=None
            Weights of the samples.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            See ``fit``. Also if `classes` is missing in the first call or changes in a later one.
        """
        if self.class_weight == "balanced":
            raise ValueError(
                "class_weight='balanced' is not known from a part of the data: pass partial_fit "
                "a class_weight dict, or sample_weight."
            )
        previous = self._state_before_part()
        known = classes_of_part(classes, None if previous is None else self.classes_)
        self._fit(X, y, sample_weight, previous=previous, partial=True, classes=known)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Predict the most probable label of each sequence.

        Parameters
        ----------
        X : sequences, as in ``fit``

        Returns
        -------
        ndarray of shape (n,), or (n, n_labels) for several labels at once

        Raises
        ------
        NotFittedError
            If the classifier is not fitted.
        ValueError
            If X is not valid, or has other features than in ``fit``.
        """
        state = self._fitted()
        return state.data.targets.decode(self._predict_outputs(X, state))

    def predict_proba(self, X: Any) -> np.ndarray:
        """Predict the probability of each label.

        Parameters
        ----------
        X : sequences, as in ``fit``

        Returns
        -------
        ndarray of shape (n, n_classes)
            In the order of ``classes_``. Each row sums to 1, except for several labels at once,
            each of which has its own probability.

        Raises
        ------
        NotFittedError
            If the classifier is not fitted.
        ValueError
            If X is not valid, or has other features than in ``fit``.
        """
        return self._predict_outputs(X, self._fitted())

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy; of several labels at once, all have to be right.

        Parameters
        ----------
        X : sequences, as in ``fit``
        y : array of shape (n,) or (n, n_labels)
            True labels.
        sample_weight : array of shape (n,), default=None
            Weights of the samples.

        Returns
        -------
        float

        Raises
        ------
        NotFittedError
            If the classifier is not fitted.
        ValueError
            If X, y or a weight is not valid, or X has other features than in ``fit``.
        """
        y, weights = self._targets_to_score(y, sample_weight)
        return super().score(X, y, weights)

    def _read_targets(self, y: Any, name: str = "y") -> np.ndarray:
        return read_labels(y, name)

    def _learn_targets(self, y: np.ndarray, classes: np.ndarray | None) -> Targets:
        if y.ndim == 2:
            return MultilabelTargets.of(y, stacklevel=6)
        return ClassTargets.of(y, classes, type(self).__name__)

    def _class_weights(self, targets: Targets, y: np.ndarray, weights: np.ndarray) -> ClassWeights:
        return targets.class_weights(self.class_weight, y, weights)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
