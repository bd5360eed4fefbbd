"""Data sets: ``load_*`` downloads nothing, ``fetch_*`` finds a copy or downloads one.

A fetcher looks in the folder that the environment variable ``SKLSTM_DATA`` names, then in the
cache (``data_home``, by default the folder that ``SKLSTM_HOME`` names, or ``~/sklstm_data``), and
then downloads the published file into the cache, where its checksum is compared on every read.
"""

from sklstm.datasets._images import fetch_mnist
from sklstm.datasets._reviews import decode_reviews, fetch_imdb
from sklstm.datasets._series import (
    fetch_daily_temperatures,
    fetch_sunspots,
    load_airline_passengers,
)
from sklstm.datasets._texts import fetch_shakespeare, load_python_reference, split_documents
from sklstm.datasets._ts_files import load_ts

__all__ = [
    "decode_reviews",
    "fetch_daily_temperatures",
    "fetch_imdb",
    "fetch_mnist",
    "fetch_shakespeare",
    "fetch_sunspots",
    "load_airline_passengers",
    "load_python_reference",
    "load_ts",
    "split_documents",
]
