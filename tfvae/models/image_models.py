"""Models for images, one function each: `tfvae fit IMAGES --model NAME`; `make_prior(latent_dim)` replaces the prior."""

from tfvae import layers, models, priors
from tfvae.host.lazy import Later

keras = Later("keras")


def mixture_prior(num_pixels, binary=False, latent_dim=16, hidden=(512, 256), num_components=100, seed=0, **kwargs):
    """Pixels as Bernoulli (continuous where grey), and a mixture prior that holds the modes."""
    kwargs = {"make_prior": lambda size: priors.MixturePrior(size, num_components, seed=seed), **kwargs}
    return _vae(_pixels(num_pixels, binary), num_pixels, latent_dim, hidden, **kwargs)


def standard_prior(num_pixels, binary=False, latent_dim=16, hidden=(512, 256), **kwargs):
    """Pixels as Bernoulli (continuous where grey), and N(0, I) as prior."""
    return _vae(_pixels(num_pixels, binary), num_pixels, latent_dim, hidden, **kwargs)


def gaussian(num_pixels, binary=False, latent_dim=16, hidden=(512, 256), **kwargs):
    """Gaussian pixels with one learned scale, and N(0, I) as prior."""
    likelihood = layers.IndependentNormal(
        num_pixels, "mean", scale=layers.LearnedScale(initial=0.2, floor=1e-2), name="likelihood"
    )
    return _vae(likelihood, num_pixels, latent_dim, hidden, **kwargs)


def _pixels(num_pixels, binary):
    layer = layers.IndependentBernoulli if binary else layers.IndependentContinuousBernoulli
    return layer(num_pixels, "mean", name="likelihood")


def _vae(likelihood, num_pixels, latent_dim, hidden, make_prior=None, **kwargs):
    optimizer = keras.optimizers.Adam(kwargs.pop("learning_rate", 1e-3))
    return models.make_dense_vae(
        num_pixels, latent_dim, hidden, prior=make_prior and make_prior(latent_dim), likelihood=likelihood,
        activations="relu",        optimizer=optimizer, **kwargs,
    )  # fmt: skip


MODELS = {"mixture-prior": mixture_prior, "standard-prior": standard_prior, "gaussian": gaussian}
