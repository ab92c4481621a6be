"""What is minimized: objectives that reduce log-densities to one number per example."""

import collections

import keras
import tensorflow as tf

from tfvae.divergences import kl_divergence, kl_per_dimension
from tfvae.importance import log_px_z
from tfvae.saving import register
from tfvae.tensors import as_distribution

Terms = collections.namedtuple("Terms", "loss reconstruction kl")
Terms.__doc__ = "Per example, of shape (B,), in nats: the loss, −log p(x|z), and KL(q(z|x) ‖ p(z))."


class Objective(keras.layers.Layer):
    """Abstract: (x, q, z, p, prior) -> `Terms`. A layer that is never called, so that what it holds is saved.

    A subclass defines `terms(x, q, z, p, prior, beta, training)`.

    Args:
        warm_up_steps: int, the optimizer steps over which a fit that is given no `KLWarmUp` raises the KL's weight from
            0; 0 for none.
    """

    def __init__(self, warm_up_steps=0, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})
        if warm_up_steps < 0:
            raise ValueError(f"`warm_up_steps` must be at least 0, but got {warm_up_steps}.")
        self.default_warm_up = int(warm_up_steps)
        # The warm-up is counted in optimizer steps, so that it is exact in every step of a fused loop, and survives saving.
        self.warm_up_start = self._counter("warm_up_start")
        self.warm_up_steps = self._counter("warm_up_steps")
        self.built = True

    def _counter(self, name):
        return self.add_weight(name=name, shape=(), dtype="int64", initializer="zeros", trainable=False)

    def warm_up(self, iterations):
        """The KL weight's share in [0, 1] after `iterations` optimizer steps; 1 without a warm-up (see `KLWarmUp`)."""
        done = tf.cast(tf.cast(iterations, tf.int64) - self.warm_up_start, tf.float32)
        steps = tf.cast(self.warm_up_steps, tf.float32)
        return tf.clip_by_value(tf.math.divide_no_nan(done, steps) + tf.cast(steps <= 0, tf.float32), 0.0, 1.0)

    def terms(self, x, q, z, p, prior, beta_share=1.0, training=False):
        """The `Terms` of each example.

        Args:
            x: `(B, *E)` data.
            q: q(z|x), a `tfd.Distribution` of batch shape `(B,)`.
            z: the decoder's z, `(B, D)`, or `(S, B, D)` with S draws.
            p: p(x|z), batch shape `(B,)` or `(S, B)`.
            prior: p(z), a `tfd.Distribution`.
            beta_share: share of the KL weight in force, from `warm_up`.
            training: bool; outside training the loss is the negative ELBO, whatever was trained.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `terms`.")

    def get_config(self):
        return {**super().get_config(), "warm_up_steps": self.default_warm_up}


@register
class ELBO(Objective):
    """loss = −log p(x|z) + β KL(q(z|x) ‖ p(z)), with one z ~ q.

    Args:
        beta: float >= 0, the KL's weight in training; evaluation always uses 1.
        free_bits: float >= 0, nats: in training the KL costs at least this much in each latent dimension (its batch
            mean, where posterior and prior factorize; otherwise in all D dimensions together), so that no dimension
            gains from collapsing below it. Source: Kingma et al., "Improved variational inference with inverse
            autoregressive flow" (2016).
        warm_up_steps: see `Objective`.
    """

    def __init__(self, beta=1.0, free_bits=0.0, warm_up_steps=0, **kwargs):
        super().__init__(warm_up_steps, **kwargs)
        if not beta >= 0 or not free_bits >= 0:
            raise ValueError(f"`beta` and `free_bits` must be at least 0, but got {beta!r} and {free_bits!r}.")
        self.beta = float(beta)
        self.free_bits = float(free_bits)

    def terms(self, x, q, z, p, prior, beta_share=1.0, training=False):
        reconstruction = _mean_over_draws(-log_px_z(p, x))
        kl = _mean_over_draws(kl_divergence(q, prior, z))
        if not training:
            return Terms(reconstruction + kl, reconstruction, kl)
        cost = self._with_free_bits(q, prior, z, kl) if self.free_bits else kl
        return Terms(reconstruction + self.beta * beta_share * cost, reconstruction, kl)

    def _with_free_bits(self, q, prior, z, kl):
        by_dimension = kl_per_dimension(q, prior)
        if by_dimension is None:
            dimensions = tf.cast(tf.shape(z)[-1], kl.dtype)
            free = tf.maximum(tf.reduce_mean(kl), self.free_bits * dimensions)
        else:
            axes = list(range(by_dimension.shape.rank - 1))
            free = tf.reduce_sum(tf.maximum(tf.reduce_mean(by_dimension, axes), self.free_bits))
        return tf.broadcast_to(free, tf.shape(kl))

    def get_config(self):
        return {**super().get_config(), "beta": self.beta, "free_bits": self.free_bits}


def _mean_over_draws(values):
    """(B,) from (B,) or (S, B)."""
    return values if values.shape.rank == 1 else tf.reduce_mean(values, axis=list(range(values.shape.rank - 1)))


@register
class NegativeLogProb(keras.losses.Loss):
    """−log p(y), in nats per example, of the distribution that a model returns: `compile(loss=NegativeLogProb())`.

    The named form of `loss=lambda y, rv: -rv.log_prob(y)`: it is saved with the model, where a lambda is not.
    """

    def __init__(self, reduction="sum_over_batch_size", name="negative_log_prob", dtype=None):
        super().__init__(reduction=reduction, name=name, dtype=dtype)

    def call(self, y_true, y_pred):
        return -as_distribution(y_pred, "NegativeLogProb").log_prob(y_true)
