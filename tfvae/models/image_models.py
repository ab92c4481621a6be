"""Models for images, one function each: `tfvae fit IMAGES --model NAME`; `make_prior(latent_dim)` replaces the prior.

Each takes the shape of one image, (H, W) or (H, W, C), and whether all pixels are 0 or 1. Those of `CONVOLUTIONAL` are
trained on images `(n, H, W, C)`, the others on rows of pixels.
"""

import math
from collections.abc import Callable

from tfvae import layers, models, priors
from tfvae.host.errors import UserError
from tfvae.host.lazy import Later

keras = Later("keras")
_WIDTHS = (32, 64, 128)
_SMALLEST = 4  # side of the image behind the last convolution


def mixture_prior(shape, binary=False, latent_dim=16, hidden=(512, 256), num_components=100, seed=0, **kwargs):
    """Pixels as Bernoulli (continuous where grey), and a mixture prior that holds the modes."""
    kwargs = {"make_prior": lambda size: priors.MixturePrior(size, num_components, seed=seed), **kwargs}
    return _dense(_pixels(math.prod(shape), binary), latent_dim, hidden, **kwargs)


def standard_prior(shape, binary=False, latent_dim=16, hidden=(512, 256), **kwargs):
    """Pixels as Bernoulli (continuous where grey), and N(0, I) as prior."""
    return _dense(_pixels(math.prod(shape), binary), latent_dim, hidden, **kwargs)


def gaussian(shape, binary=False, latent_dim=16, hidden=(512, 256), **kwargs):
    """Gaussian pixels with one learned scale, and N(0, I) as prior."""
    return _dense(_one_scale(math.prod(shape)), latent_dim, hidden, **kwargs)


def poisson(shape, binary=False, latent_dim=128, hidden=(), learning_rate=5e-3):
    """Counts of events as codes, and a dictionary as decoder with one learned scale: sparse codes of pixels as they are."""
    del binary
    rate = keras.optimizers.Adamax(learning_rate)
    likelihood = _one_scale(math.prod(shape))
    return models.make_poisson_vae(
        math.prod(shape), latent_dim, hidden, method="exact", likelihood=likelihood, optimizer=rate
    )


def convolutional(shape, binary=False, latent_dim=32, hidden=None, num_components=100, seed=0, learning_rate=1e-3,
                  make_prior=None):  # fmt: skip
    """Convolutions, pixels of 256 levels as discretized logistics (Bernoulli where binary), and a mixture prior."""
    shape, widths = with_channels(shape), hidden or fitting_widths(shape)
    prior = make_prior(latent_dim) if make_prior else priors.MixturePrior(latent_dim, num_components, seed=seed)
    likelihood = layers.IndependentBernoulli(shape, "mean", name="likelihood") if binary else None
    return models.make_convolutional_vae(
        shape, latent_dim, widths, prior=prior, likelihood=likelihood, optimizer=keras.optimizers.Adam(learning_rate)
    )


def gamix(shape, binary=False, latent_dim=None, hidden=None, learning_rate=1e-4, make_prior=None):
    """GAMIX-VAE: residual networks, the population's KL and a PatchGAN; no bound of log p(x) is trained."""
    del binary, make_prior  # it is for N(0, I) alone: see `check_model`
    return models.make_gamix_vae(with_channels(shape), latent_dim, _only(hidden, "gamix"), learning_rate=learning_rate)


def vae_gan(shape, binary=False, latent_dim=64, hidden=None, learning_rate=3e-4, make_prior=None):
    """VAE-GAN: convolutions, and reconstructions measured in a discriminator's features."""
    shape = with_channels(shape)
    prior = make_prior(latent_dim) if make_prior else None
    return models.make_vae_gan(
        shape, latent_dim, hidden or fitting_widths(shape), prior=prior, learning_rate=learning_rate
    )


def epanechnikov(shape, binary=False, latent_dim=32, hidden=None, learning_rate=1e-3, make_prior=None):
    """Epanechnikov VAE: codes with a kernel's noise, no bound; sharp reconstructions, draws by the codes' own density."""
    del make_prior  # its noise is that of one prior: see `check_model`
    shape = with_channels(shape)
    likelihood = layers.IndependentBernoulli(shape, "mean", name="likelihood") if binary else _one_scale(shape)
    return models.make_epanechnikov_vae(
        shape, latent_dim, noise="normal", channels=_only(hidden, "epanechnikov"),
        likelihood=likelihood, optimizer=keras.optimizers.Adam(learning_rate),
    )  # fmt: skip


def pixel_levels(model):
    """How many values a pixel may have where p(x) is a probability; None where it is a density."""
    likelihood = model.decoder.layers[-1]
    return 2 if isinstance(likelihood, layers.IndependentBernoulli) else getattr(likelihood, "levels", None)


def with_channels(shape):
    """(H, W, C) of an image's shape."""
    return (*shape, 1) if len(shape) == 2 else tuple(shape)


def fitting_widths(shape):
    """Channels for convolutions of stride 2, as many as halve the image; UserError where none does."""
    levels = 0
    while levels < len(_WIDTHS) and all(
        n % 2 ** (levels + 1) == 0 and n >> (levels + 1) >= _SMALLEST for n in shape[:2]
    ):
        levels += 1
    if not levels:
        raise UserError(
            f"Convolutions halve an image down to {_SMALLEST} pixels or more, but {shape[0]} × {shape[1]} cannot be halved: "
            "give an `image_size` such as 32 or 64."
        )
    return _WIDTHS[:levels]


def check_model(model, shape, hidden, prior):
    """UserError where the model does not fit images of this shape, these widths or this prior, before any work."""
    if model == "poisson" and prior:
        raise UserError(f"The model poisson has a prior of its own, over counts: leave out the `prior={prior}`.")
    if model not in CONVOLUTIONAL:
        return
    if model == "epanechnikov":
        _only(hidden, model)
        if prior:
            raise UserError(
                f"The model epanechnikov has the prior that its noise is of: leave out the `prior={prior}`."
            )
        return
    fitting = fitting_widths(shape)
    if model == "gamix":
        _only(hidden, model)
        if prior not in ("", "standard"):
            raise UserError(f"The model gamix holds its codes near N(0, I): leave out the `prior={prior}`.")
    elif any(n % 2 ** len(hidden or fitting) for n in shape[:2]):
        raise UserError(
            f"{len(hidden)} convolutions need height and width divisible by {2 ** len(hidden)}, but images are {shape[0]} × "
            f"{shape[1]}: give fewer numbers in `hidden`, or another `image_size`."
        )


def _only(hidden, model):
    """The one width, or None where none is given."""
    if hidden is not None and len(hidden) != 1:
        raise UserError(
            f"The model {model} has one width: give `hidden` one number, and not {', '.join(map(str, hidden))}."
        )
    return hidden and hidden[0]


def _one_scale(event_shape):
    scale = layers.LearnedScale(initial=0.2, floor=1e-2)
    return layers.IndependentNormal(event_shape, "mean", scale=scale, name="likelihood")


def _pixels(num_pixels, binary):
    layer = layers.IndependentBernoulli if binary else layers.IndependentContinuousBernoulli
    return layer(num_pixels, "mean", name="likelihood")


def _dense(likelihood, latent_dim, hidden, make_prior=None, learning_rate=1e-3):
    return models.make_dense_vae(
        likelihood.event_shape[0], latent_dim, hidden, prior=make_prior and make_prior(latent_dim), likelihood=likelihood,
        activations="relu", optimizer=keras.optimizers.Adam(learning_rate),
    )  # fmt: skip


MODELS: dict[str, Callable] = {
    "mixture-prior": mixture_prior,
    "standard-prior": standard_prior,
    "gaussian": gaussian,
    "poisson": poisson,
    "convolutional": convolutional,
    "gamix": gamix,
    "vae-gan": vae_gan,
    "epanechnikov": epanechnikov,
}
CONVOLUTIONAL = frozenset({"convolutional", "gamix", "vae-gan", "epanechnikov"})
ADVERSARIAL = frozenset({"gamix", "vae-gan"})
