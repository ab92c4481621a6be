"""Residual networks of pre-activated blocks (ResNetV2) for images.

Each convolution stands behind a normalization and a ReLU. The names of the blocks, with C channels:

    Tri      3 × 3, 3 × 3 and 1 × 1 convolutions, the last with the block's stride
    ResId    Tri(x) + x
    ResDown  Tri(x) with stride 2 + a 1 × 1 convolution of stride 2
    ResUp    a 1 × 1 convolution and a transposed 3 × 3 one of stride 2 + a transposed 3 × 3 one of stride 2

Sources: He et al., "Identity mappings in deep residual networks" (2016); M. Rivera, "How to train your VAE" (2024).
"""

import math
from collections.abc import Sequence
from typing import Any

import keras

from tfvae.networks.normalization import normalization_layer

_SMALLEST = 4  # height and width at which the default number of levels ends


def resnet_v2_encoder(
    image_shape: Sequence[int],
    output_layer: Any,
    width: int = 128,
    bottleneck: int | None = None,
    num_levels: int | None = None,
    *,
    normalization: str = "batch",
    name: str = "encoder",
) -> Any:
    """image -> levels of two ResId and a ResDown -> the parameters of `output_layer` -> its distribution.

    The input passes a LayerNormalization over the height and width of each channel, as published: an image's mean colour and
    contrast reach the code only by the learned scale and shift of each pixel.

    Args:
        image_shape: (H, W, C), with H and W divisible by 2 once for each level.
        output_layer: a `DistributionLayer`.
        width: channels of all blocks.
        bottleneck: channels of the last convolution; None for an eighth of the length of z, at least 1.
        num_levels: int; None for as many as halve the image down to 4 at least.
        normalization: "batch", or "frozen" for one that never trains its statistics; see `normalization_layer`.
        name: of the model.
    """
    num_levels = check_levels(image_shape, num_levels)
    if bottleneck is None:
        bottleneck = max(1, math.prod(output_layer.event_shape) // 8)
    image = x = keras.Input(image_shape)
    x = keras.layers.LayerNormalization(axis=(1, 2))(x)
    x = keras.layers.Conv2D(width, 3, padding="same")(x)
    blocks = _Blocks(normalization)
    for _ in range(num_levels):
        x = blocks.res_id(x, width)
        x = blocks.res_id(x, width)
        x = blocks.res_down(x, width)
    x = keras.layers.Conv2D(bottleneck, 1)(x)
    x = keras.layers.Dense(output_layer.num_params, name="params")(keras.layers.Flatten()(x))
    return keras.Model(image, output_layer(x), name=name)


def resnet_v2_decoder(
    latent_dim: int,
    image_shape: Sequence[int],
    output_layer: Any,
    width: int = 128,
    bottleneck: int | None = None,
    num_levels: int | None = None,
    *,
    normalization: str = "batch",
    kernel_regularizer: Any = None,
    name: str = "decoder",
) -> Any:
    """z -> levels of a ResId and a ResUp -> pixels -> `output_layer`'s distribution.

    The pixels are linear, and moved from [−1, 1] to [0, 1]. The last ResUp has the image's channels, as published.

    Args:
        latent_dim: int D.
        image_shape: (H, W, C).
        output_layer: a `DistributionLayer` whose parameters are the H · W · C pixels, such as `IndependentLaplace` with a
            scale.
        width, bottleneck, num_levels, normalization, name: as for `resnet_v2_encoder`.
        kernel_regularizer: a Keras regularizer of all kernels.
    """
    num_levels = check_levels(image_shape, num_levels)
    height, around, channels = image_shape
    if output_layer.num_params != math.prod(image_shape):
        raise ValueError(
            f"`output_layer` must take one parameter for each of the {math.prod(image_shape)} pixels of "
            f"{tuple(image_shape)}, but {type(output_layer).__name__} takes {output_layer.num_params}: give it a `scale`."
        )
    bottleneck = max(1, latent_dim // 8) if bottleneck is None else bottleneck
    small = (height // 2**num_levels, around // 2**num_levels, bottleneck)
    z = keras.Input((latent_dim,))
    x = keras.layers.Dense(math.prod(small), kernel_regularizer=kernel_regularizer)(z)
    x = keras.layers.Reshape(small)(x)
    x = keras.layers.Conv2D(width, 3, padding="same", kernel_regularizer=kernel_regularizer)(x)
    blocks = _Blocks(normalization, kernel_regularizer)
    for level in range(num_levels):
        x = blocks.res_id(x, width)
        x = blocks.res_up(x, channels if level == num_levels - 1 else width)
    x = keras.layers.Conv2D(channels, 1, kernel_regularizer=kernel_regularizer)(x)
    x = keras.layers.Rescaling(0.5, 0.5)(x)
    return keras.Model(z, output_layer(keras.layers.Flatten()(x)), name=name)


def check_levels(image_shape: Sequence[int], num_levels: int | None) -> int:
    """The number of times that images are halved; ValueError where they cannot be."""
    if len(image_shape) != 3:
        raise ValueError(f"Images must have the shape (H, W, C), but got {tuple(image_shape)}.")
    sizes = image_shape[:2]
    if num_levels is None:
        num_levels = 0
        while all(n % 2 ** (num_levels + 1) == 0 and n // 2 ** (num_levels + 1) >= _SMALLEST for n in sizes):
            num_levels += 1
        if not num_levels:
            raise ValueError(
                f"A residual network halves its images down to {_SMALLEST} pixels or more, but {sizes[0]} × {sizes[1]} "
                "cannot be halved once: choose sizes divisible by 2, at best by 2 many times, such as 32 or 64."
            )
    if any(n % 2**num_levels for n in sizes):
        raise ValueError(
            f"{num_levels} levels need height and width divisible by {2**num_levels}, but the images are "
            f"{sizes[0]} × {sizes[1]}."
        )
    return num_levels


class _Blocks:
    """The blocks by their names; each takes and returns a tensor."""

    def __init__(self, normalization, kernel_regularizer=None):
        self.normalization, self.kernel_regularizer = normalization, kernel_regularizer

    def res_id(self, x, channels):
        return keras.layers.Add()([self.tri(x, channels, 1), x])

    def res_down(self, x, channels):
        shortcut = self.convolved(x, keras.layers.Conv2D, channels, 1, 2)
        return keras.layers.Add()([self.tri(x, channels, 2), shortcut])

    def res_up(self, x, channels):
        wide = self.convolved(x, keras.layers.Conv2D, channels, 1, 1)
        wide = self.convolved(wide, keras.layers.Conv2DTranspose, channels, 3, 2)
        shortcut = self.convolved(x, keras.layers.Conv2DTranspose, channels, 3, 2)
        return keras.layers.Add()([wide, shortcut])

    def tri(self, x, channels, stride):
        x = self.convolved(x, keras.layers.Conv2D, channels, 3, 1)
        x = self.convolved(x, keras.layers.Conv2D, channels, 3, 1)
        return self.convolved(x, keras.layers.Conv2D, channels, 1, stride)

    def convolved(self, x, kind, channels, size, stride):
        x = keras.layers.ReLU()(normalization_layer(self.normalization)(x))
        return kind(channels, size, stride, padding="same", kernel_regularizer=self.kernel_regularizer)(x)
