"""What stands before an activation."""

from typing import Any

import keras

from tfvae.host.saving import register

KINDS = ("frozen", "batch")


@register
class FrozenBatchNormalization(keras.layers.BatchNormalization):
    """γ x / √(1 + ε) + β: a BatchNormalization that is never told to train, whose moving statistics stay 0 and 1.

    What a model has whose `train_step` calls its networks without `training=True`, as that of GAMIX-VAE does: a learned
    scale and shift of each channel, and the same number of weights as the layer that it looks like.
    """

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        return super().call(inputs, training=False, mask=mask)


def normalization_layer(kind: str) -> Any:
    """A normalization of channels.

    Args:
        kind: "frozen" for a `FrozenBatchNormalization`, "batch" for Keras' BatchNormalization.
    """
    if kind not in KINDS:
        raise ValueError(f"`normalization` must be one of {', '.join(KINDS)}, but got {kind!r}.")
    return FrozenBatchNormalization() if kind == "frozen" else keras.layers.BatchNormalization()
