"""The samples of a fit, and what was learnt of them before the training."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sklstm._sequences import InputForm
from sklstm._targets import Targets
from sklstm.input.samples import Samples
from sklstm.network.scaling import InputScaling
from sklstm.network.training.batches import SequenceData

NUMBERS_SCALED_AT_ONCE = 2**23  # 32 MiB; more are scaled batch by batch, in every epoch


class FitData(NamedTuple):
    """The samples of a fit, and what was learnt of them before the training."""

    samples: Samples
    validation: Samples | None
    form: InputForm
    scaling: InputScaling | None
    targets: Targets

    @property
    def sets(self) -> list[Samples]:
        """The training samples, and the validation samples if there are some."""
        return [self.samples] if self.validation is None else [self.samples, self.validation]

    @property
    def varies(self) -> bool:
        """Whether the lengths of the samples differ."""
        return any(samples.sequences.varies for samples in self.sets)


def training_data(data: FitData) -> tuple[SequenceData, SequenceData | None]:
    """Return what is trained on, and what is validated on."""
    samples, validation = data.samples, data.validation
    return (
        _sequence_data(samples, data),
        None if validation is None else _sequence_data(validation, data),
    )


def _sequence_data(samples: Samples, data: FitData) -> SequenceData:
    targets, scaling = data.targets.encode(samples.y), data.scaling
    # The loss is a weighted mean: only the ratios of the weights matter, and float32 holds
    # these whatever the unit of the weights.
    weights = (samples.weights / (samples.weights.max() or 1)).astype(np.float32)
    sequences = samples.sequences
    if scaling is None:
        return SequenceData(sequences, targets, weights)
    if sequences.n_steps * len(scaling.mean) > NUMBERS_SCALED_AT_ONCE:
        scaling.check(sequences, samples.numbers, samples.name)
        return SequenceData(sequences, targets, weights, scaling)
    scaled = scaling.transform(sequences, samples.numbers, samples.name)
    return SequenceData(scaled, targets, weights)
