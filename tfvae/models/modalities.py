"""What is checked of several modalities before anything is computed."""

from typing import Any

import numpy as np

from tfvae.host.pieces import num_rows
from tfvae.layers.distribution_layer import outermost_distribution_layers


def complete(x: dict[str, Any], shapes: dict[str, tuple[int, ...]]) -> dict[str, Any]:
    """See `MultimodalVAE.complete`; shapes are those of one x_m."""
    names = ", ".join(shapes)
    if not isinstance(x, dict):
        raise ValueError(f"This model takes a dict of its modalities {names}, but got a {type(x).__name__}.")
    if unknown := sorted(map(str, set(x) - set(shapes))):
        raise ValueError(f"{unknown[0]!r} is no modality of this model: it has {names}.")
    if not x:
        raise ValueError(f"There is no modality: give at least one of {names}.")
    lengths = {name: part.shape[0] if hasattr(part, "shape") else len(part) for name, part in x.items()}
    if len(set(lengths.values())) > 1:
        words = ", ".join(f"{name} has {n}" for name, n in lengths.items())
        raise ValueError(f"All modalities need the same rows, NaN where one is missing, but {words}.")
    n = next(iter(lengths.values()))
    return {name: x[name] if name in x else np.full((n, *shapes[name]), np.nan, "float32") for name in shapes}


def check(x: dict[str, Any], decoders: dict[str, Any], shapes: dict[str, tuple[int, ...]], of: str) -> None:
    """See `MultimodalVAE.check_data`; x, called `of`, has all modalities."""
    there = np.zeros(num_rows(x), bool)
    for name, shape in shapes.items():
        data, layer = np.asarray(x[name]), outermost_distribution_layers(decoders[name])[-1]
        there |= _check_one(f"{of}[{name!r}]", name, data, shape, layer)
    if not there.all():
        raise ValueError(f"Row {int(np.argmin(there)) + 1} has no modality at all: leave such rows out.")


def _check_one(said, name, data, shape, layer):
    """Which rows have this modality, `(N,)`."""
    if tuple(data.shape[1:]) != shape:
        raise ValueError(
            f"This model is for rows of shape {shape} of {name!r}, but `{said}` has rows of {data.shape[1:]}."
        )
    missing = np.isnan(data) if data.dtype.kind == "f" else np.zeros(data.shape, bool)
    has = ~missing.reshape(len(data), -1).all(axis=1)
    if missing[has].any() and not layer.takes_missing:
        raise ValueError(
            f"`{said}` has rows that are partly NaN, over which {type(layer).__name__} does not integrate: fill them, make "
            "the rows NaN throughout, or use a TableLikelihood."
        )
    seen = data[has]
    if np.isinf(seen).any():
        raise ValueError(f"`{said}` has infinite values.")
    if seen.size and not missing[has].any():
        layer.check_events(said, seen)
    return has


def check_parts(encoders: dict, decoders: dict, aggregation: Any) -> None:
    """ValueError where the parts of a `MultimodalVAE` do not fit together."""
    if set(encoders) != set(decoders):
        alone = sorted(set(encoders) ^ set(decoders))[0]
        has, lacks = ("encoder", "decoder") if alone in encoders else ("decoder", "encoder")
        raise ValueError(f"The modality {alone!r} has an {has} and no {lacks}.".replace("an d", "a d"))
    if len(encoders) != aggregation.num_modalities:
        raise ValueError(
            f"The aggregation is of {aggregation.num_modalities} modalities, but there are {len(encoders)}."
        )
    for name, model in encoders.items():
        if tuple(model.output_shape[1:]) != (aggregation.feature_dim,):
            raise ValueError(
                f"{type(aggregation).__name__} takes {aggregation.feature_dim} features of each modality, but the encoder "
                f"of {name!r} gives {model.output_shape[1:]}."
            )
    for name, model in decoders.items():
        if tuple(model.input_shape[1:]) != (aggregation.latent_dim,):
            raise ValueError(
                f"z has {aggregation.latent_dim} dimensions, but the decoder of {name!r} takes {model.input_shape[1:]}."
            )
