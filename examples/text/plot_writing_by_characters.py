"""
Two LSTM layers learn a text by its characters, and write on
============================================================

A text is a sequence of characters, and the network predicts each from those before it.
Afterwards it writes: it draws a character, reads it, draws the next one. It carries
its state along, so that nothing is read twice. Two layers with dropout learn here, a
file keeps the model of the lowest loss, and the text goes on from a window of the
original.
"""

# %%
# The text
# --------
# Shakespeare's plays where there is a copy (see
# :func:`sklstm.datasets.fetch_shakespeare`), and the reference that comes with Python
# otherwise. Characters are kept as they are: nothing is scaled or coded by hand.
import tempfile
import time
from collections import Counter
from itertools import pairwise
from math import log
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from keras.callbacks import EarlyStopping, ModelCheckpoint

from sklstm import CharSequenceGenerator
from sklstm.datasets import fetch_shakespeare, load_python_reference
from sklstm.inspection import TrainingHistoryDisplay

N_CHARACTERS, UNITS, EPOCHS, WINDOW = 110_000, (96, 96), 6, 100


def read_text():
    try:
        return "Shakespeare", fetch_shakespeare(download_if_missing=False)
    except FileNotFoundError:
        return "the Python reference", load_python_reference()


name, text = read_text()
text = text[:N_CHARACTERS]
cut = len(text) * 9 // 10
train, test = text[:cut], text[cut:]
print(f"This page was built with {name}: {len(train):,} characters to learn,")
print(f"{len(test):,} held out")

# %%
# Training
# --------
# Keras's callbacks work as they do in Keras: one saves a model at each new lowest
# loss, the other puts the weights of the lowest loss back at the end.
with tempfile.TemporaryDirectory() as folder:
    file = Path(folder, "best.keras")
    generator = CharSequenceGenerator(
        UNITS,
        vocabulary=sorted(set(text)),  # some are in the held-out part only
        dropout=0.2,
        window=WINDOW,
        epochs=EPOCHS,
        batch_size=16,
        learning_rate=0.01,
        callbacks=[
            ModelCheckpoint(file, monitor="loss", mode="min", save_best_only=True),
            EarlyStopping(
                monitor="loss", mode="min", patience=10, restore_best_weights=True
            ),
        ],
        random_state=0,
    )
    generator.fit(train)
    print(f"the file of the best model has {file.stat().st_size / 2**20:.1f} MiB")

TrainingHistoryDisplay.from_estimator(generator)
plt.show()

# %%
# How well does it predict?
# -------------------------
# ``score`` is the mean logarithm of the probability of each held-out character, so
# less negative is better; with the other sign it is in nats per character. Two simpler
# models are scored in the same way: the frequency of each character, and its frequency
# after the character before it.


def nats_of_frequencies(train, test):
    counts = Counter(train)
    size = len(train) + len(counts) + 1
    return -sum(log((counts[c] + 1) / size) for c in test) / len(test)


def nats_of_pairs(train, test):
    pairs, firsts = Counter(pairwise(train)), Counter(train)
    size = len(firsts) + 1
    nats = [-log((pairs[a, b] + 1) / (firsts[a] + size)) for a, b in pairwise(test)]
    return sum(nats) / len(nats)


print("nats per held-out character")
print(f"frequencies:          {nats_of_frequencies(train, test):.2f}")
print(f"frequencies of pairs: {nats_of_pairs(train, test):.2f}")
print(f"LSTM:                 {-generator.score(test):.2f}")

# %%
# Writing
# -------
# The most probable character at each place leads into circles. Drawing at a
# temperature of 0.6, which makes probable characters more probable still, does not.
place = np.random.default_rng(0).integers(cut - WINDOW)
prompt = train[place : place + WINDOW]
print(f"THE WINDOW\n{prompt}\n")
print(
    f"THE MOST PROBABLE CHARACTERS\n{generator.generate(prompt, 300, temperature=0)}\n"
)
sample = generator.generate(prompt, 500, temperature=0.6, random_state=0)
print(f"DRAWN AT TEMPERATURE 0.6\n{sample}")

# %%
# What the state saves
# --------------------
# A network whose state is not carried has to read a window of 100 characters again for
# each character that it writes. The figure is the time for a character both ways, on
# the machine that built this page.
start = time.perf_counter()
generator.generate(prompt, 2000, random_state=0)
carried = (time.perf_counter() - start) / 2000
start = time.perf_counter()
for _ in range(50):
    generator.predict_proba([prompt])
again = (time.perf_counter() - start) / 50
print(f"state carried:     {1e6 * carried:.0f} µs a character")
print(f"window read again: {1e6 * again:.0f} µs a character")
fig, ax = plt.subplots(figsize=(6.5, 1.8), layout="constrained")
ax.barh(
    ["state carried", "window read again"],
    [1e6 * carried, 1e6 * again],
    color="#0072b2",
)
ax.set(xlabel="time for a character, µs")
ax.invert_yaxis()
plt.show()
