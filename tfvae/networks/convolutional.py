"""Convolutional networks for images."""

import functools
import math
from collections.abc import Sequence
from typing import Any

import keras


def convolutional_encoder(
    image_shape: Sequence[int], widths: Sequence[int], output_layer: Any, name: Any = "encoder", activation: Any = "elu"
) -> Any:
    """image -> convolutions of stride 2 -> the parameters of `output_layer` -> its distribution.

    Args:
        image_shape: (H, W, C), with H and W divisible by 2 once for each width.
        widths: channels of the convolutions.
        output_layer: a `DistributionLayer`.
        name: name of the model.
        activation: of the convolutions.
    """
    _check_sizes(image_shape, widths)
    return keras.Sequential(
        [
            keras.layers.Input(image_shape),
            *(keras.layers.Conv2D(w, 4, 2, "same", activation=activation) for w in widths),
            keras.layers.Flatten(),
            keras.layers.Dense(output_layer.num_params, name="params"),
            output_layer,
        ],
        name=name,
    )


def convolutional_decoder(
    latent_dim: Any,
    image_shape: Sequence[int],
    widths: Sequence[int],
    output_layer: Any,
    name: Any = "decoder",
    activation: Any = "elu",
    kernel_regularizer: Any = None,
) -> Any:
    """z -> transposed convolutions of stride 2 -> the parameters of `output_layer`, for each pixel -> its distribution.

    Args:
        latent_dim: int.
        image_shape: (H, W, C), the event shape of `output_layer`.
        widths: channels of the convolutions, from the smallest image to the largest.
        output_layer: a `DistributionLayer` with the same number of parameters for each element of the event.
        name: name of the model.
        activation: of the convolutions.
        kernel_regularizer: a Keras regularizer of all kernels.
    """
    height, width, channels = _check_sizes(image_shape, widths)
    small = (height // 2 ** len(widths), width // 2 ** len(widths), widths[0])
    per_element, rest = divmod(output_layer.num_params, math.prod(image_shape))
    if rest:
        raise ValueError(
            f"{type(output_layer).__name__} takes {output_layer.num_params} parameters, which are not the same number for "
            f"each of the {math.prod(image_shape)} elements of an image."
        )
    convolution = functools.partial(
        keras.layers.Conv2DTranspose, kernel_size=4, strides=2, padding="same", kernel_regularizer=kernel_regularizer
    )
    return keras.Sequential(
        [
            keras.layers.Input((latent_dim,)),
            keras.layers.Dense(math.prod(small), activation=activation, kernel_regularizer=kernel_regularizer),
            keras.layers.Reshape(small),
            *(convolution(w, activation=activation) for w in widths[1:]),
            convolution(per_element * channels, name="params"),
            # From pixels with all their parameters to the first parameter of all pixels, then the second.
            keras.layers.Reshape((height, width, per_element, channels)),
            keras.layers.Permute((3, 1, 2, 4)),
            keras.layers.Flatten(),
            output_layer,
        ],
        name=name,
    )


def convolutional_discriminator(image_shape: Sequence[int], widths: Sequence[int], name: Any = "discriminator") -> Any:
    """image -> convolutions of stride 2, the last one named "features" -> one logit.

    Args:
        image_shape: (H, W, C), with H and W divisible by 2 once for each width.
        widths: channels of the convolutions, with leaky ReLU (slope 0.2).
        name: name of the model.
    """
    _check_sizes(image_shape, widths)
    layers = [keras.layers.Input(image_shape)]
    for w in widths[:-1]:
        layers += [keras.layers.Conv2D(w, 4, 2, "same"), keras.layers.LeakyReLU(0.2)]
    layers += [keras.layers.Conv2D(widths[-1], 4, 2, "same", name="features"), keras.layers.LeakyReLU(0.2)]
    return keras.Sequential([*layers, keras.layers.Flatten(), keras.layers.Dense(1)], name=name)


def _check_sizes(image_shape, widths):
    if len(image_shape) != 3 or not widths or any(n % 2 ** len(widths) for n in image_shape[:2]):
        raise ValueError(
            f"{len(widths)} convolutions of stride 2 need images (H, W, C) with H and W divisible by {2 ** len(widths)}, "
            f"but got {tuple(image_shape)}."
        )
    return image_shape
