"""
Which digit comes first? A task for a network with memory
=========================================================

The samples are sequences of twelve handwritten digits. One of them is a 3 and one is a
7, and the label says which of the two comes first. To tell it, a model has to
recognise both digits anywhere in the sequence, and to remember one until it meets the
other. Event data often have this form: was the complaint before the refund, or after
it?

The images are real (scikit-learn's digits), the sequences are made of them here. Four
models learn from the same sequences, with three seeds each.
"""

# %%
# The sequences
# -------------
# Test sequences are made of images that occur in no training sequence.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklstm import LSTMClassifier

N_STEPS, N_TRAIN, N_TEST = 12, 1500, 1000  # images of a sequence, and sequences
SEEDS = range(3)


def make_sequences(images, digits, n, rng):
    """Return sequences of shape (n, 12, 64), which digit is first, and the distance."""
    others = images[~np.isin(digits, (3, 7))]
    X = others[rng.integers(len(others), size=(n, N_STEPS))]
    places = np.array([rng.permutation(N_STEPS)[:2] for _ in range(n)])
    for digit, place in zip((3, 7), places.T, strict=True):
        candidates = images[digits == digit]
        X[np.arange(n), place] = candidates[rng.integers(len(candidates), size=n)]
    y = np.where(places[:, 0] < places[:, 1], 3, 7)
    return X, y, np.abs(places[:, 0] - places[:, 1])


images, digits = load_digits(return_X_y=True)
X, y, _ = make_sequences(images, digits, 3, np.random.default_rng(0))
fig, axes = plt.subplots(3, 1, figsize=(6.5, 2.8), layout="constrained")
for ax, sequence, label in zip(axes, X, y, strict=True):
    strip = np.hstack([image.reshape(8, 8) for image in sequence])
    ax.imshow(strip, cmap="gray_r")
    ax.set(xticks=[], yticks=[], title=f"{label} comes first")
plt.show()

# %%
# Four models
# -----------
# Models without memory need a table with one row for each sequence. The linear model
# and boosting see all pixels of all images in a row; the forest sees what one would
# compute by hand: the mean and the spread of each pixel, and its mean in both halves
# of the sequence. The LSTM reads the images one after another, with the same weights
# for each.


def all_pixels(X):
    return X.reshape(len(X), -1)


def summaries(X):
    first, second = np.array_split(X, 2, axis=1)
    return np.hstack(
        [X.mean(axis=1), X.std(axis=1), first.mean(axis=1), second.mean(axis=1)]
    )


def make_models(seed):
    return {
        "linear model": make_pipeline(
            FunctionTransformer(all_pixels), LogisticRegression(C=1e-3, max_iter=500)
        ),
        "forest": make_pipeline(
            FunctionTransformer(summaries),
            RandomForestClassifier(100, random_state=seed),
        ),
        "boosting": make_pipeline(
            FunctionTransformer(all_pixels),
            HistGradientBoostingClassifier(max_iter=40, random_state=seed),
        ),
        "LSTM": LSTMClassifier(32, epochs=20, pooling="last", random_state=seed),
    }


accuracies, hits, distances = {}, [], []
for seed in SEEDS:
    rng = np.random.default_rng(seed)
    train, test, d_train, d_test = train_test_split(
        images, digits, stratify=digits, random_state=seed
    )
    X_train, y_train, _ = make_sequences(train, d_train, N_TRAIN, rng)
    X_test, y_test, distance = make_sequences(test, d_test, N_TEST, rng)
    for name, model in make_models(seed).items():
        correct = model.fit(X_train, y_train).predict(X_test) == y_test
        accuracies.setdefault(name, []).append(correct.mean())
    hits.append(correct)  # those of the last model, the LSTM
    distances.append(distance)

print("test accuracy of three seeds (chance is 0.5)")
for name, values in accuracies.items():
    print(f"{name + ':':<14}", " ".join(f"{value:.3f}" for value in values))

# %%
# The result
# ----------
# No model without memory comes near the LSTM. They would need a feature for every pair
# of places, or many more sequences. The LSTM does not have to learn what a 3 looks
# like in each of twelve places: what it learns from one time step holds for all of
# them. Its accuracy does not fall where the two digits are far apart.
hits, distances = np.concatenate(hits), np.concatenate(distances)
by_distance = [hits[distances == d].mean() for d in range(1, N_STEPS)]

fig, (left, right) = plt.subplots(1, 2, figsize=(7, 3.2), layout="constrained")
for row, (name, values) in enumerate(accuracies.items()):
    colour = "#0072b2" if name == "LSTM" else "#999999"
    left.barh(row, np.mean(values) - 0.5, left=0.5, color=colour)
    left.plot(values, [row] * len(values), "o", color="black", markersize=4)
left.set_yticks(range(len(accuracies)), accuracies)
left.set(
    xlabel="test accuracy (chance: 0.5)\nbars: mean, dots: seeds", xlim=(0.5, 1.01)
)
left.invert_yaxis()
right.plot(range(1, N_STEPS), by_distance, "o-", color="#0072b2")
right.set(
    xlabel="time steps between the two digits",
    ylabel="test accuracy of the LSTM",
    ylim=(0.5, 1.01),
)
plt.show()

# %%
# Such a comparison also says where an LSTM is not needed. Of one month ahead, a linear
# model knows more: :ref:`sphx_glr_auto_examples_forecasting_plot_monthly_intervals.py`.
#
# sphinx_gallery_thumbnail_number = 2
