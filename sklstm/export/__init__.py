"""Export to ONNX: `register_onnx_converters`, by which `skl2onnx` converts whole Pipelines."""

__all__ = ["register_onnx_converters"]


def register_onnx_converters() -> None:
    """Tell `skl2onnx` how to convert the estimators of this package.

    ``skl2onnx.to_onnx(pipeline, X)`` then converts a `Pipeline` that ends with `LSTMClassifier` or
    `LSTMRegressor`; `SlidingWindow` (without `by`) and `TimeDistributed` may stand before it, and
    all transformers that `skl2onnx` converts. Call this once in a process.

    The outputs are those that `skl2onnx` gives to scikit-learn's estimators. A classifier has
    labels and probabilities, with the options "zipmap", "output_class_labels" and "nocl". A
    regressor has "variable", of shape (n, 1) for one number, otherwise of the shape that
    ``predict`` returns.

    Raises
    ------
    ModuleNotFoundError
        If `skl2onnx` is not installed.

    Notes
    -----
    The graph reads arrays: of shape (n, n_columns) where the estimator was fitted on a table, and
    (n, T, F) otherwise. NaN pads sequences as it does in ``predict``. The graph does not check X,
    and needs opset 18 or later (``target_opset``).

    Examples
    --------
    >>> import numpy as np
    >>> from skl2onnx import to_onnx
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklstm import LSTMRegressor
    >>> from sklstm.export import register_onnx_converters
    >>> register_onnx_converters()
    >>> X = np.random.default_rng(0).normal(size=(24, 10)).astype(np.float32)
    >>> pipeline = make_pipeline(StandardScaler(), LSTMRegressor(4, timesteps=5, epochs=2))
    >>> graph = to_onnx(pipeline.fit(X, X[:, 0]), X[:1])
    >>> [output.name for output in graph.graph.output]
    ['variable']
    """
    try:
        import skl2onnx  # noqa: F401
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{error}. The conversion of a Pipeline to ONNX needs skl2onnx: pip install skl2onnx. "
            "(to_onnx() of an estimator needs nothing more.)"
        ) from error
    from sklstm.export._converters import register

    register()
