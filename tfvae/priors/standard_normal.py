"""The prior of the original VAE."""

from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.host.saving import register
from tfvae.priors.prior import Prior

tfd = tfp.distributions


@register
class StandardNormal(Prior):
    """p(z) = N(0, I).

    Args:
        event_shape: shape of one z.
    """

    def distribution(self) -> Any:
        normal = tfd.Normal(tf.zeros(self.event_shape, self.compute_dtype), tf.ones((), self.compute_dtype))
        return tfd.Independent(normal, len(self.event_shape))
