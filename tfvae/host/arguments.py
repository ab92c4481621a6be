"""Arguments and data, checked: each function returns what it was given in one form, or says what was wrong."""

import operator
import sys
from typing import Any

import numpy as np


def as_shape(event_shape: Any, argument: str = "event_shape") -> tuple[int, ...]:
    """`event_shape` as a tuple of ints.

    Args:
        event_shape: an int, a sequence of ints, a `TensorShape`, or an array or tensor of integers with up to one axis.
        argument: its name, for the error.

    Raises:
        ValueError: where it is none of these, or a size is negative or unknown.
    """
    known = _static(event_shape)
    try:
        sizes = (known,) if getattr(known, "ndim", None) == 0 or not hasattr(known, "__iter__") else known
        sizes = tuple(operator.index(_static(n)) for n in sizes)
    except TypeError:
        sizes = (-1,)
    if any(n < 0 for n in sizes):
        raise ValueError(f"`{argument}` must be an int or ints that are at least 0, but got {event_shape!r}.")
    return sizes


def as_size(event_size: Any, argument: str = "event_size") -> int:
    """The length of a vector as an int: of an int, or of a shape with one axis, in any form that `as_shape` takes."""
    sizes = as_shape(event_size, argument)
    if len(sizes) != 1:
        raise ValueError(f"`{argument}` must be the length of a vector, but got {event_size!r}.")
    return sizes[0]


def as_count(value: Any, argument: str, least: int = 1) -> int:
    """`value` as an int; ValueError, which names the argument, where it is below `least` or no whole number."""
    try:
        count = operator.index(_static(value))
    except TypeError:
        raise ValueError(f"`{argument}` must be a whole number, but got {value!r}.") from None
    if count < least:
        raise ValueError(f"`{argument}` must be at least {least}, but got {value!r}.")
    return count


def event_size(event_shape: Any) -> int:
    """The number of elements of one event."""
    size = 1
    for n in as_shape(event_shape):
        size *= n
    return size


def check_unit_interval(name: str, data: np.ndarray, likelihood: str) -> None:
    """Raises ValueError where the array `data` leaves [0, 1], on which the named likelihood is defined."""
    low, high = np.min(data), np.max(data)
    if low >= 0 and high <= 1:
        return
    scaled = "divide them by 255" if low >= 0 and 1 < high <= 255 else "scale them to [0, 1]"
    raise ValueError(
        f"`{name}` has {'integers' if data.dtype.kind in 'iu' else 'values'} from {low:g} to {high:g}, but {likelihood} "
        f"is for [0, 1]: {scaled}, or choose a Gaussian likelihood."
    )


def check_whole(name: str, data: np.ndarray, likelihood: str) -> None:
    """Raises ValueError where the array `data` holds other numbers than 0, 1, 2, …, which the named likelihood counts."""
    whole = (data >= 0) & (data == np.rint(data))
    if not whole.all():
        raise ValueError(
            f"`{name}` has values such as {data[~whole].ravel()[0]:g}, but {likelihood} is for counts 0, 1, 2, …: round "
            "them, or choose a Gaussian likelihood."
        )


def _static(value):
    """A tensor as the array that it is known to be, also inside a graph; anything else as it is."""
    if not hasattr(value, "graph") and not hasattr(value, "numpy"):
        return value
    return sys.modules["tensorflow"].get_static_value(value)
