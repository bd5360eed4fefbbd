"""Model files of small estimators."""

import pytest

from file_tools import members_of
from sklstm import CharSequenceGenerator, persistence


@pytest.fixture(scope="session")
def generator():
    return CharSequenceGenerator(
        4, window=8, batch_size=4, epochs=1, embedding_dim=3, random_state=0
    ).fit("to be or not to be, that is the question. " * 4)


@pytest.fixture(scope="session")
def model_file(classifier, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.sklstm"
    persistence.save(classifier, path)
    return path


@pytest.fixture(scope="session")
def whole(classifier, tmp_path_factory):
    """The members of a small model file."""
    path = tmp_path_factory.mktemp("model") / "model.sklstm"
    persistence.save(classifier, path)
    return members_of(path)
