"""
Film reviews: words on their own, and words in their order
==========================================================

Is a film review positive? Two linear models answer by the words that occur in it, a
network by the average of vectors of words, and an LSTM layer reads the words in their
order. Then the gates of the LSTM layer are drawn over a review, with its words on the
axis.
"""

# %%
# The reviews
# -----------
# A review is an array of word ids; ``vocabulary`` has the word of each id. Where there
# is a copy of the IMDB reviews (see :func:`sklstm.datasets.fetch_imdb`), this page
# takes 2,000 of them. Otherwise it makes reviews of its own. These are simpler than
# real ones, but they have what makes reviews difficult: three of ten sentences are
# negated, and "not a dull moment" is praise.
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from sklstm import LSTMClassifier, SequencePadder
from sklstm.datasets import decode_reviews, fetch_imdb
from sklstm.inspection import GateActivationsDisplay, TrainingHistoryDisplay

N_REVIEWS, N_WORDS = 2_000, 100  # to learn, and at most in a review

SUBJECTS = ["the plot", "the acting", "the music", "the ending", "this film"]
GOOD = ["good", "funny", "clever", "moving", "beautiful", "great"]
BAD = ["bad", "dull", "weak", "silly", "boring", "awful"]


def write_sentence(rng):
    """Return a sentence, and 1 for praise or -1 for blame."""
    sign, negated = rng.choice([-1, 1]), rng.random() < 0.3
    word = rng.choice(GOOD if sign > 0 else BAD)
    link = rng.choice(["is not", "is never", "is hardly"]) if negated else "is"
    degree = rng.choice(["", " very", " really"])
    return f"{rng.choice(SUBJECTS)} {link}{degree} {word}", -sign if negated else sign


def write_reviews(n, rng):
    """Return n reviews, and 1 for those that hold more praise than blame."""
    texts, labels = [], []
    for _ in range(n):
        sentences = [write_sentence(rng) for _ in range(3)]
        texts.append(" and ".join(text for text, _ in sentences))
        labels.append(int(sum(sign for _, sign in sentences) > 0))
    return texts, np.array(labels)


def read_reviews():
    """Return a name, the vocabulary, and reviews and labels to learn and to test."""
    try:
        imdb = fetch_imdb(vocabulary_size=10_000, download_if_missing=False)
    except FileNotFoundError:
        texts, labels = write_reviews(N_REVIEWS + 1000, np.random.default_rng(0))
        vocabulary = ["<pad>", "<start>", *sorted(set(" ".join(texts).split()))]
        ids = {word: i for i, word in enumerate(vocabulary)}
        reviews = [np.array([1, *map(ids.get, text.split())]) for text in texts]
        return "generated reviews", vocabulary, *split(reviews), *split(labels)
    train, test = imdb.data_train[:N_REVIEWS], imdb.data_test[:N_REVIEWS]
    y_train, y_test = imdb.target_train[:N_REVIEWS], imdb.target_test[:N_REVIEWS]
    return "reviews of IMDB", imdb.vocabulary, train, test, y_train, y_test


def split(values):
    return values[:N_REVIEWS], values[N_REVIEWS:]


name, vocabulary, X_train, X_test, y_train, y_test = read_reviews()
print(f"This page was built with {name}: {len(X_train):,} to learn,")
print(f"{len(X_test):,} to test, {len(vocabulary):,} words. The first one:")
print(decode_reviews(X_train[:1], vocabulary)[0][:200])

# %%
# Four classifiers
# ----------------
# Two are linear models of what occurs in a review: of its words, and of its words and
# pairs of neighbouring words. Two are networks. The first of these has no LSTM layer
# (``units=()``): each word gets a vector of 16 numbers, and their average over the
# review goes through a dense layer. The last one reads the words one by one.
# ``SequencePadder`` cuts long reviews and keeps their ends, where the verdict is. What
# it pads is not read.


def words_and_pairs(ids):
    return [*map(str, ids), *(f"{a} {b}" for a, b in pairwise(ids))]


settings = {
    "vocabulary_size": len(vocabulary),
    "embedding_dim": 16,
    "validation_fraction": 0.2,
    "early_stopping": True,
    "n_iter_no_change": 3,
    "random_state": 0,
}
networks = {
    "average of vectors": LSTMClassifier(
        (), pooling="mean", dense_units=16, epochs=20, batch_size=32, **settings
    ),
    "LSTM": LSTMClassifier(16, pooling="last", epochs=12, batch_size=32, **settings),
}
models = {
    "words": make_pipeline(TfidfVectorizer(analyzer=list), LogisticRegression(C=3)),
    "words and pairs": make_pipeline(
        TfidfVectorizer(analyzer=words_and_pairs), LogisticRegression(C=10)
    ),
}
for key, network in networks.items():
    padder = SequencePadder(N_WORDS, truncating="pre")
    models[key] = Pipeline([("pad", padder), ("network", network)])
for key, model in models.items():
    accuracy = model.fit(X_train, y_train).score(X_test, y_test)
    print(f"test accuracy, {key + ':':<20} {accuracy:.3f}")

# %%
# Words on their own do not tell what is negated. Pairs of words know "not good", but
# not "not very good". A network that reads in order needs no list of such cases.
#
# Learning curves
# ---------------
# Training stops when the validation loss has stopped falling for three epochs, and the
# weights of the best epoch are kept.
TrainingHistoryDisplay.from_estimator(models["LSTM"])
plt.show()

# %%
# The review of which the LSTM knew least:
positive = models["LSTM"].predict_proba(X_test)[:, 1]
worst = np.abs(positive - y_test).argmax()
truth = "positive" if y_test[worst] else "negative"
print(f"positive with probability {positive[worst]:.3f}, in truth {truth}:")
print(decode_reviews(X_test[worst : worst + 1], vocabulary)[0][:300])

# %%
# The gates over a review
# -----------------------
# Each row of a panel is a unit, each column a word. The *cell* is what the network
# remembers. Where the *forget gate* is near 1, a unit keeps its value; where the
# *input gate* is near 1, it takes up the word. The words that decide are those at
# which the panels change.
lengths = np.array([len(review) for review in X_test])
chosen = np.flatnonzero(lengths <= 24)[0] if lengths.min() <= 24 else lengths.argmin()
words = decode_reviews(X_test[chosen : chosen + 1], vocabulary)[0].split()[-N_WORDS:]
GateActivationsDisplay.from_estimator(
    models["LSTM"], X_test[chosen : chosen + 1], step_labels=words
)
plt.show()

# %%
# sphinx_gallery_thumbnail_number = 2
