"""A mixture of Gaussians with full covariances whose density is a few products of matrices."""

import math
from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp

tfd = tfp.distributions


class FullNormalMixture(tfd.MixtureSameFamily):
    """p(z) = Σ_k w_k N(z; μ_k, L_k L_kᵀ), as TFP's mixture of `MultivariateNormalTriL`.

    TFP solves a triangular system for each row and component; here each L_k is inverted once.

    Args:
        logits: `(K,)`, unnormalized log weights.
        loc: `(K, D)` means.
        scale_tril: `(K, D, D)`, lower triangular.
    """

    def __init__(self, logits: Any, loc: Any, scale_tril: Any, name: Any = "FullNormalMixture"):
        parameters = dict(locals())
        self._loc, self._tril = tf.convert_to_tensor(loc), tf.convert_to_tensor(scale_tril)
        components = tfd.MultivariateNormalTriL(self._loc, self._tril)
        super().__init__(tfd.Categorical(logits=logits), components, name=name)
        self._parameters = parameters

    @classmethod
    def _parameter_properties(cls, dtype, num_classes=None):
        del dtype, num_classes
        properties = tfp.util.ParameterProperties
        return {
            "logits": properties(event_ndims=1),
            "loc": properties(event_ndims=2),
            "scale_tril": properties(event_ndims=3),
        }

    def joint_log_probs(self, z: Any) -> Any:
        """log w_k + log N(z; μ_k, L_k L_kᵀ) of each component, `(…, K)`, at points z, `(…, D)`."""
        dimension = self._loc.shape[-1]
        whitening = tf.linalg.triangular_solve(
            self._tril, tf.eye(dimension, batch_shape=self._loc.shape[:1], dtype=self._tril.dtype)
        )
        white = tf.einsum("...kd,ked->...ke", tf.expand_dims(z, -2) - self._loc, whitening)
        volumes = tf.reduce_sum(tf.math.log(tf.abs(tf.linalg.diag_part(self._tril))), axis=-1)
        constant = (
            tf.nn.log_softmax(self.mixture_distribution.logits) - volumes - 0.5 * dimension * math.log(2 * math.pi)
        )
        return constant - 0.5 * tf.reduce_sum(tf.square(white), axis=-1)

    def _log_prob(self, z):
        return tf.reduce_logsumexp(self.joint_log_probs(z), axis=-1)
