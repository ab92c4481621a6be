"""A Poisson by its log rate, with a KL in closed form and draws that XLA can compile."""

import math
from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.host.seeds import uniform

tfd = tfp.distributions
_LARGEST = 500.0  # rate that is drawn at once: exp(−rate) is a number of float64


class LogRatePoisson(tfd.Poisson):
    """Poisson(exp(log_rate)): TFP's, whose KL TFP does not register and whose draws XLA cannot compile.

    KL(Pois(λ) ‖ Pois(r)) = r f(λ / r) nats with f(y) = 1 − y + y log y: what it costs to leave the rate r grows with r.

    The time of a draw grows with the largest rate.

    Args:
        log_rate: tensor.
    """

    def __init__(
        self,
        log_rate: Any,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: Any = "LogRatePoisson",
    ):
        parameters = dict(locals())
        super().__init__(log_rate=log_rate, validate_args=validate_args, allow_nan_stats=allow_nan_stats, name=name)
        self._parameters = parameters

    @classmethod
    def _parameter_properties(cls, dtype, num_classes=None):
        return {"log_rate": tfp.util.ParameterProperties()}

    def _sample_n(self, n, seed=None):
        rate = tf.exp(self.log_rate)
        return draw_counts(
            tf.broadcast_to(rate, tf.concat([[n], tf.shape(rate)], axis=0)), tfp.random.sanitize_seed(seed)
        )


def draw_counts(rate: Any, seed: Any) -> tf.Tensor:
    """Exact draws of Pois(rate), of the shape and dtype of `rate`, by inversion; large rates are sums of smaller ones.

    Draws of rates that are infinite or no number are NaN.
    """
    finite = tf.math.is_finite(rate)
    rate = tf.stop_gradient(tf.where(finite, rate, 0.0))
    parts = tf.maximum(tf.math.ceil(tf.reduce_max(rate) / _LARGEST), 1.0)

    def add(k, count):
        return k + 1, count + _inverted(rate / parts, tf.random.experimental.stateless_fold_in(seed, k))

    count = tf.while_loop(lambda k, count: tf.cast(k, rate.dtype) < parts, add, (0, tf.zeros_like(rate)))[1]
    return tf.where(finite, count, math.nan)


def _inverted(rate, seed):
    """Draws of Pois(rate) for rates of up to `_LARGEST`."""
    dtype, rate = rate.dtype, tf.cast(rate, tf.float64)
    u = uniform(tf.shape(rate), seed, tf.float64)
    largest = tf.reduce_max(rate)
    enough = largest + 12 * tf.sqrt(largest) + 40  # where rounding would leave a u above the last sum

    def more(k, p, below, count):
        beyond = u >= below
        p = p * rate / (k + 1)
        return k + 1, p, below + p, count + tf.cast(beyond, tf.float64)

    p = tf.exp(-rate)
    start = (tf.zeros((), tf.float64), p, p, tf.zeros_like(rate))
    *_, count = tf.while_loop(lambda k, p, below, count: (k < enough) & tf.reduce_any(u >= below), more, start)
    return tf.cast(count, dtype)


@tfd.RegisterKL(LogRatePoisson, LogRatePoisson)
def _kl(a, b, name=None):
    change = a.log_rate - b.log_rate
    return tf.exp(b.log_rate) * (1 + tf.exp(change) * (change - 1))
