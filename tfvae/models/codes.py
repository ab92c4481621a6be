"""The codes of rows, of as many as there are."""

from typing import Any

import numpy as np
import tensorflow as tf

from tfvae.host import keras_door

_ROWS, _NUMBERS = 4096, 2**27  # encoded at a time, at most; of all layers' outputs, which Keras holds until the end


def in_pieces(vae: Any, x: np.ndarray) -> list:
    """x in pieces for which the encoder's layers fill half a gigabyte, at most."""
    numbers = sum(keras_door.output_sizes(keras_door.sublayers(vae.encoder)))
    rows = min(_ROWS, max(1, _NUMBERS // max(1, numbers)))
    return np.array_split(x, -(-len(x) // rows)) if len(x) else [x]


def codes(vae: Any, x: np.ndarray, of: str = "draws", seed: int = 0) -> np.ndarray:
    """A draw of q(z|x), or its mean where `of` is "means", for each row of x: `(N, D)`."""
    pieces = []
    for k, some in enumerate(in_pieces(vae, x)):
        q = vae.encode(some).distribution
        pieces.append(q.mean() if of == "means" else q.sample(seed=tf.constant([seed, k])))
    return np.concatenate(pieces)
