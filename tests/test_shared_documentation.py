"""Parameters that classes share are documented alike, word for word, and with their defaults."""

import inspect
import re
from ast import literal_eval

import pytest

from sklstm import CharSequenceGenerator, LSTMClassifier, LSTMRegressor, WordSequenceGenerator
from sklstm.forecasting import LSTMForecaster

# Parameters that are documented in words of their own in each of two classes.
EXCEPTIONS = {
    (LSTMClassifier, LSTMRegressor): set(),
    (CharSequenceGenerator, WordSequenceGenerator): {"vocabulary", "window"},
}
every_class = pytest.mark.parametrize(
    "estimator", [*(one for pair in EXCEPTIONS for one in pair), LSTMForecaster]
)
every_pair = pytest.mark.parametrize(
    "pair", EXCEPTIONS, ids=lambda pair: " and ".join(estimator.__name__ for estimator in pair)
)


def documented(estimator):
    """Return what the docstring says of each parameter, by the parameter's name."""
    doc = inspect.cleandoc(estimator.__doc__)
    section = re.search(r"^Parameters\n-+\n(.*?)^(?=\w[^\n]*\n-+\n)", doc, re.M | re.S)[1]
    parts = re.split(r"^(\w[\w, ]*) : ", section, flags=re.M)[1:]
    return {
        name: text.strip()
        for names, text in zip(parts[::2], parts[1::2], strict=True)
        for name in names.split(", ")
    }


def default_of(text):
    return literal_eval(re.search(r",\s+default=(.*)", text)[1])


def in_characters(text):
    """Write of characters where a class writes of words, and leave the default out."""
    text = re.sub(r",\s+default=.*", "", text, count=1)
    return text.replace("Word", "Character").replace("word", "character")


@every_class
def test_parameters_are_documented_with_their_defaults(estimator):
    signature = inspect.signature(estimator).parameters
    defaults = {name: default_of(text) for name, text in documented(estimator).items()}
    assert defaults == {name: one.default for name, one in signature.items()}


@every_pair
def test_shared_parameters_read_alike(pair):
    one, other = map(documented, pair)
    different = {
        name
        for name in one.keys() & other.keys()
        if in_characters(one[name]) != in_characters(other[name])
    }
    assert different == EXCEPTIONS[pair]
