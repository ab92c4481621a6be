"""Observation scales: the standard deviation of p(x|z) where the decoder does not give one."""

from typing import Any

import keras
import tensorflow as tf

from tfvae.host.arguments import as_shape
from tfvae.host.saving import register


@register
class LearnedScale(keras.layers.Layer):
    """σ = floor + exp(ρ): a standard deviation that is learned, one for all features or one each.

    With a learned scale the likelihood of data on a lower-dimensional set has no upper bound and σ runs to its floor:
    the floor is therefore named, `VAE` logs the smallest σ at every epoch, and `at_floor()` tells when it is reached.
    Compare no likelihoods of models that end at different floors.

    Args:
        per_feature: bool, one σ for each element of the event instead of one for all.
        initial: float > floor, the σ at which training starts, in the data's units.
        floor: float >= 0, the σ below which no fit can go, in the data's units.

    Source: Rybkin et al., "Simple and effective VAE training with calibrated decoders" (2021).
    """

    def __init__(self, per_feature: bool = False, initial: float = 1.0, floor: float = 1e-3, **kwargs: Any):
        super().__init__(**kwargs)
        if not 0 <= floor < initial:
            raise ValueError(f"`initial` must be above `floor` >= 0, but got initial={initial} and floor={floor}.")
        self.per_feature = per_feature
        self.initial = float(initial)
        self.floor = float(floor)

    def build(self, event_shape: Any) -> None:
        if not self.built:
            self.rho = self.add_weight(
                name="rho",
                shape=as_shape(event_shape) if self.per_feature else (),
                initializer=keras.initializers.Constant(float(tf.math.log(self.initial - self.floor))),
            )
            self.built = True

    def value(self) -> Any:
        """σ as a tensor, of shape () or the event's."""
        return self.floor + tf.exp(tf.convert_to_tensor(self.rho))

    def assign(self, value: Any) -> None:
        """Sets σ, above the floor, in the data's units."""
        self.rho.assign(tf.math.log(tf.cast(value, self.rho.dtype) - self.floor))

    def at_floor(self, tolerance: float = 0.05) -> bool:
        """True where the smallest σ is within `tolerance` (relative) of its floor."""
        return bool(tf.reduce_min(self.value()) <= self.floor * (1 + tolerance))

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "per_feature": self.per_feature,
            "initial": self.initial,
            "floor": self.floor,
        }


def as_scale(scale):
    """A checked observation scale: None, a positive float, or a `LearnedScale`."""
    if scale is None or isinstance(scale, LearnedScale):
        return scale
    if not float(scale) > 0:
        raise ValueError(f"`scale` must be None, a positive number or a LearnedScale, but got {scale!r}.")
    return float(scale)


def scale_value(scale):
    """What a density takes: None, a number, or the learned σ as a tensor."""
    return scale.value() if isinstance(scale, LearnedScale) else scale
