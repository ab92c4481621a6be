"""The noun: what reduces log-densities to one number per example."""

import collections

import keras
import tensorflow as tf

Terms = collections.namedtuple("Terms", "loss reconstruction kl")
Terms.__doc__ = "Per example, of shape (B,), in nats: the loss, −log p(x|z), and KL(q(z|x) ‖ p(z))."


class Objective(keras.layers.Layer):
    """Abstract: (x, q, z, p, prior) -> `Terms`. A layer that is never called, so that what it holds is saved.

    A subclass defines `terms`.

    Args:
        warm_up_steps: int, the optimizer steps over which a fit that is given no `KLWarmUp` raises the KL's weight from
            0; 0 for none.

    Attributes:
        beta: float, the KL's weight in training, after any warm-up.
        num_draws: int, how many z ~ q `terms` is given for each example; with 1, z has no axis for them.
    """

    num_draws = 1
    beta = 1.0

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

    def terms(self, x, q, z, p, prior, beta_share=1.0, training=False, log_shares=None, decode=None):
        """The `Terms` of each example.

        Args:
            x: `(B, *E)` data.
            q: q(z|x), a `tfd.Distribution` of batch shape `(B,)`.
            z: the decoder's z, `(B, D)`, or `(S, B, D)` with S draws.
            p: p(x|z), batch shape `(B,)` or `(S, B)`.
            prior: p(z), a `tfd.Distribution`.
            beta_share: share of the KL weight in force, from `warm_up`.
            training: bool; outside training the loss is the negative bound on log p(x), with the KL's weight at 1.
            log_shares: `(S, B)`, the log of each draw's share in an expectation under q; None for equal shares.
            decode: z -> p(x|z), for objectives that decode at other z than the ones given.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `terms`.")

    def get_config(self):
        return {**super().get_config(), "warm_up_steps": self.default_warm_up}


def expectation(values, log_shares=None):
    """(B,) from (B,) or (S, B): the mean over the draws, or their sum weighted by exp(log_shares)."""
    if values.shape.rank == 1:
        return values
    return tf.reduce_mean(values, axis=0) if log_shares is None else tf.reduce_sum(tf.exp(log_shares) * values, axis=0)
