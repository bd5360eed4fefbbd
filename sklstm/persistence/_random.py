"""Checks states of random generators, which numpy itself uses without a check."""

from __future__ import annotations

from typing import Any

BIT_GENERATORS = ("MT19937", "PCG64", "PCG64DXSM", "SFC64")
MERSENNE_LENGTH = 624


def checked_random_state(state: Any) -> dict[str, Any]:
    """Check the state of a generator: numpy could read memory beyond the end of a wrong one.

    Raises
    ------
    ValueError
        If the generator is not one of numpy's, or the position in its numbers is out of range.
    """
    if not isinstance(state, dict) or state.get("bit_generator") not in BIT_GENERATORS:
        raise ValueError("the state of a random generator is none of numpy's")
    if state["bit_generator"] == "MT19937":
        inner = state.get("state")
        place = inner.get("pos") if isinstance(inner, dict) else None
        if not isinstance(place, int) or not 0 <= place <= MERSENNE_LENGTH:
            raise ValueError(f"the state of a random generator has the place {place!a:.40}")
    return state
