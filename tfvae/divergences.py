"""KL(q ‖ p): exact where TFP knows it, else Monte Carlo at given points."""

import tensorflow as tf
import tensorflow_probability as tfp

tfd = tfp.distributions


def monte_carlo_kl(q, p, z):
    """log q(z) − log p(z), in nats: unbiased for KL(q ‖ p) when z ~ q.

    Args:
        q, p: `tfd.Distribution`s over the same events.
        z: points, of shape `(…, *batch_shape, *event_shape)`.

    Returns:
        Tensor of shape `(…, *batch_shape)`.
    """
    return q.log_prob(z) - p.log_prob(z)


def kl_divergence(q, p, z):
    """KL(q ‖ p) in nats: exact where TFP registers it, else `monte_carlo_kl` at the decoder's own `z`.

    Returns:
        Tensor of shape `batch_shape`, or `(S, *batch_shape)` when it is Monte Carlo and z has S leading draws.
    """
    exact = exact_kl(q, p)
    return monte_carlo_kl(q, p, z) if exact is None else exact


def exact_kl(q, p):
    """KL(q ‖ p) in nats in closed form, of shape `batch_shape`, or None where TFP registers none."""
    for a, b in ((q, p), (_as_multivariate_normal(q), _as_multivariate_normal(p))):
        try:
            return tfd.kl_divergence(a, b)
        except NotImplementedError:
            continue
    return None


def kl_per_dimension(q, p):
    """KL(q_d ‖ p_d) of independent dimensions, of shape `(*batch_shape, D)`; None where the two do not factorize."""
    if isinstance(q, tfd.Independent) and isinstance(p, tfd.Independent):
        return exact_kl(q.distribution, p.distribution)
    return None


def _as_multivariate_normal(d):
    """Independent normals as the multivariate normal they are, whose KL with other normals TFP registers."""
    if isinstance(d, tfd.Independent) and isinstance(d.distribution, tfd.Normal) and d.event_shape.rank == 1:
        normal = d.distribution
        scale = tf.broadcast_to(normal.scale, tf.broadcast_dynamic_shape(tf.shape(normal.loc), tf.shape(normal.scale)))
        return tfd.MultivariateNormalDiag(normal.loc, scale)
    return d
