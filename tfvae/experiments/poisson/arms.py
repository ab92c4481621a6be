"""Counts as codes and their rivals, on networks that an experiment gives."""

from collections.abc import Callable
from typing import Any, NamedTuple

import tfvae
from tfvae import layers, objectives, priors, training
from tfvae.host.lazy import Later

keras = Later("keras")
COUNTS = ("exact", "draws", "sigmoid", "straight-through")
QUICK = ("exact", "gaussian")  # with little noise in their gradients, they settle soon
_LEAST_RATE = 1e-5


class Networks(NamedTuple):
    """Functions of the distribution layer at their end, and where the log rates of a prior over counts start."""

    encoder: Callable
    decoder: Callable
    low: float = -6.0
    high: float = -4.0


def make_arm(
    arm: str, event_shape: Any, latent_dim: int, networks: Networks, num_steps: int, learning_rate: float, seed: int
) -> Any:
    """The compiled model of an arm: "exact", "draws", "sigmoid", "straight-through", "gaussian", "laplace", "category", or
    "relu" and "exp", Gaussian codes whose draws go through that function before the decoder.

    The KL's weight rises over the first half of the steps, to 1 or to that of an arm such as "draws@0.5"; the learning rate
    falls in a cosine.
    """
    arm, _, weight = arm.partition("@")
    beta = training.LinearWarmUp(max(1, num_steps // 2), float(weight or 1))
    if arm in COUNTS:
        posterior, prior = _counts(arm, latent_dim, networks, num_steps, seed)
    else:
        posterior, prior = _rival(arm, latent_dim, num_steps)
    likelihood = layers.IndependentNormal(event_shape, "mean", scale=0.5**0.5, name="likelihood")
    encoder, decoder = networks.encoder(posterior), networks.decoder(likelihood)
    if arm in ("relu", "exp"):
        decoder = keras.Sequential(
            [keras.layers.Input((latent_dim,)), keras.layers.Activation({"exp": "exponential"}.get(arm, arm)), decoder]
        )
    objective = objectives.LinearELBO(beta) if arm == "exact" else objectives.ELBO(beta)
    vae = tfvae.VAE(encoder, decoder, prior(), objective)
    cosine = keras.optimizers.schedules.CosineDecay(learning_rate, num_steps, _LEAST_RATE / learning_rate)
    vae.compile(keras.optimizers.Adamax(cosine))
    return vae


def _cooling(num_steps, coldest):
    return keras.optimizers.schedules.PolynomialDecay(1.0, max(1, num_steps // 2), coldest)


def _counts(arm, latent_dim, networks, num_steps, seed):
    posterior = layers.PoissonPosterior(
        latent_dim, temperature=_cooling(num_steps, 0.05), name="posterior", straight_through=arm == "straight-through",
        indicator="sigmoid" if arm in ("sigmoid", "straight-through") else "cubic",
    )  # fmt: skip
    return posterior, lambda: priors.PoissonPrior(latent_dim, networks.low, networks.high, seed=seed)


def _rival(arm, d, num_steps):
    if arm == "category":
        posterior = layers.GumbelSoftmax(d, temperature=_cooling(num_steps, 0.1))
        return posterior, lambda: priors.UniformCategory(d)
    if arm == "laplace":
        return layers.IndependentLaplace(d, epsilon=1e-4), lambda: priors.StandardLaplace(d)
    return layers.LogVarianceNormal(d), lambda: priors.StandardNormal(d)
