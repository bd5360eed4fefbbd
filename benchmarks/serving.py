"""Requests per second of examples/serving/app.py, and how long a request takes.

    python benchmarks/serving.py --python small/bin/python

uvicorn serves an LSTM(32) of digits, fitted here, in the environment of that interpreter (of this
one, if none is named), which needs what examples/serving/requirements.txt lists. 1 and 16 clients
send one image after another, each over a connection of its own, in threads of this process: they
share the cores with the service. The first requests of each client are not counted. The processor
time is that of the service only, and depends little on what else the machine does.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import numpy as np
from _data import digits
from _timing import duration, show_machine, show_table

from sklstm import LSTMClassifier, persistence

ROOT = Path(__file__).parents[1]
WARM = 20  # requests of each client before the measurement
SECONDS_TO_START = 60


def write_model(path: Path) -> list[bytes]:
    """Fit digits and save the classifier; return requests of one image each."""
    X, y = digits()
    persistence.save(LSTMClassifier(32, epochs=10, random_state=0).fit(X, y), path)
    return [json.dumps({"sequences": [image.tolist()]}).encode() for image in X[:100]]


@contextmanager
def service(python: str, model: Path) -> Iterator[tuple[int, int]]:
    """Run the service; give its port and the number of its process."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = [python, "-m", "uvicorn", "app:app", "--port", str(port), "--no-access-log"]
    environment = {
        **os.environ,
        "MODEL": str(model),
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(ROOT),
    }
    process = subprocess.Popen(command, cwd=ROOT / "examples" / "serving", env=environment)
    try:
        wait_until_healthy(port, process)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait()


def wait_until_healthy(port: int, process: subprocess.Popen) -> None:
    end = time.monotonic() + SECONDS_TO_START
    while process.poll() is None and time.monotonic() < end:
        try:
            connection = HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/health")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"The service did not start within {SECONDS_TO_START} s.")


def client(port: int, requests: list[bytes], n: int) -> list[float]:
    """Send n requests, one after another; return the seconds of each."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    seconds = []
    for i in range(WARM + n):
        start = time.perf_counter()
        connection.request(
            "POST", "/predict", requests[i % len(requests)], {"Content-Type": "application/json"}
        )
        response = connection.getresponse()
        content = response.read()
        seconds.append(time.perf_counter() - start)
        if response.status != 200:
            raise RuntimeError(f"{response.status}: {content.decode()}")
    connection.close()
    return seconds[WARM:]


def measure(port: int, process: int, requests: list[bytes], n_clients: int, n: int) -> list[str]:
    """Return a line of the table."""
    of_each = n // n_clients
    n_sent = n_clients * (WARM + of_each)
    with ThreadPoolExecutor(n_clients) as pool:
        start, processor_start = time.perf_counter(), processor_seconds(process)
        each = list(pool.map(lambda _: client(port, requests, of_each), range(n_clients)))
        taken = time.perf_counter() - start
        processor = (processor_seconds(process) - processor_start) / n_sent
    middle, slow = np.quantile(np.concatenate(each), [0.5, 0.99])
    return [str(n_clients), f"{n_sent / taken:.0f}", *map(duration, (middle, slow, processor))]


def processor_seconds(process: int) -> float:
    """Return the processor time that a process has used."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(process: int) -> float:
    """Return the memory that a process holds, in MiB."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--python", default=sys.executable, help="interpreter of the service")
    parser.add_argument("--requests", type=int, default=3200, help="default: %(default)s")
    options = parser.parse_args()
    show_machine()
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder, "digits.sklstm")
        requests = write_model(model)
        with service(options.python, model) as (port, process):
            lines = [measure(port, process, requests, n, options.requests) for n in (1, 16)]
            memory = resident(process)
    head = ["clients", "requests per second", "median", "99th percentile", "processor time of each"]
    show_table(head, lines)
    print(f"\nThe service then holds {memory:.0f} MiB.")


if __name__ == "__main__":
    main()
