"""Prediction by ONNX Runtime, without TensorFlow: `OnnxPredictor`."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Hashable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TypeVar

import numpy as np
import onnx
import onnxruntime
from joblib import cpu_count

from sklstm._sequences import Sequences
from sklstm.network.onnx_graph import build_graph, state_sizes
from sklstm.network.onnx_sampler import TokenSampler, build_step_graph
from sklstm.network.scaling import InputScaling, TargetScaling
from sklstm.network.spec import NetworkSpec, Weights

BYTES_PER_BATCH = 12 * 2**20  # of the gates at all time steps, which then fit into the cache
MIN_ROWS_PER_BATCH = 8
# Below this many multiplications one thread is faster than several.
MIN_WORK_FOR_THREADS = 2**25

State = list[np.ndarray]
Argument = TypeVar("Argument")
Result = TypeVar("Result")


class OnnxPredictor:
    """A network with its weights, which predicts.

    Parameters
    ----------
    spec : NetworkSpec
    weights : dict of ndarray
        By the names of ``spec.weight_shapes()``.

    Notes
    -----
    ONNX sessions, for predictions, for reading and for writing, are made when first needed. They
    own threads, so they are made anew after a fork or an unpickling. Several threads may predict
    at once.
    """

    def __init__(self, spec: NetworkSpec, weights: Weights) -> None:
        self.spec = spec
        self.weights = weights
        self._forget_sessions()

    def __getstate__(self) -> dict:
        return {"spec": self.spec, "weights": self.weights}

    def __setstate__(self, state: dict) -> None:
        self.__init__(**state)

    def predict(
        self,
        sequences: Sequences,
        on_progress: Callable[[int], object] | None = None,
        *,
        averages: bool = True,
    ) -> np.ndarray:
        """Compute the outputs of every sequence, in batches of similar length.

        Parameters
        ----------
        sequences : Sequences
        on_progress : callable, default=None
            Called after each batch with its number of sequences.
        averages : bool, default=True
            Whether to average the outputs of several networks.

        Returns
        -------
        ndarray of shape (n, n_outputs) or (n, horizon, n_outputs), float32
            Without averaging, n_networks comes after n.
        """
        order = np.argsort(sequences.lengths, kind="stable") if sequences.varies else slice(None)
        sequences = sequences[order]
        of_each = () if averages else (self.spec.n_networks,)
        outputs = np.empty((len(sequences), *of_each, *self.spec.output_shape), np.float32)
        n_threads = self._n_threads(sequences)

        def run(rows: slice) -> int:
            outputs[rows] = self._run(sequences[rows], averages=averages)
            return rows.stop - rows.start

        for n_done in in_threads(run, self._batches(sequences.lengths, n_threads), n_threads):
            if on_progress is not None:
                on_progress(n_done)
        result = np.empty_like(outputs)
        result[order] = outputs
        return result

    def initial_state(self, n: int = 1) -> State:
        """Return the zero state of `n` sequences: the output and the cell of each layer."""
        return [np.zeros((1, n, units), np.float32) for units in state_sizes(self.spec).values()]

    def read(self, ids: np.ndarray, state: State) -> tuple[np.ndarray, State]:
        """Run a network that keeps every time step on some more time steps, from a state on.

        Parameters
        ----------
        ids : int array of shape (n, T)
            Token ids.
        state : list of ndarray
            From `initial_state` or the call before.

        Returns
        -------
        outputs : ndarray of shape (n, T, n_outputs)
        state : list of ndarray
        """
        feeds = dict(zip(state_sizes(self.spec), state, strict=True))
        session = self._reader(self._threads_for(ids.size))
        outputs, *state = session.run(None, {"values": _time_major(ids), **feeds})
        return outputs, state

    def steps(
        self,
        tokens: np.ndarray,
        state: State,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        n_drawn: int | None = None,
        precision: str = "float32",
    ) -> TokenSampler:
        """Return a `TokenSampler` that writes some rows on from a state, on one thread."""
        truncates = top_k is not None or top_p is not None
        n_drawn = self.spec.n_outputs if n_drawn is None else n_drawn

        def make() -> onnxruntime.InferenceSession:
            graph = build_step_graph(
                self.spec,
                self.weights,
                truncates=truncates,
                n_drawn=n_drawn,
                precision=precision,
            )
            return _make_session(graph, 1)

        return TokenSampler(
            self._session(("steps", truncates, n_drawn, precision), make),
            self.spec,
            tokens,
            state,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            n_drawn=n_drawn,
        )

    def to_onnx(
        self,
        input_scaling: InputScaling | None = None,
        target_scaling: TargetScaling | None = None,
    ) -> onnx.ModelProto:
        """Return the graph that `build_graph` writes, with the values as (n, T, F)."""
        return build_graph(
            self.spec, self.weights, input_scaling=input_scaling, target_scaling=target_scaling
        )

    def _run(self, batch: Sequences, *, averages: bool) -> np.ndarray:
        values = _time_major(batch.padded())
        feeds = {"values": values, "lengths": batch.lengths.astype(np.int32)}
        if batch.static is not None:
            feeds["static"] = batch.static
        return self._reader(1, averages=averages).run(None, feeds)[0]

    def _n_threads(self, sequences: Sequences) -> int:
        """Return how many batches are computed at once.

        Batches that run side by side, each on one thread, take a fifth less time than batches one
        after another, each on all threads.
        """
        n_steps = int(sequences.lengths.sum())
        return min(self._threads_for(n_steps), len(sequences))

    def _batches(self, lengths: np.ndarray, n_threads: int) -> Iterator[slice]:
        """Cut sequences in the order of their length into batches, the longest first."""
        most = -(-len(lengths) // n_threads)
        stop = len(lengths)
        while stop > 0:
            start = max(0, stop - min(most, self._rows_per_batch(lengths[stop - 1])))
            yield slice(start, stop)
            stop = start

    def _rows_per_batch(self, n_steps: int) -> int:
        gates = 4 * self.spec.n_directions * max(self.spec.units, default=1)
        return max(MIN_ROWS_PER_BATCH, BYTES_PER_BATCH // (4 * gates * n_steps))

    @cached_property
    def _work_per_step(self) -> int:
        return self.spec.work_per_step  # not at once: a spec from a file is not yet checked

    def _threads_for(self, n_steps: int) -> int:
        """Return how many threads to use for a number of time steps, of all rows together."""
        is_large = n_steps * self._work_per_step >= MIN_WORK_FOR_THREADS
        return available_cores() if is_large else 1

    def _reader(self, n_threads: int, *, averages: bool = True) -> onnxruntime.InferenceSession:
        def make() -> onnxruntime.InferenceSession:
            graph = build_graph(self.spec, self.weights, time_major=True, averages=averages)
            return _make_session(graph, n_threads)

        return self._session((n_threads, averages), make)

    def _session(
        self, key: Hashable, make: Callable[[], onnxruntime.InferenceSession]
    ) -> onnxruntime.InferenceSession:
        if self._process != os.getpid():
            self._forget_sessions()
        if key not in self._sessions:
            with self._lock:
                if key not in self._sessions:
                    self._sessions[key] = make()
        return self._sessions[key]

    def _forget_sessions(self) -> None:
        self._sessions: dict[Hashable, onnxruntime.InferenceSession] = {}
        self._lock = threading.Lock()
        self._process = os.getpid()


def in_threads(
    function: Callable[[Argument], Result], arguments: Iterable[Argument], n_threads: int
) -> Iterator[Result]:
    """Yield the results of a function in order; `n_threads` calls run at once.

    While the interpreter shuts down, a call may be made twice, once of them by a thread.
    """
    if n_threads == 1:
        yield from map(function, arguments)
        return
    arguments = list(arguments)
    pool = ThreadPoolExecutor(n_threads)  # ONNX Runtime works without the interpreter's lock
    try:
        yield from _start(pool, function, arguments)
    finally:
        pool.shutdown(cancel_futures=True)


def _start(
    pool: ThreadPoolExecutor, function: Callable[[Argument], Result], arguments: list[Argument]
) -> Iterator[Result]:
    try:
        return pool.map(function, arguments)
    except RuntimeError:  # the interpreter shuts down and starts no more threads
        return map(function, arguments)


def available_cores() -> int:
    """Return how many cores this process may use: in a worker of joblib's, its share of them."""
    share = os.environ.get("OMP_NUM_THREADS", "")
    return int(share) if share.isdigit() and int(share) > 0 else cpu_count()


def _time_major(values: np.ndarray) -> np.ndarray:
    # ONNX Runtime's Transpose takes five times as long.
    return np.ascontiguousarray(values.swapaxes(0, 1))


def _make_session(model: onnx.ModelProto, n_threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = n_threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
