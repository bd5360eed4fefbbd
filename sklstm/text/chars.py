"""`CharSequenceGenerator`: a generator whose tokens are characters."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sklstm.text.generator import TextGenerator
from sklstm.text.vocabulary import CharVocabulary

if TYPE_CHECKING:
    import keras


class CharSequenceGenerator(TextGenerator):
    """Character-level LSTM that learns text and writes more of it.

    The network reads one character after another and predicts the next one at every time step
    [1]_; its state is carried from character to character, so nothing is read twice. Every document
    starts from the zero state. Keras trains the network, ONNX Runtime reads and writes with it.

    Parameters
    ----------
    units : int or sequence of int, default=128
        Units of the LSTM layers: an int for one layer, a sequence for one layer each.
    dropout : float in [0, 1), default=0.0
        Share of each layer's outputs that training hides, the same at all time steps of a window.
    embedding_dim : int, default=None
        Length of the vector learnt for each character; None encodes characters one-hot.
    vocabulary : str or sequence of str, default=None
        All characters that may occur, as a text or one by one. None learns them from the text of
        ``fit``. Set it for cross-validation: a held-out document may have characters that the
        others lack.
    window : int, default=64
        Characters of a training window, each of which is a target. Every epoch cuts longer
        documents at different places.
    optimizer : str or keras.optimizers.Optimizer, default="adam"
        One of "adadelta", "adafactor", "adagrad", "adam", "adamax", "adamw", "ftrl", "lion",
        "nadam", "rmsprop" and "sgd", or an object, of which a copy is trained with its own
        learning rate.
    learning_rate : float, default=0.01
        For an optimizer given by name; None for that optimizer's own default.
    learning_rate_schedule : {"constant", "cosine"}, default="constant"
        Whether the learning rate stays, or falls to 0 over the fit in half a period of a cosine.
    warmup : float in [0, 1), default=0.0
        Share of the fit over which the learning rate first rises, in equal steps.
    clipnorm : float, default=1.0
        Largest norm of the gradient of each weight array, for an optimizer given by name; None
        does not clip.
    batch_size : int, default=64
        Windows per step of the optimizer.
    epochs : int, default=10
        Passes over the text.
    early_stopping : bool, default=False
        Whether to stop when the loss of `X_val` has not improved for `n_iter_no_change` epochs; the
        best weights are kept.
    n_iter_no_change : int, default=3
        Patience of early stopping, in epochs.
    checkpoint : str or path-like, default=None
        A file that ``fit`` writes after every epoch, whole or not at all. If it is there when
        ``fit`` begins, the training goes on from it, to the same result as if it had never
        stopped; a training that was complete is not run again. The state of `callbacks` is not
        kept. It is a model file: ``persistence.load`` reads it.
    sample_length : int, default=0
        Characters of a sample that is printed after every epoch, at temperature 0.6; 0 prints none.
    callbacks : list, default=None
        Keras callbacks, and functions of ``(epoch, logs)`` called at each epoch's end. Each fit
        makes shallow copies of Keras's: their counters start anew, but objects that they refer to
        (a list, a lock, a trial) are shared with yours. Their changes to the model apply to that
        fit only.
    keras_params : dict, default=None
        Parameters of the optimizer by Keras's names, such as ``{"optimizer__beta_1": 0.8}``.
    warm_start : bool, default=False
        Whether ``fit`` continues from the fitted weights, vocabulary and optimizer state.
    random_state : int, RandomState or None, default=None
        Draws the initial weights, the windows and the dropout. An int gives the same numbers to
        the last bit on one machine.
    verbose : int, default=0
        1 shows a progress bar, with nats per character, characters per second and the time left; 2
        prints a line for each epoch.

    Attributes
    ----------
    vocabulary_ : ndarray of shape (n_characters,), dtype object
        The characters of the text, sorted; the columns of ``predict_proba``.
    history_ : dict of lists
        ``loss``, the mean nats per character of each epoch, and ``accuracy``; with `X_val`,
        ``val_loss`` and ``val_accuracy``.
    n_iter_ : int
        Epochs run.
    training_loop_ : str
        How the epochs were run, as in `LSTMClassifier`.

    See Also
    --------
    sklstm.datasets.split_documents : Cuts a text into documents, for cross-validation.

    References
    ----------
    .. [1] A. Graves, "Generating sequences with recurrent neural networks", 2013.

    Examples
    --------
    >>> from sklstm import CharSequenceGenerator
    >>> generator = CharSequenceGenerator(16, window=16, batch_size=8, learning_rate=0.03,
    ...                                   random_state=0)
    >>> generator.fit("abcd" * 200).generate("ab", 6, temperature=0)
    'cdabcd'
    """

    _token = "char"

    def __init__(
        self,
        units: int | Sequence[int] = 128,
        *,
        dropout: float = 0.0,
        embedding_dim: int | None = None,
        vocabulary: str | Sequence[str] | None = None,
        window: int = 64,
        optimizer: str | keras.optimizers.Optimizer = "adam",
        learning_rate: float | None = 0.01,
        learning_rate_schedule: str = "constant",
        warmup: float = 0.0,
        clipnorm: float | None = 1.0,
        batch_size: int = 64,
        epochs: int = 10,
        early_stopping: bool = False,
        n_iter_no_change: int = 3,
        checkpoint: str | os.PathLike | None = None,
        sample_length: int = 0,
        callbacks: list | None = None,
        keras_params: Mapping[str, Any] | None = None,
        warm_start: bool = False,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.units = units
        self.dropout = dropout
        self.embedding_dim = embedding_dim
        self.vocabulary = vocabulary
        self.window = window
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.learning_rate_schedule = learning_rate_schedule
        self.warmup = warmup
        self.clipnorm = clipnorm
        self.batch_size = batch_size
        self.epochs = epochs
        self.early_stopping = early_stopping
        self.n_iter_no_change = n_iter_no_change
        self.checkpoint = checkpoint
        self.sample_length = sample_length
        self.callbacks = callbacks
        self.keras_params = keras_params
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    def _learn_vocabulary(self, texts: list[str]) -> CharVocabulary:
        if self.vocabulary is None:
            return CharVocabulary.learn(texts)
        return CharVocabulary.given(self.vocabulary, f"{self.vocabulary!r:.40}")
