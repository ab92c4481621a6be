"""−log p as an ordinary Keras loss."""

from typing import Any

import keras
import tensorflow as tf

from tfvae.host.saving import register
from tfvae.host.tensors import as_distribution


@register
class NegativeLogProb(keras.losses.Loss):
    """−log p(y), in nats per example, of the distribution that a model returns: `compile(loss=NegativeLogProb())`.

    The named form of `loss=lambda y, rv: -rv.log_prob(y)`: it is saved with the model, where a lambda is not.
    """

    def __init__(self, reduction: str = "sum_over_batch_size", name: Any = "negative_log_prob", dtype: Any = None):
        super().__init__(reduction=reduction, name=name, dtype=dtype)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        distribution = as_distribution(y_pred, "NegativeLogProb")
        return -distribution.log_prob(tf.cast(y_true, distribution.dtype))
