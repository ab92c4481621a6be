"""The Epanechnikov kernel in expectation over the draws that it is laid on."""

import math
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.distributions.epanechnikov import _Kernel

tfd = tfp.distributions
_TINY = 1e-37  # a density's mass, in float32
_NARROW = 0.25  # the standard deviation of a normal, in radii of the kernel
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(20)


class _Smoothed(_Kernel):
    """Abstract: z = b (loc + r K) + U with an Epanechnikov K on [−1, 1] and noise U of the prior's width B."""

    def __init__(
        self,
        loc: Any,
        radius: Any,
        width: float,
        bandwidth: float,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: Any = None,
    ):
        name = name or type(self).__name__
        parameters = {
            "loc": loc, "radius": radius, "width": width, "bandwidth": bandwidth, "validate_args": validate_args,
            "allow_nan_stats": allow_nan_stats, "name": name,
        }  # fmt: skip
        self.width, self.bandwidth = float(width), float(bandwidth)
        super().__init__(loc, radius, parameters, validate_args, allow_nan_stats, name)

    @classmethod
    def _parameter_properties(cls, dtype, num_classes=None):
        properties = tfp.util.ParameterProperties
        fixed = {name: properties(event_ndims=None) for name in ("width", "bandwidth")}
        return {"loc": properties(), "radius": properties(), **fixed}

    def _sample_n(self, n, seed=None):
        kernel, noise = self._drawn(n, seed)
        return self.bandwidth * (self.loc + self.radius * kernel) + self.width * self._noise(noise)

    def _noise(self, u):
        """Noise of width 1 from uniforms on [−½, ½]."""
        raise NotImplementedError

    def _in_radii(self, z):
        """(b r, z from the kernel's centre in units of that, B in them)."""
        scale = self.bandwidth * self.radius
        return scale, (z - self.bandwidth * self.loc) / scale, self.width / scale

    def _mean(self):
        return self.bandwidth * self.loc + tf.zeros_like(self.radius)

    _mode = _mean

    def _kernel_variance(self):
        return tf.square(self.bandwidth * self.radius) / 5 + tf.zeros_like(self.loc)


class SmoothedEpanechnikov(_Smoothed):
    """z = b (loc + r K) + U with an Epanechnikov K on [−1, 1] and a uniform U on [−B/2, B/2].

    A kernel estimate of the uniform prior of the width B from its own draws, of bandwidth b, in expectation.

    Args:
        loc, radius: tensors of shapes that broadcast: μ and r, before the bandwidth.
        width: float B > 0.
        bandwidth: float b > 0.

    Source: Qin and Huang, "On kernel-based variational autoencoder" (2024).
    """

    def _noise(self, u):
        return u

    def _log_prob(self, z):
        # The kernel's mass within B/2 of z, over B. In factors, so that a small B does not cancel.
        _, t, width = self._in_radii(z)
        a, b = (tf.clip_by_value(end, -1.0, 1.0) for end in (t - 0.5 * width, t + 0.5 * width))
        mass = 0.25 * (b - a) * (3 - (a * a + a * b + b * b))
        return tf.where(mass > 0, tf.math.log(tf.where(mass > 0, mass, 1.0)) - math.log(self.width), -math.inf)

    def _variance(self):
        return self._kernel_variance() + self.width**2 / 12


class NormalSmoothedEpanechnikov(_Smoothed):
    """z = b (loc + r K) + B ε with an Epanechnikov K on [−1, 1] and a standard normal ε: the same for a prior N(0, B²).

    Unlike `SmoothedEpanechnikov` it is nowhere 0, so that its KL from that prior is finite.

    Args:
        loc, radius, width, bandwidth: as of `SmoothedEpanechnikov`.
    """

    def _noise(self, u):
        # float32's uniforms include ½ itself, whose quantile is infinite.
        return tf.math.ndtri(tf.clip_by_value(u + 0.5, 1e-7, 1 - 1e-7))

    def _log_prob(self, z):
        # ∫ ¾ (1 − t²) N(t; y, s²) dt over the kernel: in closed form where the normal is narrow, in which terms cancel
        # where it is not; and there by quadrature, which is then exact.
        scale, y, s = self._in_radii(z)
        narrow = s < _NARROW
        s_narrow, s_wide = tf.where(narrow, s, _NARROW), tf.where(narrow, _NARROW, s)
        log_mass = tf.where(narrow, _log_mass(y, s_narrow), _log_quadrature(y, s_wide))
        return log_mass - tf.math.log(scale)

    def _variance(self):
        return self._kernel_variance() + self.width**2


def _log_mass(y, s):
    """log ∫ ¾ (1 − t²) N(t; y, s²) dt over [−1, 1], by the moments of a truncated normal."""
    y = tf.abs(y)  # on the side where cumulative probabilities are small, and not near 1
    normal = tfd.Normal(tf.zeros((), y.dtype), 1.0)
    low, high = (-1 - y) / s, (1 - y) / s
    inside = normal.cdf(high) - normal.cdf(low)
    at_low, at_high = normal.prob(low), normal.prob(high)
    mass = (1 - y * y - s * s) * inside - 2 * y * s * (at_low - at_high) - s * s * (low * at_low - high * at_high)
    return tf.math.log(tf.maximum(0.75 * mass, _TINY))


def _log_quadrature(y, s):
    """The same by Gauss and Legendre's rule."""
    nodes = tf.constant(_NODES, y.dtype)
    log_weights = tf.constant(np.log(0.75 * _WEIGHTS * (1 - _NODES**2)), y.dtype)
    return tf.reduce_logsumexp(log_weights + tfd.Normal(nodes, s[..., None]).log_prob(y[..., None]), axis=-1)
