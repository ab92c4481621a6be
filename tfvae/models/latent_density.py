"""A density fitted to the codes of a trained model, which becomes its prior."""

from typing import Any

import keras
import numpy as np

from tfvae.importance import standard_error
from tfvae.models.codes import codes
from tfvae.models.vae import VAE
from tfvae.priors.flow import FlowPrior
from tfvae.priors.full_mixture import FullMixturePrior
from tfvae.priors.prior import Prior
from tfvae.priors.rescaled import RescaledPrior
from tfvae.training.fast_fit import FastFitModel

_COUPLINGS = 6
_SIZES = (1, 3, 10, 30, 100)  # components that are tried, until more are no better


def fit_latent_density(
    vae: VAE, x: Any, kind: str = "mixture", *, of: str = "draws", epochs: int = 200, seed: int = 0
) -> VAE:
    """The same networks with a prior that was fitted to the codes of x: the cheapest cure for holes under a prior.

    Where the codes do not fill N(0, I), draws of N(0, I) decode to nothing seen in training; draws of the codes' own density
    do not. The new model is a `VAE` in its own right: it samples, is saved with the new prior, and is scored where q(z|x)
    has a density.

    Args:
        vae: a trained `VAE` of any class; its encoder and decoder are shared with the new model and not changed.
        x: `(N, *E)`, the training data.
        kind: "mixture:K", K Gaussians with full covariances by expectation-maximization; "mixture", with the K of 1, 3, 10,
            30 and 100 that a tenth of the codes chooses; or "flow:L", a `FlowPrior` of L couplings (6 in "flow"), trained
            until the density of a tenth of the codes no longer rises.
        of: "draws" of q(z|x), whose density is the aggregate posterior; or "means", as it is often done.
        epochs: of the flow's training, at most.
        seed: of the draws and the fit.

    Raises:
        ValueError: for another `kind`, fewer rows than components, or NaN.

    Source: Ghosh et al., "From variational to deterministic autoencoders" (2020).
    """
    name, _, number = kind.partition(":")
    if name not in ("mixture", "flow") or not (number or "1").isdigit():
        raise ValueError(f"`kind` must be mixture, mixture:K, flow or flow:L, such as mixture:10, but got {kind!r}.")
    if of not in ("draws", "means"):
        raise ValueError(f"`of` must be 'draws' or 'means', but got {of!r}.")
    x = np.asarray(x)
    vae.check_data(x)
    z = codes(vae, x, of, seed)
    prior: Prior
    if name == "mixture":
        prior = FullMixturePrior(z.shape[1], int(number) if number else _best_size(z, seed))
        prior.start_at(z, seed)
    else:
        prior = RescaledPrior(FlowPrior(z.shape[1], int(number or _COUPLINGS), seed=seed))
        prior.start_at(z)
        _train(prior, z, epochs, seed)
    return vae.with_prior(prior)


def _best_size(z, seed):
    """The number of components after which more do not raise the density of a tenth of the codes, by two standard errors."""
    shuffled = np.random.default_rng(seed).permutation(z)
    some, others = np.split(shuffled, [-(-len(z) // 10)])
    best, densities = 1, None
    for size in _SIZES:
        if size > 1 and size * z.shape[1] > len(others):  # fewer codes than means have numbers
            break
        tried = FullMixturePrior(z.shape[1], size)
        tried.start_at(others, seed)
        new = tried.log_prob(some).numpy()
        if densities is not None and not np.mean(new - densities) > 2 * standard_error(new - densities):
            break
        best, densities = size, new
    return best


class _NegativeLogDensity(keras.layers.Layer):
    """z -> −log p(z)."""

    def __init__(self, prior, **kwargs):
        super().__init__(**kwargs)
        self.prior = prior

    def call(self, z):
        return -self.prior.log_prob(z)

    def compute_output_shape(self, input_shape):
        return input_shape[:1]


def _output(_, output):
    return output


def _train(prior, z, epochs, seed):
    """Trains a prior on codes z, `(N, D)`, by maximum likelihood."""
    inputs = keras.Input(z.shape[1:])
    model = FastFitModel(inputs, _NegativeLogDensity(prior, dtype="float32")(inputs))
    model.compile(keras.optimizers.Adam(1e-3), loss=_output)
    model.shuffle_seed = seed
    stopping = keras.callbacks.EarlyStopping("val_loss", patience=10, restore_best_weights=True)
    shuffled = np.random.default_rng(seed).permutation(len(z))
    model.fit(
        z[shuffled],
        np.zeros(len(z), "float32"),
        batch_size=256,
        epochs=epochs,
        validation_split=0.1,
        callbacks=[stopping],
        verbose=0,
    )
