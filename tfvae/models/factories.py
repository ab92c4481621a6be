"""Functions that return untrained, compiled models."""

import math
from collections.abc import Sequence
from typing import Any

import keras

from tfvae.divergences import KLEstimator, VariationalKL
from tfvae.layers.distribution_layer import DistributionLayer
from tfvae.layers.independent import IndependentBernoulli, IndependentDiscretizedLogistic, IndependentNormal
from tfvae.layers.mixture import MixtureNormal
from tfvae.layers.scales import LearnedScale
from tfvae.models.restarts import Restarts
from tfvae.models.vae import VAE
from tfvae.networks.convolutional import convolutional_decoder, convolutional_encoder
from tfvae.networks.mlp import distribution_network
from tfvae.objectives.elbo import ELBO
from tfvae.objectives.objective import Objective
from tfvae.priors.components import UniformComponents
from tfvae.priors.mixture import MixturePrior
from tfvae.priors.prior import Prior
from tfvae.priors.standard_normal import StandardNormal
from tfvae.training.schedules import LinearWarmUp

# One linear and one tanh hidden layer, and the deep variant "lin-tanh-tanh-lin-tanh-tanh".
_SHALLOW = ("linear", "tanh")
_DEEP = ("linear", "tanh", "tanh", "linear", "tanh", "tanh")


def make_dense_vae(
    input_dim: int,
    latent_dim: int,
    hidden: Sequence[int] = (300, 300),
    *,
    prior: Prior | None = None,
    likelihood: DistributionLayer | None = None,
    posterior: DistributionLayer | None = None,
    activations: Any = "elu",
    objective: Objective | None = None,
    optimizer: Any = None,
    dropout: float | Sequence[float] = 0.0,
    masked: float = 0.0,
    missing: bool = False,
) -> VAE:
    """A compiled `VAE` of fully connected networks.

    Args:
        input_dim: int, length of one x.
        latent_dim: int D, length of one z.
        hidden: widths of the encoder's hidden layers; the decoder has them in reverse.
        prior: a `Prior`; None for N(0, I).
        likelihood: the `DistributionLayer` of p(x|z); None for independent normals with scales from the decoder.
        posterior: the `DistributionLayer` of q(z|x); None for independent normals.
        activations: of the encoder's hidden layers, one for all or one each; the decoder has them in reverse where
            they differ.
        objective: an `Objective`; None for `ELBO()`.
        optimizer: a Keras optimizer; None for Adam(1e-3).
        dropout: share of the hidden units that a training step leaves out; one for all layers or one for each of the
            encoder's, which the decoder has in reverse.
        masked: share of the inputs that a training step hides from the encoder.
        missing: whether x may hold NaN, which is a value that is not there: the encoder sees 0, and the likelihood must
            integrate over it, as `TableLikelihood` does.
    """
    posterior = IndependentNormal(latent_dim, name="posterior") if posterior is None else posterior
    likelihood = IndependentNormal(input_dim, "mean", name="likelihood") if likelihood is None else likelihood
    reverse = activations if isinstance(activations, str) else tuple(reversed(activations))
    dropped = tuple(reversed(dropout)) if isinstance(dropout, Sequence) else dropout
    return _compiled_vae(
        distribution_network(input_dim, hidden, posterior, "encoder", activations, dropout, masked, missing),
        distribution_network(latent_dim, tuple(reversed(hidden)), likelihood, "decoder", reverse, dropped),
        prior if prior is not None else StandardNormal(latent_dim),
        objective,
        optimizer,
    )


def make_mixture_prior_vae(
    input_dim: int,
    latent_dim: int = 10,
    num_components: int = 1000,
    hidden: Sequence[int] = (400,),
    *,
    kl: KLEstimator | None = None,
    likelihood: DistributionLayer | None = None,
    activations: Any = "relu",
    optimizer: Any = None,
    seed: int | None = None,
) -> VAE:
    """A VAE whose prior is a mixture of Gaussians with weights 1/K, trained by the closed-form upper bound of the KL.

    Args:
        input_dim: int, length of one x.
        latent_dim: int D, length of one z.
        num_components: int K.
        hidden: widths of the encoder's hidden layers; the decoder has them in reverse.
        kl: a `KLEstimator`; None for `VariationalKL`.
        likelihood: the `DistributionLayer` of p(x|z); None for independent Bernoullis.
        activations: of the hidden layers.
        optimizer: a Keras optimizer; None for Adam(1e-3).
        seed: int or None, of the components' start: means and log variances from U(−1, 1).

    Source: R. Shu, "VAE on multi-modal data" (the repository `vae-experiments`).
    """
    likelihood = IndependentBernoulli(input_dim, "mean", name="likelihood") if likelihood is None else likelihood
    return make_dense_vae(
        input_dim,
        latent_dim,
        hidden,
        prior=MixturePrior(latent_dim, num_components, False, UniformComponents(), seed=seed),
        likelihood=likelihood,
        activations=activations,
        objective=ELBO(kl=VariationalKL() if kl is None else kl),
        optimizer=optimizer,
    )


def make_convolutional_vae(
    image_shape: Sequence[int],
    latent_dim: int = 64,
    widths: Sequence[int] = (32, 64, 128),
    *,
    prior: Prior | None = None,
    likelihood: DistributionLayer | None = None,
    activation: Any = "elu",
    objective: Objective | None = None,
    optimizer: Any = None,
) -> VAE:
    """A compiled `VAE` of convolutions of stride 2.

    Args:
        image_shape: (H, W, C), with H and W divisible by 2 once for each width.
        latent_dim: int D, length of one z.
        widths: channels of the encoder's convolutions; the decoder has them in reverse.
        prior: a `Prior`; None for N(0, I).
        likelihood: the `DistributionLayer` of p(x|z), of event shape `image_shape`; None for 8-bit images, as
            `IndependentDiscretizedLogistic` with scales from the decoder.
        activation: of the convolutions.
        objective: an `Objective`; None for `ELBO()`.
        optimizer: a Keras optimizer; None for Adam(1e-3).
    """
    posterior = IndependentNormal(latent_dim, name="posterior")
    if likelihood is None:
        likelihood = IndependentDiscretizedLogistic(image_shape, "mode", epsilon=2e-3, name="likelihood")
    return _compiled_vae(
        convolutional_encoder(image_shape, widths, posterior, activation=activation),
        convolutional_decoder(latent_dim, image_shape, tuple(reversed(widths)), likelihood, activation=activation),
        prior if prior is not None else StandardNormal(latent_dim),
        objective,
        optimizer,
    )


def make_mse_vae(
    input_dim: int,
    *,
    width: int | None = None,
    latent_dim: int | None = None,
    deep: bool = False,
    kl_weight: Any = 1.0,
    scale: float | LearnedScale | None = None,
    optimizer: Any = None,
) -> VAE:
    """A VAE with a mean-squared-error decoder, as the Gaussian likelihood that this loss is.

    The mean over D features of the squared error is, up to a constant, −log p of a Gaussian of variance D/2.

    Args:
        input_dim: int, length of one x.
        width: int, of the hidden layers; None for 16 · input_dim.
        latent_dim: int; None for input_dim.
        deep: bool, six hidden layers (lin-tanh-tanh-lin-tanh-tanh) instead of two (lin-tanh).
        kl_weight: the KL's weight in training, a float or a schedule.
        scale: the observation scale: None for √(D/2), the MSE's own; a float; or a `LearnedScale`.
        optimizer: None for Adam(1e-3).
    """
    scale = math.sqrt(input_dim / 2) if scale is None else scale
    likelihood = IndependentNormal(input_dim, "mean", scale=scale, name="likelihood")
    return make_tanh_vae(
        input_dim, likelihood, width=width, latent_dim=latent_dim, deep=deep, kl_weight=kl_weight, optimizer=optimizer
    )


def make_mixture_decoder_vae(
    input_dim: int,
    num_components: int = 16,
    *,
    width: int | None = None,
    latent_dim: int | None = None,
    deep: bool = False,
    kl_weight: Any = 1.0,
    optimizer: Any = None,
) -> VAE:
    """A VAE with a `MixtureNormal` decoder of `num_components`; other arguments as for `make_mse_vae`.

    A width of None is input_dim · num_components.
    """
    likelihood = MixtureNormal(num_components, input_dim, "mean", name="likelihood")
    width = input_dim * num_components if width is None else width
    return make_tanh_vae(
        input_dim, likelihood, width=width, latent_dim=latent_dim, deep=deep, kl_weight=kl_weight, optimizer=optimizer
    )


def make_tanh_vae(
    input_dim: int,
    likelihood: DistributionLayer,
    *,
    width: int | None = None,
    latent_dim: int | None = None,
    deep: bool = False,
    kl_weight: Any = 1.0,
    prior: Prior | None = None,
    optimizer: Any = None,
) -> VAE:
    """Networks of linear and tanh layers around any likelihood and prior; other arguments as for `make_mse_vae`.

    Args:
        likelihood: the `DistributionLayer` of p(x|z).
        prior: a `Prior`; None for N(0, I).

    Source: the networks of a question on Cross Validated, stats.stackexchange.com/questions/577126.
    """
    activations = _DEEP if deep else _SHALLOW
    latent_dim = latent_dim or input_dim
    hidden = [width or 16 * input_dim] * len(activations)
    posterior = IndependentNormal(latent_dim, name="posterior")
    return _compiled_vae(
        distribution_network(input_dim, hidden, posterior, "encoder", activations),
        distribution_network(latent_dim, hidden, likelihood, "decoder", activations),
        prior if prior is not None else StandardNormal(latent_dim),
        ELBO(beta=kl_weight),
        optimizer,
    )


def make_manifold_vae(
    input_dim: int,
    latent_dim: int = 1,
    hidden: Sequence[int] = (64, 64, 64),
    *,
    scale: float | LearnedScale | None = None,
    num_steps: int = 30_000,
    num_restarts: int = 4,
    learning_rate: float = 3e-3,
    activations: Any = "relu",
) -> VAE:
    """A compiled VAE for data near a curve or a surface, which a plain VAE folds or flattens.

    Three things cure it: a learned observation scale that starts below the data's spread (for variances above the
    largest eigenvalue of the data's covariance, collapse to the mean is stable, and on an S-shaped curve the best
    solution there is); a KL warm-up over half of the training; and `Restarts`, since a
    curve can also be learned in pieces in the wrong order, which only the ELBO tells. The scale's floor makes the
    difference visible: on a curve without noise the likelihood has no upper bound, and pieces cost next to nothing.

    Args:
        input_dim: int, length of one x.
        latent_dim: int D, the dimension of the manifold.
        hidden: widths of the encoder's hidden layers; the decoder has them in reverse.
        scale: a `LearnedScale` or a float, in the data's units; None for one that starts at e^-1.5 = 0.22, with the floor
            0.04, which suits data in [0, 1].
        num_steps: int, optimizer steps of the fit that the learning rate's cosine and the warm-up are laid out for.
        num_restarts: int, candidates trained side by side; 1 gives a `VAE` without restarts.
        learning_rate: float, Adam's at the start.
        activations: of the hidden layers.
    """
    scale = LearnedScale(initial=math.exp(-1.5), floor=0.04) if scale is None else scale
    posterior = IndependentNormal(latent_dim, name="posterior")
    likelihood = IndependentNormal(input_dim, "mean", scale=scale, name="likelihood")
    return _compiled_vae(
        distribution_network(input_dim, hidden, posterior, "encoder", activations),
        distribution_network(latent_dim, tuple(reversed(hidden)), likelihood, "decoder", activations),
        StandardNormal(latent_dim),
        ELBO(LinearWarmUp(max(1, num_steps // 2))),
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(learning_rate, num_steps)),
        num_restarts,
    )


def _compiled_vae(encoder, decoder, prior, objective, optimizer, num_restarts=1):
    restarts = {"num_restarts": num_restarts} if num_restarts > 1 else {}
    vae = (Restarts if restarts else VAE)(encoder, decoder, prior, objective, **restarts)
    vae.compile(optimizer=optimizer or keras.optimizers.Adam(1e-3))
    vae.build((None, *encoder.input_shape[1:]))
    return vae
