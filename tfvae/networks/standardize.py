"""Columns in their own units, and in standard deviations."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae.host.precision import float32_policy
from tfvae.host.saving import register


@register
class Standardize(keras.layers.Layer):
    """(x − mean) / deviation for each column, or back where `invert`; both are weights that are set and not trained.

    Keras' `Normalization` does the same and holds its statistics as constants, which a compiled step does not see change.

    Args:
        invert: bool, from standard deviations to the columns' units.
    """

    def __init__(self, invert: bool = False, **kwargs: Any):
        super().__init__(**float32_policy(kwargs))
        self.invert = bool(invert)

    def build(self, input_shape: Any) -> None:
        shape = tuple(input_shape[1:])
        self.mean = self.add_weight(name="mean", shape=shape, initializer="zeros", trainable=False)
        self.deviation = self.add_weight(name="deviation", shape=shape, initializer="ones", trainable=False)
        self.built = True

    def call(self, inputs: Any) -> Any:
        mean, deviation = tf.convert_to_tensor(self.mean), tf.convert_to_tensor(self.deviation)
        return mean + deviation * inputs if self.invert else (inputs - mean) / deviation

    def assign(self, mean: np.ndarray, deviation: np.ndarray) -> None:
        """Sets the columns' means and standard deviations, `(D,)`."""
        self.mean.assign(mean)
        self.deviation.assign(deviation)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict:
        return {**super().get_config(), "invert": self.invert}
