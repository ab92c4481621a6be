"""The codes of rows, of as many as there are."""

from typing import Any

import numpy as np
import tensorflow as tf

from tfvae.host.pieces import in_pieces


def codes(vae: Any, x: np.ndarray, of: str = "draws", seed: int = 0) -> np.ndarray:
    """A draw of q(z|x), or its mean where `of` is "means", for each row of x: `(N, D)`."""
    pieces = []
    for k, some in enumerate(in_pieces(x, vae.encoder)):
        q = vae.encode(some).distribution
        pieces.append(q.mean() if of == "means" else q.sample(seed=tf.constant([seed, k])))
    return np.concatenate(pieces)
