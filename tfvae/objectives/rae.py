"""The regularized autoencoder."""

from typing import Any

import tensorflow as tf

from tfvae.host.saving import register
from tfvae.host.schedules import at_step
from tfvae.importance import log_px_z
from tfvae.objectives.objective import Draw, Objective, Terms, expectation


@register
class RAE(Objective):
    """loss = −log p(x|z) + β ½ |z|²: an autoencoder whose codes are held together by their length alone.

    For an encoder that ends in `IndependentDeterministic`, and a decoder whose kernels have an L2 regularizer
    (`make_rae`). It has no prior in training: `fit_latent_density` fits one to the codes afterwards.

    Args:
        beta: float >= 0 or a schedule, the weight of the codes' length also in evaluation; see `Objective`.

    Source: Ghosh et al., "From variational to deterministic autoencoders" (2020).
    """

    is_bound = needs_density = False
    metric_names = ("reconstruction", "code_length")

    def terms(self, draw: Draw) -> Terms:
        reconstruction = expectation(-log_px_z(draw.p, draw.x), draw.log_shares)
        length = expectation(0.5 * tf.reduce_sum(tf.square(draw.z), axis=-1), draw.log_shares)
        beta: Any = at_step(self.beta, draw.step)
        return Terms(reconstruction + beta * length, {"reconstruction": reconstruction, "code_length": length})
