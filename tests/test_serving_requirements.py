"""The packages of examples/serving are those of pyproject.toml, without those of training."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
NOT_TO_PREDICT = {"tensorflow", "keras", "scikeras", "skops"}


def test_the_image_has_what_the_package_requires_without_training():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    required = {name_of(line): line for line in project["dependencies"]}
    text = (ROOT / "examples" / "serving" / "requirements.txt").read_text(encoding="utf-8")
    listed = {name_of(line): line for line in text.splitlines() if line and line[0] != "#"}
    assert required.keys() - listed.keys() == NOT_TO_PREDICT
    assert listed.keys() - required.keys() == {"fastapi", "uvicorn"}
    both = required.keys() & listed.keys()
    assert {name: listed[name] for name in both} == {name: required[name] for name in both}


def name_of(requirement):
    return requirement.split(">")[0].split("=")[0]
