"""GAMIX-VAE: a population of Gaussians as posterior, residual networks and a PatchGAN."""

import math
from collections.abc import Sequence
from typing import Any

import keras

from tfvae.layers.independent import IndependentLaplace
from tfvae.layers.log_variance import LogVarianceNormal
from tfvae.layers.mixture import MixtureNormal
from tfvae.models.adversarial import AdversarialVAE
from tfvae.models.vae import VAE
from tfvae.networks.patch_gan import patch_gan
from tfvae.networks.resnet_v2 import resnet_v2_decoder, resnet_v2_encoder
from tfvae.objectives.elbo import ELBO
from tfvae.objectives.objective import Objective
from tfvae.objectives.population_kl import PopulationKL
from tfvae.priors.prior import Prior

_POSTERIORS = ("population", "mixture", "normal")
_DROPOUT = 0.25  # of the discriminator, where it is really trained


def make_gamix_vae(
    image_shape: Sequence[int],
    latent_dim: int | None = None,
    width: int | None = None,
    *,
    posterior: str = "population",
    moments: str = "means",
    momentum: float = 0.0,
    individual_weight: float = 0.2,
    num_components: int = 4,
    reconstruction_weight: float = 5000.0,
    adversarial_weight: Any = 100.0,
    normalization: str = "frozen",
    prior: Prior | None = None,
    learning_rate: float = 1e-4,
) -> VAE:
    """A compiled GAMIX-VAE for images in [0, 1]; at 256 × 256 × 3 all defaults are the published ones.

    Args:
        image_shape: (H, W, C), with H and W divisible by 2 down to 4, at best.
        latent_dim: int D; None for twice the image's side, at most 512.
        width: channels of the networks; None for half the image's side, from 16 to 128.
        posterior: what is a mixture. "population": the codes of a minibatch, held near N(0, I) by `PopulationKL`, as in the
            published code; "mixture": each q(z|x), of `num_components` Gaussians, with the ELBO and a Monte Carlo KL, as the
            method is often described; "normal": neither, the ordinary VAE on the same networks.
        moments, momentum, individual_weight: of `PopulationKL`.
        num_components: of each q(z|x) where the posterior is a "mixture".
        reconstruction_weight: float, times the mean absolute error of images in [−1, 1]: a Laplace likelihood.
        adversarial_weight: float or schedule, of the discriminator in the loss; 0 leaves it out, for a `VAE`.
        normalization: "frozen", as published, where the statistics of all BatchNormalizations stay at 0 and 1 and the
            discriminator has no dropout, since its code never told the networks that they train; or "batch", where both do.
        prior: a `Prior`; None for N(0, I), which the population's KL needs.
        learning_rate: float, of both Adams, whose β₁ is 0.5.

    Source: M. Rivera, "How to train your VAE" (2024), and its code.
    """
    if posterior not in _POSTERIORS:
        raise ValueError(f"`posterior` must be one of {', '.join(_POSTERIORS)}, but got {posterior!r}.")
    side = min(image_shape[:2])
    latent_dim = min(512, 2 * side) if latent_dim is None else latent_dim
    width = min(128, max(16, side // 2)) if width is None else width
    scale = math.prod(image_shape) / (2 * reconstruction_weight)  # pixels in [0, 1] have half the error
    likelihood = IndependentLaplace(image_shape, "mean", scale=scale, name="likelihood")
    layer = LogVarianceNormal(latent_dim, name="posterior")
    if posterior == "mixture":
        layer = MixtureNormal(num_components, latent_dim, epsilon=1e-3, name="posterior")
    objective: Objective = ELBO()
    if posterior == "population":
        objective = PopulationKL(individual_weight=individual_weight, moments=moments, momentum=momentum)
    bottleneck = max(1, latent_dim // 8)
    encoder = resnet_v2_encoder(image_shape, layer, width, bottleneck, normalization=normalization)
    decoder = resnet_v2_decoder(latent_dim, image_shape, likelihood, width, bottleneck, normalization=normalization)

    def adam():
        return keras.optimizers.Adam(learning_rate, beta_1=0.5)

    if isinstance(adversarial_weight, (int, float)) and not adversarial_weight:
        vae = VAE(encoder, decoder, prior, objective)
        vae.compile(adam())
        return vae
    dropout = 0.0 if normalization == "frozen" else _DROPOUT
    discriminator = patch_gan(image_shape, width, normalization=normalization, dropout=dropout)
    vae = AdversarialVAE(
        encoder,
        decoder,
        discriminator,
        prior,
        objective,
        adversarial_weight=adversarial_weight,
        fakes="reconstructions",
    )
    vae.compile(adam(), adam())
    return vae
