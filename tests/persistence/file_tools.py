"""How tests save, change and load model files."""

import json
import zipfile

from sklstm import persistence
from tasks import first_step_task

X, y = first_step_task()
TABLE = X.reshape(24, 10)


def through_a_file(estimator, tmp_path, **options):
    path = tmp_path / "model.sklstm"
    persistence.save(estimator, path, **options)
    return persistence.load(path, **options)


def same_params(one, other):
    """Compare parameters by what they print, estimators inside included."""
    return repr(one.get_params()) == repr(other.get_params()) and type(one) is type(other)


REFUSALS = (
    "not a model file",
    "truncated or damaged",
    "cannot be loaded",
    "a newer sklstm",
    "an older sklstm",
)


def load_or_refusal(path):
    try:
        return persistence.load(path), None
    except ValueError as error:
        return None, str(error)


def members_of(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write_members(path, members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def with_header(model_file, path, **changes):
    members = members_of(model_file)
    header = json.loads(members["sklstm.json"]) | changes
    return write_members(path, members | {"sklstm.json": json.dumps(header)})
