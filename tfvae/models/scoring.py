"""log p(x) of many rows by importance sampling, in chunks that fit into memory."""

import warnings
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.host.arguments import as_count
from tfvae.host.pieces import in_pieces, num_rows
from tfvae.importance import LikelihoodEstimate, StreamedLikelihood

tfd = tfp.distributions
_COPIES = 16  # of a chunk's largest tensor that are alive at a time, about


def log_likelihood(vae: Any, x: Any, num_samples: int, seed: int, memory: int) -> LikelihoodEstimate:
    """See `VAE.log_likelihood`."""
    vae.posterior_layer.check_density("log p(x) by importance sampling")
    x, num_samples = vae.rows_to_score(x), as_count(num_samples, "num_samples")
    check_proposals(vae, x)
    size = sum(part[0].size for part in tf.nest.flatten(x))
    held = max(size, vae.numbers_per_draw, vae.prior.num_terms)
    numbers = int(memory // (4 * _COPIES))
    if numbers < held:
        raise ValueError(
            f"A memory of {memory:,} bytes does not hold one draw of this model: give at least {4 * _COPIES * held:,}."
        )
    n = num_rows(x)
    rows = min(n, 512, numbers // held)
    chunk = int(np.clip(numbers // (rows * held), 1, num_samples))
    use_xla = vae.use_xla(n * num_samples // 500)  # a step's arithmetic is about that of 500 draws
    key = (rows, chunk, tuple(part.shape[1:] for part in tf.nest.flatten(x)), use_xla)
    if key not in vae.compiled_likelihoods:
        vae.compiled_likelihoods[key] = StreamedLikelihood(vae, rows, chunk, use_xla)
    return vae.compiled_likelihoods[key](x, num_samples, seed)


def check_proposals(vae: Any, x: np.ndarray) -> None:
    """Raises ValueError where some q(z|x) has no draws in a part of p(z), which importance sampling would miss."""
    if vae.posterior_layer.bounded:
        prior = vae.prior.distribution()
        for some in in_pieces(x, vae.encoder):
            vae.posterior_layer.check_proposal(vae.encode(some).distribution, prior)


def rows_to_score(vae: Any, x: Any) -> np.ndarray:
    """See `VAE.rows_to_score`."""
    x = np.asarray(x, keras.config.floatx())
    if not x.size:
        raise ValueError("log p(x) needs rows, but x has none.")
    if not tf.TensorShape(vae.data_shape).is_compatible_with(x.shape[1:]):
        raise ValueError(f"This model's rows have the shape {vae.data_shape}, but x has rows of {x.shape[1:]}.")
    vae.check_data(x)
    p = vae.decode(tf.zeros([1, *vae.prior.event_shape])).distribution
    if isinstance(getattr(p, "distribution", p), tfd.Bernoulli) and not np.isin(x, (0, 1)).all():
        warnings.warn(
            "The data are grey and the likelihood is Bernoulli: their cross-entropy is not the log of a density. "
            "Use IndependentContinuousBernoulli, or binarize the data.",
            stacklevel=4,
        )
    return x
