"""What the parameters mean that are set to "auto"."""

from __future__ import annotations

import numpy as np

AUTO_BATCH_SIZES, MIN_AUTO_BATCHES = (4, 32), 10
AUTO_LEARNING_RATE = 0.01


def auto_batch_size(n: int) -> int:
    """Return the batch size for n samples: a power of two that gives enough batches."""
    power = 2 ** int(np.log2(max(1, n / MIN_AUTO_BATCHES)))
    return int(np.clip(power, *AUTO_BATCH_SIZES))


def auto_learning_rate(batch_size: int) -> float:
    """Return the learning rate for a batch size: lower for small batches, which are noisier."""
    return AUTO_LEARNING_RATE * min(1, batch_size / AUTO_BATCH_SIZES[1]) ** 0.5
