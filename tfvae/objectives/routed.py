"""Importance-weighted bounds whose encoder learns from another gradient than the bound's own.

The loss has the bound's value and the decoder's and prior's gradient of it. What reaches the encoder is said in each class;
a prior that is made of encodings passes the prior's gradient on to the same encoder, besides.
"""

from typing import Any

import tensorflow as tf

from tfvae.distributions.on_demand_mixture import shows_parameters
from tfvae.host.saving import register
from tfvae.host.schedules import at_step
from tfvae.objectives.importance_weighted import IWAE, Grouped, ImportanceWeighted, log_mean_exp
from tfvae.objectives.objective import Draw, Terms, elbo_parts, expectation


def with_stopped_parameters(q):
    """q, whose parameters take no gradient; its points still do. ValueError for a q that does not show its parameters."""
    if not shows_parameters(q):
        raise ValueError(
            f"The gradient of the posterior's parameters cannot be stopped, because {type(q).__name__} does not show them "
            "to TensorFlow as a CompositeTensor: give the encoder another distribution, or train with IWAE."
        )
    return tf.nest.map_structure(tf.stop_gradient, q, expand_composites=True)


@register
class STL(IWAE):
    """IWAE without the gradient of log q(z|x) to q's parameters: the encoder learns through the draws z alone.

    What is left out has the mean 0 at S = 1, and its variance does not vanish at the optimum ("sticking the landing"); the
    encoder's gradient is biased for S > 1, where `DReG` is not.

    Source: Roeder, Wu and Duvenaud, "Sticking the landing" (2017).
    """

    def __init__(self, num_draws: int = 1, *, beta: Any = 1.0, **kwargs: Any):
        super().__init__(num_draws, beta=beta, **kwargs)

    def terms(self, draw: Draw) -> Terms:
        return super().terms(draw._replace(q=with_stopped_parameters(draw.q)))


class _Routed(ImportanceWeighted):
    """Abstract: IWAE's value; decoder and prior learn from Σ_s a_s ∂ log w_s, the encoder from Σ_s b_s ∂ log w_s."""

    learns_from_density = False  # whether the encoder learns from log q(z|x) at fixed z too, and not through z alone

    def bound(self, log_w, log_shares):
        return log_mean_exp(log_w, log_shares)

    def terms(self, draw: Draw) -> Terms:
        if not draw.training:
            return super().terms(draw)
        if draw.log_shares is not None:
            raise ValueError(f"{type(self).__name__} needs equal shares, but the posterior draws from each component.")
        beta = at_step(self.beta, draw.step)
        z = draw.z if self.num_draws > 1 else draw.z[None]
        fixed = tf.stop_gradient(z)
        # One decoding, at fixed z, so that both gradients are of the same weights, whatever the decoder's dropout draws.
        with tf.GradientTape() as tape:
            tape.watch(fixed)
            stopped = draw._replace(q=with_stopped_parameters(draw.q), z=fixed, p=draw.decode(fixed))
            likelihood, kl = self.densities(stopped)
            log_w = likelihood - beta * kl
        along = tf.stop_gradient(tape.gradient(log_w, fixed))
        to_encoder = tf.reduce_sum(along * _gradient_of(z), axis=list(range(2, z.shape.rank)))
        if self.learns_from_density:
            to_encoder -= beta * _gradient_of(draw.q.log_prob(fixed))
        a, b = self._shares(tf.stop_gradient(log_w), beta)
        surrogate = tf.reduce_sum(a * _gradient_of(log_w) + b * to_encoder, axis=0)
        loss = -(tf.stop_gradient(self.bound(log_w, None)) + surrogate)
        return Terms(loss, elbo_parts(-expectation(likelihood), expectation(kl)))

    def _shares(self, log_w, beta):
        """(a, b), each `(S, B)`, where log w = log p(x|z) + β (log p(z) − log q(z|x))."""
        raise NotImplementedError(f"{type(self).__name__} must define `_shares`.")


def _gradient_of(value):
    """0, with the gradient of `value`."""
    return value - tf.stop_gradient(value)


@register
class DReG(_Routed, IWAE):
    """IWAE with the doubly reparameterized gradient: the encoder learns from Σ_s w̃_s² ∂ log w_s through z_s alone.

    w̃ are the normalized weights, and q's parameters in log q(z|x) take no gradient. Unbiased for IWAE's gradient, with a
    signal-to-noise ratio that does not fall with S; at a KL weight of β it takes (1 − β) w̃ + β w̃² in place of
    w̃², to stay so. The decoder's and the prior's gradient is IWAE's.

    Source: Tucker et al., "Doubly reparameterized gradient estimators for Monte Carlo objectives" (2019).
    """

    def _shares(self, log_w, beta):
        weights = tf.nn.softmax(log_w, axis=0)
        return weights, (1 - beta) * weights + beta * tf.square(weights)


@register
class PIWAE(_Routed, Grouped):
    """IWAE(M K) for the decoder and the prior, MIWAE(M, K) for the encoder, whose gradient has less noise.

    Source: Rainforth et al., "Tighter variational bounds are not necessarily better" (2018).
    """

    learns_from_density = True

    def _shares(self, log_w, beta):
        within = tf.transpose(tf.nn.softmax(self.grouped(log_w), axis=0), [1, 0, 2])
        return tf.nn.softmax(log_w, axis=0), tf.reshape(within, tf.shape(log_w)) / self.num_groups
