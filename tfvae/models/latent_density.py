"""A density fitted to the codes of a trained model, which becomes its prior."""

from typing import Any

import keras
import numpy as np

from tfvae.models.codes import codes
from tfvae.models.vae import VAE
from tfvae.priors.flow import FlowPrior
from tfvae.priors.full_mixture import FullMixturePrior
from tfvae.priors.prior import Prior
from tfvae.priors.rescaled import RescaledPrior
from tfvae.training.fast_fit import FastFitModel

_DEFAULTS = {"mixture": 10, "flow": 6}  # components, couplings


def fit_latent_density(
    vae: VAE, x: Any, kind: str = "mixture:10", *, of: str = "draws", epochs: int = 200, seed: int = 0
) -> VAE:
    """The same networks with a prior that was fitted to the codes of x: the cheapest cure for holes under a prior.

    Where the codes do not fill N(0, I), draws of N(0, I) decode to nothing seen in training; draws of the codes' own density
    do not. The new model is a `VAE` in its own right: it samples, is saved with the new prior, and is scored where q(z|x)
    has a density.

    Args:
        vae: a trained `VAE` of any class; its encoder and decoder are shared with the new model and not changed.
        x: `(N, *E)`, the training data.
        kind: "mixture:K", K Gaussians with full covariances by expectation-maximization, or "flow:L", a `FlowPrior` of L
            couplings, trained until the density of a tenth of the codes no longer rises.
        of: "draws" of q(z|x), whose density is the aggregate posterior; or "means", as it is often done.
        epochs: of the flow's training, at most.
        seed: of the draws and the fit.

    Raises:
        ValueError: for another `kind`, fewer rows than components, or NaN.

    Source: Ghosh et al., "From variational to deterministic autoencoders" (2020).
    """
    name, _, number = kind.partition(":")
    if name not in _DEFAULTS or not (number or "1").isdigit():
        raise ValueError(f"`kind` must be mixture:K or flow:L, such as mixture:10, but got {kind!r}.")
    if of not in ("draws", "means"):
        raise ValueError(f"`of` must be 'draws' or 'means', but got {of!r}.")
    x = np.asarray(x)
    vae.check_data(x)
    z = codes(vae, x, of, seed)
    prior: Prior
    if name == "mixture":
        prior = FullMixturePrior(z.shape[1], int(number or _DEFAULTS[name]))
        prior.start_at(z, seed)
    else:
        prior = RescaledPrior(FlowPrior(z.shape[1], int(number or _DEFAULTS[name]), seed=seed))
        prior.start_at(z)
        _train(prior, z, epochs, seed)
    return vae.with_prior(prior)


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
