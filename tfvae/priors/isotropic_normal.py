"""A Gaussian prior of a given width."""

from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.host.saving import register
from tfvae.priors.prior import Prior

tfd = tfp.distributions


@register
class IsotropicNormal(Prior):
    """p(z) = N(0, scale² I).

    Args:
        event_shape: shape of one z.
        scale: float > 0.
    """

    def __init__(self, event_shape: Any, scale: float = 1.0, **kwargs: Any):
        super().__init__(event_shape, **kwargs)
        if not scale > 0:
            raise ValueError(f"`scale` must be above 0, but got {scale!r}.")
        self.scale = float(scale)

    def distribution(self) -> Any:
        normal = tfd.Normal(tf.zeros(self.event_shape, self.compute_dtype), tf.constant(self.scale, self.compute_dtype))
        return tfd.Independent(normal, len(self.event_shape))

    def get_config(self) -> dict:
        return {**super().get_config(), "scale": self.scale}
