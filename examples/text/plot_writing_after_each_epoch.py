"""
How a network writes after each epoch
=====================================

An LSTM layer of 128 units learns a text, and writes some lines after each epoch.
``partial_fit`` is one epoch, after which the generator can be used like any fitted
estimator: to score held-out text, to write, to be saved.
"""

# %%
# The text
# --------
# Shakespeare's plays where there is a copy (see
# :func:`sklstm.datasets.fetch_shakespeare`), and the reference that comes with Python
# otherwise. Coded as windows of 100 one-hot vectors, all of Shakespeare would take 29
# GB; here characters stay integers until they are inside the network.
from collections import Counter
from math import log

import matplotlib.pyplot as plt

from sklstm import CharSequenceGenerator
from sklstm.datasets import fetch_shakespeare, load_python_reference

N_CHARACTERS, EPOCHS = 100_000, 6


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
# Epoch by epoch
# --------------
# RMSprop with a learning rate of 0.01. After each epoch the network writes 160
# characters at a temperature of 0.6: lower temperatures are more careful, higher ones
# more surprising.
generator = CharSequenceGenerator(
    128,
    vocabulary=sorted(set(text)),  # some are in the held-out part only
    window=100,
    optimizer="rmsprop",
    learning_rate=0.01,
    batch_size=16,
    random_state=0,
)
nats = []
for epoch in range(1, EPOCHS + 1):
    generator.partial_fit(train)
    nats.append(-generator.score(test))
    sample = generator.generate("The ", 160, temperature=0.6, random_state=epoch)
    print(f"EPOCH {epoch}: {nats[-1]:.2f} nats per held-out character")
    print(f"The {sample}\n")

# %%
# What it has learnt
# ------------------
# The frequencies of the characters alone would give the dotted line.
counts = Counter(train)
size = len(train) + len(counts) + 1
baseline = -sum(log((counts[c] + 1) / size) for c in test) / len(test)
print(f"frequencies: {baseline:.2f} nats per held-out character")

fig, ax = plt.subplots(figsize=(6.5, 3.4), layout="constrained")
ax.plot(range(1, EPOCHS + 1), nats, "o-", color="#0072b2")
ax.axhline(baseline, color="black", linestyle=":")
ax.annotate(
    "frequencies of characters",
    (EPOCHS, baseline),
    (0, -14),
    ha="right",
    textcoords="offset points",
)
ax.set(xlabel="epoch", ylabel="nats per held-out character", ylim=(0, None))
plt.show()
