"""Looking inside: how a network learnt, what its gates do, and what it looks at.

The label of a noisy sequence of 24 time steps and 3 features is whether a short pulse of the second
feature points up or down. The pulse comes at time step 4 or 5; nothing else tells the label, and
the network has to keep it to the end. One picture shows the loss and the accuracy over the
epochs, the gates over one sequence, and the importance of every feature at every time step.
"""

import argparse
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from sklearn.model_selection import train_test_split

from sklstm import LSTMClassifier
from sklstm.inspection import (
    GateActivationsDisplay,
    TrainingHistoryDisplay,
    gate_activations,
    permutation_importance_over_time,
)

PULSE = 1  # the feature that has it


def main():
    parser = argparse.ArgumentParser(description="Look inside a fitted network.")
    parser.add_argument("--epochs", type=int, default=60, help="passes at most (default: 60)")
    parser.add_argument("--output", type=Path, default=Path("looking_inside.png"), metavar="FILE")
    options = parser.parse_args()

    X_train, X_test, y_train, y_test = train_test_split(*make_pulses(), random_state=0)
    classifier = LSTMClassifier(
        16, epochs=options.epochs, learning_rate=0.01, early_stopping=True, random_state=0
    ).fit(X_train, y_train)
    print(f"{classifier.n_iter_} epochs, test accuracy {classifier.score(X_test, y_test):.3f}")

    gates = gate_activations(classifier, X_test)
    print(f"the forget gates keep {gates.forget_gate.mean():.2f} of the cell per time step")

    importances = permutation_importance_over_time(
        classifier, X_test, y_test, by="both", random_state=0
    )
    steps, features = np.unravel_index(
        importances.importances_mean.argsort(axis=None)[:-4:-1], X_test.shape[1:]
    )
    for step, feature in zip(steps, features, strict=True):
        loss = importances.importances_mean[step, feature]
        print(f"without feature {feature} at time step {step}: accuracy falls by {loss:.3f}")
    print(draw(classifier, X_test, importances.importances_mean, options.output))


def make_pulses(n=1200, n_steps=24, n_features=3, seed=0):
    """Draw noise with a pulse up (label "up") or down."""
    rng = np.random.default_rng(seed)
    X = rng.normal(0, 0.3, (n, n_steps, n_features))
    y = rng.choice(["down", "up"], n)
    X[np.arange(n), rng.integers(4, 6, n), PULSE] += np.where(y == "up", 1.5, -1.5)
    return X, y


def draw(classifier, X, importances, path):
    """Draw the displays side by side; return what the user is told about it."""
    try:
        from matplotlib import pyplot as plt
    except ImportError:
        return 'No picture of the inside: pip install "sklstm[plot]" gets you one.'
    figure = plt.figure(figsize=(13, 8), layout="constrained")
    left, right = figure.subfigures(1, 2)
    loss, accuracy, by_step = left.subplots(3)
    TrainingHistoryDisplay.from_estimator(classifier, ax=[loss, accuracy])
    largest = np.abs(importances).max()
    image = by_step.imshow(importances.T, aspect="auto", cmap="PuOr", vmin=-largest, vmax=largest)
    left.colorbar(image, ax=by_step, label="decrease of accuracy")
    by_step.set(xlabel="time step", ylabel="feature", yticks=range(X.shape[2]))
    by_step.set_title("permutation importance", loc="left", fontsize="medium")
    GateActivationsDisplay.from_estimator(classifier, X, sample=0, ax=right.subplots())
    figure.savefig(path)
    return f"The picture is in {path.absolute()}."


if __name__ == "__main__":
    main()
