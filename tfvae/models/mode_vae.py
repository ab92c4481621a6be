"""A VAE that starts at a mixture of Gaussians fitted to its data, and leaves it where the data ask for more."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae.host.saving import register
from tfvae.layers.independent import IndependentNormal
from tfvae.layers.log_variance import LogVarianceNormal
from tfvae.layers.scales import LearnedScale
from tfvae.models.vae import VAE
from tfvae.networks.mlp import dense_layers
from tfvae.networks.standardize import Standardize
from tfvae.priors.full_mixture import FullMixturePrior
from tfvae.priors.mixture_search import best_mixture

NOISE = 0.1  # of the narrowest component's variance: what p(x|z) has of it at the start
_LEAST_ROWS = 10


@register
class ModeVAE(VAE):
    """A `VAE` of `make_mode_vae`, which `adapt` starts on data.

    Args:
        encoder, decoder, prior, objective: as for `VAE`, as `make_mode_vae` builds them.
        narrowest: see there.
    """

    def __init__(
        self, encoder: Any, decoder: Any, prior: Any, objective: Any = None, narrowest: float = 1e-3, **kwargs: Any
    ):
        super().__init__(encoder, decoder, prior, objective, **kwargs)
        if not narrowest > 0:
            raise ValueError(f"`narrowest` must be above 0, but got {narrowest!r}.")
        self.narrowest = float(narrowest)

    def adapt(self, x: Any, seed: int = 0) -> None:
        """Starts the model at a mixture of Gaussians: the columns' units, the number of components, prior and scales.

        Mixtures of growing size are fitted by expectation-maximization, from several starts each, until the Bayesian
        information criterion prefers none that is larger. p(x|z) takes a tenth of the narrowest component's variance as its
        noise, and the prior the rest: before any training p(x) is that mixture, and q(z|x) nearly the true posterior.

        Args:
            x: `(N, D)`, in any units; of more than 20,000 rows a random choice is looked at.
            seed: of the starts and the choice.

        Raises:
            ValueError: for another shape, fewer than 10 rows, NaN, or a constant column.
        """
        x = self._rows_to_start_on(x)
        mean, deviation = x.mean(axis=0), x.std(axis=0)
        if not deviation.all():
            raise ValueError(f"Column {int(np.argmin(deviation)) + 1} of x is constant: leave it out.")
        mixture = best_mixture((x - mean) / deviation, self.prior.num_components, self.narrowest, seed)
        narrowest = min(float(np.linalg.eigvalsh(covariance)[0]) for covariance in mixture.covariances_)
        noise = NOISE * narrowest
        self.prior.assign(mixture.weights_, mixture.means_, mixture.covariances_ - noise * np.eye(x.shape[1]))
        self.encoder.get_layer("standardize").assign(mean, deviation)
        self.decoder.get_layer("units").assign(mean, deviation)
        self.encoder.get_layer("log_variance").bias.assign(np.full(x.shape[1], np.log(noise)))
        (scale,) = self.scales
        scale.assign(np.maximum(deviation * np.sqrt(noise), 1.01 * scale.floor))

    def _rows_to_start_on(self, x):
        """x as float64; ValueError for another shape, too few rows, or what the likelihood is not for."""
        x = np.asarray(x, "float64")
        if x.shape[1:] != self.data_shape or len(x) < _LEAST_ROWS:
            raise ValueError(
                f"`adapt` needs at least {_LEAST_ROWS} rows of shape {self.data_shape}, but got the shape {x.shape}."
            )
        self.check_data(x)
        return x

    @property
    def is_adapted(self) -> bool:
        """Whether the prior has been started on data; it is saved with the model."""
        return bool(np.any(self.prior.scale_tril.numpy() != np.eye(self.prior.event_shape[0])))

    def fit(self, *args: Any, **kwargs: Any) -> keras.callbacks.History:
        """As `VAE.fit`; raises ValueError where `adapt` has not been called."""
        if not self.is_adapted:
            raise ValueError("This model starts on its data: call its `adapt(x)` before `fit`.")
        return super().fit(*args, **kwargs)

    def mode(self, x: Any) -> np.ndarray:
        """The number of the prior's component that the code of each row most probably comes from, `(N,)`."""
        z = self.encode(x).distribution.mean()
        return tf.argmax(self.prior.distribution().joint_log_probs(z), axis=-1).numpy()

    def get_config(self) -> dict:
        return {**super().get_config(), "narrowest": self.narrowest}


def make_mode_vae(
    input_dim: int,
    num_components: int = 32,
    hidden: Sequence[int] = (64, 64),
    *,
    narrowest: float = 1e-3,
    floor: float = 0.0,
    optimizer: Any = None,
) -> ModeVAE:
    """A compiled VAE for rows of a few numbers with many modes; call its `adapt(x)` before `fit`.

    z has the size of x. The encoder's mean and the decoder are the identity, in standardized columns, plus a network that
    starts at 0; p(x|z) has a learned scale for each column; the prior is a mixture of full Gaussians that `adapt` fits. What
    is no mixture of Gaussians, the networks bend into one.

    Args:
        input_dim: int D, length of one x and of one z; a covariance for each component makes it one for tens of columns.
        num_components: int, of the prior, at most.
        hidden: widths of the encoder's network; the decoder's has them in reverse.
        narrowest: float > 0, the least standard deviation of a component, in those of the columns: repeated values cannot
            make one narrower.
        floor: float >= 0, the smallest scale of p(x|z), in the columns' units.
        optimizer: None for Adam(1e-4), since the start is near the end.
    """
    x = keras.Input((input_dim,))
    inputs = h = Standardize(name="standardize")(x)
    for layer in dense_layers(hidden, "tanh"):
        h = layer(h)
    mean = keras.layers.Add()([inputs, zero_dense(input_dim, "bend")(h)])
    params = keras.layers.Concatenate(name="params")([mean, zero_dense(input_dim, "log_variance")(h)])
    encoder = keras.Model(x, LogVarianceNormal(input_dim, name="posterior")(params), name="encoder")
    z = h = keras.Input((input_dim,))
    for layer in dense_layers(tuple(reversed(hidden)), "tanh"):
        h = layer(h)
    bent = keras.layers.Add()([z, zero_dense(input_dim, "bend")(h)])
    likelihood = IndependentNormal(
        input_dim, "mean", scale=LearnedScale(per_feature=True, floor=floor), name="likelihood"
    )
    decoder = keras.Model(z, likelihood(Standardize(invert=True, name="units")(bent)), name="decoder")
    vae = ModeVAE(encoder, decoder, FullMixturePrior(input_dim, num_components), narrowest=narrowest)
    vae.compile(keras.optimizers.Adam(1e-4) if optimizer is None else optimizer)
    return vae


def zero_dense(units, name):
    """A dense layer that starts at 0."""
    return keras.layers.Dense(units, kernel_initializer="zeros", name=name)
