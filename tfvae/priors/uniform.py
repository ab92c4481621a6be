"""A uniform prior."""

from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.host.saving import register
from tfvae.priors.prior import Prior

tfd = tfp.distributions


@register
class UniformPrior(Prior):
    """p(z) = U[−B/2, B/2], independent over the elements.

    A posterior that leaves the box anywhere has an infinite KL from it.

    Args:
        event_shape: shape of one z.
        width: float B > 0.
    """

    def __init__(self, event_shape: Any, width: float = 1.0, **kwargs: Any):
        super().__init__(event_shape, **kwargs)
        if not width > 0:
            raise ValueError(f"`width` must be above 0, but got {width!r}.")
        self.width = float(width)

    def distribution(self) -> Any:
        high = tf.fill(self.event_shape, tf.constant(0.5 * self.width, self.compute_dtype))
        return tfd.Independent(tfd.Uniform(-high, high), len(self.event_shape))

    def get_config(self) -> dict:
        return {**super().get_config(), "width": self.width}
