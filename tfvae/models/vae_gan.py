"""A VAE that measures its reconstructions by what a discriminator sees in them."""

from collections.abc import Sequence
from typing import Any

import keras

from tfvae.layers.independent import IndependentNormal
from tfvae.models.adversarial import AdversarialVAE
from tfvae.networks.convolutional import convolutional_decoder, convolutional_discriminator, convolutional_encoder
from tfvae.objectives.objective import Objective
from tfvae.priors.prior import Prior


def make_vae_gan(
    image_shape: Sequence[int],
    latent_dim: int = 64,
    widths: Sequence[int] = (32, 64, 128),
    *,
    fakes: str = "both",
    learned_features: bool = True,
    adversarial_weight: Any = 20.0,
    prior: Prior | None = None,
    objective: Objective | None = None,
    scale: float = 0.1,
    activation: Any = "elu",
    learning_rate: float = 3e-4,
) -> AdversarialVAE:
    """A compiled VAE-GAN of convolutions of stride 2, for images in [0, 1].

    The encoder and the decoder learn from the discriminator's last convolution, in which the squared error takes the place
    of the pixels' own; the decoder also from the discriminator's verdict.

    Args:
        image_shape: (H, W, C), with H and W divisible by 2 once for each width.
        latent_dim: int D, length of one z.
        widths: channels of the encoder's and discriminator's convolutions; the decoder has them in reverse.
        fakes: what the discriminator sees; see `AdversarialVAE`.
        learned_features: bool; False keeps the pixels' own likelihood, and the discriminator trains both networks.
        adversarial_weight: float or schedule; see `AdversarialVAE`.
        prior: a `Prior`; None for N(0, I).
        objective: an `Objective`; None for `ELBO()`.
        scale: float, standard deviation of a pixel in p(x|z), which with learned features is not trained on.
        activation: of the encoder's and the decoder's convolutions.
        learning_rate: float, of both RMSprops.

    Source: Larsen et al., "Autoencoding beyond pixels using a learned similarity metric" (2016); the weight is ours.
    """
    posterior = IndependentNormal(latent_dim, name="posterior")
    likelihood = IndependentNormal(image_shape, "mean", scale=scale, name="likelihood")
    vae = AdversarialVAE(
        convolutional_encoder(image_shape, widths, posterior, activation=activation),
        convolutional_decoder(latent_dim, image_shape, tuple(reversed(widths)), likelihood, activation=activation),
        convolutional_discriminator(image_shape, widths),
        prior,
        objective,
        adversarial_weight=adversarial_weight,
        fakes=fakes,
        feature_layer="features" if learned_features else None,
        adversary_trains="decoder" if learned_features else "model",
    )
    vae.compile(keras.optimizers.RMSprop(learning_rate), keras.optimizers.RMSprop(learning_rate))
    return vae
