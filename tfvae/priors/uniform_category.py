"""A prior over one of several categories."""

from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.host.saving import register
from tfvae.priors.prior import Prior

tfd = tfp.distributions


@register
class UniformCategory(Prior):
    """p(z) = 1/K for each of K one-hot z: for encoders that end in a `GumbelSoftmax`.

    Args:
        event_shape: K, or `(K,)`.
    """

    support = "one-hot"

    def distribution(self) -> Any:
        zeros = tf.zeros(self.event_shape, self.compute_dtype)
        return tfd.OneHotCategorical(logits=zeros, dtype=self.compute_dtype)
