"""A mixture of one-hot categoricals that knows the logarithm of its mean."""

from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp

tfd = tfp.distributions


class OneHotMixture(tfd.MixtureSameFamily):
    """`tfd.MixtureSameFamily` of `tfd.OneHotCategorical`, with `log_mean()` as `tfp.layers` gives it."""

    def log_mean(self) -> Any:
        """log Σ_k w_k p_k, the logarithms of the mixture's probabilities, `(*batch_shape, categories)`."""
        log_weights = tf.nn.log_softmax(self.mixture_distribution.logits_parameter(), axis=-1)[..., None]
        log_probs = tf.nn.log_softmax(self.components_distribution.logits_parameter(), axis=-1)
        return tf.reduce_logsumexp(log_weights + log_probs, axis=-2)
