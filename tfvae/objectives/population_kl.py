"""The KL of the population of codes, in place of each code's own."""

from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.divergences import exact_kl, normal_kl
from tfvae.host.saving import register
from tfvae.host.schedules import at_step
from tfvae.importance import log_px_z
from tfvae.objectives.objective import Draw, Objective, Terms, expectation

tfd = tfp.distributions
_FLOOR = 1e-6  # of a variance, whose log is taken


@register
class PopulationKL(Objective):
    """loss = −log p(x|z) + w KL(N(0, σ(x)²) ‖ N(0, I)) + β KL(N(m, v) ‖ p(z)), with m and v the moments of all codes.

    The ordinary KL holds each q(z|x) near the prior; this one holds their population there, dimension by dimension, and
    leaves each mean free. The second term keeps the σ(x) from vanishing. It is no bound: only two moments of the aggregate
    posterior are held, and the mutual information of x and z is free. The prior must be a Gaussian, published as N(0, I).

    The logs show the moments as `population_mean`, the root of the mean of m², and `population_variance`, the mean of v.

    Args:
        beta: float >= 0 or a schedule, the weight of the population's KL in training; see `Objective`.
        individual_weight: float >= 0, w; 0.2 as published (there 0.1 · Σ(σ² − log σ² − 1)).
        moments: "means", as published: m and v are of the posterior means; "total": v is the variance of the aggregate
            posterior, which has the mean of σ² besides. With "means" the aggregate's variance is 2 where both terms are 0.
        momentum: float in [0, 1), of a running mean of both moments, whose value stands in for the minibatch's own, while
            gradients go through the minibatch. The variance of few codes is noisy: the KL of 10 codes of N(0, 1) is 0.11
            nats in each dimension, and of 256 it is 0.004.

    Source: M. Rivera, "How to train your VAE" (GAMIX-VAE, 2024), as its published code has it.
    """

    is_bound = False
    metric_names = ("reconstruction", "population_kl", "individual", "population_mean", "population_variance")

    def __init__(
        self,
        beta: Any = 1.0,
        individual_weight: float = 0.2,
        *,
        moments: str = "means",
        momentum: float = 0.0,
        **kwargs: Any,
    ):
        super().__init__(beta, **kwargs)
        if moments not in ("means", "total"):
            raise ValueError(f"`moments` must be 'means' or 'total', but got {moments!r}.")
        if not individual_weight >= 0:
            raise ValueError(f"`individual_weight` must be at least 0, but got {individual_weight!r}.")
        if not 0 <= momentum < 1:
            raise ValueError(f"`momentum` must be in [0, 1), but got {momentum!r}.")
        self.individual_weight, self.moments, self.momentum = float(individual_weight), moments, float(momentum)
        self.built = not self.momentum  # the running moments have the size of the codes, which the model tells

    def build(self, latent_shape: Any) -> None:
        if self.momentum:
            shape = tuple(latent_shape)
            self.running = [
                self.add_weight(name=name, shape=shape, initializer="zeros", trainable=False)
                for name in ("first_moment", "second_moment")
            ]
            self.updates = self.add_weight(name="updates", shape=(), initializer="zeros", trainable=False)
        self.built = True

    def terms(self, draw: Draw) -> Terms:
        reconstruction = expectation(-log_px_z(draw.p, draw.x), draw.log_shares)
        variances = draw.q.variance()
        individual = tf.reduce_sum(normal_kl(tf.zeros_like(variances), variances), axis=-1)
        mean, variance = self._population(draw.q.mean(), variances, draw.training)
        population = exact_kl(tfd.Independent(tfd.Normal(mean, tf.sqrt(variance + _FLOOR)), 1), draw.prior)
        if population is None:
            raise ValueError(
                f"PopulationKL holds the codes near a Gaussian, but the prior is a {type(draw.prior).__name__}: give the "
                "model N(0, I), and its codes a density afterwards by `fit_latent_density`."
            )
        metrics = {
            "reconstruction": reconstruction,
            "population_kl": population,
            "individual": individual,
            "population_mean": tf.sqrt(tf.reduce_mean(tf.square(mean))),
            "population_variance": tf.reduce_mean(variance),
        }
        beta = at_step(self.beta, draw.step) if draw.training else 1.0
        return Terms(reconstruction + self.individual_weight * individual, metrics, beta * population)

    def _population(self, means, variances, training):
        """(m, v), each `(D,)`, of the codes with these means and variances, `(B, D)`."""
        if training and means.shape[0] == 1 and not self.momentum:
            raise ValueError(
                "PopulationKL takes the variance of a minibatch's codes, but got a minibatch of one row: choose a larger "
                "batch size, one that leaves no single row over, or a `momentum` such as 0.9."
            )
        first = tf.reduce_mean(means, axis=0)
        second = tf.math.reduce_variance(means, axis=0) + tf.square(first)
        if self.moments == "total":
            second += tf.reduce_mean(variances, axis=0)
        if training and self.momentum:
            first, second = self._smoothed([first, second])
        return first, second - tf.square(first)

    def _smoothed(self, moments):
        """Running means of these moments, with the gradient of the moments themselves."""
        updates = self.updates.assign_add(1.0)
        known = 1 - tf.pow(self.momentum, tf.convert_to_tensor(updates))  # the weights of all updates so far
        smooth = []
        for running, now in zip(self.running, moments, strict=True):
            value = running.assign(self.momentum * running + (1 - self.momentum) * tf.stop_gradient(now))
            smooth.append(now + tf.stop_gradient(tf.convert_to_tensor(value) / known - now))
        return smooth

    def get_config(self) -> dict:
        names = ("individual_weight", "moments", "momentum")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
