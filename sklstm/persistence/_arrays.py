"""Reads arrays in numpy's format; their size is checked against the bytes of the file first."""

from __future__ import annotations

import io
import math

import numpy as np
from numpy.lib import format as npy

READERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
MAX_HEADER = 10_000  # characters: numpy refuses longer headers
MAX_EMPTY_SIZE = 2**20  # the longest axis of an array without elements


def read_array(content: bytes, name: str) -> np.ndarray:
    """Read an array.

    Raises
    ------
    ValueError
        If it holds objects, which would be a pickle, or its size differs from the size in its
        header.
    """
    file = io.BytesIO(content)
    try:
        shape, is_fortran, dtype = READERS[npy.read_magic(file)](file, max_header_size=MAX_HEADER)
        valid = all(isinstance(size, int) and size >= 0 for size in shape)
    except Exception as error:  # the parser of Python's literals raises many kinds of errors
        raise ValueError(f"{name} is no array in numpy's format") from error
    count = math.prod(shape) if valid else -1
    n_bytes = len(content) - file.tell()
    if dtype.hasobject:
        raise ValueError(f"{name} holds Python objects, which would be a pickle")
    if count < 0 or count * dtype.itemsize != n_bytes or (count and not dtype.itemsize):
        raise ValueError(f"{name} has the shape {shape!a:.80} of {dtype!s:.80}, in {n_bytes} bytes")
    if not count and max(shape) > MAX_EMPTY_SIZE:
        raise ValueError(f"{name} has the shape {shape!a:.80}, and no element")
    if not count:
        return np.empty(shape, dtype)
    values = np.frombuffer(content, dtype, offset=file.tell())
    return values.reshape(shape, order="F" if is_fortran else "C").copy(order="K")
