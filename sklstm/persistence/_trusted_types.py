"""Which types a model file may build, and which types and functions it may hold uncalled."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from importlib import import_module
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.metrics import get_scorer, get_scorer_names

from sklstm.persistence._walk import full_name

# The names of our classes in files, and where the classes are: moving one changes no file.
OURS = {
    "sklstm.CategoryColumn": "sklstm.forecasting._covariates.CategoryColumn",
    "sklstm.CharOneHotEncoder": "sklstm.preprocessing._char_one_hot.CharOneHotEncoder",
    "sklstm.CharVocabulary": "sklstm.text.vocabulary.CharVocabulary",
    "sklstm.CheckpointState": "sklstm._fitted_state.CheckpointState",
    "sklstm.ClassTargets": "sklstm._targets.ClassTargets",
    "sklstm.CharSequenceGenerator": "sklstm.text.chars.CharSequenceGenerator",
    "sklstm.ConformalQuantileRegressor": (
        "sklstm.forecasting._intervals.ConformalQuantileRegressor"
    ),
    "sklstm.DifferencedRegressor": "sklstm.forecasting._differences.DifferencedRegressor",
    "sklstm.FillGaps": "sklstm.preprocessing._fill_gaps.FillGaps",
    "sklstm.FittedState": "sklstm._fitted_state.FittedState",
    "sklstm.InputForm": "sklstm._sequences.InputForm",
    "sklstm.InputScaling": "sklstm.network.scaling.InputScaling",
    "sklstm.LSTMClassifier": "sklstm._classifier.LSTMClassifier",
    "sklstm.LSTMForecaster": "sklstm.forecasting._forecaster.LSTMForecaster",
    "sklstm.LSTMRegressor": "sklstm._regressor.LSTMRegressor",
    "sklstm.LearntFromData": "sklstm._fitted_state.LearntFromData",
    "sklstm.MultilabelTargets": "sklstm._targets.MultilabelTargets",
    "sklstm.NetworkSpec": "sklstm.network.spec.NetworkSpec",
    "sklstm.NumberColumn": "sklstm.forecasting._covariates.NumberColumn",
    "sklstm.NumberTargets": "sklstm._targets.NumberTargets",
    "sklstm.OptimizerState": "sklstm.network.training.settings.OptimizerState",
    "sklstm.OnnxPredictor": "sklstm.network.onnx_predictor.OnnxPredictor",
    "sklstm.PanelForm": "sklstm.forecasting._panel_form.PanelForm",
    "sklstm.Roles": "sklstm.forecasting._panel.Roles",
    "sklstm.RollingOrigin": "sklstm.forecasting._rolling_origin.RollingOrigin",
    "sklstm.SeasonalNaiveForecaster": "sklstm.forecasting._seasonal_naive.SeasonalNaiveForecaster",
    "sklstm.SequencePadder": "sklstm.preprocessing._padding.SequencePadder",
    "sklstm.SequenceTokenizer": "sklstm.preprocessing._tokenizer.SequenceTokenizer",
    "sklstm.SlidingWindow": "sklstm.preprocessing._windows.SlidingWindow",
    "sklstm.Snapshot": "sklstm.network.training.settings.Snapshot",
    "sklstm.TimeDistributed": "sklstm.preprocessing._time_distributed.TimeDistributed",
    "sklstm.WordSequenceGenerator": "sklstm.text.words.WordSequenceGenerator",
    "sklstm.WordVocabulary": "sklstm.text.vocabulary.WordVocabulary",
}
NAMES_OF_OURS = {place: name for name, place in OURS.items()}

# Objects inside searches, voting, calibration and other estimators that are not estimators.
PARTS_OF_SCIKIT_LEARN = {
    *(
        f"sklearn.model_selection._split.{splitter}"
        for splitter in (
            "GroupKFold",
            "GroupShuffleSplit",
            "KFold",
            "LeaveOneGroupOut",
            "LeaveOneOut",
            "LeavePGroupsOut",
            "LeavePOut",
            "PredefinedSplit",
            "RepeatedKFold",
            "RepeatedStratifiedKFold",
            "ShuffleSplit",
            "StratifiedGroupKFold",
            "StratifiedKFold",
            "StratifiedShuffleSplit",
            "TimeSeriesSplit",
            "_CVIterableWrapper",
        )
    ),
    "sklearn._loss.link.HalfLogitLink",
    "sklearn._loss.link.IdentityLink",
    "sklearn._loss.link.Interval",
    "sklearn._loss.link.LogLink",
    "sklearn._loss.link.LogitLink",
    "sklearn._loss.link.MultinomialLogit",
    "sklearn._loss.loss.AbsoluteError",
    "sklearn._loss.loss.ExponentialLoss",
    "sklearn._loss.loss.HalfBinomialLoss",
    "sklearn._loss.loss.HalfGammaLoss",
    "sklearn._loss.loss.HalfMultinomialLoss",
    "sklearn._loss.loss.HalfPoissonLoss",
    "sklearn._loss.loss.HalfSquaredError",
    "sklearn._loss.loss.HuberLoss",
    "sklearn._loss.loss.PinballLoss",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.calibration._TemperatureScaling",
    "sklearn.metrics._scorer._CurveScorer",
    "sklearn.metrics._scorer._MultimetricScorer",
    "sklearn.metrics._scorer._PassthroughScorer",
    "sklearn.metrics._scorer._Scorer",
}
# Losses of scikit-learn, called with a few numbers. Nothing else is called without `trusted`.
CALLED = {
    *(
        f"sklearn.linear_model._sgd_fast.{loss}"
        for loss in (
            "EpsilonInsensitive",
            "Hinge",
            "ModifiedHuber",
            "SquaredEpsilonInsensitive",
            "SquaredHinge",
        )
    ),
    *(
        f"sklearn._loss._loss.{loss}"
        for loss in (
            "CyAbsoluteError",
            "CyExponentialLoss",
            "CyHalfBinomialLoss",
            "CyHalfGammaLoss",
            "CyHalfMultinomialLoss",
            "CyHalfPoissonLoss",
            "CyHalfSquaredError",
            "CyHalfTweedieLoss",
            "CyHalfTweedieLossIdentity",
            "CyHuberLoss",
            "CyPinballLoss",
        )
    ),
}
DICTS = {"builtins.dict", "collections.OrderedDict", "sklearn.utils._bunch.Bunch"}
NUMBERS = {
    full_name(kind)
    for kind in (*np.sctypeDict.values(), np.bool_)
    if issubclass(kind, np.number | np.bool_ | np.str_ | np.datetime64 | np.timedelta64)
}
KEYS = {"builtins.str", "builtins.int", "builtins.float"} | {
    full_name(kind)
    for kind in np.sctypeDict.values()
    if issubclass(kind, np.integer | np.floating | np.str_) and not issubclass(kind, np.timedelta64)
}
TYPES = NUMBERS | {
    f"builtins.{name}" for name in ("bool", "float", "int", "list", "object", "set", "str", "tuple")
}
RANDOM = {"numpy.random.mtrand.RandomState", "numpy.random._generator.Generator"}
SPARSE = {
    f"scipy.sparse._{form}.{form}_{kind}": form
    for form in ("bsr", "coo", "csc", "csr", "dia")
    for kind in ("array", "matrix")
}
UFUNC_MODULES = {"numpy", "numpy._core._multiarray_umath", "scipy.special", "scipy.special._ufuncs"}
NOT_FOR_MODELS = {"conftest", "experimental", "externals", "tests"}  # subpackages of scikit-learn
NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+", re.ASCII)
MAX_NAME = 200


class Trust:
    """Which names are trusted; it depends on the kind of the node that holds a name.

    Parameters
    ----------
    trusted : collection of str or type
        What the user trusts in addition to what sklstm trusts.

    Raises
    ------
    TypeError
        If it is a single string or a bool.
    """

    def __init__(self, trusted: Collection[str | type]) -> None:
        if isinstance(trusted, str | bool):
            raise TypeError(
                f"trusted={trusted!r} is not valid: give a list of types or their names."
            )
        self.given = {each if isinstance(each, str) else full_name(each) for each in trusted}

    def allows(self, kind: str, name: str) -> bool:
        """Whether a node of this kind may hold this name.

        This imports modules of scikit-learn, numpy and scipy only.
        """
        return name in self.given or _TRUSTED[kind](name)

    def find(self, name: str) -> Any:
        """Return the object of a name, which `allows` must have accepted before."""
        module, _, attribute = OURS.get(name, name).rpartition(".")
        return getattr(import_module(module), attribute)

    def find_type(self, name: str) -> type:
        """Return the type of a name; anything else, such as a function, may not be called."""
        found = self.find(name)
        if not isinstance(found, type):
            raise ValueError(f"{name} is no type: a model file may hold it, but not call it")
        return found


def _is_object(name: str) -> bool:
    return name in OURS or name in PARTS_OF_SCIKIT_LEARN or is_estimator_of_scikit_learn(name)


def is_estimator_of_scikit_learn(name: str) -> bool:
    """Whether it is the name of an estimator class of the installed scikit-learn."""
    module, _, attribute = name.rpartition(".")
    rooms = module.split(".")
    if rooms[0] != "sklearn" or NOT_FOR_MODELS.intersection(rooms):
        return False
    try:
        found = getattr(import_module(module), attribute, None)
    except ImportError:
        return False
    return isinstance(found, type) and issubclass(found, BaseEstimator)


def _is_function(name: str) -> bool:
    """Whether it is the name of a scikit-learn metric or of a numpy ufunc."""
    module, _, attribute = name.rpartition(".")
    if module in UFUNC_MODULES:
        return isinstance(getattr(import_module(module), attribute, None), np.ufunc)
    if not module.startswith("sklearn.metrics."):
        return False
    return name in {full_name(get_scorer(scorer)._score_func) for scorer in get_scorer_names()}


_TRUSTED: dict[str, Callable[[str], bool]] = {
    "array": NUMBERS.__contains__,
    "call": CALLED.__contains__,
    "dict": DICTS.__contains__,
    "function": _is_function,
    "object": _is_object,
    "partial": {""}.__contains__,
    "random": RANDOM.__contains__,
    "sparse": SPARSE.__contains__,
    "tuple": {""}.__contains__,
    "type": TYPES.__contains__,
}
