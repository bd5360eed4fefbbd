"""Inspection of a fitted network: learning curves, gates over time, permutation importance."""

from sklstm.inspection._gates import GateActivations, gate_activations
from sklstm.inspection._gates_display import GateActivationsDisplay
from sklstm.inspection._history_display import TrainingHistoryDisplay
from sklstm.inspection._importance_display import ImportanceOverTimeDisplay
from sklstm.inspection._permutation_importance import permutation_importance_over_time

__all__ = [
    "GateActivations",
    "GateActivationsDisplay",
    "ImportanceOverTimeDisplay",
    "TrainingHistoryDisplay",
    "gate_activations",
    "permutation_importance_over_time",
]
