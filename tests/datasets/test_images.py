"""MNIST."""

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_files import keras_imdb_npz, mnist_npz, npz
from sklstm.datasets import (
    _fetch,
    fetch_mnist,
)


def test_mnist(publish):
    publish("_MNIST", mnist_npz())
    mnist = fetch_mnist()
    assert mnist.data_train.shape == (6, 28, 28)
    assert mnist.data_test.shape == (3, 28, 28)
    assert mnist.target_train.shape == (6,)
    assert mnist.target_test.shape == (3,)
    assert {mnist[key].dtype.name for key in mnist if key.startswith(("data", "target_t"))} == {
        "uint8"
    }
    assert mnist.target_names == list("0123456789")
    assert "MNIST" in mnist.DESCR


def test_own_copy_of_mnist_may_be_another_archive(own_folder):
    (own_folder / "mnist.npz").write_bytes(mnist_npz(n_train=4))
    assert fetch_mnist(download_if_missing=False).data_train.shape == (4, 28, 28)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "EOFError"),
        (b"no archive", "ValueError"),
        (npz(x_train=np.zeros(1)), "KeyError.*y_train"),
        (mnist_npz(size=27), r"shape \(6, 27, 27\) and dtype uint8, expected \(6, 28, 28\)"),
        (mnist_npz()[:-100], "BadZipFile"),
    ],
)
def test_a_damaged_own_copy_of_mnist(own_folder, payload, reason):
    (own_folder / "mnist.npz").write_bytes(payload)
    with pytest.raises(OSError, match=reason) as error:
        fetch_mnist()
    assert f"Delete or replace {own_folder / 'mnist.npz'}" in str(error.value)


@settings(deadline=None, max_examples=50)
@given(st.data())
def test_damage_anywhere_is_an_oserror(data):
    """A file with one other byte reads the same (unused bytes) or is an OSError, nothing else."""
    payload = bytearray(mnist_npz(n_train=1, n_test=1))
    place = data.draw(st.integers(0, len(payload) - 1))
    payload[place] ^= data.draw(st.integers(1, 255))
    with suppress(OSError), _fetch.naming_file(Path("mnist.npz")):
        _fetch.load_npz(bytes(payload), ["x_train", "y_train", "x_test", "y_test"])


def test_own_copies_are_never_unpickled(own_folder):
    (own_folder / "mnist.npz").write_bytes(keras_imdb_npz())
    with pytest.raises(OSError, match="allow_pickle=False"):
        fetch_mnist()


@pytest.mark.data
def test_real_mnist(real_data):
    real_data("mnist.npz")
    mnist = fetch_mnist(download_if_missing=False)
    assert mnist.data_train.shape == (60000, 28, 28)
    assert mnist.data_test.shape == (10000, 28, 28)
    assert mnist.data_train.dtype == mnist.target_train.dtype == np.uint8
    assert mnist.target_train[:5].tolist() == [5, 0, 4, 1, 9]
    assert mnist.target_test[:5].tolist() == [7, 2, 1, 0, 4]
    assert np.bincount(mnist.target_train).min() == 5421
