"""The Epanechnikov autoencoder."""

from typing import Any

import tensorflow as tf

from tfvae.distributions.smoothed_epanechnikov import NormalSmoothedEpanechnikov, SmoothedEpanechnikov
from tfvae.host.arguments import as_count
from tfvae.host.saving import register
from tfvae.host.schedules import at_step
from tfvae.importance import log_px_z
from tfvae.objectives.objective import Draw, Objective, Terms, expectation


@register
class EVAE(Objective):
    """loss = −log p(x|z) + β 3 B / (5 M) Σ_k 1 / r_k, for an encoder that ends in an `EpanechnikovPosterior`.

    r are the kernel's radii, B the prior's width, M the size of the minibatch. μ is in the reconstruction alone. The second
    term is what a bound of the KL tends to for a kernel estimate of a uniform prior from many draws. It is no bound of
    KL(q ‖ p) itself, which is infinite where q leaves the prior's support, as it always does. With normal noise the KL is
    finite, and the second term is still none of it.

    Args:
        beta: float >= 0 or a schedule, the weight of the second term also in evaluation; see `Objective`.
        num_draws_of_prior: int M; None for the size of the minibatch, as published.

    Source: Qin and Huang, "On kernel-based variational autoencoder" (2024).
    """

    is_bound = needs_density = False
    metric_names = ("reconstruction", "kernel_penalty")

    def __init__(self, beta: Any = 1.0, *, num_draws_of_prior: int | None = None, **kwargs: Any):
        super().__init__(beta, **kwargs)
        self.num_draws_of_prior = (
            None if num_draws_of_prior is None else as_count(num_draws_of_prior, "num_draws_of_prior")
        )

    def terms(self, draw: Draw) -> Terms:
        kernel = getattr(draw.q, "distribution", None)
        if not isinstance(kernel, (SmoothedEpanechnikov, NormalSmoothedEpanechnikov)):
            raise ValueError(f"EVAE is for an EpanechnikovPosterior, but q(z|x) is a {type(draw.q).__name__}.")
        reconstruction = expectation(-log_px_z(draw.p, draw.x), draw.log_shares)
        number = tf.shape(kernel.radius)[0] if self.num_draws_of_prior is None else self.num_draws_of_prior
        inverse = tf.reduce_sum(1 / kernel.radius, axis=list(range(1, kernel.radius.shape.rank)))
        penalty = 0.6 * kernel.width / tf.cast(number, kernel.dtype) * inverse
        beta: Any = at_step(self.beta, draw.step)
        metrics = {"reconstruction": reconstruction, "kernel_penalty": penalty}
        return Terms(reconstruction + beta * penalty, metrics)

    def get_config(self) -> dict:
        return {**super().get_config(), "num_draws_of_prior": self.num_draws_of_prior}
