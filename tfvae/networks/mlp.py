"""Fully connected networks."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from tfvae.host.saving import register
from tfvae.networks.missing import FillMissing


@register
class GatedDense(keras.layers.Layer):
    """(W x + b) · sigmoid(V x + c): a linear layer with a gate for each unit.

    Args:
        units: int.

    Source: Dauphin et al., "Language modeling with gated convolutional networks" (2017); the VampPrior's networks.
    """

    def __init__(self, units: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.units = int(units)
        self.both = keras.layers.Dense(2 * self.units, kernel_initializer="he_normal")  # one product for the two

    def build(self, input_shape: Any) -> None:
        self.both.build(input_shape)
        self.built = True

    def call(self, inputs: Any) -> Any:
        linear, gate = keras.ops.split(self.both(inputs), 2, axis=-1)
        return linear * keras.ops.sigmoid(gate)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict:
        return {**super().get_config(), "units": self.units}


def dense_layers(widths: Sequence[int], activations: Any) -> list:
    """Dense layers of the given widths; `activations` is one for all or one each, "gated" for a `GatedDense`."""
    if isinstance(activations, str) or callable(activations) or activations is None:
        activations = [activations] * len(widths)
    if len(widths) != len(activations):
        raise ValueError(f"{len(widths)} layers need as many activations, but got {len(activations)}.")
    return [
        GatedDense(w) if a == "gated" else keras.layers.Dense(w, activation=a)
        for w, a in zip(widths, activations, strict=True)
    ]


def distribution_network(
    input_dim: Any,
    hidden: Sequence[int],
    output_layer: Any,
    name: Any,
    activations: Any = "tanh",
    dropout: Any = 0.0,
    masked: float = 0.0,
    missing: bool = False,
    use_bias: bool = True,
    kernel_initializer: Any = "glorot_uniform",
) -> Any:
    """input -> hidden dense layers -> the parameters of `output_layer` -> `output_layer`'s distribution.

    Args:
        input_dim: int.
        hidden: widths of the hidden layers.
        output_layer: a `DistributionLayer`, which says by `num_params` how many parameters it takes.
        name: name of the model.
        activations: of the hidden layers, one for all or one each.
        dropout: share of the hidden units that a training step leaves out; one for all layers or one each.
        masked: share of the inputs that a training step leaves out.
        missing: whether inputs may be NaN, which is not there.
        use_bias, kernel_initializer: of the layer of the parameters.
    """
    shares = [dropout] * len(hidden) if np.ndim(dropout) == 0 else dropout
    layers: list = [FillMissing()] if missing else []
    layers += [keras.layers.Dropout(masked)] if masked else []
    for layer, share in zip(dense_layers(hidden, activations), shares, strict=True):
        layers += [layer, keras.layers.Dropout(share)] if share else [layer]
    params = keras.layers.Dense(
        output_layer.num_params, use_bias=use_bias, kernel_initializer=kernel_initializer, name="params"
    )
    return keras.Sequential([keras.layers.Input((input_dim,)), *layers, params, output_layer], name=name)
