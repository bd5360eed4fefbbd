"""Texts, and cutting one into documents."""

import os
from numbers import Integral

from sklstm._sklearn_compat import Interval, validate_params
from sklstm.datasets._fetch import FETCH_CONSTRAINTS, RemoteFile, read_copy

_SHAKESPEARE = RemoteFile(
    name="shakespeare.txt",
    url="https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
    checksum="86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
    local_name="shakespeare.txt",
)


def load_python_reference() -> str:
    """Load the English prose of the Python language reference, about half a megabyte.

    The text is what ``help("topics")`` offers, so every Python carries it and nothing is
    downloaded. Another Python version has a somewhat different text. It is read from the module
    ``pydoc_data.topics`` of the standard library, made from the Python documentation.

    Returns
    -------
    text : str
        The texts of the topics in alphabetical order of their names, an empty line between them.

    Examples
    --------
    >>> from sklstm.datasets import load_python_reference
    >>> load_python_reference().splitlines()[0]
    'The "assert" statement'
    """
    from pydoc_data.topics import topics  # half a megabyte, read only when asked for

    return "\n\n".join(topics[name].strip("\n") for name in sorted(topics)) + "\n"


@validate_params(FETCH_CONSTRAINTS, prefer_skip_nested_validation=True)
def fetch_shakespeare(
    *, data_home: str | os.PathLike | None = None, download_if_missing: bool = True
) -> str:
    """Fetch "tiny Shakespeare": 40,000 lines of his plays.

    The file is that of char-rnn [1]_. The text is in the public domain.

    Parameters
    ----------
    data_home : str or path-like, default=None
        The folder of the cache. None is the folder that the environment variable ``SKLSTM_HOME``
        names, or ``~/sklstm_data``. A copy in the folder ``SKLSTM_DATA`` goes first.
    download_if_missing : bool, default=True
        Whether to download the file (1 MB) when no copy is found.

    Returns
    -------
    text : str
        1,115,394 characters, 65 of them distinct.

    Raises
    ------
    FileNotFoundError
        If there is no copy and ``download_if_missing`` is False.
    OSError
        If the download fails, or a file is not the published one.

    References
    ----------
    .. [1] A. Karpathy, *char-rnn* (2015), https://github.com/karpathy/char-rnn.

    Examples
    --------
    >>> from sklstm.datasets import fetch_shakespeare
    >>> text = fetch_shakespeare()  # doctest: +SKIP
    >>> text[:14]  # doctest: +SKIP
    'First Citizen:'
    """
    return read_copy(_SHAKESPEARE, data_home, download_if_missing).content.decode("utf-8")


@validate_params(
    {"text": [str], "n_documents": [Interval(Integral, 1, None, closed="left")]},
    prefer_skip_nested_validation=True,
)
def split_documents(text: str, n_documents: int) -> list[str]:
    r"""Cut one long text into documents of similar length, at ends of lines where there are any.

    scikit-learn's splitters need a list of documents: they would cut a bare string into single
    characters.

    Parameters
    ----------
    text : str
        At least two characters for each document.
    n_documents : int
        Number of documents.

    Returns
    -------
    list of str
        ``"".join(documents)`` is `text`.

    Raises
    ------
    ValueError
        If `text` is too short for `n_documents` documents of two characters.

    Examples
    --------
    >>> from sklstm.datasets import split_documents
    >>> split_documents("one\ntwo\nthree\nfour\n", 2)
    ['one\ntwo\n', 'three\nfour\n']
    """
    if len(text) < 2 * n_documents:
        raise ValueError(
            f"A text of {len(text)} characters is too short for n_documents={n_documents} "
            "documents of two characters or more."
        )
    cuts = [0]
    for document in range(1, n_documents):
        ideal = document * len(text) // n_documents
        latest = len(text) - 2 * (n_documents - document)
        earliest = cuts[-1] + 2
        cuts.append(min(max(_nearest_line_end(text, ideal), earliest), latest))
    return [text[start:stop] for start, stop in zip(cuts, [*cuts[1:], len(text)], strict=True)]


def _nearest_line_end(text: str, place: int) -> int:
    """Return the end of a line that is nearest to a place, or the place if there is no line end."""
    ends = [text.rfind("\n", 0, place) + 1, text.find("\n", place) + 1]
    return min([end for end in ends if end > 0] or [place], key=lambda end: abs(end - place))
