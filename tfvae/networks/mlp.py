"""Fully connected networks."""

import keras


def dense_layers(widths, activations):
    """Dense layers of the given widths; `activations` is one for all or one each."""
    if isinstance(activations, str) or callable(activations) or activations is None:
        activations = [activations] * len(widths)
    if len(widths) != len(activations):
        raise ValueError(f"{len(widths)} layers need as many activations, but got {len(activations)}.")
    return [keras.layers.Dense(w, activation=a) for w, a in zip(widths, activations, strict=True)]


def distribution_network(input_dim, hidden, output_layer, name, activations="tanh"):
    """input -> hidden dense layers -> the parameters of `output_layer` -> `output_layer`'s distribution.

    Args:
        input_dim: int.
        hidden: widths of the hidden layers.
        output_layer: a `DistributionLayer`, which says by `num_params` how many parameters it takes.
        name: name of the model.
        activations: of the hidden layers, one for all or one each.
    """
    return keras.Sequential(
        [
            keras.layers.Input((input_dim,)),
            *dense_layers(hidden, activations),
            keras.layers.Dense(output_layer.num_params, name="params"),
            output_layer,
        ],
        name=name,
    )
