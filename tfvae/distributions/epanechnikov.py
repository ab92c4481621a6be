"""The Epanechnikov kernel."""

import math
from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.host.seeds import uniform

tfd = tfp.distributions


class _Kernel(tfd.Distribution):
    """Abstract: a scalar distribution around `loc` within some `radius`, whose draws carry gradients to both."""

    def __init__(self, loc, radius, parameters, validate_args, allow_nan_stats, name):
        self.loc, self.radius = tf.convert_to_tensor(loc), tf.convert_to_tensor(radius)
        super().__init__(
            dtype=self.loc.dtype,
            reparameterization_type=tfd.FULLY_REPARAMETERIZED,
            validate_args=validate_args,
            allow_nan_stats=allow_nan_stats,
            parameters=parameters,
            name=name,
        )

    def _event_shape(self):
        return tf.TensorShape([])

    def _event_shape_tensor(self, **_):
        return tf.constant([], tf.int32)

    def _drawn(self, n, seed):
        """Draws on [−1, 1], `(n, *batch)`, and a uniform of [−½, ½] beside each."""
        shape = tf.concat([[4, n], self._batch_shape_tensor()], axis=0)
        u = uniform(shape, tfp.random.sanitize_seed(seed), self.dtype)
        # The median of three uniforms has the density ¾ (1 − t²), exactly.
        median = tf.reduce_sum(u[:3], axis=0) - tf.reduce_max(u[:3], axis=0) - tf.reduce_min(u[:3], axis=0)
        return 2 * median - 1, u[3] - 0.5


class Epanechnikov(_Kernel):
    """p(z) = 3 / (4 r) (1 − ((z − loc) / r)²) for |z − loc| < r, the radius r.

    Of all kernels of its mean and variance, r²/5, it has the least ∫ p².

    Args:
        loc, radius: tensors of shapes that broadcast, in units of z.

    Source: Epanechnikov, "Non-parametric estimation of a multivariate probability density" (1969).
    """

    def __init__(
        self,
        loc: Any,
        radius: Any,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: Any = "Epanechnikov",
    ):
        parameters = dict(locals())
        super().__init__(loc, radius, parameters, validate_args, allow_nan_stats, name)

    @classmethod
    def _parameter_properties(cls, dtype, num_classes=None):
        return {"loc": tfp.util.ParameterProperties(), "radius": tfp.util.ParameterProperties()}

    def _sample_n(self, n, seed=None):
        return self.loc + self.radius * self._drawn(n, seed)[0]

    def _log_prob(self, z):
        height = 1 - tf.square((z - self.loc) / self.radius)
        inside = tf.math.log(tf.where(height > 0, height, 1.0)) - tf.math.log(self.radius) + math.log(0.75)
        return tf.where(height > 0, inside, -math.inf)

    def _cdf(self, z):
        t = tf.clip_by_value((z - self.loc) / self.radius, -1.0, 1.0)
        return 0.25 * (2 + t * (3 - tf.square(t)))

    def _quantile(self, p):
        return self.loc + 2 * self.radius * tf.sin(tf.asin(2 * p - 1) / 3)

    def _entropy(self):
        return tf.math.log(2 * self.radius) - math.log(6) + 5 / 3 + tf.zeros_like(self.loc)

    def _mean(self):
        return self.loc + tf.zeros_like(self.radius)

    _mode = _mean

    def _variance(self):
        return tf.square(self.radius) / 5 + tf.zeros_like(self.loc)
