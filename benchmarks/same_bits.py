"""Whether two commits compute the same, to the last bit, for the same seeds.

    python benchmarks/same_bits.py --save old.npz           at the older commit
    python benchmarks/same_bits.py --save new.npz           at the newer one
    python benchmarks/same_bits.py --compare old.npz new.npz

The first form fits every estimator and transformer on small generated data and writes predictions,
learning curves, texts and transformed data to one file. The third prints a line per result, "same
bits" or the largest difference, and exits with 1 if any result differs or is missing. To run it at
a commit that has no such file, let PYTHONPATH name the checkout of that commit. Results compare on
one machine and with the same versions of the libraries only.

Where public names have changed, the names that the installed package has are taken.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from _seeded_results import SECTIONS

import sklstm


def compute_all() -> dict[str, np.ndarray]:
    """Run all sections; return arrays of numbers and of strings by name."""
    results = {}
    for section, function in SECTIONS.items():
        start = time.perf_counter()
        for name, value in function():
            results[f"{section}/{name}"] = as_array(value)
        print(f"{section:<30}{time.perf_counter() - start:6.1f} s", flush=True)
    return results


def as_array(value: Any) -> np.ndarray:
    """Make an array without objects, which needs no pickle."""
    array = np.asarray(value)
    if array.dtype == object:  # texts, or an array of texts for each document
        array = np.concatenate([np.atleast_1d(np.asarray(item)) for item in array]).astype(str)
    return array


def describe_difference(old: np.ndarray, new: np.ndarray) -> str:
    """Return "same bits", or what differs."""
    if old.shape != new.shape or old.dtype.kind != new.dtype.kind:
        return f"{old.dtype} of shape {old.shape} became {new.dtype} of shape {new.shape}"
    if old.dtype == new.dtype and old.tobytes() == new.tobytes():
        return "same bits"
    if old.dtype.kind not in "fiub":
        n_changed = int(np.count_nonzero(old != new))
        return f"{n_changed} of {old.size} differ" if n_changed else "same bits"
    if old.dtype != new.dtype:
        return f"{old.dtype} became {new.dtype}"
    if old.dtype.kind == "f" and (np.isnan(old) != np.isnan(new)).any():
        return "NaN in other places"
    return f"largest difference {np.nanmax(np.abs(old.astype(float) - new.astype(float))):.3g}"


def compare(old_path: str, new_path: str) -> bool:
    """Print a line for each result; return whether all have the same bits."""
    with np.load(old_path) as old, np.load(new_path) as new:
        lines = {
            name: describe_difference(old[name], new[name])
            if name in old and name in new
            else f"only in {old_path if name in old else new_path}"
            for name in dict.fromkeys([*old, *new])
        }
    for name, line in lines.items():
        print(f"{name:<55}{line}")
    n_same = sum(line == "same bits" for line in lines.values())
    print(f"{n_same} of {len(lines)} results have the same bits.")
    return n_same == len(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument("--save", metavar="FILE", help="write all results to this .npz file")
    group.add_argument("--compare", nargs=2, metavar=("OLD", "NEW"), help="compare two such files")
    arguments = parser.parse_args()
    if arguments.compare:
        sys.exit(0 if compare(*arguments.compare) else 1)
    print(f"sklstm of {Path(sklstm.__file__).parent}")
    warnings.simplefilter("ignore")  # quantiles and labels that warn are wanted here
    np.savez(arguments.save, **compute_all())


if __name__ == "__main__":
    main()
