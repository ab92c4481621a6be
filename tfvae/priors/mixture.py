"""A mixture of Gaussians as prior."""

import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae.distributions.mixtures import DiagonalNormalMixture
from tfvae.host.saving import register
from tfvae.priors.components import Components, RandomComponents, check_components, check_points, seed_or_random
from tfvae.priors.prior import Prior


@register
class MixturePrior(Prior):
    """p(z) = Σ_k w_k N(z; μ_k, diag σ_k²), with learned means and scales.

    Args:
        event_shape: shape of one z, `(D,)` or D.
        num_components: int K >= 1.
        learn_weights: bool; False keeps the weights at 1/K.
        initializer: `tfvae.priors.Components`, where means and scales start: `RandomComponents()` by default,
            `UniformComponents()` as in its source, `NarrowComponents()` as in Stanford's CS236. `start_at` moves them to
            data.
        epsilon: float >= 0, the smallest standard deviation.
        seed: int or None, of the initializer.

    Source: R. Shu, "VAE on multi-modal data" (1000 Gaussians); Dilokthanakul et al., "Deep unsupervised clustering with
    Gaussian mixture variational autoencoders" (2016).
    """

    def __init__(
        self,
        event_shape: Any,
        num_components: int = 16,
        learn_weights: bool = True,
        initializer: Any = None,
        epsilon: float = 1e-4,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(event_shape, **kwargs)
        self.num_components = check_components(self, num_components)
        self.learn_weights, self.epsilon, self.seed = learn_weights, float(epsilon), seed
        self.initializer = RandomComponents() if initializer is None else initializer
        if not self.epsilon >= 0:
            raise ValueError(f"`epsilon` must be at least 0, but got {epsilon!r}.")
        rng = np.random.default_rng(seed_or_random(seed))
        if not isinstance(self.initializer, Components):
            raise ValueError(f"`initializer` must be a `tfvae.priors.Components`, but got {initializer!r}.")
        loc, scale = self.initializer(self.num_components, self.event_shape[0], rng)
        if not np.isfinite(loc).all() or not (np.isfinite(scale).all() and (scale > 0).all()):
            raise ValueError(
                f"{self.initializer!r} gave means or scales that are NaN or infinite, or scales of 0 or less."
            )
        self.loc = self._table("loc", loc)
        self.log_scale = self._table("log_scale", self._log_scale(scale))
        self.logits = self.add_weight(
            name="logits", shape=(self.num_components,), initializer="zeros", trainable=learn_weights
        )

    @property
    def num_terms(self) -> int:
        return self.num_components

    def _table(self, name, values):
        return self.add_weight(name=name, shape=values.shape, initializer=lambda *_, **__: values.astype("float32"))

    def _log_scale(self, scale):
        return np.log(np.maximum(scale - self.epsilon, 1e-6))

    def distribution(self) -> Any:
        scale = tf.exp(tf.convert_to_tensor(self.log_scale)) + self.epsilon
        return DiagonalNormalMixture(tf.convert_to_tensor(self.logits), tf.convert_to_tensor(self.loc), scale)

    def start_at(self, z: Any, seed: int = 0, spread: float = 1.0) -> None:
        """Moves the components to the clusters of points z, `(n, D)`, which k-means finds; the weights to their shares.

        Args:
            spread: float > 0, the components' standard deviations over those of their clusters.

        Raises:
            ValueError: for fewer points than components, points of another shape, or NaN.
        """
        z = check_points(self, z, self.num_components, self.event_shape)
        if not spread > 0:
            raise ValueError(f"`spread` must be above 0, but got {spread!r}.")
        self.started = True
        from sklearn.cluster import MiniBatchKMeans

        found = MiniBatchKMeans(self.num_components, random_state=seed, n_init=1).fit(z)
        whole = z.std(axis=0)
        counts = np.bincount(found.labels_, minlength=self.num_components)
        squares = np.zeros_like(found.cluster_centers_)
        np.add.at(squares, found.labels_, (z - found.cluster_centers_[found.labels_]) ** 2)
        # A cluster of few points says little of its width: it is taken together with a share of the whole's.
        few = 2.0
        variance = (squares + few * whole**2 * self.num_components ** (-2 / z.shape[1])) / (counts + few)[:, None]
        self.loc.assign(found.cluster_centers_)
        self.log_scale.assign(self._log_scale(spread * np.sqrt(variance)))
        if self.learn_weights:
            self.logits.assign(np.log((counts + 1) / math.fsum(counts + 1)))

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "num_components": self.num_components,
            "learn_weights": self.learn_weights,
            "initializer": keras.saving.serialize_keras_object(self.initializer),
            "epsilon": self.epsilon,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config: dict) -> Any:
        return cls(**{**config, "initializer": keras.saving.deserialize_keras_object(config["initializer"])})
