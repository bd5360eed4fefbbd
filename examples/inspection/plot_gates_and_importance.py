"""
What a network looks at, and what it remembers
==============================================

A fitted network need not be a black box. This example makes sequences in which a
single moment tells the label, and looks at a network that has learnt them in three
ways: how it learnt, which features at which time steps it needs, and what its gates do
with them.
"""

# %%
# Sequences with one moment that matters
# --------------------------------------
# 24 time steps of three noisy sensors. At time step 4 or 5, the second sensor has a
# short pulse, up or down. Nothing else tells the label, and the network has to
# remember the pulse until the end.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import train_test_split

from sklstm import LSTMClassifier
from sklstm.inspection import (
    GateActivationsDisplay,
    ImportanceOverTimeDisplay,
    TrainingHistoryDisplay,
    gate_activations,
    permutation_importance_over_time,
)

SENSORS = ["pressure", "current", "speed"]
COLOURS = "#0072b2", "#d55e00", "#009e73"


def make_pulses(n=1200, n_steps=24, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(0, 0.3, (n, n_steps, len(SENSORS)))
    y = rng.choice(["down", "up"], n)
    X[np.arange(n), rng.integers(4, 6, n), 1] += np.where(y == "up", 1.5, -1.5)
    return X, y


X_train, X_test, y_train, y_test = train_test_split(*make_pulses(), random_state=0)
fig, axes = plt.subplots(
    2, sharex=True, sharey=True, figsize=(6.5, 3.8), layout="constrained"
)
for ax, label in zip(axes, ["up", "down"], strict=True):
    sequence = X_test[y_test == label][0]
    for values, name, colour in zip(sequence.T, SENSORS, COLOURS, strict=True):
        ax.plot(values, color=colour, label=name)
    ax.set(title=f'label "{label}"', ylabel="value")
axes[-1].set_xlabel("time step")
fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
plt.show()

# %%
# How it learnt
# -------------
# With early stopping, a tenth of the training sequences is held out, and the weights
# of the epoch with the lowest validation loss are kept.
classifier = LSTMClassifier(
    16,
    pooling="last",
    epochs=40,
    learning_rate=0.01,
    early_stopping=True,
    random_state=0,
)
classifier.fit(X_train, y_train)
print(
    f"{classifier.n_iter_} epochs, test accuracy {classifier.score(X_test, y_test):.3f}"
)
TrainingHistoryDisplay.from_estimator(classifier)
plt.show()

# %%
# What it looks at
# ----------------
# Each sensor at each time step is permuted among the test sequences. Where that makes
# the accuracy fall, the network needs it: the current at time steps 4 and 5, as it
# should be.
importances = permutation_importance_over_time(
    classifier, X_test, y_test, by="both", n_repeats=3, random_state=0
)
means = importances.importances_mean
for place in means.argsort(axis=None)[:-4:-1]:
    step, feature = np.unravel_index(place, means.shape)
    fall = means[step, feature]
    print(f"{SENSORS[feature]} at time step {step}: accuracy falls by {fall:.3f}")
ImportanceOverTimeDisplay.from_importances(
    importances, feature_names=SENSORS, score_name="accuracy"
)
plt.show()

# %%
# The same over time, all sensors together, with the standard deviation over the
# repeats:
ImportanceOverTimeDisplay.from_estimator(
    classifier, X_test, y_test, by="time", random_state=0, score_name="accuracy"
)
plt.show()

# %%
# What it remembers
# -----------------
# The gates over one sequence. The cell, which is the memory, changes at the pulse.
# Afterwards the forget gates are near 1 in the units that keep it until the end.
gates = gate_activations(classifier, X_test)
kept = gates.forget_gate[:, 6:].mean()
print(f"the forget gates keep {kept:.2f} of the cell in a time step after the pulse")
GateActivationsDisplay.from_estimator(classifier, X_test, sample=0)
plt.show()

# %%
# sphinx_gallery_thumbnail_number = 3
