"""q(z|x) of one category, drawn with a gradient in training."""

from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.host.saving import register
from tfvae.host.schedules import as_schedule, at_step
from tfvae.host.seeds import next_seed, uniform
from tfvae.layers.distribution_layer import DistributionLayer, as_params

tfd = tfp.distributions


@register
class GumbelSoftmax(DistributionLayer):
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
    _arguments = ("num_categories",)

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
        self.temperature = as_schedule(temperature, "temperature")
        if self.temperature == 0:
            raise ValueError("`temperature` must be above 0: at 0 draws are one-hot, and carry no gradient.")

    @property
    def num_params(self) -> int:
        return self.num_categories

    def distribution(self, params: Any) -> Any:
        logits = as_params(params, self.num_categories, "GumbelSoftmax")
        return tfd.OneHotCategorical(logits=logits, dtype=logits.dtype)

    def draws(self, q: Any, n: int = 1, *, training: Any = False, step: Any = None) -> Any:
        if not training:
            return super().draws(q, n)
        logits = q.distribution.logits
        shape = tf.shape(logits) if n == 1 else tf.concat([[n], tf.shape(logits)], axis=0)
        u = tf.maximum(uniform(shape, next_seed(self.seed_generator), logits.dtype), 1e-20)
        gumbel = -tf.math.log(-tf.math.log(u))
        return tf.nn.softmax((logits + gumbel) / tf.cast(at_step(self.temperature, step), logits.dtype)), None

    def carries_gradient(self, distribution: Any) -> bool:
        return True  # those of training do

    def get_config(self) -> dict:
        schedule = self.temperature
        schedule = keras.saving.serialize_keras_object(schedule) if callable(schedule) else schedule
        return {**super().get_config(), "temperature": schedule}
