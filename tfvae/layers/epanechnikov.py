"""Layers of the Epanechnikov kernel."""

from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.distributions.epanechnikov import Epanechnikov
from tfvae.distributions.smoothed_epanechnikov import NormalSmoothedEpanechnikov, SmoothedEpanechnikov
from tfvae.host.arguments import as_shape, event_size
from tfvae.host.saving import register
from tfvae.layers.distribution_layer import DistributionLayer, as_params, reshape_events
from tfvae.layers.independent import _LocationScale

tfd = tfp.distributions
BANDWIDTH = 100 ** (-2 / 9)  # of 100 points
_SMOOTHED = {"uniform": SmoothedEpanechnikov, "normal": NormalSmoothedEpanechnikov}


class _Bounded:
    """Mixin: a posterior that is nothing beyond some distance from its centre."""

    bounded: Any = True

    def _reach(self, q):
        """How far around 0 each q covers everything, `(B, *E)`; below 0 where it does not cover 0."""
        raise NotImplementedError(f"{type(self).__name__} must define `_reach(q)`.")

    def check_proposal(self, q: Any, prior: Any) -> None:
        box = getattr(prior, "distribution", None)
        if not isinstance(box, tfd.Uniform):
            raise ValueError(
                f"Importance sampling needs draws wherever p(z) and p(x|z) are, and {type(self).__name__} is bounded: "
                "log p(x) is estimated under a UniformPrior alone."
            )
        short = tf.reduce_any(tf.reshape(self._reach(q) < box.high, [len(q.mean()), -1]), axis=-1)
        if tf.reduce_any(short):
            raise ValueError(
                f"Importance sampling would miss a part of p(z): for {int(tf.reduce_sum(tf.cast(short, tf.int32)))} of "
                f"{len(short)} examples q(z|x) does not reach all of it, since its centre is too far from 0."
            )


@register
class IndependentEpanechnikov(_Bounded, _LocationScale):
    """The Epanechnikov kernel, independent over the event's elements: arguments as for `IndependentNormal`.

    The scale is the kernel's radius, beyond which there is nothing; its standard deviation is a √5-th of that.
    """

    _family = Epanechnikov

    def _reach(self, q):
        return q.distribution.radius - tf.abs(q.distribution.loc)


@register
class EpanechnikovPosterior(_Bounded, DistributionLayer):
    """`SmoothedEpanechnikov` with r = softplus(second half of the parameters) + epsilon, independent over the elements.

    Smoothed by uniform noise its support is bounded, so that it never covers that of N(0, I), and that of a uniform prior
    only where |μ| <= r. Smoothed by normal noise it covers everything.

    Args:
        event_shape: shape of one z.
        convert_to_tensor_fn: see `DistributionLayer`.
        width: float B > 0, of the prior that it smooths.
        bandwidth: float b > 0.
        epsilon: float > 0, the least radius.
        noise: "uniform", of the width B, for a `UniformPrior`; "normal", of the standard deviation B, for an
            `IsotropicNormal`.

    Input shape: `(…, 2 prod(event_shape))`: first μ. Value: `(…, *event_shape)`.

    Source: Qin and Huang, "On kernel-based variational autoencoder" (2024), which does not say how r is kept positive,
    nor what the noise of its Gaussian prior is.
    """

    _arguments = ("event_shape", "width", "bandwidth", "epsilon", "noise")

    def __init__(
        self,
        event_shape: Any = (),
        convert_to_tensor_fn: Any = tfd.Distribution.sample,
        *,
        width: float = 0.1,
        bandwidth: float = BANDWIDTH,
        epsilon: float = 1e-6,
        noise: str = "uniform",
        **kwargs: Any,
    ):
        super().__init__(convert_to_tensor_fn, **kwargs)
        for name, value in (("width", width), ("bandwidth", bandwidth), ("epsilon", epsilon)):
            if not value > 0:
                raise ValueError(f"`{name}` must be above 0, but got {value!r}.")
        if noise not in _SMOOTHED:
            raise ValueError(f"`noise` must be one of {', '.join(_SMOOTHED)}, but got {noise!r}.")
        self.event_shape, self.noise = as_shape(event_shape), noise
        self.width, self.bandwidth, self.epsilon = float(width), float(bandwidth), float(epsilon)

    @property
    def bounded(self) -> bool:
        """Whether its support is."""
        return self.noise == "uniform"

    @property
    def num_params(self) -> int:
        return 2 * event_size(self.event_shape)

    def distribution(self, params: Any) -> Any:
        params = as_params(params, self.num_params, "EpanechnikovPosterior")
        loc, rho = (reshape_events(half, self.event_shape) for half in tf.split(params, 2, axis=-1))
        radius = tf.math.softplus(rho) + tf.cast(self.epsilon, params.dtype)
        smoothed = _SMOOTHED[self.noise](loc, radius, self.width, self.bandwidth)
        return tfd.Independent(smoothed, len(self.event_shape))

    def _reach(self, q):
        kernel = q.distribution
        return self.bandwidth * (kernel.radius - tf.abs(kernel.loc)) + 0.5 * self.width
