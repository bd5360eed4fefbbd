"""A forecaster of small shops, fitted once."""

import pytest

from small_forecasters import HISTORY, forecaster


@pytest.fixture(scope="session")
def fitted():
    return forecaster().fit(HISTORY)
