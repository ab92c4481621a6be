"""Codes of rows of which only a part is known: draws of p(z|x) by importance resampling."""

from typing import Any

import numpy as np
import tensorflow as tf

from tfvae.host.pieces import rows_at_once
from tfvae.models.scoring import check_proposals

_NUMBERS = 2**22  # of the widest layer, or of the prior's terms, over all draws that are looked at together


def posterior_draws(vae: Any, x: np.ndarray, num_samples: int = 200, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """One draw of p(z|x) for each row, chosen among draws of q(z|x) by their importance weights.

    Where x holds NaN, p(x|z) is that of what is there, and z is drawn for that alone.

    Args:
        vae: a `VAE` whose posterior has a density.
        x: `(N, *E)`.
        num_samples: int S, draws of q(z|x) to choose from.
        seed: int.

    Returns:
        (z, `(N, D)`; the effective number of draws, `(N,)`).

    Source: Rubin, "Using the SIR algorithm to simulate posterior distributions" (1988).
    """
    vae.posterior_layer.check_density("importance resampling")
    check_proposals(vae, x)
    chosen, effective = [], []
    rows = max(1, _NUMBERS // (num_samples * max(vae.numbers_per_draw, vae.prior.num_terms)))
    for k, some in enumerate(np.array_split(x, -(-len(x) // min(rows, rows_at_once(vae.encoder))))):
        q = vae.encode(some).distribution
        z = q.sample(num_samples, seed=tf.constant([seed, 2 * k]))
        repeated = tf.tile(tf.convert_to_tensor(some, z.dtype)[None], [num_samples, *[1] * some.ndim])
        log_w = vae.decode(z).distribution.log_prob(repeated) + vae.prior.log_prob(z) - q.log_prob(z)
        w = tf.nn.softmax(log_w, axis=0)
        effective.append(1 / tf.reduce_sum(w**2, axis=0))
        one = tf.random.stateless_categorical(tf.transpose(log_w), 1, tf.constant([seed, 2 * k + 1]))[:, 0]
        chosen.append(tf.gather(tf.transpose(z, [1, 0, 2]), one, batch_dims=1))
    return np.concatenate(chosen), np.concatenate(effective)
