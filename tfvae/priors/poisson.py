"""A prior over counts."""

import math
import warnings
from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.distributions.log_rate_poisson import LogRatePoisson
from tfvae.host.saving import register
from tfvae.host.seeds import next_seed
from tfvae.host.tensors import DistributionTensor
from tfvae.layers.poisson_posterior import soft_ceiling
from tfvae.priors.prior import Prior

tfd = tfp.distributions


@register
class PoissonPrior(Prior):
    """p(z) = Π_k Pois(z_k; r_k) with learned rates r, which multiply those of a `PoissonPosterior`.

    The encoder says by which factor the rates change for x, so that the KL, r (1 − y + y log y) for a factor y, is small
    where the prior's rate is: a cost for every event.

    Args:
        event_shape: shape of one z.
        low, high: floats, the log rates start uniform between them.
        max_log_rate: float, which the posterior's log rates approach softly, also in the KL; 5.3 is a rate of 200.
        seed: int or None, of the start.

    Source: Vafaii, Galor and Yates, "Poisson variational autoencoder" (2024), whose code holds the rates of the draws below
    this bound, and not those of the KL.
    """

    support = "counts"

    def __init__(
        self,
        event_shape: Any,
        low: float = -6.0,
        high: float = -4.0,
        *,
        max_log_rate: float = 5.3,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(event_shape, **kwargs)
        if not low <= high < max_log_rate <= 6:
            raise ValueError(
                f"PoissonPrior needs low <= high < max_log_rate <= 6, but got {low!r}, {high!r} and {max_log_rate!r}."
            )
        self.low, self.high, self.max_log_rate, self.seed = float(low), float(high), float(max_log_rate), seed
        self.log_rate = self.add_weight(
            name="log_rate",
            shape=self.event_shape,
            initializer=keras.initializers.RandomUniform(low, high, seed=seed),
        )
        self.seed_generator = keras.random.SeedGenerator(seed)

    def distribution(self) -> Any:
        return self._independent(soft_ceiling(self.log_rate, self.max_log_rate))

    def posterior(self, q: Any) -> Any:
        change = getattr(getattr(q.distribution, "distribution", None), "log_rate", None)
        if change is None:
            raise ValueError("A PoissonPrior needs an encoder that ends in a PoissonPosterior.")
        log_rate = self.log_rate + change
        if tf.executing_eagerly():  # a graph of a training step is not stopped for it
            self._warn_of_ceiling(log_rate)
        distribution = self._independent(soft_ceiling(log_rate, self.max_log_rate))
        return DistributionTensor(distribution, distribution.sample(seed=next_seed(self.seed_generator)))

    def _warn_of_ceiling(self, log_rate):
        over = float(tf.reduce_mean(tf.cast(log_rate > self.max_log_rate, tf.float32)))
        if over:
            warnings.warn(
                f"{over:.2%} of the rates of z would be above {math.exp(self.max_log_rate):.0f}, and are held below: scale "
                "the data down, lower the learning rate, or raise `max_log_rate` of the PoissonPrior.",
                stacklevel=4,
            )

    def _independent(self, log_rate):
        return tfd.Independent(LogRatePoisson(log_rate), len(self.event_shape))

    def get_config(self) -> dict:
        names = ("low", "high", "max_log_rate", "seed")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
