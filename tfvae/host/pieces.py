"""Rows in pieces, so that any number of them passes through networks of any width."""

from typing import Any

import numpy as np

from tfvae.host import keras_door

_ROWS, _NUMBERS = 2**16, 2**27  # at a time, at most; of all layers' outputs, which Keras holds until the end


def rows_at_once(*networks: Any) -> int:
    """For how many rows the outputs of all the networks' layers fill half a gigabyte, at most."""
    numbers = sum(sum(keras_door.output_sizes(keras_door.sublayers(network))) for network in networks)
    return min(_ROWS, max(1, _NUMBERS // max(1, numbers)))


def in_pieces(x: Any, *networks: Any) -> list:
    """The rows of x, an array or a dict of arrays, in as few pieces of equal length as `rows_at_once` allows."""
    n = num_rows(x)
    if not n:
        return [x]
    ends = np.cumsum([len(part) for part in np.array_split(np.arange(n), -(-n // rows_at_once(*networks)))])
    return [take_rows(x, slice(start, end)) for start, end in zip([0, *ends[:-1]], ends, strict=True)]


def num_rows(x: Any) -> int:
    """Of an array, or of each array of a dict."""
    return len(next(iter(x.values()))) if isinstance(x, dict) else len(x)


def take_rows(x: Any, rows: Any) -> Any:
    """Those rows of an array, or of each array of a dict."""
    return {name: part[rows] for name, part in x.items()} if isinstance(x, dict) else x[rows]
