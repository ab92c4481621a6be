"""The evidence lower bound."""

from typing import Any

import keras
import tensorflow as tf

from tfvae.divergences import KLEstimator, as_estimator, kl_divergence, kl_per_dimension
from tfvae.host.arguments import as_count
from tfvae.host.saving import register
from tfvae.host.schedules import at_step
from tfvae.importance import log_px_z
from tfvae.objectives.objective import Draw, Objective, Terms, elbo_parts, expectation


@register
class ELBO(Objective):
    """loss = −(1/T) log p(x|z) + β KL(q(z|x) ‖ p(z)), with one z ~ q.

    Args:
        beta: float >= 0 or a schedule, the KL's weight in training; see `Objective`.
        free_bits: float >= 0, nats: in training the KL costs at least this much in each latent dimension (its batch
            mean, where posterior and prior factorize; otherwise in all D dimensions together), so that no dimension
            gains from collapsing below it. Source: Kingma et al., "Improved variational inference with inverse
            autoregressive flow" (2016).
        kl: a `tfvae.divergences.KLEstimator` that is unbiased or an upper bound, so that the ELBO stays a lower bound of
            log p(x); None for the closed form where there is one and `MonteCarloKL` elsewhere.
        num_draws: int S >= 1, the draws z ~ q over which the estimate is averaged.
        temperature: float T > 0, divides log p(x|z) in training; evaluation always uses 1. β = T does the same but for the
            size of the gradient, and for a Gaussian so does an observation variance of T instead of 1.
    """

    def __init__(
        self,
        beta: Any = 1.0,
        free_bits: float = 0.0,
        *,
        kl: KLEstimator | None = None,
        num_draws: int = 1,
        temperature: float = 1.0,
        **kwargs: Any,
    ):
        super().__init__(beta, **kwargs)
        if not free_bits >= 0:
            raise ValueError(f"`free_bits` must be at least 0, but got {free_bits!r}.")
        if not temperature > 0:
            raise ValueError(f"`temperature` must be above 0, but got {temperature!r}.")
        self.temperature = float(temperature)
        self.free_bits = float(free_bits)
        self.kl = as_estimator(kl)
        self.num_draws = as_count(num_draws, "num_draws")
        if self.kl is not None and self.kl.direction == "lower":
            raise ValueError(
                f"{type(kl).__name__} is a lower bound of the KL, with which the ELBO is no bound of log p(x): choose an "
                "estimator whose direction is 'upper' or 'unbiased'."
            )

    def terms(self, draw: Draw) -> Terms:
        estimator = kl_divergence if self.kl is None else self.kl
        reconstruction = expectation(-log_px_z(draw.p, draw.x), draw.log_shares)
        kl = expectation(estimator(draw.q, draw.prior, draw.z), draw.log_shares)
        metrics = elbo_parts(reconstruction, kl)
        if not draw.training:
            return Terms(reconstruction + kl, metrics)
        cost = self._with_free_bits(draw.q, draw.prior, draw.z, kl) if self.free_bits else kl
        return Terms(reconstruction / self.temperature + at_step(self.beta, draw.step) * cost, metrics)

    def _with_free_bits(self, q, prior, z, kl):
        by_dimension = kl_per_dimension(q, prior)
        if by_dimension is None:
            dimensions = tf.cast(tf.shape(z)[-1], kl.dtype)
            free = tf.maximum(tf.reduce_mean(kl), self.free_bits * dimensions)
        else:
            axes = list(range(by_dimension.shape.rank - 1))
            free = tf.reduce_sum(tf.maximum(tf.reduce_mean(by_dimension, axes), self.free_bits))
        return tf.broadcast_to(free, tf.shape(kl))

    def get_config(self) -> dict:
        kl = self.kl and keras.saving.serialize_keras_object(self.kl)
        names = ("free_bits", "num_draws", "temperature")
        return {**super().get_config(), "kl": kl, **{name: getattr(self, name) for name in names}}
