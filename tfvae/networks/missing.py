"""What a network sees of values that are not there."""

from typing import Any

import keras
import tensorflow as tf

from tfvae.host.precision import float32_policy
from tfvae.host.saving import register
from tfvae.host.tensors import is_present


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


@register
class IsPresent(keras.layers.Layer):
    """Which examples are not NaN throughout: `(B, *E)` -> `(B,)` booleans."""

    def __init__(self, **kwargs: Any):
        super().__init__(**float32_policy(kwargs))

    def call(self, inputs: Any) -> Any:
        return is_present(inputs)

    def compute_output_spec(self, inputs: Any) -> Any:
        return keras.KerasTensor(inputs.shape[:1], dtype="bool")
