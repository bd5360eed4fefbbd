"""These tests are collected where `pip install ".[clients]"` was run; `.ci/run` runs it."""

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("skl2onnx") else ["test_*.py"]
