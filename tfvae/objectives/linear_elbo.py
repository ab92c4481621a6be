"""The evidence lower bound of a linear decoder, without draws."""

from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.divergences import exact_kl
from tfvae.host.saving import register
from tfvae.host.schedules import at_step
from tfvae.objectives.objective import Draw, Objective, Terms, elbo_parts

tfd = tfp.distributions


@register
class LinearELBO(Objective):
    """The ELBO in closed form, for a decoder that is one linear map into normals of a given scale: no noise of draws.

    With the decoder's mean Φ z + b, scale σ, and independent z of means m and variances v:
    E log N(x; Φ z + b, σ²) = log N(x; Φ m + b, σ²) − ½ Σ_k v_k |φ_k / σ|². With Poisson z, v = m.

    Args:
        beta: float >= 0 or a schedule, the KL's weight in training; see `Objective`.

    Raises:
        ValueError: where p(x|z) is no normal, z are not independent, or the KL has no closed form. That the decoder is
            linear, and its scale the same for all z, `make_poisson_vae` checks, and not this.

    Source: Vafaii, Galor and Yates, "Poisson variational autoencoder" (2024), for Poisson z.
    """

    def terms(self, draw: Draw) -> Terms:
        mean, variance = draw.q.mean(), draw.q.variance()
        dimension = mean.shape[-1]
        p = draw.decode(mean)
        if type(getattr(p, "distribution", None)) is not tfd.Normal:  # one that is partly missing has other terms
            raise ValueError(f"LinearELBO is for a likelihood of independent normals, but got {type(p).__name__}.")
        if not isinstance(draw.q, tfd.Independent):
            raise ValueError(f"LinearELBO is for independent z, but q(z|x) is a {type(draw.q).__name__}.")
        kl: Any = exact_kl(draw.q, draw.prior)
        if kl is None:
            raise ValueError(
                f"LinearELBO needs a KL in closed form, and there is none from {type(draw.q).__name__} to "
                f"{type(draw.prior).__name__}: use ELBO."
            )
        units = tf.eye(dimension + 1, dimension, dtype=mean.dtype)  # the last one is the origin
        decoded = draw.decode(units).distribution
        columns = (decoded.loc[:-1] - decoded.loc[-1:]) / decoded.scale[-1:]
        lengths = tf.reduce_sum(tf.square(tf.reshape(columns, [dimension, -1])), axis=-1)
        reconstruction = -p.log_prob(draw.x) + 0.5 * tf.linalg.matvec(variance, lengths)
        beta: Any = at_step(self.beta, draw.step) if draw.training else 1.0
        return Terms(reconstruction + beta * kl, elbo_parts(reconstruction, kl))
