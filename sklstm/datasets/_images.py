"""Images, whose rows an LSTM reads as time steps."""

import os

import numpy as np
from sklearn.utils import Bunch

from sklstm._sklearn_compat import validate_params
from sklstm.datasets._fetch import FETCH_CONSTRAINTS, RemoteFile, load_npz, naming_file, read_copy

_MNIST = RemoteFile(
    name="mnist.npz",
    url="https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz",
    checksum="731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
    local_name="mnist.npz",
    repacked=True,
)


@validate_params(FETCH_CONSTRAINTS, prefer_skip_nested_validation=True)
def fetch_mnist(
    *, data_home: str | os.PathLike | None = None, download_if_missing: bool = True
) -> Bunch:
    """Fetch MNIST: 70,000 images of handwritten digits, in their original order.

    The images are those of [1]_. An LSTM reads an image as 28 time steps (rows) of 28 features
    (pixels), so the arrays are of the form that the estimators take. Divide by 255 for values
    between 0 and 1.

    Parameters
    ----------
    data_home : str or path-like, default=None
        The folder of the cache. None is the folder that the environment variable ``SKLSTM_HOME``
        names, or ``~/sklstm_data``. A copy in the folder ``SKLSTM_DATA`` goes first.
    download_if_missing : bool, default=True
        Whether to download the file (11 MB) when no copy is found.

    Returns
    -------
    mnist : :class:`~sklearn.utils.Bunch`
        With these attributes:

        - ``data_train``, ``data_test``: uint8 arrays of shape (60000, 28, 28) and (10000, 28, 28),
          0 for the background to 255 for ink
        - ``target_train``, ``target_test``: uint8 arrays of shape (60000,) and (10000,), the digits
        - ``target_names``: list of str, the names of the ten classes
        - ``DESCR``: str, what the data is

    Raises
    ------
    FileNotFoundError
        If there is no copy and ``download_if_missing`` is False.
    OSError
        If the download fails, or a file is damaged or not the published one.

    References
    ----------
    .. [1] Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, *Gradient-based learning applied to
       document recognition*, Proceedings of the IEEE 86 (1998). CC BY-SA 3.0.

    Examples
    --------
    >>> from sklstm.datasets import fetch_mnist
    >>> mnist = fetch_mnist()  # doctest: +SKIP
    >>> mnist.data_train.shape  # doctest: +SKIP
    (60000, 28, 28)
    """
    copy = read_copy(_MNIST, data_home, download_if_missing)
    with naming_file(copy.path):
        arrays = load_npz(copy.content, ["x_train", "y_train", "x_test", "y_test"])
        _check_images(arrays["x_train"], arrays["y_train"])
        _check_images(arrays["x_test"], arrays["y_test"])
    return Bunch(
        data_train=arrays["x_train"],
        target_train=arrays["y_train"],
        data_test=arrays["x_test"],
        target_test=arrays["y_test"],
        target_names=[str(digit) for digit in range(10)],
        DESCR="MNIST: grey images of handwritten digits, 28 x 28 pixels (LeCun et al. 1998).",
    )


def _check_images(images: np.ndarray, digits: np.ndarray) -> None:
    if images.shape != (len(digits), 28, 28) or images.dtype != np.uint8:
        raise ValueError(
            f"the images have shape {images.shape} and dtype {images.dtype}, expected "
            f"({len(digits)}, 28, 28) and uint8"
        )
