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
    """The rows of x in as few pieces of equal length as `rows_at_once` allows."""
    return np.array_split(x, -(-len(x) // rows_at_once(*networks))) if len(x) else [x]
