"""Discriminators that judge each patch of an image."""

from collections.abc import Sequence
from typing import Any

import keras

from tfvae.networks.normalization import normalization_layer


def patch_gan(
    image_shape: Sequence[int],
    width: int = 128,
    *,
    normalization: str = "batch",
    dropout: float = 0.0,
    name: str = "discriminator",
) -> Any:
    """image in [0, 1] -> a map of logits, one for each patch of 63 × 63 pixels: that of GAMIX-VAE.

    3 × 3 convolutions of `width`, `width`, `width`, half, half and one channels, the first three of stride 2, each with a
    normalization, leaky ReLU (slope 0.3) and dropout behind it; the last one without the ReLU.
    The third is named "features".

    Args:
        image_shape: (H, W, C), at least 8 × 8.
        width: channels of the first three convolutions.
        normalization: "batch", or "frozen" for one that never trains its statistics; see `normalization_layer`.
        dropout: share of the outputs that a training step leaves out; published as 0.25, which never ran.
        name: of the model.

    Source: M. Rivera, "How to train your VAE" (2024), its code.
    """
    _check(image_shape, 8)
    layers: list[Any] = [keras.Input(image_shape), keras.layers.Rescaling(2.0, -1.0)]
    sizes = ((width, 2), (width, 2), (width, 2), (width // 2, 1), (width // 2, 1), (1, 1))
    for k, (channels, stride) in enumerate(sizes):
        convolution = keras.layers.Conv2D(channels, 3, stride, padding="same", name="features" if k == 2 else None)
        layers += [convolution, normalization_layer(normalization)]
        layers += [keras.layers.LeakyReLU(0.3)] if channels > 1 else []
        layers += [keras.layers.Dropout(dropout)] if dropout else []
    return keras.Sequential(layers, name=name)


def pix2pix_patch_gan(
    image_shape: Sequence[int],
    width: int = 64,
    num_levels: int = 3,
    *,
    normalization: str = "batch",
    name: str = "discriminator",
) -> Any:
    """image in [0, 1] -> a map of logits, one for each patch of 70 × 70 pixels (with three levels): that of pix2pix.

    4 × 4 convolutions: `num_levels` of stride 2 with width, 2 width, 4 width, … (at most 8 width) channels, one of stride 1
    with twice as many, one of stride 1 to the logits; leaky ReLU (slope 0.2), normalization but on the first and last.

    Args:
        image_shape: (H, W, C).
        width: channels of the first convolution.
        num_levels: int; patches are 16, 34, 70, 142 or 286 pixels wide for 1 to 5.
        normalization, name: as for `patch_gan`.

    Source: Isola et al., "Image-to-image translation with conditional adversarial networks" (2017).
    """
    _check(image_shape, 3 * 2**num_levels)

    def convolution(channels, stride):
        start = keras.initializers.RandomNormal(stddev=0.02)  # one used twice would give equal weights
        return [keras.layers.ZeroPadding2D(1), keras.layers.Conv2D(channels, 4, stride, kernel_initializer=start)]

    layers: list[Any] = [keras.Input(image_shape), keras.layers.Rescaling(2.0, -1.0)]
    layers += [*convolution(width, 2), keras.layers.LeakyReLU(0.2)]
    for level in range(1, num_levels + 1):
        layers += convolution(width * min(2**level, 8), 2 if level < num_levels else 1)
        layers += [normalization_layer(normalization), keras.layers.LeakyReLU(0.2)]
    return keras.Sequential([*layers, *convolution(1, 1)], name=name)


def _check(image_shape, least):
    if len(image_shape) != 3 or min(image_shape[:2]) < least:
        raise ValueError(
            f"This discriminator needs images (H, W, C) of {least} × {least} pixels at least, but got {tuple(image_shape)}."
        )
