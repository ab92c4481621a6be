"""An autoencoder whose noise is an Epanechnikov kernel."""

from collections.abc import Sequence
from typing import Any

import keras

from tfvae.layers.distribution_layer import DistributionLayer
from tfvae.layers.epanechnikov import EpanechnikovPosterior
from tfvae.layers.independent import IndependentBernoulli
from tfvae.models.vae import VAE
from tfvae.networks.strided import strided_decoder, strided_encoder
from tfvae.objectives.evae import EVAE
from tfvae.priors.isotropic_normal import IsotropicNormal
from tfvae.priors.prior import Prior
from tfvae.priors.uniform import UniformPrior

_LARGE = 64  # sides from which on the published networks are wider, with larger kernels


def make_epanechnikov_vae(
    image_shape: Sequence[int],
    latent_dim: int = 64,
    *,
    width: float = 0.1,
    noise: str = "uniform",
    beta: Any = 1.0,
    prior: Prior | None = None,
    likelihood: DistributionLayer | None = None,
    channels: int | None = None,
    optimizer: Any = None,
) -> VAE:
    """A compiled Epanechnikov VAE with the published networks, for images in [0, 1].

    With the default width it is close to an autoencoder with bounded noise: reconstructions are sharp, and draws of the
    prior fall where no code is. `fit_latent_density` gives it a prior to draw from.

    Args:
        image_shape: (H, W, C).
        latent_dim: int D.
        width: float B > 0, of the prior, and the weight of the kernel's radii in the loss.
        noise: "uniform" or "normal", see `EpanechnikovPosterior`; the prior is of the same kind.
        beta: float or schedule, times that weight.
        prior: a `Prior`; None for `UniformPrior(latent_dim, width)`, or `IsotropicNormal(latent_dim, width)` with normal
            noise.
        likelihood: the `DistributionLayer` of p(x|z), of one parameter a pixel; None for Bernoullis, whose −log p is the
            cross-entropy, also of grey values.
        channels: int, of the first convolution; None for 32, and 64 for images of 64 pixels and more.
        optimizer: a Keras optimizer; None for Adam(3e-4).

    Source: Qin and Huang, "On kernel-based variational autoencoder" (2024).
    """
    image_shape = tuple(image_shape)
    large = min(image_shape[:2]) >= _LARGE
    channels = (64 if large else 32) if channels is None else channels
    kernel_size = 5 if large else 4
    if likelihood is None:
        likelihood = IndependentBernoulli(image_shape, "mean", name="likelihood")
    posterior = EpanechnikovPosterior(latent_dim, width=width, noise=noise, name="posterior")
    if prior is None:
        prior = (UniformPrior if noise == "uniform" else IsotropicNormal)(latent_dim, width)
    vae = VAE(
        strided_encoder(image_shape, posterior, channels, kernel_size),
        strided_decoder(latent_dim, image_shape, likelihood, channels, kernel_size),
        prior,
        EVAE(beta),
    )
    vae.compile(keras.optimizers.Adam(3e-4) if optimizer is None else optimizer)
    return vae
