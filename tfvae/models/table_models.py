"""Models for tables, one function each: `tfvae fit DATA --model NAME`; `make_prior(latent_dim)` replaces the prior."""

from collections.abc import Callable

from tfvae import layers, models, priors
from tfvae.host.errors import UserError
from tfvae.host.lazy import Later

keras = Later("keras")
_FEW_DIMENSIONS = 60  # for which a covariance of each component is worth its numbers
_NARROWEST = 1e-2  # standard deviations of a column: repeated values make no component narrower


def mixture_prior(
    num_continuous, num_categories=(), latent_dim=None, hidden=(128, 128), num_components=50, seed=0, **kwargs
):
    """Gaussian decoder with a learned scale for each column, and a mixture prior that holds the modes."""
    latent_dim = latent_dim or _default_latent_dim(num_continuous, num_categories)
    likelihood = layers.TableLikelihood(num_continuous, num_categories, scale=_learned_scale(num_continuous))
    kwargs = {"make_prior": lambda size: priors.MixturePrior(size, num_components, seed=seed), **kwargs}
    return _vae(likelihood, latent_dim, hidden, **kwargs)


def mixture_decoder(num_continuous, num_categories=(), latent_dim=None, hidden=(128, 128), num_components=16, **kwargs):
    """Mixture of normals as decoder output, N(0, I) as prior."""
    latent_dim = latent_dim or _default_latent_dim(num_continuous, num_categories)
    likelihood = layers.TableLikelihood(num_continuous, num_categories, num_components=num_components, epsilon=1e-2)
    return _vae(likelihood, latent_dim, hidden, **kwargs)


def gaussian(num_continuous, num_categories=(), latent_dim=None, hidden=(128, 128), **kwargs):
    """Gaussian decoder with a learned scale for each column, N(0, I) as prior: the plain VAE, calibrated."""
    latent_dim = latent_dim or _default_latent_dim(num_continuous, num_categories)
    likelihood = layers.TableLikelihood(num_continuous, num_categories, scale=_learned_scale(num_continuous))
    return _vae(likelihood, latent_dim, hidden, **kwargs)


def modes(num_continuous, num_categories=(), hidden=(64, 64), num_components=32, learning_rate=1e-4):
    """Starts at a mixture of Gaussians fitted to the rows: tens of columns."""
    return models.make_table_mode_vae(
        num_continuous, num_categories, num_components, hidden, narrowest=_NARROWEST, floor=_NARROWEST / 10,
        optimizer=keras.optimizers.Adam(learning_rate),
    )  # fmt: skip


def takes_modes(width):
    """Whether vectors of this width are few enough numbers for the model modes, unless it is asked for."""
    return width <= _FEW_DIMENSIONS


def check_model(model, prior, latent_dim):
    """UserError where the model does not take this prior or this size of z, before any work."""
    if model == "modes" and (prior or latent_dim is not None):
        given = f"`prior={prior}`" if prior else f"`latent_dim={latent_dim}`"
        raise UserError(f"The model modes has a prior of its own, over z of a row's size: leave out {given}.")


def _default_latent_dim(num_continuous, num_categories=()):
    """Half as many dimensions as columns, from 2 to 16."""
    return min(16, max(2, (num_continuous + len(num_categories)) // 2))


def _learned_scale(num_continuous):
    # In standard deviations of the columns; starting well below 1, because above it collapse is the best solution.
    return layers.LearnedScale(per_feature=True, initial=0.3, floor=1e-2) if num_continuous else None


def _vae(likelihood, latent_dim, hidden, make_prior=None, **kwargs):
    width = likelihood.num_continuous + sum(likelihood.num_categories)
    learning_rate = kwargs.pop("learning_rate", 1e-3)
    # A floor, because a row far outside of the training data, such as one of -9999, takes a softplus to 0.
    posterior = layers.IndependentNormal(latent_dim, epsilon=1e-4, name="posterior")
    return models.make_dense_vae(
        width,
        latent_dim,
        hidden,
        missing=True,
        prior=make_prior and make_prior(latent_dim),
        likelihood=likelihood,
        posterior=posterior,
        optimizer=keras.optimizers.Adam(learning_rate),
        **kwargs,
    )


MODELS: dict[str, Callable] = {
    "modes": modes,
    "mixture-prior": mixture_prior,
    "mixture-decoder": mixture_decoder,
    "gaussian": gaussian,
}
