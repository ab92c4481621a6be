"""q(z|x) of one category, drawn with a gradient in training."""

from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.host.saving import register
from tfvae.host.seeds import uniform
from tfvae.layers.distribution_layer import DistributionLayer, as_params
from tfvae.layers.relaxed import Relaxed

tfd = tfp.distributions


@register
class GumbelSoftmax(Relaxed, DistributionLayer):
    """A one-hot categorical whose draws are softmax((logits + Gumbel noise) / T) in training, and one-hot elsewhere.

    Args:
        num_categories: int K.
        convert_to_tensor_fn: see `DistributionLayer`.
        temperature: float T > 0 or a `keras.optimizers.schedules.LearningRateSchedule` of the optimizer's step.

    Input shape: `(…, K)`, logits. Value: `(…, K)`.

    Source: Jang, Gu and Poole, "Categorical reparameterization with Gumbel-softmax" (2017); Maddison, Mnih and Teh, "The
    Concrete distribution" (2017).
    """

    support = "one-hot"
    _arguments = ("num_categories", "temperature")

    def __init__(
        self,
        num_categories: int,
        convert_to_tensor_fn: Any = tfd.Distribution.sample,
        *,
        temperature: Any = 0.5,
        **kwargs: Any,
    ):
        super().__init__(convert_to_tensor_fn, **kwargs)
        self.num_categories = int(num_categories)
        self.temperature = self.as_temperature(temperature)

    @property
    def num_params(self) -> int:
        return self.num_categories

    def distribution(self, params: Any) -> Any:
        logits = as_params(params, self.num_categories, "GumbelSoftmax")
        return tfd.OneHotCategorical(logits=logits, dtype=logits.dtype)

    def _relaxed(self, distribution, n, temperature, seed):
        logits = distribution.logits
        shape = tf.shape(logits) if n == 1 else tf.concat([[n], tf.shape(logits)], axis=0)
        gumbel = -tf.math.log(-tf.math.log(tf.maximum(uniform(shape, seed, logits.dtype), 1e-20)))
        return tf.nn.softmax((logits + gumbel) / tf.cast(temperature, logits.dtype))
