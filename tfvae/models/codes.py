"""The codes of rows, of as many as there are."""

from typing import Any

import numpy as np
import tensorflow as tf

_ROWS = 4096  # encoded at a time, at most


def codes(vae: Any, x: np.ndarray, of: str = "draws", seed: int = 0) -> np.ndarray:
    """A draw of q(z|x), or its mean where `of` is "means", for each row of x: `(N, D)`."""
    pieces = []
    for k, some in enumerate(np.array_split(x, -(-len(x) // _ROWS)) if len(x) else [x]):
        q = vae.encode(some).distribution
        pieces.append(q.mean() if of == "means" else q.sample(seed=tf.constant([seed, k])))
    return np.concatenate(pieces)
