"""The only place that uses scikeras: it turns names and routed parameters into Keras's objects."""

from __future__ import annotations

from collections.abc import Callable

import keras
from scikeras.wrappers import BaseWrapper

from sklstm.network.training.losses import LOSSES
from sklstm.network.training.settings import TrainingSettings


class KerasAdapter(BaseWrapper):
    """Makes the optimizer and the loss of some settings, and has a model compiled with them.

    Parameters
    ----------
    settings : TrainingSettings
    compile_model : callable
        Builds and compiles a model, given the arguments of `keras.Model.compile`.
    """

    def __init__(
        self, settings: TrainingSettings, compile_model: Callable[[dict], keras.Model]
    ) -> None:
        super().__init__(
            optimizer=_copy_of(settings.optimizer),
            loss=LOSSES[settings.loss],
            random_state=None,
            **{"loss__reduction": "mean_with_sample_weight"} | _routed_parameters(settings),
        )
        # scikeras takes attributes without an underscore for parameters to route.
        self._settings, self._compile_model = settings, compile_model

    def _keras_build_fn(self, compile_kwargs: dict) -> keras.Model:
        return self._compile_model(compile_kwargs)

    def compiled_model(self) -> keras.Model:
        """Build and compile.

        Raises
        ------
        ValueError
            If a routed parameter is none of the optimizer's or the loss's.
        """
        self._random_state = None
        try:
            return self._build_keras_model()
        except (TypeError, ValueError) as error:
            params = dict(self._settings.keras_params)
            with_params = f" with keras_params={params!r}" if params else ""
            raise ValueError(
                f"Keras makes no network with optimizer={self.optimizer!r} and "
                f"loss={self._settings.loss!r}{with_params}: {error}"
            ) from error


def _copy_of(optimizer: str | keras.optimizers.Optimizer) -> str | keras.optimizers.Optimizer:
    """Copy an optimizer, so that a training changes no object of the user's."""
    if isinstance(optimizer, str):
        return optimizer
    return type(optimizer).from_config(optimizer.get_config())


def _routed_parameters(settings: TrainingSettings) -> dict[str, object]:
    """Add what the settings say of an optimizer given by name to the parameters of the user."""
    routed = dict(settings.keras_params)
    if isinstance(settings.optimizer, str):
        for name in ("learning_rate", "clipnorm"):
            if (value := getattr(settings, name)) is not None:
                routed.setdefault(f"optimizer__{name}", value)
    return routed
