"""
Images read row by row
======================

An image can be read as a sequence: its rows are the time steps, and the pixels of a
row are the features. An LSTM layer reads the rows from top to bottom, and its last
output tells the digit. This is a well-known first example of LSTM networks, since it
shows what they do with order: no time step alone tells which digit it is.
"""

# %%
# The images
# ----------
# MNIST has 60,000 training images of 28 rows and 28 columns. This page takes the first
# 3,000 of them, so that it is built in seconds. Where there is no copy of MNIST (see
# :func:`sklstm.datasets.fetch_mnist`), it takes the digits that come with
# scikit-learn, which have 8 rows and 8 columns. Both are arrays of shape (images,
# rows, columns): samples, time steps and features.
import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.model_selection import train_test_split

from sklstm import LSTMClassifier
from sklstm.datasets import fetch_mnist
from sklstm.inspection import TrainingHistoryDisplay

N_MNIST = 3_000  # training images
EPOCHS, LEARNING_RATE = {28: 8, 8: 20}, {28: 0.001, 8: 0.005}  # by the number of rows


def read_images():
    try:
        mnist = fetch_mnist(download_if_missing=False)
    except FileNotFoundError:
        digits = load_digits()
        images = digits.images / 16
        return "scikit-learn's digits", *train_test_split(
            images, digits.target, random_state=0
        )
    X_train, y_train = mnist.data_train[:N_MNIST] / 255, mnist.target_train[:N_MNIST]
    return "MNIST", X_train, mnist.data_test / 255, y_train, mnist.target_test


name, X_train, X_test, y_train, y_test = read_images()
n_rows, n_columns = X_train.shape[1:]
print(f"This page was built with {name}: {len(X_train):,} images to learn,")
print(f"{len(X_test):,} to test; {n_rows} time steps of {n_columns} features")

# %%
# The network
# -----------
# 128 units, trained by Adam in batches of 32. A tenth of the training images is held
# out, and its loss is computed after every epoch. Pixels are on one scale as they are,
# so nothing has to be standardised.
classifier = LSTMClassifier(
    128,
    pooling="last",
    standardize=False,
    learning_rate=LEARNING_RATE[n_rows],
    batch_size=32,
    epochs=EPOCHS[n_rows],
    validation_fraction=0.1,
    random_state=0,
)
classifier.fit(X_train, y_train)
linear = LogisticRegression(max_iter=300, C=0.1)
linear.fit(X_train.reshape(len(X_train), -1), y_train)

accuracy = classifier.score(X_test, y_test)
linear_accuracy = linear.score(X_test.reshape(len(X_test), -1), y_test)
print(f"test accuracy of the LSTM:            {accuracy:.3f}")
print(f"test accuracy of logistic regression: {linear_accuracy:.3f}")

# %%
# Learning curves
# ---------------
# The loss of the images that the network learns from goes on falling. The validation
# loss says when more epochs stop helping.
TrainingHistoryDisplay.from_estimator(classifier)
plt.show()

# %%
# Which digits are mistaken for which
# -----------------------------------
# The estimator is a scikit-learn classifier, so scikit-learn's displays take it.
fig, ax = plt.subplots(figsize=(5.5, 5), layout="constrained")
ConfusionMatrixDisplay.from_estimator(
    classifier, X_test, y_test, ax=ax, cmap="Blues", colorbar=False
)
ax.set(xlabel="predicted digit", ylabel="true digit")
plt.show()

# %%
# Some of the mistaken images, with the probability that the network gave to its
# answer:
probabilities = classifier.predict_proba(X_test)
predicted = classifier.classes_[probabilities.argmax(axis=1)]
mistaken = (predicted != y_test).nonzero()[0][:6]
fig, axes = plt.subplots(2, 3, figsize=(5.5, 4.4), layout="constrained")
for ax in axes.flat:
    ax.set_axis_off()
for ax, i in zip(axes.flat, mistaken, strict=False):
    ax.imshow(X_test[i], cmap="gray_r")
    ax.set_title(f"{y_test[i]} read as {predicted[i]} ({probabilities[i].max():.0%})")
plt.show()

# %%
# Take all of MNIST (``N_MNIST = 60_000``) for the numbers that are usually reported;
# the page on benchmarks has those of this network. For images of one size,
# convolutional networks are better: reading rows pays where the number of rows
# differs.
#
# sphinx_gallery_thumbnail_number = 2
