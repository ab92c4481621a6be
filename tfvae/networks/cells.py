"""Residual cells of weight-normalized convolutions with squeeze and excitation."""

import math
from collections.abc import Sequence
from typing import Any

import keras

from tfvae.host.saving import register

_LAST = 4  # rows and columns of the encoder's last map
_FIRST = 2  # and of the decoder's first


@register
class WeightNormalizedConv2D(keras.layers.Conv2D):
    """A convolution with kernels g v / |v|: a length for each channel that comes out, and a direction.

    It starts as the convolution that it would be without.

    Source: Salimans and Kingma, "Weight normalization" (2016).
    """

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        lengths = keras.ops.convert_to_numpy(_lengths(self.kernel)).ravel()
        self.gain = self.add_weight(
            name="gain", shape=(self.filters,), initializer=lambda shape, dtype=None: keras.ops.cast(lengths, dtype)
        )

    def save_own_variables(self, store: Any) -> None:
        keras.layers.Layer.save_own_variables(self, store)  # Conv2D's own knows kernel and bias alone

    def load_own_variables(self, store: Any) -> None:
        keras.layers.Layer.load_own_variables(self, store)

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        gain = keras.ops.cast(self.gain, kernel.dtype)
        return super().convolution_op(inputs, gain * kernel / _lengths(kernel))


def _lengths(kernel):
    return keras.ops.sqrt(keras.ops.sum(keras.ops.square(kernel), axis=(0, 1, 2), keepdims=True))


def cell_encoder(
    image_shape: Sequence[int],
    layer: Any,
    width: int = 32,
    *,
    padding: str = "same",
    name: str = "encoder",
    **params: Any,
) -> keras.Model:
    """Cells of two convolutions, down to 4 × 4 pixels; a convolution over all of them; a residual dense block.

    Args:
        image_shape: (H, W, C), H and W at least 4.
        layer: the `DistributionLayer` at its end.
        width: int, channels of the first convolution, doubled whenever the sides are halved.
        padding: "same" or "valid", of the first convolution: "valid" is published for images of 28 × 28.
        name: of the model.
        **params: arguments of the last dense layer, such as `kernel_initializer`.

    Raises:
        ValueError: for smaller images, or sides that do not come down to 4 together.

    Source: Vafaii, Galor and Yates, "Poisson variational autoencoder" (2024), whose numbers of parameters these are; after
    Vahdat and Kautz, "NVAE" (2020). Where activations stand is not known of theirs: here before convolutions.
    """
    inputs = keras.Input(tuple(image_shape))
    h = WeightNormalizedConv2D(width, 3, padding=padding)(inputs)
    h = _cell(h, width, num_convolutions=2)
    while max(h.shape[1:3]) > _LAST:
        width *= 2
        h = _cell(h, width, num_convolutions=2, strides=2)
        h = _cell(h, width, num_convolutions=2)
    if tuple(h.shape[1:3]) != (_LAST, _LAST):
        raise ValueError(f"Images must come down to 4 × 4 by halving, but {tuple(image_shape)} ends at {h.shape[1:3]}.")
    seen = keras.layers.Flatten()(WeightNormalizedConv2D(width, _LAST)(keras.activations.silu(h)))
    h = seen + keras.layers.GlobalAveragePooling2D()(h)
    block = keras.layers.Dense(width)(keras.layers.Dense(8 * width, activation="relu")(h))
    h = keras.layers.LayerNormalization()(h + keras.layers.Dropout(0.1)(block))
    return keras.Model(inputs, layer(keras.layers.Dense(layer.num_params, name="params", **params)(h)), name=name)


def cell_decoder(
    latent_dim: int, image_shape: Sequence[int], layer: Any, width: int = 32, *, name: str = "decoder"
) -> keras.Model:
    """A dense layer to 2 × 2 pixels; cells of one convolution that double the sides and halve the channels.

    Args:
        latent_dim: int D.
        image_shape: (H, W, C), square, H even and at least 4.
        layer: the `DistributionLayer` at its end, of one parameter a pixel.
        width: int, twice the channels of the last cell.
        name: of the model.

    Raises:
        ValueError: for other sizes.

    Source: as of `cell_encoder`.
    """
    side, wide, channels = image_shape
    if side != wide or side % 2 or side < _LAST:
        raise ValueError(f"Images must be square, of an even side of at least 4, but got {tuple(image_shape)}.")
    num_levels = math.ceil(math.log2(side / _FIRST))
    filters = width << (num_levels - 1)
    inputs = keras.Input((latent_dim,))
    h = keras.layers.Reshape((_FIRST, _FIRST, filters))(keras.layers.Dense(_FIRST * _FIRST * filters)(inputs))
    h = _cell(h, filters)
    for level in reversed(range(num_levels)):
        filters //= 2
        h = _cell(keras.layers.UpSampling2D()(h), filters)
        h = _cell(h, filters)
        if level == 1 and h.shape[1] != side // 2:
            h = keras.layers.Resizing(side // 2, side // 2)(h)
    h = keras.layers.Conv2D(channels, 1)(h)
    return keras.Model(inputs, layer(keras.layers.Flatten(name="params")(h)), name=name)


def _cell(h, filters, *, num_convolutions=1, strides=1):
    """h + its convolutions, weighted channel by channel; the skip is a 1 × 1 convolution where shapes change."""
    skip = h
    if strides > 1 or h.shape[-1] != filters:
        skip = WeightNormalizedConv2D(filters, 1, strides, "same")(h)
    for k in range(num_convolutions):
        h = keras.activations.silu(h)
        h = WeightNormalizedConv2D(filters, 3, strides if k == 0 else 1, "same")(h)
    return skip + _squeeze_excite(h)


def _squeeze_excite(h):
    channels = h.shape[-1]
    weights = keras.layers.GlobalAveragePooling2D(keepdims=True)(h)
    weights = keras.layers.Dense(max(channels // 16, 4), activation="relu")(weights)
    return h * keras.layers.Dense(channels, activation="sigmoid")(weights)
