"""A VAE whose codes are counts of events."""

from collections.abc import Sequence
from typing import Any

import keras

from tfvae.layers.distribution_layer import DistributionLayer
from tfvae.layers.independent import IndependentNormal
from tfvae.layers.poisson_posterior import PoissonPosterior
from tfvae.models.vae import VAE
from tfvae.networks.mlp import distribution_network
from tfvae.objectives.elbo import ELBO
from tfvae.objectives.linear_elbo import LinearELBO
from tfvae.priors.poisson import PoissonPrior

_METHODS = ("draws", "straight-through", "exact")
_COLDEST = 0.05


def make_poisson_vae(
    input_dim: int,
    latent_dim: int = 512,
    hidden: Sequence[int] = (),
    *,
    decoder_hidden: Sequence[int] = (),
    num_steps: int = 10_000,
    method: str = "draws",
    indicator: str = "cubic",
    beta: Any = 1.0,
    likelihood: DistributionLayer | None = None,
    optimizer: Any = None,
    seed: int | None = None,
) -> VAE:
    """A compiled VAE whose z are counts: sparse codes with a cost for every event.

    With no hidden layers the decoder is a dictionary Φ, and training is sparse coding whose inference is amortized.

    Args:
        input_dim: int, length of one x.
        latent_dim: int, length of one z.
        hidden: widths of the encoder's hidden layers; none for one linear map.
        decoder_hidden: widths of the decoder's; none for one linear map without a bias.
        num_steps: int, optimizer steps of the training: in its first half the draws' temperature falls from 1 to 0.05.
        method: "draws", the relaxed counts of `relaxed_poisson`; "straight-through", exact counts with the gradient of
            relaxed ones; or "exact", `LinearELBO`, for a linear decoder.
        indicator: of the draws, see `PoissonPosterior`.
        beta: float or schedule, the KL's weight.
        likelihood: the `DistributionLayer` of p(x|z); None for normals whose variance is ½, with which −log p is the squared
            error and a constant, as published.
        optimizer: a Keras optimizer; None for Adamax(0.002).
        seed: int or None, of the prior's start.

    Raises:
        ValueError: for another method, or "exact" with a decoder that is not linear.

    Source: Vafaii, Galor and Yates, "Poisson variational autoencoder" (2024).
    """
    if method not in _METHODS:
        raise ValueError(f"`method` must be one of {', '.join(_METHODS)}, but got {method!r}.")
    if method == "exact" and decoder_hidden:
        raise ValueError("The method 'exact' is for a linear decoder: leave out `decoder_hidden`, or choose 'draws'.")
    if method == "exact" and not (likelihood is None or getattr(likelihood, "scale", None) is not None):
        raise ValueError("The method 'exact' needs a scale that does not depend on z: give the likelihood a `scale`.")
    cooling = keras.optimizers.schedules.PolynomialDecay(1.0, max(1, num_steps // 2), _COLDEST)
    posterior = PoissonPosterior(
        latent_dim,
        temperature=cooling,
        indicator=indicator,
        straight_through=method == "straight-through",
        name="posterior",
    )
    if likelihood is None:
        likelihood = IndependentNormal(input_dim, "mean", scale=0.5**0.5, name="likelihood")
    start = keras.initializers.RandomNormal(stddev=0.1 if decoder_hidden else 0.05)
    encoder = distribution_network(
        input_dim, hidden, posterior, "encoder", "relu", use_bias=bool(hidden), kernel_initializer=start
    )
    decoder = distribution_network(
        latent_dim, decoder_hidden, likelihood, "decoder", "relu", use_bias=bool(decoder_hidden)
    )
    prior = PoissonPrior(latent_dim, high=-2.0 if decoder_hidden else -4.0, seed=seed)
    vae = VAE(encoder, decoder, prior, LinearELBO(beta) if method == "exact" else ELBO(beta))
    vae.compile(keras.optimizers.Adamax(0.002) if optimizer is None else optimizer)
    return vae
