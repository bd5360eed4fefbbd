"""The pages whose code needs other people's libraries are run by `tests/clients/test_pages.py`."""

collect_ignore = [
    "forecasting_libraries.md",
    "mapie.md",
    "mlflow.md",
    "onnx_pipeline.md",
    "optuna.md",
    "other_libraries.md",
    "shap.md",
]
