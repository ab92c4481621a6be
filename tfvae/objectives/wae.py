"""The Wasserstein autoencoder with a maximum mean discrepancy."""

from typing import Any

import keras
import tensorflow as tf

from tfvae.host.saving import register
from tfvae.host.schedules import at_step
from tfvae.host.seeds import next_seed
from tfvae.importance import log_px_z
from tfvae.objectives.objective import Draw, Objective, Terms

_SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)  # of the kernel, times 2 D: the authors'


@register
class WAE(Objective):
    """loss = −log p(x|z) + β MMD²(z, p(z)): the codes of a minibatch as a whole against as many draws of the prior.

    The discrepancy is the unbiased estimate with kernels Σ_s C_s / (C_s + |z − z'|²), C_s = 2 D s for s = 0.1 to 10. It may
    be negative. A minibatch of one row has none, and counts as 0.

    Args:
        beta: float >= 0 or a schedule, the weight of the discrepancy also in evaluation; see `Objective`.
        seed: int or None, of the prior's draws.

    Source: Tolstikhin et al., "Wasserstein auto-encoders" (2018), WAE-MMD.
    """

    is_bound = needs_density = False
    metric_names = ("reconstruction", "mmd")

    def __init__(self, beta: Any = 10.0, *, seed: int | None = None, **kwargs: Any):
        super().__init__(beta, **kwargs)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def terms(self, draw: Draw) -> Terms:
        if draw.z.shape.rank != 2:
            raise ValueError(
                "WAE takes one draw of each code, but this posterior gives several: leave out `stratified`."
            )
        reconstruction = -log_px_z(draw.p, draw.x)
        wanted = draw.prior.sample(tf.shape(draw.z)[0], seed=next_seed(self.seed_generator))
        mmd = mmd2(draw.z, wanted)
        beta: Any = at_step(self.beta, draw.step)
        return Terms(reconstruction, {"reconstruction": reconstruction, "mmd": mmd}, beta * mmd)

    def get_config(self) -> dict:
        return {**super().get_config(), "seed": self.seed}


def mmd2(a: Any, b: Any) -> Any:
    """The unbiased squared discrepancy of two samples, `(n, D)` each, with inverse multiquadratic kernels; 0 for n = 1."""
    n, dimension = tf.shape(a)[0], a.shape[-1]
    pairs = tf.cast(n * (n - 1), a.dtype)

    def kernel(u, v):
        squares = tf.reduce_sum(tf.square(u), axis=-1)[:, None] + tf.reduce_sum(tf.square(v), axis=-1)
        squares = tf.nn.relu(squares - 2 * tf.matmul(u, v, transpose_b=True))
        return sum(c / (c + squares) for c in (2.0 * dimension * s for s in _SCALES))

    def within(u):
        values = kernel(u, u)
        return tf.math.divide_no_nan(tf.reduce_sum(values) - tf.linalg.trace(values), pairs)

    squared = within(a) + within(b) - 2 * tf.reduce_mean(kernel(a, b))
    return tf.where(n > 1, squared, 0.0)
