"""Generators that hold what a fit would have learnt, made without one."""

from dataclasses import replace

import numpy as np

from sklstm import CharSequenceGenerator, WordSequenceGenerator
from sklstm._fitted_state import CheckpointState
from sklstm.network.onnx_predictor import OnnxPredictor
from sklstm.network.spec import NetworkSpec
from sklstm.network.training.settings import OptimizerState, Snapshot
from sklstm.text.vocabulary import CharVocabulary, WordVocabulary
from tasks import state_of_texts

N_EPOCHS = 2


def word_generator():
    vocabulary = WordVocabulary.given(["to", " be", " or"], lowercase=True)
    return WordSequenceGenerator(3)._with_state(_state(vocabulary, {"lowercase": True}))


def char_generator():
    """One that holds where its training stands, as the file of a checkpoint does."""
    state = _state(CharVocabulary.given("abcd", "abcd"), {})
    optimizer_state = _optimizer_state(state.network.weights)
    snapshot = Snapshot(
        weights=_copied(state.network.weights),
        optimizer_state=_optimizer_state(state.network.weights),
        seeds=[np.zeros(2, np.int32)],
        rng_state=np.random.RandomState(1).get_state(legacy=False),
        history=_history(),
        n_epochs=N_EPOCHS,
        best_weights=_copied(state.network.weights),
    )
    state = replace(
        state,
        optimizer_states=(optimizer_state,),
        random_generator=np.random.RandomState(0),
        checkpoint=CheckpointState((snapshot,), "0123"),
    )
    return CharSequenceGenerator(3)._with_state(state)


def _state(vocabulary, fixed_parameters):
    n = vocabulary.n_outputs
    spec = NetworkSpec(n, "softmax", vocabulary_size=n + 1, units=(3,), pooling=None)
    drawn = spec.initial_weights(np.random.RandomState(0))
    weights = {name: np.ascontiguousarray(weight) for name, weight in drawn.items()}
    state = state_of_texts(OnnxPredictor(spec, weights), vocabulary)
    data = replace(state.data, fixed_parameters=fixed_parameters)
    return replace(state, data=data, histories=(_history(),))


def _history():
    return {"loss": [0.5] * N_EPOCHS}


def _optimizer_state(weights):
    moments = [np.zeros_like(weight) for weight in weights.values() for _ in range(2)]
    return OptimizerState("Adam", [np.array(7), *moments])


def _copied(weights):
    return {name: weight.copy() for name, weight in weights.items()}
