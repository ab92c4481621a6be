"""A logistic on the levels of an 8-bit image."""

from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp

tfd = tfp.distributions


class DiscretizedLogistic(tfd.Distribution):
    """Logistic(loc, scale) rounded to the levels 0, 1/(L−1), …, 1; what lies outside [0, 1] goes to its ends.

    A probability, not a density: −log₂ p per dimension is comparable between models of the same levels.

    Args:
        loc, scale: tensors of one shape, in units of x.
        levels: int L >= 2.

    Source: Kingma et al., "Improved variational inference with inverse autoregressive flow" (2016); Salimans et al.,
    "PixelCNN++" (2017).
    """

    def __init__(
        self,
        loc: Any,
        scale: Any,
        levels: int = 256,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: Any = "DiscretizedLogistic",
    ):
        parameters = dict(locals())
        self.loc, self.scale = tf.convert_to_tensor(loc), tf.convert_to_tensor(scale)
        self.levels = int(levels)
        super().__init__(
            dtype=self.loc.dtype,
            reparameterization_type=tfd.NOT_REPARAMETERIZED,
            validate_args=validate_args,
            allow_nan_stats=allow_nan_stats,
            parameters=parameters,
            name=name,
        )

    @classmethod
    def _parameter_properties(cls, dtype, num_classes=None):
        properties = tfp.util.ParameterProperties
        return {"loc": properties(), "scale": properties(), "levels": properties(event_ndims=None)}

    def _event_shape(self):
        return tf.TensorShape([])

    def _event_shape_tensor(self, **_):
        return tf.constant([], tf.int32)

    def _batch_shape(self):
        return tf.broadcast_static_shape(self.loc.shape, self.scale.shape)

    def _batch_shape_tensor(self, **_):
        return tf.broadcast_dynamic_shape(tf.shape(self.loc), tf.shape(self.scale))

    def _log_prob(self, x):
        width = 1 / ((self.levels - 1) * self.scale)  # of a level, in scales
        centered = (x - self.loc) / self.scale
        low, high = centered - width / 2, centered + width / 2
        log_below, log_above = -tf.nn.softplus(-high), -tf.nn.softplus(low)  # log F(high), log(1 − F(low))
        # F(high) − F(low) = F(high) (1 − F(low)) (1 − e^−width): no difference of two numbers that are nearly equal.
        between = log_below + log_above + tfp.math.log1mexp(width)
        half = 0.5 / (self.levels - 1)
        return tf.where(x < half, log_below, tf.where(x > 1 - half, log_above, between))

    def _sample_n(self, n, seed=None):
        shape = tf.concat([[n], self._batch_shape_tensor()], axis=0)
        u = tf.random.stateless_uniform(
            shape, tfp.random.sanitize_seed(seed), minval=1e-7, maxval=1.0, dtype=self.dtype
        )
        return self._nearest(self.loc + self.scale * (tf.math.log(u) - tf.math.log1p(-u)))

    def _nearest(self, x):
        return tf.round(tf.clip_by_value(x, 0, 1) * (self.levels - 1)) / (self.levels - 1)

    def _mode(self):
        nearest = self._nearest(self.loc + tf.zeros_like(self.scale))
        ends = tf.stack([tf.zeros_like(nearest), tf.ones_like(nearest), nearest])  # which wide tails may make likelier
        best = tf.argmax(self._log_prob(ends), axis=0)
        return tf.where(best == 2, nearest, tf.cast(best, self.dtype))

    def _mean(self):
        # E x = Σ_k P(x >= k) / (L − 1), one level after the other.
        def add(total, k):
            return total + tf.sigmoid((self.loc - (k - 0.5) / (self.levels - 1)) / self.scale)

        start = tf.zeros(self._batch_shape_tensor(), self.dtype)
        return tf.foldl(add, tf.range(1, self.levels, dtype=self.dtype), start, parallel_iterations=1) / (
            self.levels - 1
        )
