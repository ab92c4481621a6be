"""A VAE of mixed tables that starts at a mixture of Gaussians fitted to their numbers and categories together."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from tfvae.host.saving import register
from tfvae.layers.log_variance import LogVarianceNormal
from tfvae.layers.scales import LearnedScale
from tfvae.layers.table import TableLikelihood
from tfvae.models.mode_vae import NOISE, ModeVAE, zero_dense
from tfvae.networks.missing import FillMissing, IsMissing
from tfvae.networks.mlp import dense_layers
from tfvae.priors.full_mixture import FullMixturePrior
from tfvae.priors.mixture_search import best_mixture

_BLUR = 0.4  # standard deviation of q(z|x) around a category's corner, of which two are √2 apart


@register
class TableModeVAE(ModeVAE):
    """A `VAE` of `make_table_mode_vae`, which `adapt` starts on data; arguments as for `ModeVAE`."""

    def adapt(self, x: Any, seed: int = 0) -> None:
        """Starts the model at a mixture of Gaussians over numbers and blurred categories, whose size BIC chooses.

        A category is a corner of its block's simplex, and z a Gaussian around it: given z, its posterior probabilities are
        what the decoder starts with. A component that spans several corners correlates categories as a probit model does.

        Args:
            x: `(N, C + Σ num_categories)`, standardized numbers and one-hot blocks; NaN for what is not there.
            seed: of the noise and the starts.

        Raises:
            ValueError: for another shape, fewer than 10 rows, or infinite values.
        """
        x = self._rows_to_start_on(x)
        c = self.decoder.get_layer("likelihood").num_continuous
        missing = np.isnan(x)
        frequencies = np.nansum(x[:, c:], axis=0) / np.maximum((~missing[:, c:]).sum(axis=0), 1)
        noise = np.random.default_rng(seed).standard_normal(x.shape)
        # What is not there is a number like any other, and says nothing; an unknown category is any, as often as it is.
        filling = noise.copy()
        filling[:, c:] = frequencies
        z = np.where(missing, filling, x)
        z[:, c:] += _BLUR * noise[:, c:]
        mixture = best_mixture(z, self.prior.num_components, self.narrowest, seed)
        narrowest = min(float(np.linalg.eigvalsh(s)[0]) for s in mixture.covariances_)
        variances = np.concatenate([np.full(c, NOISE * narrowest), np.full(len(frequencies), _BLUR**2)])
        own = np.diag(np.concatenate([variances[:c], np.zeros(len(frequencies))]))  # p(x|z) has these; z has the blur
        self.prior.assign(mixture.weights_, mixture.means_, mixture.covariances_ - own)
        self.encoder.get_layer("log_variance").bias.assign(np.log(variances))
        widening = np.zeros(self.encoder.get_layer("widening").kernel.shape)
        widening[:, :c] = np.diag(-np.log(variances[:c]))  # the code of a number that is not there has the variance 1
        self.encoder.get_layer("widening").kernel.assign(widening)
        if len(frequencies):
            self.decoder.get_layer("logits").bias.assign(np.log(np.maximum(frequencies, 0.5 / len(x))))
        for scale in self.scales:
            scale.assign(np.maximum(np.sqrt(variances[:c]), 1.01 * scale.floor))


def make_table_mode_vae(
    num_continuous: int,
    num_categories: Sequence[int] = (),
    num_components: int = 32,
    hidden: Sequence[int] = (64, 64),
    *,
    narrowest: float = 1e-2,
    floor: float = 1e-3,
    optimizer: Any = None,
) -> TableModeVAE:
    """A compiled VAE for rows of numbers and categories with many modes; call its `adapt(x)` before `fit`.

    z has a dimension for each number and each category. The encoder's mean is the row itself and the decoder's numbers are
    z, plus networks that start at 0; the categories' probabilities start at Bayes' rule. The prior is a mixture of full
    Gaussians. Numbers that are not there (NaN) are integrated over.

    Args:
        num_continuous: int C, the number of standardized numbers.
        num_categories: ints, the sizes of the one-hot blocks that follow.
        num_components: int, of the prior, at most.
        hidden: widths of the encoder's network; the decoder's has them in reverse.
        narrowest: float > 0, the least standard deviation of a component.
        floor: float >= 0, the smallest scale of p(x|z).
        optimizer: None for Adam(1e-4), since the start is near the end.
    """
    likelihood = TableLikelihood(
        num_continuous, num_categories, scale=LearnedScale(per_feature=True, floor=floor) if num_continuous else None,
        name="likelihood",
    )  # fmt: skip
    width = num_continuous + sum(num_categories)
    x = keras.Input((width,))
    inputs = h = FillMissing()(x)
    for layer in dense_layers(hidden, "tanh"):
        h = layer(h)
    mean = keras.layers.Add()([inputs, zero_dense(width, "bend")(h)])
    widening = keras.layers.Dense(width, use_bias=False, kernel_initializer="zeros", trainable=False, name="widening")
    missing = IsMissing()(x)[:, :num_continuous]
    log_variance = keras.layers.Add()([zero_dense(width, "log_variance")(h), widening(missing)])
    params = keras.layers.Concatenate(name="params")([mean, log_variance])
    encoder = keras.Model(x, LogVarianceNormal(width, name="posterior")(params), name="encoder")
    z = h = keras.Input((width,))
    for layer in dense_layers(tuple(reversed(hidden)), "tanh"):
        h = layer(h)
    parts = []
    if num_continuous:
        parts.append(keras.layers.Add()([z[:, :num_continuous], zero_dense(num_continuous, "bend")(h)]))
    if num_categories:
        parts.append(
            keras.layers.Add()([z[:, num_continuous:] / _BLUR**2, zero_dense(sum(num_categories), "logits")(h)])
        )
    decoder = keras.Model(z, likelihood(keras.ops.concatenate(parts, axis=-1)), name="decoder")
    vae = TableModeVAE(encoder, decoder, FullMixturePrior(width, num_components), narrowest=narrowest)
    vae.compile(keras.optimizers.Adam(1e-4) if optimizer is None else optimizer)
    return vae
