"""A prior with heavier tails than N(0, I)."""

from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.host.saving import register
from tfvae.priors.prior import Prior

tfd = tfp.distributions


@register
class StandardLaplace(Prior):
    """p(z) = Π_k Laplace(z_k; 0, 1), which favours codes near 0; its KL from an `IndependentLaplace` has a closed form.

    Args:
        event_shape: shape of one z.
    """

    def distribution(self) -> Any:
        laplace = tfd.Laplace(tf.zeros(self.event_shape, self.compute_dtype), tf.ones((), self.compute_dtype))
        return tfd.Independent(laplace, len(self.event_shape))
