"""States of numpy's random generators, which numpy itself takes as they are."""

from __future__ import annotations

from typing import Any

BIT_GENERATORS = ("MT19937", "PCG64", "PCG64DXSM", "SFC64")
MERSENNE_LENGTH = 624


def checked_random_state(state: Any) -> dict[str, Any]:
    """Refuse what is no state of a generator; numpy would read beyond the end of its numbers.

    Raises
    ------
    ValueError
        If the generator is none of numpy's, or the place in its numbers is behind their end.
    """
    if not isinstance(state, dict) or state.get("bit_generator") not in BIT_GENERATORS:
        raise ValueError("the state of a random generator is none of numpy's")
    if state["bit_generator"] == "MT19937":
        inner = state.get("state")
        place = inner.get("pos") if isinstance(inner, dict) else None
        if not isinstance(place, int) or not 0 <= place <= MERSENNE_LENGTH:
            raise ValueError(f"the state of a random generator has the place {place!a:.40}")
    return state
