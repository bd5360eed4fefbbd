"""What transformers of sequences share: output that is not a table."""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np

from sklstm._doc_link import DocLinkMixin


class SequenceOutputMixin(DocLinkMixin):
    """Mixin for transformers whose output is not a table, so that no data frame can hold it.

    It comes before `TransformerMixin` among the base classes. It switches off that scikit-learn
    wraps outputs in data frames, and keeps `set_output`, which a Pipeline calls on all its steps.
    """

    def __init_subclass__(cls) -> None:
        super().__init_subclass__(auto_wrap_output_keys=None)

    def set_output(
        self, *, transform: Literal["default", "pandas", "polars"] | None = None
    ) -> Self:
        """Leave the output as it is: sequences have no data frame form.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"} or None, default=None
            Accepted so that ``Pipeline.set_output`` works, and ignored.

        Returns
        -------
        self : estimator
        """
        return self


def as_object_array(items: list[Any]) -> np.ndarray:
    """Make an object array of shape (n,), also of items of one length, which numpy would stack."""
    return np.fromiter(items, dtype=object, count=len(items))
