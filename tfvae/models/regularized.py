"""Autoencoders whose codes are held by something else than a KL: the peers of a VAE on images."""

from collections.abc import Sequence
from typing import Any

import keras

from tfvae.layers.distribution_layer import DistributionLayer
from tfvae.layers.independent import IndependentNormal
from tfvae.layers.point import IndependentDeterministic
from tfvae.models.vae import VAE
from tfvae.networks.convolutional import convolutional_decoder, convolutional_encoder
from tfvae.objectives.objective import Objective
from tfvae.objectives.rae import RAE
from tfvae.objectives.wae import WAE

_SCALE = 2**-0.5  # of a pixel, with which −log p(x|z) is the squared error of the image


def make_rae(
    image_shape: Sequence[int],
    latent_dim: int = 64,
    widths: Sequence[int] = (32, 64, 128),
    *,
    code_weight: float = 1e-4,
    decoder_weight: float = 1e-6,
    likelihood: DistributionLayer | None = None,
    activation: Any = "elu",
    learning_rate: float = 1e-3,
) -> VAE:
    """A compiled regularized autoencoder, RAE-L2: no noise, a penalty on the codes and one on the decoder's kernels.

    It has no prior that fits its codes: after training, `fit_latent_density` gives it one.

    Args:
        image_shape: (H, W, C), with H and W divisible by 2 once for each width.
        latent_dim: int D, length of one z.
        widths: channels of the encoder's convolutions; the decoder has them in reverse.
        code_weight: float or schedule, of ½ |z|² against the image's squared error.
        decoder_weight: float, of the sum of the decoder's squared kernels against the same.
        likelihood: the `DistributionLayer` of p(x|z); None for normals whose −log p is the squared error.
        activation: of the convolutions.
        learning_rate: float, Adam's.

    Source: Ghosh et al., "From variational to deterministic autoencoders" (2020), with its weights for images.
    """
    return _compiled(image_shape, latent_dim, widths, RAE(code_weight), likelihood, activation, learning_rate,
                     keras.regularizers.L2(decoder_weight) if decoder_weight else None)  # fmt: skip


def make_wae(
    image_shape: Sequence[int],
    latent_dim: int = 64,
    widths: Sequence[int] = (32, 64, 128),
    *,
    mmd_weight: Any = 100.0,
    likelihood: DistributionLayer | None = None,
    activation: Any = "elu",
    learning_rate: float = 1e-3,
) -> VAE:
    """A compiled Wasserstein autoencoder, WAE-MMD: no noise, and the codes of a minibatch held near N(0, I) as a whole.

    Args:
        mmd_weight: float or schedule, of the discrepancy against the image's squared error.
        image_shape, latent_dim, widths, likelihood, activation, learning_rate: as for `make_rae`.

    Source: Tolstikhin et al., "Wasserstein auto-encoders" (2018).
    """
    return _compiled(image_shape, latent_dim, widths, WAE(mmd_weight), likelihood, activation, learning_rate)


def _compiled(
    image_shape, latent_dim, widths, objective: Objective, likelihood, activation, learning_rate, regularizer=None
):
    posterior = IndependentDeterministic(latent_dim, name="posterior")
    if likelihood is None:
        likelihood = IndependentNormal(image_shape, "mean", scale=_SCALE, name="likelihood")
    reverse = tuple(reversed(widths))
    vae = VAE(
        convolutional_encoder(image_shape, widths, posterior, activation=activation),
        convolutional_decoder(
            latent_dim, image_shape, reverse, likelihood, activation=activation, kernel_regularizer=regularizer
        ),
        objective=objective,
    )
    vae.compile(keras.optimizers.Adam(learning_rate))
    return vae
