"""A model of several modalities with fully connected networks."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from tfvae.layers.aggregation import (
    Aggregation,
    GeneralizedProductOfExperts,
    MixtureOfExperts,
    MixtureOfProducts,
    ProductOfExperts,
)
from tfvae.layers.distribution_layer import DistributionLayer
from tfvae.layers.independent import IndependentNormal
from tfvae.layers.pooling import SelfAttention, SumPooling
from tfvae.layers.scales import LearnedScale
from tfvae.models.multimodal import MultimodalVAE
from tfvae.networks.mlp import dense_layers, distribution_network
from tfvae.objectives.multimodal import MaskedBound
from tfvae.objectives.objective import Objective
from tfvae.priors.prior import Prior

AGGREGATIONS: dict[str, type[Aggregation]] = {
    "product": ProductOfExperts,
    "generalized-product": GeneralizedProductOfExperts,
    "mixture": MixtureOfExperts,
    "mixture-of-products": MixtureOfProducts,
    "sum": SumPooling,
    "attention": SelfAttention,
}


def make_multimodal_vae(
    sizes: Mapping[str, int],
    latent_dim: int,
    hidden: Sequence[int] = (256, 256),
    *,
    likelihoods: Mapping[str, DistributionLayer] | None = None,
    aggregation: str | Aggregation = "sum",
    prior: Prior | None = None,
    objective: Objective | None = None,
    activations: Any = "relu",
    optimizer: Any = None,
) -> MultimodalVAE:
    """A compiled `MultimodalVAE` of vectors, any of which may be missing from an example.

    Args:
        sizes: name -> length of one x_m.
        latent_dim: int D, length of one z.
        hidden: widths of each encoder's hidden layers; each decoder has them in reverse.
        likelihoods: name -> the `DistributionLayer` of p(x_m|z); of names that are left out independent normals of one
            learned scale, whose floor is 0.01: standardize the data.
        aggregation: an `Aggregation`, or one of "product", "generalized-product", "mixture", "mixture-of-products", "sum",
            "attention".
        prior: a `Prior`; None for N(0, I).
        objective: an `Objective`; None for `MaskedBound()`.
        activations: of the hidden layers.
        optimizer: a Keras optimizer; None for Adam(1e-3).

    Raises:
        ValueError: for another aggregation, or likelihoods of names without a size.
    """
    given = dict(likelihoods or {})
    if unknown := sorted(set(given) - set(sizes)):
        raise ValueError(f"`likelihoods` names {unknown[0]!r}, which has no size: there are {', '.join(sizes)}.")
    if isinstance(aggregation, str):
        if aggregation not in AGGREGATIONS:
            raise ValueError(f"`aggregation` must be one of {', '.join(AGGREGATIONS)}, but got {aggregation!r}.")
        aggregation = AGGREGATIONS[aggregation](latent_dim, len(sizes))
    encoders, decoders = {}, {}
    for name, size in sizes.items():
        layer = given.get(name) or IndependentNormal(size, "mean", scale=LearnedScale(initial=0.5, floor=1e-2))
        encoders[name] = keras.Sequential(
            [keras.Input((size,)), *dense_layers(hidden, activations), keras.layers.Dense(aggregation.feature_dim)],
            name=f"encoder_{len(encoders)}",
        )
        decoders[name] = distribution_network(
            latent_dim, tuple(reversed(hidden)), layer, f"decoder_{len(decoders)}", activations
        )
    vae = MultimodalVAE(encoders, decoders, aggregation, prior, MaskedBound() if objective is None else objective)
    vae.compile(keras.optimizers.Adam(1e-3) if optimizer is None else optimizer)
    return vae
