"""Starting a model on its data."""

from typing import Any

import keras
import numpy as np

from tfvae.models.codes import codes
from tfvae.priors.prior import EncodedPrior
from tfvae.training.batches import check_finite


def initialize_prior(vae: Any, x: Any, seed: int = 0) -> None:
    """Starts the prior on the data: its `start_at` with the examples that it holds, or with a draw of each one's q(z|x).

    Draws, because what the prior should match is the aggregate posterior, which in weakly used dimensions is mostly the
    width of q(z|x) itself.

    Args:
        vae: a `VAE` with a `MixturePrior` (whose components go to the clusters of the encodings), a `VampPrior` or an
            `ExemplarPrior`; best with an encoder that has been trained a little.
        x: `(N, *E)` data, with at least as many rows as the prior has components.
        seed: of the draws, and of the choice among them.

    Raises:
        ValueError: for too few rows, NaN, or a prior that does not start from data.
    """
    if not hasattr(vae.prior, "start_at"):
        raise ValueError(f"{type(vae.prior).__name__} does not start from data.")
    x = np.asarray(x, "float32")
    check_finite("x", x)
    for k, candidate in enumerate(getattr(vae, "candidates", ())):  # of `Restarts`, each from a seed of its own
        initialize_prior(candidate, x, seed + k)
    if isinstance(vae.prior, EncodedPrior):
        vae.prior.start_at(x, seed)
    else:
        vae.prior.start_at(codes(vae, x, seed=seed), seed)


def initialize_mixture_decoder(vae: Any, x: Any, seed: int = 0, spread: float = 0.1) -> None:
    """Starts the components of a `MixtureNormal` decoder at points of the data that lie far apart (k-means++).

    Random components compete for the nearest modes and leave others empty; started on the data, each mode has one.

    Args:
        vae: a model of `make_mixture_decoder_vae` or `make_tanh_vae`, untrained.
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


class StartPrior(keras.callbacks.Callback):
    """Starts the prior of a `VAE` on the data when the encoder has been trained a little.

    Random components lie where no encoding is, and most stay unused; started at the encodings they follow them.

    Args:
        x: `(N, *E)` data, with at least as many rows as the prior has components.
        epochs: int >= 1, after which `initialize_prior` moves the prior's components there.
        seed: of the start.
    """

    def __init__(self, x: Any, epochs: int = 1, seed: int = 0):
        super().__init__()
        if epochs < 1:
            raise ValueError(f"StartPrior needs epochs >= 1, but got {epochs!r}.")
        self.x, self.epochs, self.seed = x, epochs, seed

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if epoch + 1 == self.epochs:
            initialize_prior(self.model, self.x, self.seed)
