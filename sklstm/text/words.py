"""`WordSequenceGenerator`: a generator whose tokens are words, marks and line breaks."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np

from sklstm._sklearn_compat import Interval
from sklstm.text.generator import TextGenerator
from sklstm.text.language_model import LanguageModel
from sklstm.text.vocabulary import WordVocabulary

if TYPE_CHECKING:
    import keras


class WordSequenceGenerator(TextGenerator):
    r"""Word-level LSTM that learns text and writes more of it.

    It is a `CharSequenceGenerator` whose tokens are words, punctuation marks and line breaks, all
    of which count as words. A token keeps the space before it (``" the"`` and ``"the"`` are two
    tokens), so that joined tokens are exactly the text: no rule has to guess where spaces belong.

    Words that the vocabulary lacks are read as the unknown token ``"<unk>"``. It is never written:
    its probability is set to 0 before a word is drawn, and the others are normalised.

    Parameters
    ----------
    units : int or sequence of int, default=128
        Units of the LSTM layers: an int for one layer, a sequence for one layer each.
    dropout : float in [0, 1), default=0.0
        Share of each layer's outputs that training hides, the same at all time steps of a window.
    embedding_dim : int, default=128
        Length of the vector learnt for each word; None encodes words one-hot.
    vocabulary : str or sequence of str, default=None
        A text that the words are learnt from instead of that of ``fit``, or the words themselves,
        as ``vocabulary_`` lists them. Set it for cross-validation and to compare scores:
        otherwise each fit learns its own words.
    num_words : int or None, default=10000
        How many of the most frequent words to know; None knows all.
    min_count : int, default=2
        How often a word has to occur to be known. Above 1, the rare words of the text are unknown
        in training, so that the network learns where unknown words occur.
    lowercase : bool, default=False
        Whether to turn the texts to lower case first, character by character.
    window : int, default=32
        Words of a training window, each of which is a target. Every epoch cuts longer documents
        at different places.
    optimizer : str or keras.optimizers.Optimizer, default="adam"
        One of "adadelta", "adafactor", "adagrad", "adam", "adamax", "adamw", "ftrl", "lion",
        "nadam", "rmsprop" and "sgd", or an object, of which a copy is trained with its own
        learning rate.
    learning_rate : float, default=0.003
        For an optimizer given by name; None for that optimizer's own default.
    learning_rate_schedule : {"constant", "cosine"}, default="constant"
        Whether the learning rate stays, or falls to 0 over the fit in half a period of a cosine.
    warmup : float in [0, 1), default=0.0
        Share of the fit over which the learning rate first rises, in equal steps.
    clipnorm : float, default=1.0
        Largest norm of the gradient of each weight array, for an optimizer given by name; None
        does not clip.
    batch_size : int, default=16
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
        Words of a sample that is printed after every epoch, at temperature 0.6; 0 prints none.
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
        1 shows a progress bar, with nats per word, words per second and the time left; 2
        prints a line for each epoch.

    Attributes
    ----------
    vocabulary_ : ndarray of shape (n_words,), dtype object
        The known words in order of decreasing frequency, equally frequent ones in alphabetical
        order, and ``"<unk>"`` last; the columns of ``predict_proba``.
    history_ : dict of lists
        ``loss``, the mean nats per word of each epoch, and ``accuracy``; with `X_val`,
        ``val_loss`` and ``val_accuracy``.
    n_iter_ : int
        Epochs run.
    training_loop_ : str
        How the epochs were run, as in `LSTMClassifier`.

    See Also
    --------
    CharSequenceGenerator : The same with characters: no unknown words, any language.
    sklstm.datasets.split_documents : Cuts a text into documents, for cross-validation.

    Notes
    -----
    A word ends at the next word boundary of Unicode Standard Annex 29 [1]_: it has letters, digits
    and underscores of any script with the marks and joiners that belong to them, and apostrophes
    inside ("don't", "1980's"); numbers have their commas and points ("1,000.5"). A full stop or
    a colon between letters ends a word, as in "end.The". Every other mark is a token of its own,
    as is a sequence of joined emoji, a line break, a tab or a run of spaces; the last space of a
    run belongs to the word that follows. Scripts without spaces between words are cut into small
    tokens: each Chinese character is a token, and Thai, Lao, Burmese and Khmer are cut into single
    letters, each with its marks. Use a `CharSequenceGenerator` for such a text.

    A prompt ends with a word or a mark, not with a space, which belongs to the next word. A `stop`
    is whole words; it does not matter whether a space precedes it.

    ``predict_proba``, ``score``, ``perplexity``, ``log_probabilities`` and ``return_logprobs`` use
    the network's own distribution, the unknown token included: every unknown word counts as that
    token. So compare scores only between generators of the same vocabulary; a smaller vocabulary
    is an easier task. ``-log_probabilities(text).sum() / len(text)`` is in nats per character,
    which can be compared with a `CharSequenceGenerator` if few words are unknown.

    References
    ----------
    .. [1] "Unicode text segmentation", Unicode Standard Annex 29,
       https://www.unicode.org/reports/tr29/

    Examples
    --------
    >>> from sklstm import WordSequenceGenerator
    >>> generator = WordSequenceGenerator(16, embedding_dim=8, window=8, batch_size=8,
    ...                                   learning_rate=0.03, random_state=0)
    >>> generator.fit("one fish, two fish, " * 100).generate("one", 4, temperature=0)
    ' fish, two fish'
    >>> list(generator.stream("one", 4, temperature=0))
    [' fish', ',', ' two', ' fish']
    """

    _parameter_constraints: dict = LanguageModel._parameter_constraints | {
        "num_words": [Interval(Integral, 1, None, closed="left"), None],
        "min_count": [Interval(Integral, 1, None, closed="left")],
        "lowercase": ["boolean"],
    }
    _token = "word"
    _fixed_parameters = ("lowercase",)

    def __init__(
        self,
        units: int | Sequence[int] = 128,
        *,
        dropout: float = 0.0,
        embedding_dim: int | None = 128,
        vocabulary: str | Sequence[str] | None = None,
        num_words: int | None = 10_000,
        min_count: int = 2,
        lowercase: bool = False,
        window: int = 32,
        optimizer: str | keras.optimizers.Optimizer = "adam",
        learning_rate: float | None = 0.003,
        learning_rate_schedule: str = "constant",
        warmup: float = 0.0,
        clipnorm: float | None = 1.0,
        batch_size: int = 16,
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
        self.num_words = num_words
        self.min_count = min_count
        self.lowercase = lowercase
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

    def _learn_vocabulary(self, texts: list[str]) -> WordVocabulary:
        if self.vocabulary is None or isinstance(self.vocabulary, str):
            return WordVocabulary.learn(
                texts if self.vocabulary is None else [self.vocabulary],
                num_words=self.num_words,
                min_count=int(self.min_count),
                lowercase=bool(self.lowercase),
            )
        return WordVocabulary.given(self.vocabulary, lowercase=bool(self.lowercase))
