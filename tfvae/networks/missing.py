"""What a network sees of values that are not there."""

from typing import Any

import keras
import tensorflow as tf

from tfvae.host.precision import float32_policy
from tfvae.host.saving import register


@register
class FillMissing(keras.layers.Layer):
    """x with 0 in the place of NaN: the mean of a standardized column."""

    def __init__(self, **kwargs: Any):
        super().__init__(**float32_policy(kwargs))

    def call(self, inputs: Any) -> Any:
        return tf.where(tf.math.is_nan(inputs), 0.0, inputs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape


@register
class IsMissing(keras.layers.Layer):
    """1 in the place of NaN, 0 elsewhere."""

    def __init__(self, **kwargs: Any):
        super().__init__(**float32_policy(kwargs))

    def call(self, inputs: Any) -> Any:
        return tf.cast(tf.math.is_nan(inputs), inputs.dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape
