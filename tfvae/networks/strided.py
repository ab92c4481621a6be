"""Strided convolutions with batch normalization, of four levels."""

import math
from collections.abc import Sequence
from typing import Any

import keras

_LEVELS = 4


def strided_encoder(
    image_shape: Sequence[int], layer: Any, width: int = 32, kernel_size: int = 4, name: str = "encoder"
) -> keras.Model:
    """Four convolutions of stride 2, each with twice as many channels, a mean over what is left, and a dense layer.

    Args:
        image_shape: (H, W, C).
        layer: the `DistributionLayer` at its end.
        width: int, channels of the first convolution.
        kernel_size: int.
        name: of the model.

    Source: Qin and Huang, "On kernel-based variational autoencoder" (2024), appendix C.
    """
    inputs = h = keras.Input(tuple(image_shape))
    for level in range(_LEVELS):
        h = _normalized(keras.layers.Conv2D(width << level, kernel_size, 2, "same", use_bias=False), h)
    h = keras.layers.GlobalAveragePooling2D()(h)
    return keras.Model(inputs, layer(keras.layers.Dense(layer.num_params, name="params")(h)), name=name)


def strided_decoder(
    latent_dim: int,
    image_shape: Sequence[int],
    layer: Any,
    width: int = 32,
    kernel_size: int = 4,
    name: str = "decoder",
) -> keras.Model:
    """A dense layer, a transposed convolution of stride 1 and three of stride 2, with half as many channels after each.

    Images of eight kernels' sides, 32 × 32 with kernels of 4, start from a single point, as published; others from a map
    of an eighth of their height and width, of which what is too much is cut off.

    Args:
        latent_dim: int D.
        image_shape: (H, W, C).
        layer: the `DistributionLayer` at its end, of one parameter a pixel.
        width: int, channels before the last convolution.
        kernel_size: int.
        name: of the model.
    """
    height, wide, channels = image_shape
    from_a_point = height == wide == 8 * kernel_size
    start = (1, 1) if from_a_point else (-(-height // 8), -(-wide // 8))
    inputs = keras.Input((latent_dim,))
    h = keras.layers.Dense(math.prod(start) * 8 * width)(inputs)
    h = keras.layers.Reshape((*start, 8 * width))(h)
    for channels_out, strides in ((4 * width, 1), (2 * width, 2), (width, 2)):
        padding = "valid" if from_a_point and strides == 1 else "same"
        h = _normalized(keras.layers.Conv2DTranspose(channels_out, kernel_size, strides, padding, use_bias=False), h)
    h = keras.layers.Conv2DTranspose(channels, kernel_size, 2, "same")(h)
    if tuple(h.shape[1:3]) != (height, wide):
        h = keras.layers.Cropping2D(((0, h.shape[1] - height), (0, h.shape[2] - wide)))(h)
    return keras.Model(inputs, layer(keras.layers.Flatten(name="params")(h)), name=name)


def _normalized(convolution, h):
    return keras.layers.ReLU()(keras.layers.BatchNormalization()(convolution(h)))
