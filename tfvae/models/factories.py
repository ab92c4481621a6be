"""Functions that return untrained, compiled models."""

import math

import keras
import numpy as np

from tfvae.layers import IndependentNormal, LearnedScale, MixtureNormal
from tfvae.models.restarts import Restarts
from tfvae.models.vae import VAE
from tfvae.networks import distribution_network
from tfvae.objectives import ELBO
from tfvae.priors import StandardNormal

# Document 000: one linear and one tanh hidden layer, and its deep variant "lin-tanh-tanh-lin-tanh-tanh".
_SHALLOW = ("linear", "tanh")
_DEEP = ("linear", "tanh", "tanh", "linear", "tanh", "tanh")


def make_dense_vae(
    input_dim,
    latent_dim,
    hidden=(300, 300),
    *,
    prior=None,
    likelihood=None,
    posterior=None,
    activations="elu",
    objective=None,
    optimizer=None,
):
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
    """
    posterior = IndependentNormal(latent_dim, name="posterior") if posterior is None else posterior
    likelihood = IndependentNormal(input_dim, "mean", name="likelihood") if likelihood is None else likelihood
    reverse = activations if isinstance(activations, str) else tuple(reversed(activations))
    return _compiled_vae(
        distribution_network(input_dim, hidden, posterior, "encoder", activations),
        distribution_network(latent_dim, tuple(reversed(hidden)), likelihood, "decoder", reverse),
        prior if prior is not None else StandardNormal(latent_dim),
        objective,
        optimizer,
    )


def make_mse_vae(
    input_dim, num_components=16, *, latent_dim=None, deep=False, kl_weight=1.0, scale=None, optimizer=None
):
    """Document 000's VAE with a mean-squared-error decoder, as the Gaussian likelihood that this loss is.

    The mean over D features of the squared error is, up to a constant, −log p of a Gaussian of variance D/2; on tf_keras
    the document's regularizer counted the KL twice, so that `kl_weight=2` is what it optimized.

    Args:
        input_dim: int, length of one x.
        num_components: int; the hidden width is input_dim · num_components.
        latent_dim: int; None for input_dim.
        deep: bool, six hidden layers (lin-tanh-tanh-lin-tanh-tanh) instead of two (lin-tanh).
        kl_weight: float, the KL's weight in training.
        scale: the observation scale: None for √(D/2), the MSE's own; a float; or a `LearnedScale`.
        optimizer: None for Adam(1e-3).
    """
    scale = math.sqrt(input_dim / 2) if scale is None else scale
    likelihood = IndependentNormal(input_dim, "mean", scale=scale, name="likelihood")
    return make_document_vae(
        input_dim,
        likelihood,
        num_components,
        latent_dim=latent_dim,
        deep=deep,
        kl_weight=kl_weight,
        optimizer=optimizer,
    )


def make_mixture_decoder_vae(
    input_dim, num_components=16, *, latent_dim=None, deep=False, kl_weight=1.0, optimizer=None
):
    """Document 000's VAE with a `MixtureNormal` decoder; arguments as for `make_mse_vae`."""
    likelihood = MixtureNormal(num_components, input_dim, "mean", name="likelihood")
    return make_document_vae(
        input_dim,
        likelihood,
        num_components,
        latent_dim=latent_dim,
        deep=deep,
        kl_weight=kl_weight,
        optimizer=optimizer,
    )


def make_document_vae(
    input_dim, likelihood, num_components=16, *, latent_dim=None, deep=False, width=None, kl_weight=1.0, prior=None,
    optimizer=None,
):  # fmt: skip
    """Document 000's networks around any likelihood and prior; other arguments as for `make_mse_vae`.

    Args:
        likelihood: the `DistributionLayer` of p(x|z).
        width: hidden width; None for input_dim · num_components.
        prior: a `Prior`; None for N(0, I).
    """
    activations = _DEEP if deep else _SHALLOW
    latent_dim = latent_dim or input_dim
    hidden = [width or input_dim * num_components] * len(activations)
    posterior = IndependentNormal(latent_dim, name="posterior")
    return _compiled_vae(
        distribution_network(input_dim, hidden, posterior, "encoder", activations),
        distribution_network(latent_dim, hidden, likelihood, "decoder", activations),
        prior if prior is not None else StandardNormal(latent_dim),
        ELBO(beta=kl_weight),
        optimizer,
    )


def make_manifold_vae(
    input_dim,
    latent_dim=1,
    hidden=(64, 64, 64),
    *,
    scale=None,
    num_steps=30_000,
    num_restarts=4,
    learning_rate=3e-3,
    activations="relu",
):
    """A compiled VAE for data near a curve or a surface, which a plain VAE folds or flattens (document 002).

    Three things mend it: a learned observation scale that starts below the data's spread (for variances above the
    largest eigenvalue of the data's covariance, collapse to the mean is stable, and on document 002's curve the best
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
        ELBO(warm_up_steps=num_steps // 2),
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(learning_rate, num_steps)),
        num_restarts,
    )


def initialize_mixture_decoder(vae, x, seed=0, spread=0.1):
    """Starts the components of a `MixtureNormal` decoder at points of the data that lie far apart (k-means++).

    Random components compete for the nearest modes and leave others empty; started on the data, each mode has one.

    Args:
        vae: a model of `make_mixture_decoder_vae` or `make_document_vae`, untrained.
        x: `(N, D)` data, of which the first 20,000 rows are looked at.
        seed: of the choice of points.
        spread: float, what remains of the last layer's random kernel, by which the components depend on z.

    Source: Arthur and Vassilvitskii, "k-means++: the advantages of careful seeding" (2007).
    """
    from sklearn.cluster import kmeans_plusplus

    likelihood = vae.decoder.layers[-1]
    params = vae.decoder.get_layer("params")
    num_components = likelihood.num_components
    points, _ = kmeans_plusplus(np.asarray(x[:20_000], "float64"), num_components, random_state=seed)
    bias = params.bias.numpy()
    locs_and_scales = bias[num_components:].reshape(num_components, -1)
    locs_and_scales[:, : points.shape[1]] = points
    params.bias.assign(bias)
    params.kernel.assign(spread * params.kernel)


def _compiled_vae(encoder, decoder, prior, objective, optimizer, num_restarts=1):
    restarts = {"num_restarts": num_restarts} if num_restarts > 1 else {}
    vae = (Restarts if restarts else VAE)(encoder, decoder, prior, objective, **restarts)
    vae.compile(optimizer=optimizer or keras.optimizers.Adam(1e-3))
    vae.build((None, *encoder.input_shape[1:]))
    return vae
